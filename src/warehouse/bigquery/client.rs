//! Requests to BigQuery's REST API: one agent that keeps its connections, tries again what may be tried again, and
//! gives up after a while, so that nothing waits without a bound or in silence.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::answer::{Answer, Meaning, classify};
use super::auth::{Auth, AuthError};
use super::fault::{CallError, Op};
use super::metrics::Metrics;
use super::pace::{InFlight, Pace, Waits};
use super::patience::Patience;
use super::try_once::{Answered, Body};
use super::{BqDataset, Options};
use crate::https;
use crate::observe::is_news;
use crate::warehouse::WarehouseError;

const GOOGLE: &str = "https://bigquery.googleapis.com";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A wait for the limit of requests that is worth a line in the log.
const LONG_PACE_WAIT: Duration = Duration::from_secs(2);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// A client of the API for one project and dataset.
pub struct Client {
    pub(super) agent: ureq::Agent,
    pub(super) base: String,
    pub(super) gzip: bool,
    pub(super) place: BqDataset,
    pub(super) auth: Auth,
    pub(super) pace: Pace,
    pub(super) waits: Waits,
    in_flight: InFlight,
    /// Load jobs have their own: one may take long, and hang where a connection is lost.
    uploads: InFlight,
    metrics: Arc<Metrics>,
    backoff_first: Duration,
    pub(super) backoff_max: Duration,
    patience: Duration,
    pub(super) call_timeout: Duration,
}

impl Client {
    pub(super) fn open(
        place: BqDataset,
        options: &Options,
        metrics: Arc<Metrics>,
    ) -> Result<Client, WarehouseError> {
        let environment = &options.environment;
        let auth = Auth::open(environment, Arc::clone(&metrics), options.call_timeout)
            .map_err(|error| auth_fault(&error))?;
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
        Ok(Client {
            agent: ureq::Agent::new_with_config(config.build()),
            gzip: options.gzip.unwrap_or(environment.emulator_host.is_none()),
            base: host_of(&base).to_owned(),
            place,
            auth,
            pace: Pace::new(options.requests_per_second),
            waits: Waits::default(),
            in_flight: InFlight::new(options.in_flight),
            uploads: InFlight::new(options.in_flight),
            metrics,
            backoff_first: options.backoff_first,
            backoff_max: options.backoff_max,
            patience: options.patience,
            call_timeout: options.call_timeout,
        })
    }

    /// `GET /bigquery/v2/projects/PROJECT/` and `path`, which may have a query.
    pub fn get(&self, op: Op, path: &str) -> Result<Value, CallError> {
        self.json(op, "GET", path, None, None)
    }

    pub fn post(&self, op: Op, path: &str, body: &Value) -> Result<Value, CallError> {
        self.json(op, "POST", path, None, Some(body))
    }

    /// Only if what is there still has this etag.
    pub fn patch(&self, op: Op, path: &str, etag: &str, body: &Value) -> Result<Value, CallError> {
        self.json(op, "PATCH", path, Some(etag), Some(body))
    }

    pub(super) fn delete(&self, op: Op, path: &str) -> Result<(), CallError> {
        let path = format!("/bigquery/v2/projects/{}/{path}", self.place.project);
        self.call(op, "DELETE", &path, None, &mut Body::None, &mut self.patience()).map(drop)
    }

    fn json(
        &self,
        op: Op,
        method: &str,
        path: &str,
        etag: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let bytes = body.map(Value::to_string);
        let mut body = bytes.as_ref().map_or(Body::None, |bytes| Body::Json(bytes.as_bytes()));
        let path = format!("/bigquery/v2/projects/{}/{path}", self.place.project);
        let answer = self.call(op, method, &path, etag, &mut body, &mut self.patience())?;
        serde_json::from_slice(&answer).map_err(|error| {
            // A proxy, or not BigQuery at all.
            let why =
                format!("{} was answered with something that is not BigQuery's JSON: {error}", op.name());
            CallError::Warehouse(WarehouseError::Later { why, after: self.backoff_max })
        })
    }

    /// Who irispool is to Google.
    pub(super) fn who(&self) -> &str {
        self.auth.who()
    }

    pub(super) fn address(&self) -> &str {
        &self.base
    }

    /// Fetches a token if there is none. False: none is asked for.
    pub(super) fn sign_in(&self) -> Result<bool, WarehouseError> {
        self.auth.token().map(|token| token.is_some()).map_err(|error| auth_fault(&error))
    }

    /// What the server's clock says, in ms since 1970 UTC; none where it does not say. Asked without a token: a refusal
    /// says it as well.
    pub(super) fn server_time(&self) -> Result<Option<i64>, WarehouseError> {
        let BqDataset { project, name: dataset } = &self.place;
        let path = format!("/bigquery/v2/projects/{project}/datasets/{dataset}");
        let answered = self.once(Op::DatasetsGet, "GET", &path, None, &mut Body::None, None);
        answered.map(|answered| answered.server_ms).map_err(|why| WarehouseError::Later {
            why: format!("{} is not reached: {why}", self.base),
            after: self.backoff_max,
        })
    }

    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.patience, self.backoff_first)
    }

    /// Makes a request, again and again as the answers allow, and gives the body of a success. `path` is all that
    /// stands behind the host.
    pub(super) fn call(
        &self,
        op: Op,
        method: &str,
        path: &str,
        etag: Option<&str>,
        body: &mut Body<'_>,
        patience: &mut Patience,
    ) -> Result<Vec<u8>, CallError> {
        let mut renewed = false;
        loop {
            let token = match self.auth.token() {
                Ok(token) => token,
                Err(AuthError::Later { why }) => {
                    self.metrics.reason("noToken");
                    self.pause(patience, op, &why, None)?;
                    continue;
                }
                Err(error) => return Err(CallError::Warehouse(auth_fault(&error))),
            };
            let (answered, took) = {
                // Rows take turns; a question about a table does not wait for them.
                let _permit = match op {
                    Op::InsertAll => Some(self.in_flight.enter()),
                    Op::JobsInsert => Some(self.uploads.enter()),
                    _ => None,
                };
                // With the permit in hand: one that waited for it would go out later than its place in the line, with
                // others.
                self.keep_pace(op)?;
                Metrics::add(&self.metrics.requests, 1);
                let began = Instant::now();
                let token = token.as_ref().map(|token| &*token.0);
                (self.once(op, method, path, etag, body, token), began.elapsed())
            };
            let (answer, retry_after) = match answered {
                Ok(Answered { status: 200..=299, body, .. }) => {
                    self.metrics.called(op, "ok", took);
                    return Ok(body);
                }
                Ok(Answered { status, retry_after, body, .. }) => (classify(status, &body), retry_after),
                Err(why) => {
                    self.metrics.called(op, "connection", took);
                    self.metrics.reason("connection");
                    self.pause(patience, op, &why, None)?;
                    continue;
                }
            };
            self.count(&answer, op, took);
            match answer.meaning {
                Meaning::Again => self.pause(patience, op, &answer.describe(), retry_after)?,
                Meaning::SlowDown => {
                    let per_second = self.pace.slow_down(Instant::now());
                    if is_news(&format!("slower: {}", answer.reason)) {
                        tracing::warn!(
                            op = op.name(),
                            reason = answer.reason,
                            per_second,
                            "BigQuery asks for fewer requests"
                        );
                    }
                    self.pause(patience, op, &answer.describe(), retry_after)?;
                }
                Meaning::Token => match token {
                    Some(token) if !renewed => {
                        renewed = true;
                        self.auth.refused(&token);
                        tracing::warn!(op = op.name(), "BigQuery refuses the token: fetching another one");
                    }
                    _ => return Err(CallError::Warehouse(self.fault(op, &answer))),
                },
                _ => return Err(CallError::Answer(answer)),
            }
        }
    }

    /// Waits for this request's place among the project's requests per second.
    fn keep_pace(&self, op: Op) -> Result<(), CallError> {
        let delay = self.pace.reserve(Instant::now());
        Metrics::add(&self.metrics.pace_wait_ms, delay.as_millis() as u64);
        if delay >= LONG_PACE_WAIT && is_news("the project's limit of requests") {
            let delay_ms = delay.as_millis() as u64;
            tracing::warn!(op = op.name(), delay_ms, "the project's limit of requests holds this one up");
        }
        if self.waits.wait(delay) { Ok(()) } else { Err(CallError::Warehouse(stopping())) }
    }

    fn count(&self, answer: &Answer, op: Op, took: Duration) {
        let status = format!("http{}", answer.status);
        let reason = if answer.reason.is_empty() { &status } else { &answer.reason };
        self.metrics.called(op, reason, took);
        self.metrics.reason(reason);
        if !answer.known {
            self.metrics.reason("unknown");
            if is_news(&format!("unknown: {} {}", answer.status, answer.reason)) {
                tracing::warn!(
                    op = op.name(),
                    status = answer.status,
                    reason = answer.reason,
                    message = answer.message,
                    "BigQuery gives a reason that irispool does not know"
                );
            }
        }
    }

    /// Waits before the next try; gives up when that would take too long in all.
    pub(super) fn pause(
        &self,
        patience: &mut Patience,
        op: Op,
        why: &str,
        retry_after: Option<Duration>,
    ) -> Result<(), CallError> {
        let delay = jittered(patience.delay).max(retry_after.unwrap_or_default());
        patience.delay = (patience.delay * 2).min(self.backoff_max);
        let later = |after| {
            let why = format!("{} on {}: {why}", op.name(), self.place);
            Err(CallError::Warehouse(WarehouseError::Later { why, after }))
        };
        if Instant::now() + delay > patience.until {
            return later(delay.min(RETRY_AFTER_MAX));
        }
        patience.note_trouble();
        Metrics::add(&self.metrics.retries, 1);
        Metrics::add(&self.metrics.wait_ms, delay.as_millis() as u64);
        if is_news(&format!("{} is asked again: {why}", op.name())) {
            tracing::warn!(
                op = op.name(),
                why,
                delay_ms = delay.as_millis() as u64,
                "BigQuery is asked again after a pause"
            );
        }
        if self.waits.wait(delay) { Ok(()) } else { later(Duration::ZERO) }
    }
}

/// The address without the API's path, with which Google documents it.
fn host_of(base: &str) -> &str {
    let base = base.trim_end_matches('/');
    base.strip_suffix("/bigquery/v2").unwrap_or(base).trim_end_matches('/')
}

/// Between half of `delay` and all of it, so that workers that failed together do not come back together.
fn jittered(delay: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    // Each state has keys of its own: as random as this needs.
    let part = RandomState::new().hash_one(()) % 1024;
    delay / 2 + delay / 2 * part as u32 / 1024
}

fn auth_fault(error: &AuthError) -> WarehouseError {
    match error.clone() {
        AuthError::Setup { why, hint } => WarehouseError::Setup { why, hint },
        AuthError::Later { why } => WarehouseError::Later { why, after: Duration::from_secs(10) },
    }
}

fn stopping() -> WarehouseError {
    WarehouseError::Later { why: "irispool is stopping".into(), after: Duration::ZERO }
}
