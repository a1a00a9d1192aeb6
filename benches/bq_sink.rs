//! A BigQuery that takes everything and keeps no row, for `scripts/bench-bigquery`: `bq_sink DELAY_MS` prints the port
//! that it serves on 127.0.0.1, and answers each request after so long. There are no tables or views until they are
//! made. `GET /counts` gives what came since the last time, and forgets it with all tables: requests, those of them with
//! rows (insertAll and load jobs), and rows. `GET /trace` gives a line for each request since then: when it came and
//! when it was answered, in ms since the first one, what it asked for, its rows, and how many were under way.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use memchr::{memchr_iter, memmem};
use serde_json::{Value, json};

#[derive(Default)]
struct Sink {
    delay: Duration,
    requests: AtomicU64,
    with_rows: AtomicU64,
    rows: AtomicU64,
    /// By name: the table as it was made.
    tables: Mutex<HashMap<String, Value>>,
    /// By id: its rows.
    jobs: Mutex<HashMap<String, u64>>,
    under_way: AtomicU64,
    trace: Mutex<Vec<Traced>>,
}

/// One request.
struct Traced {
    came: Instant,
    answered: Instant,
    what: String,
    rows: u64,
    under_way: u64,
}

/// What is done about a request.
struct Done {
    status: u16,
    answer: Value,
    /// Rows that it brought.
    rows: u64,
}

fn main() {
    let delay = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let Some(delay_ms) = delay else {
        eprintln!("usage: bq_sink DELAY_MS");
        std::process::exit(2);
    };
    let sink = Arc::new(Sink { delay: Duration::from_millis(delay_ms), ..Sink::default() });
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen on a free port");
    println!("{}", listener.local_addr().expect("a listener has an address").port());
    for stream in listener.incoming().flatten() {
        let sink = Arc::clone(&sink);
        // A client that goes away is no fault.
        thread::spawn(move || drop(serve(&stream, &sink)));
    }
}

fn serve(stream: &TcpStream, sink: &Sink) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    let mut writer = stream;
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().expect("a length is a number");
                }
                Some(_) => {}
                None => break,
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        let (status, answer) = match &*target {
            "/counts" => (200, sink.counts()),
            "/trace" => (200, sink.traced()),
            _ => sink.answer(&method, &target, &body),
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        writer.write_all((head + &answer).as_bytes())?;
    }
}

fn done(status: u16, answer: Value) -> Done {
    Done { status, answer, rows: 0 }
}

impl Sink {
    /// What came, and a new beginning.
    fn counts(&self) -> String {
        let count = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        self.tables.lock().expect("no panic").clear();
        self.jobs.lock().expect("no panic").clear();
        self.trace.lock().expect("no panic").clear();
        format!("{} {} {}\n", count(&self.requests), count(&self.with_rows), count(&self.rows))
    }

    fn traced(&self) -> String {
        let mut trace = self.trace.lock().expect("no panic");
        trace.sort_by_key(|request| request.came);
        let first = trace.first().map(|request| request.came);
        let ms = |at: Instant| at.saturating_duration_since(first.unwrap_or(at)).as_millis();
        let line = |Traced { came, answered, what, rows, under_way }: &Traced| {
            format!("{:6} {:6} {under_way:3} {rows:6} {what}\n", ms(*came), ms(*answered))
        };
        trace.iter().map(line).collect()
    }

    fn answer(&self, method: &str, target: &str, body: &[u8]) -> (u16, String) {
        let came = Instant::now();
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let Done { status, answer, rows } = self.act(method, target, body);
        if rows > 0 {
            self.with_rows.fetch_add(1, Ordering::Relaxed);
            self.rows.fetch_add(rows, Ordering::Relaxed);
        }
        thread::sleep(self.delay);
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        let what = format!("{method} {target}");
        self.trace.lock().expect("no panic").push(Traced {
            came,
            answered: Instant::now(),
            what,
            rows,
            under_way,
        });
        (status, answer.to_string())
    }

    fn act(&self, method: &str, target: &str, body: &[u8]) -> Done {
        let path = target.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').skip(4).collect();
        let json = || serde_json::from_slice::<Value>(body).expect("a request is JSON");
        let mut tables = self.tables.lock().expect("no panic");
        match (method, &*parts) {
            ("POST", ["datasets", _, "tables", name, "insertAll"]) => match tables.contains_key(*name) {
                true => {
                    drop(tables);
                    let rows = memmem::find_iter(body, b"\"insertId\"").count() as u64;
                    Done { status: 200, answer: json!({"kind": "bigquery#tableDataInsertAllResponse"}), rows }
                }
                false => missing("Table"),
            },
            ("POST", _) if path.starts_with("/upload/") => {
                drop(tables);
                // The configuration's part, then the rows' part, one a line, then the last boundary's two line ends.
                let start = memmem::find_iter(body, b"\r\n\r\n").nth(1).expect("two parts");
                let rows = memchr_iter(b'\n', &body[start + 4..]).count() as u64 - 2;
                let id = memmem::find(body, b"\"jobId\":\"").expect("a job has an id") + 9;
                let id = body[id..].split(|byte| *byte == b'"').next().unwrap_or_default();
                let id = String::from_utf8_lossy(id).into_owned();
                match self.jobs.lock().expect("no panic").insert(id, rows) {
                    None => Done { status: 200, answer: json!({"status": {"state": "PENDING"}}), rows },
                    Some(_) => exists("Job"),
                }
            }
            ("GET", ["jobs", id]) => match self.jobs.lock().expect("no panic").get(*id) {
                Some(rows) => {
                    let load = json!({"load": {"outputRows": rows.to_string()}});
                    done(200, json!({"status": {"state": "DONE"}, "statistics": load}))
                }
                None => missing("Job"),
            },
            ("POST", ["datasets", _, "tables"]) => {
                let mut table = json();
                table["etag"] = "1".into();
                table["type"] = "TABLE".into();
                let name = table["tableReference"]["tableId"].as_str().unwrap_or_default().to_owned();
                match tables.contains_key(&name) {
                    true => exists("Table"),
                    false => done(200, tables.entry(name).or_insert(table).clone()),
                }
            }
            ("GET", ["datasets", _, "tables"]) => {
                let listed: Vec<Value> =
                    tables.keys().map(|name| json!({"tableReference": {"tableId": name}})).collect();
                done(200, json!({"tables": listed}))
            }
            (_, ["datasets", _, "tables", name]) => match tables.get_mut(*name) {
                Some(table) => {
                    if method == "PATCH" {
                        table["schema"] = json()["schema"].clone();
                    }
                    done(200, table.clone())
                }
                None => missing("Table"),
            },
            ("GET", ["datasets", _]) => done(200, json!({"location": "US"})),
            ("POST", ["queries"]) => {
                // CREATE OR REPLACE VIEW `p.d.name` …
                let query = json()["query"].as_str().unwrap_or_default().to_owned();
                let view = query.split('`').nth(1).and_then(|name| name.rsplit('.').next());
                let view = view.expect("nothing but views is asked for").to_owned();
                tables.insert(view, json!({"type": "VIEW", "etag": "1"}));
                done(200, json!({"jobComplete": true}))
            }
            _ => panic!("nobody asks for {method} {target}"),
        }
    }
}

fn missing(what: &str) -> Done {
    refused(404, "notFound", format!("Not found: {what} p:d.x"))
}

fn exists(what: &str) -> Done {
    refused(409, "duplicate", format!("Already Exists: {what} p:d.x"))
}

fn refused(status: u16, reason: &str, message: String) -> Done {
    let error = json!({"reason": reason, "message": message, "domain": "global"});
    done(status, json!({"error": {"code": status, "message": message, "errors": [error]}}))
}
