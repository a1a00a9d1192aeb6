//! The BigQuery emulator that `scripts/bq-emulator` installs: each test binary starts one for itself, on a free port and
//! in a fresh folder.

use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::{Value, json};

use super::skip::lacks;

const QUERY_TIMEOUT: Duration = Duration::from_secs(120);

fn script(name: &str) -> PathBuf {
    crate::support::root().join("scripts").join(name)
}

/// Whether what a script installs is there. Where it can't be had the test is skipped: said on stderr, and in the file
/// that `scripts/test` prints at its end. Where CI is set it is a failure.
pub fn installed(name: &str) -> bool {
    let output = Command::new(script(name)).arg("install").output().unwrap();
    if output.status.success() {
        return true;
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    eprintln!("{reason}");
    lacks(&format!("scripts/{name} install: {}", reason.lines().last().unwrap_or_default()));
    false
}

/// An emulator that ends with this value.
pub struct Emulator {
    port: u16,
    _data: tempfile::TempDir,
}

/// The emulator that the tests of one binary share. One test is at work in it at a time: it fails now and then when
/// several things are done in it at once.
pub struct Turn {
    // The other tests may go on when the emulator is not needed any more.
    emulator: Arc<Emulator>,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = Emulator;

    fn deref(&self) -> &Emulator {
        &self.emulator
    }
}

impl Turn {
    /// None, said loudly, where there can be no emulator; not where CI is set.
    pub fn take() -> Option<Turn> {
        static SHARED: Mutex<Weak<Emulator>> = Mutex::new(Weak::new());
        static TURN: Mutex<()> = Mutex::new(());
        if !installed("bq-emulator") {
            return None;
        }
        let emulator = {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            let emulator = shared.upgrade().unwrap_or_else(|| Arc::new(Emulator::start()));
            *shared = Arc::downgrade(&emulator);
            emulator
        };
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Turn { emulator, _turn: turn })
    }
}

impl Emulator {
    pub fn start() -> Emulator {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let data = tempfile::tempdir().unwrap();
        let status = Command::new(script("bq-emulator"))
            .args(["start", &port.to_string(), data.path().to_str().unwrap()])
            .status()
            .unwrap();
        assert!(status.success(), "the emulator did not start");
        Emulator { port, _data: data }
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// All rows of a query, or the error's text.
    pub fn query(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        let url = format!("http://{}/bigquery/v2/projects/local/queries", self.address());
        let body = json!({"query": sql, "useLegacySql": false, "maxResults": 100_000});
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(QUERY_TIMEOUT))
            .proxy(None)
            .build()
            .new_agent();
        let mut answer = agent
            .post(url)
            .header("Content-Type", "application/json")
            .send(body.to_string())
            .unwrap_or_else(|error| panic!("the emulator does not answer: {error}"));
        let answer = answer.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        if let Some(error) = answer.get("error") {
            return Err(error.to_string());
        }
        assert!(answer["pageToken"].as_str().is_none_or(str::is_empty), "one page has all rows");
        let cells = |row: &Value| {
            let cells = row["f"].as_array().unwrap().iter();
            cells.map(|cell| cell["v"].as_str().map(str::to_owned)).collect()
        };
        Ok(answer["rows"].as_array().map_or(Vec::new(), |rows| rows.iter().map(cells).collect()))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = Command::new(script("bq-emulator")).args(["stop", &self.port.to_string()]).status();
    }
}
