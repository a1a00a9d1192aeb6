//! Sends requests to the archive at a polite rate, and again where that may help.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::HeaderMap;

use super::body::message;
use super::listing::{Page, read_page};
use super::{ArchiveUrl, Blob, ElexonArchiveError};
use crate::https;
use crate::locks::Unpoisoned;

/// The version of Azure's interface that irispool speaks.
const API_VERSION: &str = "2023-11-03";

/// A page of 5,000 names has 3.4 MB.
const PAGE_BYTES_MAX: u64 = 64 << 20;

/// A listing that is older than this is refused. It is as long as the time that a verification does not judge.
const AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// The pause before the second try. Each further pause is twice as long as the one before it.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// A request fails at once if the archive asks for a longer pause than this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// How often a request is sent if the answer came but made no sense.
const TRIES_OF_STRANGE: u32 = 3;

/// How irispool asks the archive.
#[derive(Clone, Debug)]
pub struct ArchiveOptions {
    /// The archive's address.
    pub url: ArchiveUrl,
    /// Requests a second, over all threads. `None` means no limit.
    pub requests_per_second: Option<u32>,
    /// How often a request is sent before it fails, at least once.
    pub tries: u32,
    /// How long one try may take.
    pub timeout: Duration,
    /// A message with more bytes is refused.
    pub message_bytes_max: u64,
}

impl ArchiveOptions {
    /// The options for the archive at this address, with Elexon in mind: it publishes no limit, so irispool is polite.
    pub fn at(url: ArchiveUrl) -> ArchiveOptions {
        ArchiveOptions {
            url,
            requests_per_second: Some(10),
            tries: 6,
            timeout: Duration::from_secs(60),
            message_bytes_max: 64 << 20,
        }
    }
}

/// Elexon's archive. Threads may share it.
pub struct ElexonArchive {
    options: ArchiveOptions,
    agent: Agent,
    /// When the next request may go out.
    next: Mutex<Instant>,
}

/// An answer with status 200.
struct ArchiveAnswer {
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Why a try failed.
enum TryError {
    Final(ElexonArchiveError),
    /// The archive may answer later, perhaps after the pause that it asks for.
    Later {
        why: String,
        pause: Option<Duration>,
    },
    /// The answer makes no sense.
    Strange(String),
}

impl ElexonArchive {
    /// A client of the archive. It sends no request yet.
    pub fn new(options: ArchiveOptions) -> ElexonArchive {
        let agent = https::agent().timeout_global(Some(options.timeout)).build().into();
        ElexonArchive { options, agent, next: Mutex::new(Instant::now()) }
    }

    /// The archive's address.
    pub fn url(&self) -> &ArchiveUrl {
        &self.options.url
    }

    /// One page of a listing.
    pub(super) fn page(&self, query: &[(&str, &str)]) -> Result<Page, ElexonArchiveError> {
        // Each try has an address of its own.
        let url = || self.options.url.list(query);
        self.ask(PAGE_BYTES_MAX, &url, |answer| {
            if let Some(age_s) = seconds(&answer.headers, "age").filter(|age_s| *age_s > AGE_MAX.as_secs()) {
                return Err(TryError::Final(ElexonArchiveError::Old {
                    url: self.options.url.to_string(),
                    age_s,
                }));
            }
            let text = String::from_utf8(answer.body);
            let page = text.map_err(|_| "it is not UTF-8".to_owned()).and_then(|text| read_page(&text));
            page.map_err(TryError::Strange)
        })
    }

    /// The message in a blob, unpacked.
    ///
    /// # Errors
    /// If the blob is missing, too large or damaged, or the archive gives no answer.
    pub fn message(&self, blob: &Blob) -> Result<Vec<u8>, ElexonArchiveError> {
        let url = self.options.url.blob(&blob.name);
        let bytes_max = self.options.message_bytes_max;
        self.ask(bytes_max, &|| url.clone(), |answer| {
            // The listed length is that of the stored bytes, so it says nothing about an answer that ureq unpacked.
            let is_stored = !answer.headers.contains_key("content-encoding");
            if is_stored && answer.body.len() as u64 != blob.bytes {
                let why = format!("it has {} bytes, but the listing says {}", answer.body.len(), blob.bytes);
                return Err(TryError::Strange(why));
            }
            message(answer.body, bytes_max).map_err(TryError::Strange)
        })
    }

    fn ask<T>(
        &self,
        bytes_max: u64,
        url: &dyn Fn() -> String,
        read: impl Fn(ArchiveAnswer) -> Result<T, TryError>,
    ) -> Result<T, ElexonArchiveError> {
        let mut pause = PAUSE_MIN;
        let mut tries = 1;
        loop {
            self.wait_for_a_turn();
            let url = url();
            let after = match self.try_once(&url, bytes_max).and_then(&read) {
                Ok(found) => return Ok(found),
                Err(TryError::Final(error)) => return Err(error),
                Err(TryError::Later { why, pause: asked }) => {
                    let is_too_long = asked.is_some_and(|asked| asked > RETRY_AFTER_MAX);
                    if tries >= self.options.tries || is_too_long {
                        return Err(ElexonArchiveError::NoAnswer { url: without_query(&url), why });
                    }
                    asked
                }
                Err(TryError::Strange(why)) => {
                    if tries >= TRIES_OF_STRANGE.min(self.options.tries) {
                        return Err(ElexonArchiveError::Strange { url: without_query(&url), why });
                    }
                    None
                }
            };
            thread::sleep(after.unwrap_or(pause));
            tries += 1;
            pause *= 2;
        }
    }

    fn try_once(&self, url: &str, bytes_max: u64) -> Result<ArchiveAnswer, TryError> {
        let later = |error: &ureq::Error| TryError::Later { why: https::reason(error), pause: None };
        let request = self.agent.get(url).header("x-ms-version", API_VERSION);
        let mut response = request.call().map_err(|error| later(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.body_mut().with_config().limit(bytes_max).read_to_vec();
        if status == 200 {
            let body = match body {
                Ok(body) => body,
                Err(ureq::Error::BodyExceedsLimit(_)) => {
                    let why = format!("it has more than {bytes_max} bytes");
                    return Err(TryError::Final(ElexonArchiveError::Strange {
                        url: without_query(url),
                        why,
                    }));
                }
                Err(error) => return Err(later(&error)),
            };
            return Ok(ArchiveAnswer { headers, body });
        }
        let why = azure_code(&headers, body.as_deref().unwrap_or_default());
        let status_and_why = format!("{status} {why}").trim_end().to_owned();
        let url = without_query(url);
        Err(match status {
            401 | 403 => TryError::Final(ElexonArchiveError::Refused { url, status, why }),
            404 | 410 => TryError::Final(ElexonArchiveError::NotThere { url }),
            408 | 429 | 500..=599 => TryError::Later { why: status_and_why, pause: retry_after(&headers) },
            _ => TryError::Final(ElexonArchiveError::Strange { url, why: status_and_why }),
        })
    }

    fn wait_for_a_turn(&self) {
        let Some(rate) = self.options.requests_per_second.filter(|rate| *rate > 0) else { return };
        let turn = {
            let mut next = self.next.lock().unpoisoned();
            let turn = (*next).max(Instant::now());
            *next = turn + Duration::from_secs(1) / rate;
            turn
        };
        thread::sleep(turn.saturating_duration_since(Instant::now()));
    }
}

/// The code by which Azure names an error. It is empty if something else answered, in HTML perhaps.
fn azure_code(headers: &HeaderMap, body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct AzureError {
        #[serde(rename = "Code")]
        code: String,
    }
    if let Some(code) = headers.get("x-ms-error-code").and_then(|code| code.to_str().ok()) {
        return code.to_owned();
    }
    let text = String::from_utf8_lossy(body);
    let error = quick_xml::de::from_str::<AzureError>(text.trim_start_matches('\u{feff}'));
    error.map(|error| error.code).unwrap_or_default()
}

/// How long the archive asks to wait: a number of seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    if let Some(seconds) = seconds(headers, "retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(headers.get("retry-after")?.to_str().ok()?.trim()).ok()?;
    Some(date.timestamp().duration_since(jiff::Timestamp::now()).try_into().unwrap_or_default())
}

fn seconds(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or(url).to_owned()
}
