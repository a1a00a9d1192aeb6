//! The client of BigQuery's REST API: it retries what may be retried, and gives up in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::auth_error::AuthError;
use super::call_error::CallError;
use super::concurrency::ConcurrencyLimit;
use super::counters::Counters;
use super::explain::explain_refusal;
use super::http_request::{Body, HttpAnswer, HttpSender};
use super::op::Op;
use super::options::Options;
use super::query::{self, QueryColumn, QueryPage};
use super::rate_limit::RateLimit;
use super::refusal::{Meaning, Refusal, classify};
use super::retry::RetryBudget;
use super::stop::StopSignal;
use super::tokens::AccessTokens;
use crate::bq_dataset::BqDataset;
use crate::observe::is_news;
use crate::warehouse::WarehouseError;

/// A wait of this length for the rate limit is worth a line in the log.
const LONG_RATE_WAIT: Duration = Duration::from_secs(2);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// A client of the API for one dataset.
pub struct Client {
    http: HttpSender,
    bq_dataset: BqDataset,
    tokens: AccessTokens,
    rate_limit: RateLimit,
    stop: StopSignal,
    streaming: ConcurrencyLimit,
    /// Uploads have a limit of their own: one may take long, and hangs if its connection is lost.
    uploads: ConcurrencyLimit,
    counters: Arc<Counters>,
    options: Options,
}

impl Client {
    /// Reads the credentials, without any request.
    ///
    /// # Errors
    /// If the credentials can't be read or used.
    pub(crate) fn open(bq_dataset: BqDataset, options: Options) -> Result<Client, WarehouseError> {
        let counters = Arc::new(Counters::default());
        let tokens = AccessTokens::open(&options.environment, Arc::clone(&counters), options.call_timeout)?;
        let http = HttpSender::open(&options);
        Ok(Client {
            http,
            bq_dataset,
            tokens,
            rate_limit: RateLimit::new(options.requests_per_second),
            stop: StopSignal::default(),
            streaming: ConcurrencyLimit::new(options.in_flight),
            uploads: ConcurrencyLimit::new(options.in_flight),
            counters,
            options,
        })
    }

    /// The dataset in BigQuery that all requests are about.
    pub(crate) fn bq_dataset(&self) -> &BqDataset {
        &self.bq_dataset
    }

    /// The options that the client was opened with.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// What irispool counts of its work in BigQuery.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// The limit of requests per second.
    pub(crate) fn rate_limit(&self) -> &RateLimit {
        &self.rate_limit
    }

    /// Whether the program is to stop, and waits that know it.
    pub(crate) fn stop(&self) -> &StopSignal {
        &self.stop
    }

    /// Whether requests and files are compressed.
    pub(crate) fn gzip(&self) -> bool {
        self.http.gzip
    }

    /// irispool's identity at Google.
    pub(crate) fn who(&self) -> &str {
        self.tokens.who()
    }

    /// The address of the API.
    pub(crate) fn address(&self) -> &str {
        &self.http.base
    }

    /// Which credentials were found and which file has them, for people.
    pub(crate) fn credentials(&self) -> String {
        self.tokens.describe()
    }

    /// Whether no credentials were found, so that they are the machine's own, if it has any.
    pub(crate) fn credentials_are_assumed(&self) -> bool {
        self.tokens.is_of_machine()
    }

    /// Fetches a token if there is none yet. False: the requests need no token.
    pub(crate) fn sign_in(&self) -> Result<bool, WarehouseError> {
        Ok(self.tokens.token()?.is_some())
    }

    /// The server's clock in ms since 1970 UTC; `None` if the answer does not say it. The request has no token, because
    /// a refusal has the time too.
    ///
    /// # Errors
    /// If there is no answer at all.
    pub(crate) fn server_time(&self) -> Result<Option<i64>, WarehouseError> {
        let BqDataset { project, name } = &self.bq_dataset;
        let path = format!("/bigquery/v2/projects/{project}/datasets/{name}");
        let answer = self.http.send(Op::DatasetsGet, "GET", &path, None, &mut Body::None, None);
        answer.map(|answer| answer.server_ms).map_err(|why| WarehouseError::Later {
            why: format!("{} is not reached: {why}", self.http.base),
            after: self.options.backoff_max,
        })
    }

    /// The error for a refusal that the caller can do nothing about.
    pub(crate) fn explain_refusal(&self, op: Op, refusal: &Refusal) -> WarehouseError {
        explain_refusal(&self.bq_dataset, self.who(), self.options.backoff_max, op, refusal)
    }

    /// The error for a request that came to nothing, if the caller can do nothing about it.
    pub(crate) fn explain(&self, op: Op, error: CallError) -> WarehouseError {
        match error {
            CallError::Refused(refusal) => self.explain_refusal(op, &refusal),
            CallError::Warehouse(error) => error,
        }
    }

    /// `GET /bigquery/v2/projects/PROJECT/` followed by `path`, which may have a query. Returns the JSON of the answer.
    ///
    /// # Errors
    /// If BigQuery refuses the request, or irispool gives up retrying it.
    pub fn get(&self, op: Op, path: &str) -> Result<Value, CallError> {
        self.json(op, "GET", path, None, None)
    }

    /// `POST` with a JSON body; the rest is as for [`Self::get`].
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn post(&self, op: Op, path: &str, body: &Value) -> Result<Value, CallError> {
        self.json(op, "POST", path, None, Some(body))
    }

    /// `PATCH` with a JSON body. BigQuery refuses it unless the resource still has this etag.
    pub(crate) fn patch(&self, op: Op, path: &str, etag: &str, body: &Value) -> Result<Value, CallError> {
        self.json(op, "PATCH", path, Some(etag), Some(body))
    }

    /// `DELETE`.
    pub(crate) fn delete(&self, op: Op, path: &str) -> Result<(), CallError> {
        let path = format!("/bigquery/v2/projects/{}/{path}", self.bq_dataset.project);
        self.call(op, "DELETE", &path, None, &mut Body::None, &mut self.retry_budget()).map(drop)
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
        let path = format!("/bigquery/v2/projects/{}/{path}", self.bq_dataset.project);
        let answer = self.call(op, method, &path, etag, &mut body, &mut self.retry_budget())?;
        serde_json::from_slice(&answer).map_err(|error| {
            // A proxy answered, or the address is not BigQuery's.
            let why =
                format!("{} was answered with something that is not BigQuery's JSON: {error}", op.name());
            CallError::Warehouse(WarehouseError::Later { why, after: self.options.backoff_max })
        })
    }

    /// Runs one SQL statement and hands its rows to `take`, page by page, at least one page. Returns the number of
    /// rows.
    ///
    /// # Errors
    /// If BigQuery refuses the statement, irispool gives up retrying a request, or `take` fails.
    pub fn query<E: From<CallError>>(
        &self,
        sql: &str,
        mut take: impl FnMut(QueryPage<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut answer = self.post(Op::JobsQuery, "queries", &query::first_request(&self.bq_dataset, sql))?;
        let mut count = 0;
        let mut columns: Vec<QueryColumn> = Vec::new();
        loop {
            if query::is_complete(&answer) {
                if columns.is_empty() {
                    columns = query::columns_of(&answer["schema"]);
                }
                let rows = query::take_rows(&mut answer);
                count += rows.len() as u64;
                take(QueryPage { columns: &columns, rows })?;
            }
            match query::next_path(&answer)? {
                Some(path) => answer = self.get(Op::JobsQuery, &path)?,
                None => return Ok(count),
            }
        }
    }

    /// The time for a new piece of work and all its retries.
    pub(crate) fn retry_budget(&self) -> RetryBudget {
        RetryBudget::new(self.options.patience, self.options.backoff_first)
    }

    /// Makes a request, retries it as long as the answers allow, and returns the body of a success. `path` follows the
    /// host.
    pub(crate) fn call(
        &self,
        op: Op,
        method: &str,
        path: &str,
        etag: Option<&str>,
        body: &mut Body<'_>,
        budget: &mut RetryBudget,
    ) -> Result<Vec<u8>, CallError> {
        let mut renewed = false;
        loop {
            let token = match self.tokens.token() {
                Ok(token) => token,
                Err(AuthError::Later { why }) => {
                    self.counters.reason("noToken");
                    self.pause(budget, op, &why, None)?;
                    continue;
                }
                Err(error) => return Err(CallError::Warehouse(error.into())),
            };
            let (answer, took) = {
                // Only rows take turns: requests about tables must not wait for them.
                let _permit = match op {
                    Op::InsertAll => Some(self.streaming.enter()),
                    Op::JobsInsert => Some(self.uploads.enter()),
                    _ => None,
                };
                // The slot is reserved after the permit, or the request would go out later than its slot, at once with
                // others.
                self.keep_rate(op)?;
                Counters::add(&self.counters.requests, 1);
                let began = Instant::now();
                let token = token.as_ref().map(|token| token.expose());
                (self.http.send(op, method, path, etag, body, token), began.elapsed())
            };
            let (refusal, retry_after) = match answer {
                Ok(HttpAnswer { status: 200..=299, body, .. }) => {
                    self.counters.called(op, "ok", took);
                    return Ok(body);
                }
                Ok(HttpAnswer { status, retry_after, body, .. }) => (classify(status, &body), retry_after),
                Err(why) => {
                    self.counters.called(op, "connection", took);
                    self.counters.reason("connection");
                    self.pause(budget, op, &why, None)?;
                    continue;
                }
            };
            self.count(&refusal, op, took);
            match refusal.meaning {
                Meaning::Again => self.pause(budget, op, &refusal.describe(), retry_after)?,
                Meaning::SlowDown => {
                    let per_second = self.rate_limit.slow_down(Instant::now());
                    if is_news(&format!("slower: {}", refusal.reason)) {
                        tracing::warn!(
                            op = op.name(),
                            reason = refusal.reason,
                            per_second,
                            "BigQuery asks for fewer requests"
                        );
                    }
                    self.pause(budget, op, &refusal.describe(), retry_after)?;
                }
                Meaning::Token => match token {
                    Some(token) if !renewed => {
                        renewed = true;
                        self.tokens.discard(&token);
                        tracing::warn!(op = op.name(), "BigQuery refuses the token: fetching another one");
                    }
                    _ => return Err(CallError::Warehouse(self.explain_refusal(op, &refusal))),
                },
                _ => return Err(CallError::Refused(refusal)),
            }
        }
    }

    /// Waits until the rate limit lets this request go.
    fn keep_rate(&self, op: Op) -> Result<(), CallError> {
        let delay = self.rate_limit.reserve(Instant::now());
        Counters::add(&self.counters.pace_wait_ms, delay.as_millis() as u64);
        if delay >= LONG_RATE_WAIT && is_news("the project's limit of requests") {
            let delay_ms = delay.as_millis() as u64;
            tracing::warn!(op = op.name(), delay_ms, "the project's limit of requests holds this one up");
        }
        if self.stop.wait(delay) { Ok(()) } else { Err(CallError::Warehouse(stopping())) }
    }

    fn count(&self, refusal: &Refusal, op: Op, took: Duration) {
        let status = format!("http{}", refusal.status);
        let reason = if refusal.reason.is_empty() { &status } else { &refusal.reason };
        self.counters.called(op, reason, took);
        self.counters.reason(reason);
        if !refusal.is_known {
            self.counters.reason("unknown");
            if is_news(&format!("unknown: {} {}", refusal.status, refusal.reason)) {
                tracing::warn!(
                    op = op.name(),
                    status = refusal.status,
                    reason = refusal.reason,
                    message = refusal.message,
                    "BigQuery gives a reason that irispool does not know"
                );
            }
        }
    }

    /// Waits before the next try. Gives up if the retries would take too long together.
    pub(crate) fn pause(
        &self,
        budget: &mut RetryBudget,
        op: Op,
        why: &str,
        retry_after: Option<Duration>,
    ) -> Result<(), CallError> {
        let delay = jittered(budget.delay).max(retry_after.unwrap_or_default());
        budget.delay = (budget.delay * 2).min(self.options.backoff_max);
        let later = |after| {
            let why = format!("{} on {}: {why}", op.name(), self.bq_dataset);
            Err(CallError::Warehouse(WarehouseError::Later { why, after }))
        };
        if Instant::now() + delay > budget.until {
            return later(delay.min(RETRY_AFTER_MAX));
        }
        budget.note_wait();
        Counters::add(&self.counters.retries, 1);
        Counters::add(&self.counters.wait_ms, delay.as_millis() as u64);
        if is_news(&format!("{} is asked again: {why}", op.name())) {
            tracing::warn!(
                op = op.name(),
                why,
                delay_ms = delay.as_millis() as u64,
                "BigQuery is asked again after a pause"
            );
        }
        if self.stop.wait(delay) { Ok(()) } else { later(Duration::ZERO) }
    }
}

/// A random time between half of `delay` and all of it, so that workers that failed together do not retry together.
fn jittered(delay: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    // Each `RandomState` has keys of its own, which is random enough here.
    let part = RandomState::new().hash_one(()) % 1024;
    delay / 2 + delay / 2 * part as u32 / 1024
}

fn stopping() -> WarehouseError {
    WarehouseError::Later { why: "irispool is stopping".into(), after: Duration::ZERO }
}
