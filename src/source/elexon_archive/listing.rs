//! Reads a page of a listing: the XML of Azure's `List Blobs`.

use serde::Deserialize;

/// A blob of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its whole name: `data/FREQ/FREQ_202510280359_00001.json`.
    pub name: String,
    /// The number of its stored bytes, which may be compressed.
    pub bytes: u64,
}

impl Blob {
    /// The message's id: what stands behind the last slash of the name.
    pub fn message_id(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// One page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) blobs: Vec<Blob>,
    /// With a delimiter: what names have in common up to it, the delimiter included.
    pub(super) prefixes: Vec<String>,
    /// Where the next page begins. `None` on the last one.
    pub(super) next: Option<String>,
}

/// Reads a page. The real archive begins it with a byte order mark.
///
/// # Errors
/// Says in a sentence why this is not a whole page.
pub(super) fn read_page(text: &str) -> Result<Page, String> {
    let results: EnumerationResults =
        quick_xml::de::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| error.to_string())?;
    let blobs = results.blobs.blobs.into_iter();
    Ok(Page {
        blobs: blobs.map(|blob| Blob { name: blob.name.text(), bytes: blob.properties.bytes }).collect(),
        prefixes: results.blobs.prefixes.into_iter().map(|prefix| prefix.name.text()).collect(),
        next: Some(results.next).filter(|next| !next.is_empty()),
    })
}

#[derive(Deserialize)]
struct EnumerationResults {
    #[serde(rename = "Blobs")]
    blobs: BlobsXml,
    #[serde(rename = "NextMarker", default)]
    next: String,
}

#[derive(Deserialize)]
struct BlobsXml {
    #[serde(rename = "Blob", default)]
    blobs: Vec<BlobXml>,
    #[serde(rename = "BlobPrefix", default)]
    prefixes: Vec<PrefixXml>,
}

#[derive(Deserialize)]
struct BlobXml {
    #[serde(rename = "Name")]
    name: NameXml,
    #[serde(rename = "Properties")]
    properties: PropertiesXml,
}

#[derive(Deserialize)]
struct PrefixXml {
    #[serde(rename = "Name")]
    name: NameXml,
}

#[derive(Deserialize)]
struct PropertiesXml {
    #[serde(rename = "Content-Length")]
    bytes: u64,
}

#[derive(Deserialize)]
struct NameXml {
    #[serde(rename = "@Encoded", default)]
    is_encoded: bool,
    #[serde(rename = "$text", default)]
    text: String,
}

impl NameXml {
    fn text(self) -> String {
        if self.is_encoded { decoded(&self.text) } else { self.text }
    }
}

/// A name whose characters XML cannot hold is percent-encoded.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\
        <EnumerationResults ContainerName=\"x\"><Prefix>data/</Prefix>\
        <Blobs><Blob><Name>data/FREQ/a&amp;b.json</Name><Properties><Last-Modified>Tue</Last-Modified>\
        <Content-Length>482</Content-Length><Content-Encoding /></Properties><OrMetadata /></Blob><BlobPrefix><Name>data/BOALF/</Name></BlobPrefix>\
        <Blob><Name Encoded=\"true\">data/FREQ/a%EF%BF%BFb</Name><Properties><Content-Length>1</Content-Length></Properties></Blob>\
        </Blobs><NextMarker>2!a+b/c=</NextMarker></EnumerationResults>";

    #[test]
    fn a_page_has_blobs_prefixes_and_a_marker() {
        let page = read_page(PAGE).unwrap();
        assert_eq!(
            page.blobs,
            [
                Blob { name: "data/FREQ/a&b.json".into(), bytes: 482 },
                Blob { name: "data/FREQ/a\u{ffff}b".into(), bytes: 1 },
            ]
        );
        assert_eq!(page.prefixes, ["data/BOALF/"]);
        assert_eq!(page.next.as_deref(), Some("2!a+b/c="));
    }

    #[test]
    fn an_empty_page_may_have_a_marker_and_the_last_one_has_none() {
        let page = |marker: &str| {
            read_page(&format!("<EnumerationResults><Blobs />{marker}</EnumerationResults>")).unwrap()
        };
        assert_eq!(page("<NextMarker>m</NextMarker>").next.as_deref(), Some("m"));
        assert_eq!(page("<NextMarker />"), Page::default());
        assert_eq!(page("<NextMarker></NextMarker>"), Page::default());
    }

    #[test]
    fn what_is_no_whole_page_is_refused() {
        for text in
            ["", "<html><body>502</body></html>", "<Error><Code>x</Code></Error>", "not XML", &PAGE[..400]]
        {
            assert!(read_page(text).is_err(), "{text}");
        }
    }
}
