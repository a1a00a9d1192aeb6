//! One HTTP request and its answer. Bodies are compressed if that saves time, and uploads come from a file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::op::Op;
use super::options::Options;
use crate::https;

const GOOGLE: &str = "https://bigquery.googleapis.com";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Uploads have time for this rate on top of the usual time limit. Slower ones are given up.
const UPLOAD_BYTES_PER_SECOND: u64 = 50_000;
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Compressing a smaller body takes more time than sending it.
const GZIP_FROM_BYTES: usize = 2048;

/// A request's body.
pub(crate) enum Body<'a> {
    None,
    Json(&'a [u8]),
    /// `multipart/related`: the configuration of a load job, then the first `bytes` bytes of the file.
    Upload {
        configuration: &'a [u8],
        file: &'a mut File,
        bytes: u64,
    },
}

/// Sends requests to one address. It keeps its connections.
pub(super) struct HttpSender {
    agent: ureq::Agent,
    /// The address of the API, without a path: `https://bigquery.googleapis.com`.
    pub(super) base: String,
    /// Whether to compress bodies.
    pub(super) gzip: bool,
    /// How long one request may take. An upload may take longer.
    timeout: Duration,
}

impl HttpSender {
    /// The sender for the address that the environment names, or for Google's.
    pub(super) fn open(options: &Options) -> HttpSender {
        let environment = &options.environment;
        let base = match (&environment.emulator_host, &environment.endpoint) {
            (Some(host), _) if host.contains("://") => host.clone(),
            (Some(host), _) => format!("http://{host}"),
            (None, Some(endpoint)) => endpoint.clone(),
            (None, None) => GOOGLE.to_owned(),
        };
        let connections = options.in_flight.max(1) * 2;
        let mut config = https::agent()
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .max_idle_age(Duration::from_secs(60));
        if environment.emulator_host.is_some() {
            config = config.proxy(None);
        }
        HttpSender {
            agent: ureq::Agent::new_with_config(config.build()),
            base: host_of(&base).to_owned(),
            gzip: options.gzip.unwrap_or(environment.emulator_host.is_none()),
            timeout: options.call_timeout,
        }
    }

    /// Sends a request once. `path` follows the address. An error says what happened to the connection.
    pub(super) fn send(
        &self,
        op: Op,
        method: &str,
        path: &str,
        etag: Option<&str>,
        body: &mut Body<'_>,
        token: Option<&str>,
    ) -> Result<HttpAnswer, String> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if let Some(etag) = etag {
            request = request.header("If-Match", etag);
        }
        let timeout = match body {
            Body::Upload { bytes, .. } => {
                self.timeout + Duration::from_secs(*bytes / UPLOAD_BYTES_PER_SECOND)
            }
            _ => self.timeout,
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
        Ok(HttpAnswer { status, retry_after, server_ms, body })
    }

    fn run(
        &self,
        request: ureq::http::Request<impl ureq::AsSendBody>,
        timeout: Duration,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        self.agent.run(self.agent.configure_request(request).timeout_global(Some(timeout)).build())
    }
}

/// An answer with any status.
pub(super) struct HttpAnswer {
    pub(super) status: u16,
    /// The header `Retry-After`, from now on.
    pub(super) retry_after: Option<Duration>,
    /// The header `Date`: the server's clock, in ms since 1970 UTC.
    pub(super) server_ms: Option<i64>,
    pub(super) body: Vec<u8>,
}

const UPLOAD_HEAD: &str = "--irispool-load\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n";
const UPLOAD_MIDDLE: &str = "\r\n--irispool-load\r\nContent-Type: application/octet-stream\r\n\r\n";
const UPLOAD_TAIL: &str = "\r\n--irispool-load--\r\n";

/// The address without the API's path, which is part of it in Google's documentation.
fn host_of(base: &str) -> &str {
    let base = base.trim_end_matches('/');
    base.strip_suffix("/bigquery/v2").unwrap_or(base).trim_end_matches('/')
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 6), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Reads `Retry-After`, which has seconds or a date.
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
