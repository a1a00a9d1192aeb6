//! Elexon's archive on this machine: a container of Azure Blob Storage, with the faults that the real one may have.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::http::{self, Handler, Reply, Request};

/// What becomes of one request.
#[derive(Clone, Debug)]
pub enum ArchiveFault {
    /// A status with `Retry-After`, and Azure's error in XML.
    Busy { status: u16, retry_after: String },
    /// A front answers in HTML.
    Html { status: u16 },
    /// Azure refuses.
    Refused,
    /// The connection ends in the middle of the body.
    Cut,
    /// The connection ends without an answer.
    Hangup,
    /// A cache answers with something that is so many seconds old.
    Old(u64),
}

#[derive(Default)]
pub struct ArchiveState {
    blobs: BTreeMap<String, Vec<u8>>,
    /// Whether each page of names comes after an empty one with a marker.
    pub empty_pages: bool,
    /// Whether the answer begins with a byte order mark, as Azure's does and Azurite's does not.
    pub bom: bool,
    /// Whether listings are compressed.
    pub gzip: bool,
    /// Whether the last page names the first one as the next.
    pub circle: bool,
    /// How many names a page has.
    pub page: usize,
    /// Faults of the next requests.
    pub faults: VecDeque<ArchiveFault>,
    /// The prefix of each listing.
    pub prefixes: Vec<String>,
    /// The queries as they came.
    pub queries: Vec<String>,
}

pub struct ElexonArchiveServer {
    pub address: SocketAddr,
    state: Arc<Mutex<ArchiveState>>,
}

impl ElexonArchiveServer {
    pub fn start() -> ElexonArchiveServer {
        let state = ArchiveState { page: 5_000, bom: true, ..ArchiveState::default() };
        let state = Arc::new(Mutex::new(state));
        let address = http::serve(Arc::new(ArchiveHandler(Arc::clone(&state))));
        ElexonArchiveServer { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/iris-archive", self.address)
    }

    /// Adds the message `data/<folder>/<name>`.
    pub fn put(&self, folder: &str, name: &str, body: &[u8]) {
        self.change(|state| state.blobs.insert(format!("data/{folder}/{name}"), body.to_vec()));
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut ArchiveState) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// The prefixes of the listings since the last call.
    pub fn take_prefixes(&self) -> Vec<String> {
        self.change(|state| std::mem::take(&mut state.prefixes))
    }
}

struct ArchiveHandler(Arc<Mutex<ArchiveState>>);

impl Handler for ArchiveHandler {
    fn handle(&self, request: Request) -> Reply {
        let mut state = self.0.lock().unwrap();
        assert_eq!(request.method, "GET");
        assert_eq!(request.header("x-ms-version"), Some("2023-11-03"));
        assert_eq!(request.header("range"), None, "the front may refuse ranges");
        assert_eq!(request.path, "/iris-archive");
        let query: BTreeMap<String, String> = request
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        assert_eq!((query["restype"].as_str(), query["comp"].as_str()), ("container", "list"));
        assert!(query["maxresults"].parse::<usize>().unwrap() <= 5_000);
        let is_new = !state.queries.contains(&request.query);
        assert!(is_new, "a cache could answer {}", request.query);
        state.queries.push(request.query.clone());
        state.prefixes.push(query["prefix"].clone());
        let mut headers = vec![("Content-Type".to_owned(), "application/xml".to_owned())];
        let page = state.page_of(&query);
        match state.faults.pop_front() {
            None => {}
            Some(ArchiveFault::Busy { status, retry_after }) => {
                headers.push(("Retry-After".to_owned(), retry_after));
                let body = "\u{feff}<?xml version=\"1.0\"?><Error><Code>ServerBusy</Code></Error>".into();
                return Reply::Answer { status, headers, body };
            }
            Some(ArchiveFault::Html { status }) => {
                let body = "<!DOCTYPE html><html><body><br>Bad Gateway</body></html>".into();
                return Reply::Answer { status, headers: vec![], body };
            }
            Some(ArchiveFault::Refused) => {
                headers.push(("x-ms-error-code".to_owned(), "AuthorizationFailure".to_owned()));
                return Reply::Answer { status: 403, headers, body: vec![] };
            }
            Some(ArchiveFault::Cut) => return Reply::Half { body: page.into_bytes() },
            Some(ArchiveFault::Hangup) => return Reply::Hangup,
            Some(ArchiveFault::Old(seconds)) => headers.push(("Age".to_owned(), seconds.to_string())),
        }
        let mut body = page.into_bytes();
        if state.gzip {
            assert!(request.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")));
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(&body).unwrap();
            body = packer.finish().unwrap();
            headers.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
        }
        Reply::Answer { status: 200, headers, body }
    }
}

impl ArchiveState {
    fn page_of(&self, query: &BTreeMap<String, String>) -> String {
        let text = |name: &str| query.get(name).map_or("", String::as_str);
        let (prefix, delimiter) = (text("prefix"), text("delimiter"));
        let mut prefixes = BTreeSet::new();
        // Blobs and prefixes are in one order.
        let mut entries = Vec::new();
        for (name, body) in
            self.blobs.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix))
        {
            let rest = &name[prefix.len()..];
            match rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
                Some(at) => {
                    let common = &name[..prefix.len() + at + delimiter.len()];
                    if prefixes.insert(common) {
                        entries.push(format!("<BlobPrefix><Name>{common}</Name></BlobPrefix>"));
                    }
                }
                None => entries.push(format!(
                    "<Blob><Name>{name}</Name><Properties><Creation-Time>Tue, 28 Oct 2025 00:00:00 GMT</Creation-Time>\
                     <Content-Length>{}</Content-Length><Content-Encoding /><BlobType>BlockBlob</BlobType></Properties>\
                     <OrMetadata /></Blob>",
                    body.len()
                )),
            }
        }
        // What a URL must not have as it is.
        let marker = |number: usize| format!("2!{number}!a+b/c= d&e");
        let number: usize = match text("marker") {
            "" => 0,
            given => {
                let number = given.split('!').nth(1).unwrap().parse().unwrap();
                assert_eq!(given, marker(number), "a marker comes back as it was");
                number
            }
        };
        // Each page of names may have an empty one before it.
        let (page, is_empty) =
            if self.empty_pages { (number / 2, number.is_multiple_of(2)) } else { (number, false) };
        let from = page * self.page;
        let end = if is_empty { from } else { (from + self.page).min(entries.len()) };
        let next = match end < entries.len() || is_empty {
            true => marker(number + 1),
            false if self.circle => marker(1),
            false => String::new(),
        };
        format!(
            "{}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"iris-archive\">\
             <Prefix>{prefix}</Prefix><Blobs>{}</Blobs><NextMarker>{}</NextMarker></EnumerationResults>",
            if self.bom { "\u{feff}" } else { "" },
            entries[from.min(end)..end].concat(),
            next.replace('&', "&amp;"),
        )
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        assert_ne!(byte, b'+', "a plus may be taken for a space");
        if byte == b'%' {
            let code = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&code).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
