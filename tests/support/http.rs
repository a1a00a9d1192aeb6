//! As much of an HTTP/1.1 server as the tests need: keep-alive, bodies with a length.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Without its query.
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }
}

/// What the server does about a request.
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// The connection ends with no answer.
    Hangup,
    /// The connection ends in the middle of the answer.
    Half {
        body: Vec<u8>,
    },
}

impl Reply {
    pub fn json(status: u16, body: impl ToString) -> Reply {
        Reply::Answer { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }
}

pub trait Handler: Send + Sync + 'static {
    /// Before the body is read: whether to end the connection here and now.
    fn hangs_up_early(&self, _method: &str, _path: &str) -> bool {
        false
    }

    fn handle(&self, request: Request) -> Reply;
}

/// Serves until the test ends; gives the address.
pub fn serve(handler: Arc<dyn Handler>) -> SocketAddr {
    listen(move |stream| {
        // A client that goes away is no fault.
        let _ = serve_connection(&stream, &*handler);
        let _ = stream.shutdown(Shutdown::Both);
    })
}

/// The same over TLS.
pub fn serve_tls(handler: Arc<dyn Handler>, config: Arc<rustls::ServerConfig>) -> SocketAddr {
    listen(move |stream| {
        let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(tls, stream);
        let _ = serve_connection(&mut stream, &*handler);
        stream.conn.send_close_notify();
        let _ = stream.flush();
        let _ = stream.sock.shutdown(Shutdown::Both);
    })
}

/// Gives each connection to `serve`, on a thread of its own.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            let serve = Arc::clone(&serve);
            thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                serve(stream);
            });
        }
    });
    address
}

fn serve_connection(stream: impl Read + Write, handler: &dyn Handler) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if handler.hangs_up_early(&method, &path) {
            return Ok(());
        }
        let length =
            headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
        assert!(headers.iter().all(|(name, _)| name != "transfer-encoding"), "bodies have a length");
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let reply = handler.handle(Request { method, path, query, headers, body });
        let writer = reader.get_mut();
        match reply {
            Reply::Hangup => return Ok(()),
            Reply::Half { body } => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                writer.write_all(head.as_bytes())?;
                return writer.write_all(&body[..body.len() / 2]);
            }
            Reply::Answer { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n");
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
                writer.write_all(head.as_bytes())?;
                writer.write_all(&body)?;
                writer.flush()?;
            }
        }
    }
}
