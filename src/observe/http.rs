//! A small HTTP/1.1 server for programs that watch: GET and HEAD, a request a connection, and limits on all of it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Connections answered at once; more wait with the system.
const THREADS: usize = 4;

const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;

/// A request must be there, and its answer taken, within this.
const PATIENCE: Duration = Duration::from_secs(5);

/// After a failed accept (too many open files) there is no use in trying again at once.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Without what comes behind a `?`.
    pub path: String,
    /// The `Accept` header; empty where there is none.
    pub accept: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Response {
    pub fn text(status: u16, body: impl Into<String>) -> Response {
        Response { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

pub type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// Answers whoever connects, from threads of its own that live as long as the process.
///
/// # Errors
/// When the system starts no thread.
pub fn serve(listener: TcpListener, handler: Arc<Handler>) -> io::Result<()> {
    let listener = Arc::new(listener);
    for number in 0..THREADS {
        let (listener, handler) = (Arc::clone(&listener), Arc::clone(&handler));
        thread::Builder::new().name(format!("http-{number}")).spawn(move || {
            loop {
                match listener.accept() {
                    // Who goes away in the middle gets no answer.
                    Ok((stream, _)) => drop(answer(stream, &*handler)),
                    Err(_) => thread::sleep(ACCEPT_RETRY),
                }
            }
        })?;
    }
    Ok(())
}

fn answer(mut stream: TcpStream, handler: &Handler) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    let (head_only, response) = match read_request(&mut stream, until)? {
        Ok((head_only, request)) => (head_only, handler(&request)),
        Err(refusal) => (false, refusal),
    };
    stream.set_write_timeout(Some(PATIENCE))?;
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
    stream.write_all(text.as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)
}

/// The request, and whether only the head of the answer is wanted; or the answer to what is none.
fn read_request(stream: &mut TcpStream, until: Instant) -> io::Result<Result<(bool, Request), Response>> {
    let mut head = Vec::new();
    let mut buffer = [0_u8; 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
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
    use super::*;

    /// What a server that repeats the path answers to these bytes.
    fn exchange(sent: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let repeat = |request: &Request| Response::text(200, format!("{} {}", request.path, request.accept));
        serve(listener, Arc::new(repeat)).unwrap();
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
