//! A small HTTP/1.1 server for monitoring programs. It answers GET and HEAD, one request per connection, and limits
//! what a request may cost.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;

/// The pause after a failed accept. The usual reason is too many open files, which a retry at once would meet again.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// What requests may cost.
#[derive(Clone, Copy, Debug)]
struct ServerLimits {
    /// Connections at once, each with a thread. More of them wait in the system's queue.
    connections: usize,
    /// How long a client may take to send its request.
    request: Duration,
    /// How long a client may take to read the answer.
    answer: Duration,
}

/// With these limits, clients that are silent or slow delay others only if there are 64 of them, and then for seconds.
const LIMITS: ServerLimits =
    ServerLimits { connections: 64, request: Duration::from_secs(3), answer: Duration::from_secs(5) };

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path without the query that follows a `?`.
    pub path: String,
    /// The `Accept` header, or an empty text without one.
    pub accept: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200, 404, 405, 431 or 503. Any other status is called a bad request.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// The body, which a HEAD request does not get.
    pub body: String,
}

impl Response {
    /// An answer of plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Response {
        Response { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// Makes the answer to a request. Several threads call it at once.
pub type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// Answers requests from threads of its own until the process ends.
///
/// # Errors
/// If the system cannot start a thread.
pub fn serve(listener: TcpListener, handler: Arc<Handler>) -> io::Result<()> {
    serve_within(LIMITS, listener, handler)
}

fn serve_within(limits: ServerLimits, listener: TcpListener, handler: Arc<Handler>) -> io::Result<()> {
    let (free, slots) = bounded(limits.connections);
    for _ in 0..limits.connections {
        let _ = free.send(());
    }
    let accept = move || {
        loop {
            let Ok(()) = slots.recv() else { return };
            let Ok((stream, _)) = listener.accept() else {
                let _ = free.send(());
                thread::sleep(ACCEPT_RETRY);
                continue;
            };
            let (handler, slot) = (Arc::clone(&handler), ConnectionSlot(free.clone()));
            let work = move || {
                // A client that hangs up gets no answer.
                let _ = answer(stream, limits, &*handler);
                drop(slot);
            };
            // If no thread can be started, the connection is closed.
            let _ = thread::Builder::new().name("http".to_owned()).spawn(work);
        }
    };
    thread::Builder::new().name("http-accept".to_owned()).spawn(accept)?;
    Ok(())
}

/// One of the connections that may be open at once. Dropping it makes it free again.
struct ConnectionSlot(Sender<()>);

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

fn answer(mut stream: TcpStream, limits: ServerLimits, handler: &Handler) -> io::Result<()> {
    let (head_only, response) = match read_request(&mut stream, Instant::now() + limits.request)? {
        Ok((head_only, request)) => (head_only, handler(&request)),
        Err(refusal) => (false, refusal),
    };
    let until = Instant::now() + limits.answer;
    let reason = match response.status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Bad Request",
    };
    let Response { status, content_type, body } = response;
    let allow = if status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
    let mut text = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{allow}\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if !head_only {
        text.push_str(&body);
    }
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        stream.set_write_timeout(Some(left(until)?))?;
        match stream.write(rest)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => rest = &rest[written..],
        }
    }
    stream.shutdown(std::net::Shutdown::Write)
}

/// How long until this moment.
///
/// # Errors
/// If it has passed.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The request, and whether the client wants only the head of the answer. If it is no request that this server answers,
/// the answer to that.
fn read_request(stream: &mut TcpStream, until: Instant) -> io::Result<Result<(bool, Request), Response>> {
    let mut head = Vec::new();
    let mut buffer = [0_u8; 1024];
    loop {
        stream.set_read_timeout(Some(left(until)?))?;
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..count]);
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) => return Ok(understand(&request)),
            Ok(httparse::Status::Partial) if head.len() < HEAD_BYTES_MAX => {}
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Ok(Err(Response::text(431, "too long a request\n")));
            }
            Err(_) => return Ok(Err(Response::text(400, "this is no HTTP request\n"))),
        }
    }
}

fn understand(request: &httparse::Request<'_, '_>) -> Result<(bool, Request), Response> {
    let head_only = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Response::text(405, "only GET and HEAD are answered\n")),
    };
    let path = request.path.unwrap_or("/").split('?').next().unwrap_or("/").to_owned();
    let accept = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("accept"));
    let accept = accept.map_or(String::new(), |header| String::from_utf8_lossy(header.value).into_owned());
    Ok((head_only, Request { path, accept }))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// A server within these limits, with a path as its own answer.
    fn server(
        limits: ServerLimits,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        serve_within(limits, listener, Arc::new(handler)).unwrap();
        address
    }

    fn get(address: SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\n\r\n").unwrap();
        stream
    }

    fn read(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    const FOREVER: Duration = Duration::from_secs(24 * 3_600);

    #[test]
    fn who_is_silent_or_waits_keeps_nobody_waiting() {
        let (finish, finished) = bounded::<()>(0);
        let limits = ServerLimits { request: FOREVER, answer: FOREVER, ..LIMITS };
        let address = server(limits, move |request| {
            if request.path == "/slow" {
                let _ = finished.recv();
            }
            Response::text(200, "answered")
        });
        let silent: Vec<TcpStream> = (0..31).map(|_| TcpStream::connect(address).unwrap()).collect();
        let slow: Vec<TcpStream> = (0..31).map(|_| get(address, "/slow")).collect();
        assert!(read(get(address, "/quick")).ends_with("answered"));
        drop((finish, silent));
        assert!(slow.into_iter().all(|stream| read(stream).ends_with("answered")));
    }

    #[test]
    fn who_is_silent_is_hung_up_on_and_makes_room() {
        let limits = ServerLimits { connections: 1, request: Duration::from_millis(50), answer: FOREVER };
        let address = server(limits, |_| Response::text(200, "answered"));
        let silent = TcpStream::connect(address).unwrap();
        assert!(read(get(address, "/")).ends_with("answered"));
        assert_eq!(read(silent), "");
    }

    #[test]
    fn who_takes_an_answer_a_letter_at_a_time_does_not_get_all_of_it() {
        const BYTES: usize = 64 << 20;
        let limits = ServerLimits { connections: 1, request: FOREVER, answer: Duration::from_millis(50) };
        let address = server(limits, |request| {
            Response::text(
                200,
                if request.path == "/long" { "a".repeat(BYTES) } else { "answered".to_owned() },
            )
        });
        let mut slow = get(address, "/long");
        let mut taken = 0;
        while let Ok(count @ 1..) = slow.read(&mut [0; 16]) {
            taken += count;
        }
        assert!(taken < BYTES, "{taken}");
        assert!(read(get(address, "/")).ends_with("answered"));
    }

    /// What a server that repeats the path answers to these bytes.
    fn exchange(sent: &[u8]) -> String {
        let repeat = |request: &Request| Response::text(200, format!("{} {}", request.path, request.accept));
        let address = server(LIMITS, repeat);
        let mut stream = TcpStream::connect(address).unwrap();
        // It may refuse, and close, before all is sent.
        let _ = stream.write_all(sent);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn a_get_is_answered_with_path_and_accept() {
        let answer = exchange(b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\r\nContent-Length: 19\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n/metrics text/plain"), "{answer}");
    }

    #[test]
    fn a_head_is_answered_without_a_body() {
        let answer = exchange(b"HEAD / HTTP/1.1\r\n\r\n");
        assert!(answer.contains("\r\nContent-Length: 2\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    }

    #[test]
    fn what_is_no_such_request_is_refused() {
        assert!(exchange(b"POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
        assert!(exchange(b"\x16\x03\x01 hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
        let long = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(HEAD_BYTES_MAX));
        assert!(exchange(long.as_bytes()).starts_with("HTTP/1.1 431 "));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(HEADERS_MAX + 1));
        assert!(exchange(many.as_bytes()).starts_with("HTTP/1.1 431 "));
    }
}
