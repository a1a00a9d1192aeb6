//! A BigQuery of the tests' own: it keeps what it takes, judges rows as Google does, and fails as it is told to.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Handler, Reply, Request, serve};

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer, and nothing done.
    Answer(u16, Value),
    /// The same with a header.
    AnswerWith(u16, Value, &'static str, String),
    /// What was asked for is done, and the answer is this.
    DoneBut(u16, Value),
    /// The connection ends before the request's body is read.
    HangupEarly,
    /// The request is read, nothing is done, the connection ends.
    HangupBefore,
    /// What was asked for is done, the connection ends.
    HangupAfter,
    /// What was asked for is done, the answer comes after so long.
    Slow(Duration),
    /// What was asked for is done, the answer breaks off.
    HalfAnswer,
    /// `insertErrors` as they stand, and nothing done.
    Rows(Value),
    /// `insertErrors` as they stand; the rows that they don't list are taken.
    RowsButOthersTaken(Value),
}

/// The error body as Google sends it.
pub fn error(code: u16, reason: &str, message: &str) -> Value {
    json!({"error": {
        "code": code, "message": message,
        "errors": [{"reason": reason, "message": message, "domain": "global"}], "status": "STATUS",
    }})
}

pub fn fault(code: u16, reason: &str, message: &str) -> Fault {
    Fault::Answer(code, error(code, reason, message))
}

#[derive(Default)]
pub struct Table {
    pub resource: Value,
    version: u64,
    /// insertId (empty: by a load job) and row.
    pub rows: Vec<(String, Value)>,
    /// The columns that streaming knows; `None`: not even the table.
    known_to_streaming: Option<BTreeSet<String>>,
    lag: usize,
    /// When streaming notices, where that takes its time.
    notices_at: Option<Instant>,
}

/// Refuses a value by itself: reason, location, message.
type Judge = Box<dyn Fn(&Value) -> Option<(&'static str, String, String)> + Send>;

/// What somebody else does to the server's state.
type Meddle = Box<dyn FnOnce(&mut State) + Send>;

#[derive(Default)]
pub struct State {
    pub tables: BTreeMap<String, Table>,
    pub jobs: BTreeMap<String, Value>,
    faults: HashMap<&'static str, VecDeque<Fault>>,
    /// How many `insertAll` requests of a table go by before streaming notices a change.
    pub lag: usize,
    /// For how long streaming does not notice a new column.
    pub lag_for: Duration,
    /// How often a job is RUNNING before it is DONE.
    pub running: usize,
    /// The `errorResult`s of the jobs to come.
    pub job_errors: VecDeque<Value>,
    judge: Option<Judge>,
    /// Everything that was asked, in order: the operation and the path.
    pub asked: Vec<(&'static str, String)>,
    /// Rows in each insertAll request.
    pub batches: Vec<usize>,
    /// By (message_id, message_row): every insertId it was sent under.
    pub sent: BTreeMap<(String, u64), BTreeSet<String>>,
    /// Authorization headers that are taken; empty: all.
    pub tokens: BTreeSet<String>,
    pub no_dataset: bool,
    /// Tables that no view may read.
    pub unreadable: Vec<String>,
    /// No views are there but those that were made.
    pub no_views: bool,
    /// What somebody does just before the next view is made or changed.
    pub meddle: Option<Meddle>,
    /// How many of the next answers about views do not arrive, though what was asked for is done.
    pub view_answers_lost: usize,
    /// The name and the text of each view that was made or changed, in order.
    pub views_made: Vec<(String, String)>,
}

#[derive(Clone)]
pub struct FaultServer {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Served(Arc<Mutex<State>>);

impl FaultServer {
    pub fn start() -> FaultServer {
        let state = Arc::new(Mutex::new(State::default()));
        let address = serve(Arc::new(Served(Arc::clone(&state))));
        FaultServer { address, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next requests for `op` meet these faults, one each: `insertAll`, or `insertAll bmrs_freq_iris` for those of
    /// one table.
    pub fn fail(&self, op: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.entry(op).or_default().extend(faults);
    }

    /// Whether all scripted faults have been met.
    pub fn all_met(&self) -> bool {
        self.state().faults.values().all(VecDeque::is_empty)
    }

    pub fn judge(&self, judge: impl Fn(&Value) -> Option<(&'static str, String, String)> + Send + 'static) {
        self.state().judge = Some(Box::new(judge));
    }

    /// A table made by somebody else, long ago: name, type and mode of its columns.
    pub fn has_table(&self, name: &str, columns: &[(&str, &str, &str)]) {
        let fields: Vec<Value> = columns
            .iter()
            .map(|(name, kind, mode)| json!({"name": name, "type": kind, "mode": mode}))
            .collect();
        let resource = json!({"type": "TABLE", "schema": {"fields": fields}});
        let table = Table { resource, ..Table::default() };
        self.state().tables.insert(name.to_owned(), table);
        self.state().tables.get_mut(name).unwrap().notice();
    }

    /// A view, or whatever else is of this kind, made by somebody else.
    pub fn has_view(&self, name: &str, kind: &str, description: Option<&str>, query: &str) {
        self.state().put_view(name, kind, description, query);
    }

    pub fn count(&self, op: &str) -> usize {
        self.state().asked.iter().filter(|(asked, _)| *asked == op).count()
    }

    pub fn rows(&self, table: &str) -> Vec<Value> {
        self.state()
            .tables
            .get(table)
            .map_or_else(Vec::new, |table| table.rows.iter().map(|(_, row)| row.clone()).collect())
    }
}

impl Table {
    fn column_names(&self) -> BTreeSet<String> {
        let fields = self.resource["schema"]["fields"].as_array().unwrap();
        fields.iter().map(|field| field["name"].as_str().unwrap().to_ascii_lowercase()).collect()
    }

    fn notice(&mut self) {
        self.known_to_streaming = Some(self.column_names());
    }

    fn shown(&self) -> Value {
        let mut resource = self.resource.clone();
        resource["etag"] = format!("etag-{}", self.version).into();
        resource["type"] = resource["type"].as_str().unwrap_or("TABLE").into();
        resource
    }
}

fn op_of(request: &Request) -> &'static str {
    let path = request.path.trim_start_matches("/bigquery/v2/projects/p/");
    let parts: Vec<&str> = path.split('/').collect();
    match (&*request.method, &*parts) {
        ("GET", ["datasets", _]) => "datasets.get",
        ("POST", ["datasets"]) => "datasets.insert",
        ("GET", ["datasets", _, "tables"]) => "tables.list",
        ("POST", ["datasets", _, "tables"]) => "tables.insert",
        ("GET", ["datasets", _, "tables", _]) => "tables.get",
        ("PATCH", ["datasets", _, "tables", _]) => "tables.patch",
        ("DELETE", ["datasets", _, "tables", _]) => "tables.delete",
        ("POST", ["datasets", _, "tables", _, "insertAll"]) => "insertAll",
        ("GET", ["jobs", _]) => "jobs.get",
        ("POST", ["queries"]) => "jobs.query",
        ("GET", ["queries", _]) => "jobs.query",
        ("POST", _) if request.path == "/upload/bigquery/v2/projects/p/jobs" => "jobs.insert",
        _ => panic!("nobody asks for {} {}", request.method, request.path),
    }
}

impl Handler for Served {
    fn hangs_up_early(&self, method: &str, path: &str) -> bool {
        let request = Request {
            method: method.into(),
            path: path.into(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let mut state = self.0.lock().unwrap();
        let op = op_of(&request);
        let Some(faults) = state.faults.get_mut(op) else { return false };
        let early = matches!(faults.front(), Some(Fault::HangupEarly));
        if early {
            faults.pop_front();
            state.asked.push((op, path.to_owned()));
        }
        early
    }

    fn handle(&self, request: Request) -> Reply {
        let mut state = self.0.lock().unwrap();
        let op = op_of(&request);
        // Views are not what most tests are about: they are there, and there is no history.
        if op == "tables.get" && !table_of(&request).ends_with("_iris") {
            let name = table_of(&request);
            if let Some(Fault::Answer(status, body)) =
                state.faults.get_mut(&*format!("tables.get {name}")).and_then(VecDeque::pop_front)
            {
                return Reply::json(status, body);
            }
            return match state.tables.get(&name) {
                Some(view) => Reply::json(200, view.shown()),
                None if name.ends_with("_unified") && !state.no_views => {
                    Reply::json(200, json!({"type": "VIEW"}))
                }
                None => Reply::json(404, not_found(&format!("Table p:d.{name}")).1),
            };
        }
        if op == "tables.delete" {
            state.tables.remove(&table_of(&request));
            return Reply::json(204, Value::Null);
        }
        if matches!(op, "tables.insert" | "tables.patch") {
            let body = body_of(&request);
            if body["view"].is_object()
                && let Some(reply) = state.make_view(op, &request, body)
            {
                let is_lost = state.view_answers_lost > 0;
                state.view_answers_lost -= usize::from(is_lost);
                return if is_lost { Reply::Hangup } else { reply };
            }
        }
        state.asked.push((op, request.path.clone()));
        if !state.tokens.is_empty() {
            let token = request.header("authorization").unwrap_or_default();
            if !state.tokens.contains(token) {
                return Reply::json(
                    401,
                    error(401, "authError", "Request had invalid authentication credentials."),
                );
            }
        }
        if op == "insertAll" {
            state.note_sent(&request);
        }
        match state.next_fault(op, &request) {
            None => {
                let (status, body) = state.act(op, &request);
                Reply::json(status, body)
            }
            Some(Fault::Answer(status, body)) => Reply::json(status, body),
            Some(Fault::AnswerWith(status, body, name, value)) => Reply::Answer {
                status,
                headers: vec![(name.to_owned(), value)],
                body: body.to_string().into_bytes(),
            },
            Some(Fault::DoneBut(status, body)) => {
                state.act(op, &request);
                Reply::json(status, body)
            }
            Some(Fault::HangupEarly) => panic!("met before"),
            Some(Fault::HangupBefore) => Reply::Hangup,
            Some(Fault::HangupAfter) => {
                state.act(op, &request);
                Reply::Hangup
            }
            Some(Fault::Slow(delay)) => {
                let (status, body) = state.act(op, &request);
                drop(state);
                std::thread::sleep(delay);
                Reply::json(status, body)
            }
            Some(Fault::HalfAnswer) => {
                let (_, body) = state.act(op, &request);
                Reply::Half { body: body.to_string().into_bytes() }
            }
            Some(Fault::Rows(errors)) => Reply::json(200, json!({"insertErrors": errors})),
            Some(Fault::RowsButOthersTaken(errors)) => {
                let listed: BTreeSet<u64> =
                    errors.as_array().unwrap().iter().map(|error| error["index"].as_u64().unwrap()).collect();
                let table = table_of(&request);
                let sent = rows_of(&request);
                let taken =
                    sent.into_iter().enumerate().filter(|(index, _)| !listed.contains(&(*index as u64)));
                let taken: Vec<_> = taken.map(|(_, row)| row).collect();
                state.take(&table, taken);
                Reply::json(200, json!({"insertErrors": errors}))
            }
        }
    }
}

fn table_of(request: &Request) -> String {
    request.path.split('/').nth(8).unwrap().to_owned()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

/// The body, whichever way it is encoded.
fn body_of(request: &Request) -> Value {
    match request.header("content-encoding") {
        Some("gzip") => serde_json::from_slice(&unpacked(&request.body)).unwrap(),
        None => serde_json::from_slice(&request.body).unwrap(),
        Some(other) => panic!("{other} is no encoding that BigQuery knows"),
    }
}

fn rows_of(request: &Request) -> Vec<(String, Value)> {
    let body = body_of(request);
    let rows = body["rows"].as_array().unwrap();
    rows.iter().map(|row| (row["insertId"].as_str().unwrap().to_owned(), row["json"].clone())).collect()
}

fn not_found(what: &str) -> (u16, Value) {
    (404, error(404, "notFound", &format!("Not found: {what}")))
}

impl State {
    pub fn fail_no_more(&mut self) {
        self.faults.clear();
    }

    pub fn put_view(&mut self, name: &str, kind: &str, description: Option<&str>, query: &str) {
        let version = self.tables.get(name).map_or(0, |there| there.version + 1);
        let mut resource = json!({"type": kind, "view": {"query": query, "useLegacySql": false}});
        if let Some(description) = description {
            resource["description"] = description.into();
        }
        self.tables.insert(name.to_owned(), Table { resource, version, ..Table::default() });
    }

    fn note_sent(&mut self, request: &Request) {
        let rows = rows_of(request);
        self.batches.push(rows.len());
        for (id, row) in rows {
            assert!(id.len() <= 128 && !id.is_empty());
            self.sent.entry(name_of(&row)).or_default().insert(id);
        }
    }

    /// A view is made or changed; not counted among what was asked. None where a fault is scripted for it.
    fn make_view(&mut self, op: &str, request: &Request, body: Value) -> Option<Reply> {
        let name = match op {
            "tables.insert" => body["tableReference"]["tableId"].as_str().unwrap().to_owned(),
            _ => table_of(request),
        };
        if let Some(meddle) = self.meddle.take() {
            meddle(self);
        }
        if let Some(history) =
            self.unreadable.iter().find(|history| body["view"]["query"].as_str().unwrap().contains(*history))
        {
            let message =
                format!("Access Denied: Table p:d.{history}: User does not have permission to query table");
            return Some(Reply::json(403, error(403, "accessDenied", &message)));
        }
        let version = match (op, self.tables.get(&name)) {
            ("tables.insert", Some(_)) => {
                let body = error(409, "duplicate", &format!("Already Exists: Table p:d.{name}"));
                return Some(Reply::json(409, body));
            }
            ("tables.insert", None) => 0,
            (_, Some(there)) if request.header("if-match") != there.shown()["etag"].as_str() => {
                return Some(Reply::json(412, error(412, "conditionNotMet", "Precondition Failed")));
            }
            (_, there) => there.unwrap().version + 1,
        };
        self.views_made.push((name.clone(), body["view"]["query"].as_str().unwrap().to_owned()));
        let mut resource = body;
        resource["type"] = "VIEW".into();
        let shown = Table { resource, version, ..Table::default() };
        let reply = Reply::json(200, shown.shown());
        self.tables.insert(name, shown);
        Some(reply)
    }

    /// What is scripted for this table's requests comes before what is scripted for all of the operation.
    fn next_fault(&mut self, op: &str, request: &Request) -> Option<Fault> {
        let table = request.path.split('/').nth(8).unwrap_or_default();
        let of_table = self.faults.get_mut(&*format!("{op} {table}")).and_then(VecDeque::pop_front);
        of_table.or_else(|| self.faults.get_mut(op).and_then(VecDeque::pop_front))
    }

    /// The tables, and a view for each dataset.
    fn list(&self) -> (u16, Value) {
        if self.no_dataset {
            return not_found("Dataset p:d");
        }
        let views =
            irispool::catalog::all().iter().map(|dataset| irispool::catalog::view_name(&dataset.name));
        let views = views.filter(|name| !self.no_views && !self.tables.contains_key(name));
        let listed = |name: String| {
            let kind = self.tables.get(&name).map_or(&Value::Null, |table| &table.resource["type"]);
            json!({"tableReference": {"tableId": name}, "type": kind})
        };
        let listed: Vec<Value> = self.tables.keys().cloned().chain(views).map(listed).collect();
        (200, json!({"kind": "bigquery#tableList", "tables": listed}))
    }

    /// Does as BigQuery would.
    fn act(&mut self, op: &str, request: &Request) -> (u16, Value) {
        let path = &request.path;
        let body = || body_of(request);
        match op {
            "datasets.get" if self.no_dataset => not_found("Dataset p:d"),
            "datasets.get" => (200, json!({"location": "EU"})),
            "datasets.insert" if self.no_dataset => {
                self.no_dataset = false;
                (200, body())
            }
            "tables.list" => self.list(),
            "datasets.insert" => (409, error(409, "duplicate", "Already Exists: Dataset p:d")),
            "tables.get" if self.no_dataset => not_found("Dataset p:d"),
            "tables.get" => match self.tables.get(&table_of(request)) {
                Some(table) => (200, table.shown()),
                None => not_found(&format!("Table p:d.{}", table_of(request))),
            },
            "tables.insert" if self.no_dataset => not_found("Dataset p:d"),
            "tables.insert" => {
                let resource = body();
                let name = resource["tableReference"]["tableId"].as_str().unwrap().to_owned();
                if self.tables.contains_key(&name) {
                    return (409, error(409, "duplicate", &format!("Already Exists: Table p:d.{name}")));
                }
                let mut table = Table { resource, lag: self.lag, ..Table::default() };
                if table.lag == 0 {
                    table.notice();
                }
                let shown = table.shown();
                self.tables.insert(name, table);
                (200, shown)
            }
            "tables.patch" => {
                let lag = self.lag;
                let table = self.tables.get_mut(&table_of(request)).unwrap();
                if request.header("if-match") != table.shown()["etag"].as_str() {
                    return (412, error(412, "conditionNotMet", "Precondition Failed"));
                }
                table.resource["schema"] = body()["schema"].clone();
                table.version += 1;
                table.lag = lag;
                table.notices_at = (!self.lag_for.is_zero()).then(|| Instant::now() + self.lag_for);
                if lag == 0 && table.notices_at.is_none() {
                    table.notice();
                }
                (200, table.shown())
            }
            "insertAll" => self.insert_all(&table_of(request), rows_of(request)),
            "jobs.insert" => self.make_job(request),
            "jobs.get" => {
                let id = path.rsplit('/').next().unwrap();
                assert_eq!(request.query, "location=EU");
                match self.jobs.get_mut(id) {
                    None => not_found(&format!("Job p:EU.{id}")),
                    Some(job) => {
                        let left = job["left"].as_u64().unwrap();
                        if left > 0 {
                            job["left"] = (left - 1).into();
                            return (200, json!({"status": {"state": "RUNNING"}}));
                        }
                        (200, job.clone())
                    }
                }
            }
            other => panic!("{other} is scripted only"),
        }
    }

    fn insert_all(&mut self, name: &str, rows: Vec<(String, Value)>) -> (u16, Value) {
        let Some(table) = self.tables.get_mut(name) else {
            return not_found(&format!("Table p:d.{name}"));
        };
        table.notices_at.take_if(|at| *at <= Instant::now());
        if table.lag > 0 {
            table.lag -= 1;
        } else if table.notices_at.is_none() {
            table.notice();
        }
        let Some(known) = &table.known_to_streaming else {
            return not_found(&format!("Table p:d.{name}"));
        };
        let mut errors = Vec::new();
        for (index, (_, row)) in rows.iter().enumerate() {
            let unknown =
                row.as_object().unwrap().keys().find(|key| !known.contains(&key.to_ascii_lowercase()));
            let verdict = match unknown {
                Some(key) => Some(("invalid", key.clone(), format!("no such field: {key}."))),
                None => self.judge.as_ref().and_then(|judge| judge(row)),
            };
            if let Some((reason, location, message)) = verdict {
                let error =
                    json!({"reason": reason, "location": location, "message": message, "debugInfo": ""});
                errors.push(json!({"index": index, "errors": [error]}));
            }
        }
        if errors.is_empty() {
            self.take(name, rows);
            return (200, json!({"kind": "bigquery#tableDataInsertAllResponse"}));
        }
        let listed: Vec<u64> = errors.iter().map(|error| error["index"].as_u64().unwrap()).collect();
        for index in (0..rows.len() as u64).filter(|index| !listed.contains(index)) {
            errors.push(
                json!({"index": index, "errors": [{"reason": "stopped", "location": "", "message": ""}]}),
            );
        }
        (200, json!({"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": errors}))
    }

    /// Rows under an insertId that was seen are dropped.
    fn take(&mut self, name: &str, rows: Vec<(String, Value)>) {
        let table = self.tables.get_mut(name).unwrap();
        let mut seen: BTreeSet<String> = table.rows.iter().map(|(id, _)| id.clone()).collect();
        for (id, row) in rows {
            if seen.insert(id.clone()) {
                table.rows.push((id, row));
            }
        }
    }

    fn make_job(&mut self, request: &Request) -> (u16, Value) {
        assert_eq!(request.query, "uploadType=multipart");
        let split = |from: &[u8], at: &[u8]| -> (Vec<u8>, Vec<u8>) {
            let place = from.windows(at.len()).position(|window| window == at).unwrap();
            (from[..place].to_vec(), from[place + at.len()..].to_vec())
        };
        let boundary = request.header("content-type").unwrap().split("boundary=").nth(1).unwrap();
        let delimiter = format!("--{boundary}");
        let (_, rest) = split(&request.body, format!("{delimiter}\r\n").as_bytes());
        let (_, rest) = split(&rest, b"\r\n\r\n");
        let (configuration, rest) = split(&rest, format!("\r\n{delimiter}\r\n").as_bytes());
        let (_, rest) = split(&rest, b"\r\n\r\n");
        let (media, _) = split(&rest, format!("\r\n{delimiter}--").as_bytes());
        let configuration: Value = serde_json::from_slice(&configuration).unwrap();
        let id = configuration["jobReference"]["jobId"].as_str().unwrap().to_owned();
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id}");
        if self.jobs.contains_key(&id) {
            return (409, error(409, "duplicate", &format!("Already Exists: Job p:EU.{id}")));
        }
        let media = if media.starts_with(&[0x1f, 0x8b]) { unpacked(&media) } else { media };
        let text = String::from_utf8(media).unwrap();
        let load = &configuration["configuration"]["load"];
        let name = load["destinationTable"]["tableId"].as_str().unwrap().to_owned();
        let columns = load["schema"]["fields"].as_array().unwrap();
        let rows: Vec<(String, Value)> =
            text.lines().map(|line| (String::new(), serde_json::from_str(line).unwrap())).collect();
        let has_column = |key: &str| columns.iter().any(|column| column["name"].as_str() == Some(key));
        for (_, row) in &rows {
            assert!(
                row.as_object().unwrap().keys().all(|key| has_column(key)),
                "the schema has every column"
            );
        }
        let bad = rows.iter().find_map(|(_, row)| self.judge.as_ref().and_then(|judge| judge(row)));
        let result = match (self.job_errors.pop_front(), bad) {
            (Some(error), _) => Some(error),
            (None, Some((reason, location, message))) => {
                Some(json!({"reason": reason, "location": location, "message": message}))
            }
            (None, None) => None,
        };
        let mut job = json!({"left": self.running, "status": {"state": "DONE"}, "configuration": configuration["configuration"]});
        match result {
            Some(error) => {
                job["status"]["errorResult"] = error.clone();
                job["status"]["errors"] = json!([error]);
            }
            None => {
                job["statistics"]["load"]["outputRows"] = rows.len().to_string().into();
                self.tables.get_mut(&name).unwrap().rows.extend(rows);
            }
        }
        self.jobs.insert(id.clone(), job);
        (200, json!({"jobReference": {"jobId": id}, "status": {"state": "PENDING"}}))
    }
}

/// What tells a row apart.
pub fn name_of(row: &Value) -> (String, u64) {
    let place = &row["message_row"];
    let place = place.as_u64().or_else(|| place.as_str()?.parse().ok()).unwrap();
    (row["message_id"].as_str().unwrap().to_owned(), place)
}
