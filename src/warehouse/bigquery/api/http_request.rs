//! One request over HTTP, and its answer: the body compressed where it pays, or an upload from a file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::client::Client;
use super::errors::Op;
use crate::https;

/// An upload that is slower than this for long hangs.
const UPLOAD_BYTES_PER_SECOND: u64 = 50_000;
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// A smaller body costs more time to compress than to send.
const GZIP_FROM_BYTES: usize = 2048;

/// A request's body.
pub(in crate::warehouse::bigquery) enum Body<'a> {
    None,
    Json(&'a [u8]),
    /// `multipart/related`: the configuration, then the file from its beginning, of `bytes`.
    Upload {
        configuration: &'a [u8],
        file: &'a mut File,
        bytes: u64,
    },
}

impl Client {
    /// One try. An error says what happened to the connection.
    pub(in crate::warehouse::bigquery) fn once(
        &self,
        op: Op,
        method: &str,
        path: &str,
        etag: Option<&str>,
        body: &mut Body<'_>,
        token: Option<&str>,
    ) -> Result<Answered, String> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if let Some(etag) = etag {
            request = request.header("If-Match", etag);
        }
        let timeout = match body {
            Body::Upload { bytes, .. } => {
                self.call_timeout + Duration::from_secs(*bytes / UPLOAD_BYTES_PER_SECOND)
            }
            _ => self.call_timeout,
        };
        let built =
            |error: ureq::http::Error| format!("the request for {} can't be built: {error}", op.name());
        let sent = match body {
            Body::None => self.run(request.body(()).map_err(built)?, timeout),
            Body::Json(bytes) => {
                let request = request.header("Content-Type", "application/json");
                if self.gzip && bytes.len() >= GZIP_FROM_BYTES {
                    let packed = gzip(bytes).map_err(|error| format!("can't compress a request: {error}"))?;
                    let request = request.header("Content-Encoding", "gzip").body(packed).map_err(built)?;
                    self.run(request, timeout)
                } else {
                    self.run(request.body(*bytes).map_err(built)?, timeout)
                }
            }
            Body::Upload { configuration, file, bytes } => {
                file.seek(SeekFrom::Start(0))
                    .map_err(|error| format!("can't read back what is to be loaded: {error}"))?;
                let head = [UPLOAD_HEAD.as_bytes(), configuration, UPLOAD_MIDDLE.as_bytes()].concat();
                let length = head.len() as u64 + *bytes + UPLOAD_TAIL.len() as u64;
                let request = request
                    .header("Content-Type", "multipart/related; boundary=irispool-load")
                    .header("Content-Length", length);
                let mut reader = head.chain((&mut **file).take(*bytes)).chain(UPLOAD_TAIL.as_bytes());
                let request = request.body(ureq::SendBody::from_reader(&mut reader)).map_err(built)?;
                self.run(request, timeout)
            }
        };
        let mut response = sent.map_err(|error| format!("no answer: {}", https::reason(&error)))?;
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get("retry-after").and_then(|value| retry_after(value.to_str().ok()?));
        let server_ms = response.headers().get("date").and_then(|value| {
            Some(jiff::fmt::rfc2822::parse(value.to_str().ok()?).ok()?.timestamp().as_millisecond())
        });
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| format!("the answer broke off: {error}"))?;
        Ok(Answered { status, retry_after, server_ms, body })
    }

    fn run(
        &self,
        request: ureq::http::Request<impl ureq::AsSendBody>,
        timeout: Duration,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        self.agent.run(self.agent.configure_request(request).timeout_global(Some(timeout)).build())
    }
}

pub(in crate::warehouse::bigquery) struct Answered {
    pub(in crate::warehouse::bigquery) status: u16,
    pub(in crate::warehouse::bigquery) retry_after: Option<Duration>,
    /// The server's clock, in ms since 1970 UTC.
    pub(in crate::warehouse::bigquery) server_ms: Option<i64>,
    pub(in crate::warehouse::bigquery) body: Vec<u8>,
}

const UPLOAD_HEAD: &str = "--irispool-load\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n";
const UPLOAD_MIDDLE: &str = "\r\n--irispool-load\r\nContent-Type: application/octet-stream\r\n\r\n";
const UPLOAD_TAIL: &str = "\r\n--irispool-load--\r\n";

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 6), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// `Retry-After`: seconds, or a date.
fn retry_after(value: &str) -> Option<Duration> {
    let seconds = match value.trim().parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
            at.as_second() - jiff::Timestamp::now().as_second()
        }
    };
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
