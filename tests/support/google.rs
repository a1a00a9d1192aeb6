//! As much of Google as `status`, `check` and a worker that streams ask for; it refuses what it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use super::http::{Handler, Reply, Request, serve, serve_tls};

#[derive(Default)]
pub(crate) struct State {
    /// By name, as `tables.get` gives them.
    pub(crate) tables: BTreeMap<String, Value>,
    pub(crate) views: BTreeSet<String>,
    /// Permissions that nobody has.
    pub(crate) denied: BTreeSet<&'static str>,
    /// What every question is answered with, but for those of the token's server.
    pub(crate) refusal: Option<(u16, &'static str, &'static str)>,
    /// What the token's server answers.
    pub(crate) token_refusal: Option<(u16, Value)>,
    /// How far its clock is ahead.
    pub(crate) clock_ahead_s: i64,
    /// Rows that streaming took.
    pub(crate) rows: u64,
    /// The next streaming requests are answered with this.
    pub(crate) insert_refusals: Vec<(u16, &'static str)>,
    /// Everything that was asked: method and path.
    pub(crate) asked: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Google {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
}

struct Served(Arc<Mutex<State>>);

impl Google {
    pub(crate) fn start() -> Google {
        let state = Arc::new(Mutex::new(State::default()));
        let address = serve(Arc::new(Served(Arc::clone(&state))));
        Google { address, scheme: "http", state }
    }

    pub(crate) fn start_tls(config: Arc<rustls::ServerConfig>) -> Google {
        let state = Arc::new(Mutex::new(State::default()));
        let address = serve_tls(Arc::new(Served(Arc::clone(&state))), config);
        Google { address, scheme: "https", state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A table of FREQ as irispool makes it, with more columns: name, type, mode.
    pub(crate) fn has_table(&self, name: &str, more: &[(&str, &str, &str)]) {
        let ours = [
            ("dataset", "STRING", "NULLABLE"),
            ("measurementTime", "TIMESTAMP", "NULLABLE"),
            ("frequency", "FLOAT", "NULLABLE"),
            ("ingested_utc", "TIMESTAMP", "NULLABLE"),
            ("source", "STRING", "NULLABLE"),
            ("message_id", "STRING", "NULLABLE"),
            ("message_row", "INTEGER", "NULLABLE"),
            ("rescued", "JSON", "NULLABLE"),
        ];
        let mut columns: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        columns.extend(ours.iter().chain(more).map(|(name, kind, mode)| (*name, (*kind, *mode))));
        let column =
            |(name, (kind, mode)): (&&str, &(&str, &str))| json!({"name": name, "type": kind, "mode": mode});
        let fields: Vec<Value> = columns.iter().map(column).collect();
        let table = json!({"type": "TABLE", "etag": "e", "schema": {"fields": fields}});
        self.state().tables.insert(name.to_owned(), table);
    }

    /// The environment in which a program takes this for an emulator, which asks for no credentials.
    pub(crate) fn as_emulator(&self, command: &mut Command) {
        command.env("BIGQUERY_EMULATOR_HOST", self.address.to_string());
        command.env("IRISPOOL_WAREHOUSE", "bigquery:p.d");
    }

    /// The same with credentials: a login of gcloud's, in this folder.
    pub(crate) fn as_google(&self, command: &mut Command, folder: &Path) -> PathBuf {
        let file = folder.join("login.json");
        let url = format!("{}://{}", self.scheme, self.address);
        let login = json!({
            "type": "authorized_user", "client_id": "an-id", "client_secret": "a-client-secret",
            "refresh_token": "a-refresh-token", "token_uri": format!("{url}/token"),
        });
        fs::write(&file, login.to_string()).unwrap();
        command.env("GOOGLE_APPLICATION_CREDENTIALS", &file);
        command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY", url);
        command.env_remove("BIGQUERY_EMULATOR_HOST");
        command.env("IRISPOOL_WAREHOUSE", "bigquery:p.d");
        file
    }
}

fn error(code: u16, reason: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}})
}

/// A text with the mark by which irispool knows its own views.
const OWN_VIEW: &str = "/* irispool keeps this view up to date as long as nobody changes its text: \
                        f9f123e105524a6ba535fa99da5a2743 */\nSELECT 1";

impl Handler for Served {
    fn handle(&self, request: Request) -> Reply {
        let mut state = self.0.lock().unwrap();
        state.asked.push(format!("{} {}", request.method, request.path));
        let (status, body) = state.answer(&request);
        let clock = jiff::Timestamp::now().as_second() + state.clock_ahead_s;
        let date = jiff::Timestamp::from_second(clock).unwrap().strftime("%a, %d %b %Y %H:%M:%S GMT");
        Reply::Answer {
            status,
            headers: vec![("Date".to_owned(), date.to_string())],
            body: body.to_string().into_bytes(),
        }
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, Value) {
        if request.path == "/token" {
            let token = json!({"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"});
            return self.token_refusal.clone().unwrap_or((200, token));
        }
        if let Some((status, reason, message)) = self.refusal {
            return (status, error(status, reason, message));
        }
        let path = request.path.trim_start_matches("/bigquery/v2/projects/p/");
        let parts: Vec<&str> = path.split('/').collect();
        match (&*request.method, &*parts) {
            ("GET", ["datasets", _]) => self.allowed("bigquery.datasets.get", json!({"location": "EU"})),
            ("GET", ["datasets", _, "tables"]) => {
                let names = self.tables.keys().chain(&self.views);
                let list: Vec<Value> =
                    names.map(|name| json!({"tableReference": {"tableId": name}})).collect();
                self.allowed("bigquery.tables.list", json!({"tables": list}))
            }
            ("GET", ["datasets", _, "tables", name]) => match self.tables.get(*name) {
                Some(table) => self.allowed("bigquery.tables.get", table.clone()),
                None if self.views.contains(*name) => {
                    self.allowed("bigquery.tables.get", json!({"type": "VIEW", "view": {"query": OWN_VIEW}}))
                }
                None if self.denied.contains("bigquery.tables.get") => {
                    self.allowed("bigquery.tables.get", Value::Null)
                }
                None => (404, error(404, "notFound", &format!("Not found: Table p:d.{name}"))),
            },
            ("POST", ["datasets", _, "tables", name]) if name.ends_with(":testIamPermissions") => {
                let asked: Value = serde_json::from_slice(&request.body).unwrap();
                let asked = asked["permissions"].as_array().unwrap();
                let granted: Vec<&Value> = asked
                    .iter()
                    .filter(|permission| !self.denied.contains(permission.as_str().unwrap()))
                    .collect();
                (200, json!({"permissions": granted}))
            }
            ("POST", ["datasets", _, "tables", _, "insertAll"]) => {
                if let Some((status, reason)) = self.insert_refusals.pop() {
                    return (status, error(status, reason, "as the test has it"));
                }
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                self.rows += body["rows"].as_array().unwrap().len() as u64;
                (200, json!({}))
            }
            ("POST", ["queries"]) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let sql = body["query"].as_str().unwrap();
                let permission = if sql.starts_with("CREATE") {
                    assert_eq!(body["dryRun"], true, "nothing is made: {sql}");
                    "bigquery.tables.create"
                } else {
                    "bigquery.jobs.create"
                };
                self.allowed(permission, json!({"jobComplete": true}))
            }
            _ => panic!("nobody asks for {} {}", request.method, request.path),
        }
    }

    fn allowed(&self, permission: &'static str, answer: Value) -> (u16, Value) {
        if self.denied.contains(permission) {
            let message = format!("Access Denied: Permission {permission} denied on resource p:d");
            return (403, error(403, "accessDenied", &message));
        }
        (200, answer)
    }
}
