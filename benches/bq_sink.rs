//! A BigQuery that takes everything and keeps nothing, for `scripts/bench-bigquery`: `bq_sink DELAY_MS` prints the port
//! that it serves on 127.0.0.1, and answers each request after so long. `GET /counts` gives what came since the last
//! time: requests, those of them with rows (insertAll and load jobs), and rows.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

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
        let (status, answer) = if target == "/counts" {
            let count = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
            (200, format!("{} {} {}\n", count(&sink.requests), count(&sink.with_rows), count(&sink.rows)))
        } else {
            sink.requests.fetch_add(1, Ordering::Relaxed);
            let (status, answer) = sink.act(&method, &target, &body);
            thread::sleep(sink.delay);
            (status, answer.to_string())
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        writer.write_all((head + &answer).as_bytes())?;
    }
}

impl Sink {
    fn act(&self, method: &str, target: &str, body: &[u8]) -> (u16, Value) {
        let path = target.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').skip(4).collect();
        let json = || serde_json::from_slice::<Value>(body).expect("a request is JSON");
        match (method, &*parts) {
            ("POST", ["datasets", _, "tables", _, "insertAll"]) => {
                self.take(memmem::find_iter(body, b"\"insertId\"").count() as u64);
                (200, json!({"kind": "bigquery#tableDataInsertAllResponse"}))
            }
            ("POST", _) if path.starts_with("/upload/") => {
                // The configuration's part, then the rows' part, one a line, then the last boundary's two line ends.
                let start = memmem::find_iter(body, b"\r\n\r\n").nth(1).expect("two parts");
                let rows = memchr_iter(b'\n', &body[start + 4..]).count() as u64 - 2;
                let id = memmem::find(body, b"\"jobId\":\"").expect("a job has an id") + 9;
                let id = body[id..].split(|byte| *byte == b'"').next().unwrap_or_default();
                let id = String::from_utf8_lossy(id).into_owned();
                self.take(rows);
                self.jobs.lock().expect("no panic").insert(id, rows);
                (200, json!({}))
            }
            ("GET", ["jobs", id]) => match self.jobs.lock().expect("no panic").get(*id) {
                Some(rows) => {
                    let load = json!({"load": {"outputRows": rows.to_string()}});
                    (200, json!({"status": {"state": "DONE"}, "statistics": load}))
                }
                None => missing("Job"),
            },
            ("POST", ["datasets", _, "tables"]) => {
                let mut table = json();
                table["etag"] = "1".into();
                let name = table["tableReference"]["tableId"].as_str().unwrap_or_default().to_owned();
                self.tables.lock().expect("no panic").insert(name, table.clone());
                (200, table)
            }
            ("GET", ["datasets", _, "tables"]) => {
                let tables = self.tables.lock().expect("no panic");
                let views = tables.keys().map(|name| name.replace("_iris", "_unified"));
                let listed: Vec<Value> =
                    views.map(|name| json!({"tableReference": {"tableId": name}})).collect();
                (200, json!({"tables": listed}))
            }
            (_, ["datasets", _, "tables", name]) => {
                match self.tables.lock().expect("no panic").get_mut(*name) {
                    Some(table) => {
                        if method == "PATCH" {
                            table["schema"] = json()["schema"].clone();
                        }
                        (200, table.clone())
                    }
                    None if name.ends_with("_unified") => (200, json!({"type": "VIEW"})),
                    None => missing("Table"),
                }
            }
            ("GET", ["datasets", _]) => (200, json!({"location": "US"})),
            _ => (200, json!({"jobComplete": true})),
        }
    }

    fn take(&self, rows: u64) {
        self.with_rows.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

fn missing(what: &str) -> (u16, Value) {
    let message = format!("Not found: {what} p:d.x");
    let error = json!({"reason": "notFound", "message": message});
    (404, json!({"error": {"code": 404, "message": message, "errors": [error]}}))
}
