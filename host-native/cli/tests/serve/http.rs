//! The plainest HTTP client there is: it sends what it is told, and reads to the end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use coldpress_core::SignedRequest;
use serde_json::Value;

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The code and message of a refusal by the grant server.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> String {
        let error = self.expect(status).json()["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        error["message"].as_str().unwrap().to_owned()
    }

    /// The code of a refusal by the store.
    #[track_caller]
    pub fn s3_refused(self, status: u16, code: &str) {
        let text = self.expect(status).text();
        assert!(text.contains(&format!("<Code>{code}</Code>")), "{text}");
    }
}

/// Sends a signed request as it is.
pub fn send(request: &SignedRequest, body: &[u8]) -> Reply {
    let headers: Vec<_> = request.headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    request_with(request.method().as_str(), request.url(), &headers, body)
}

pub fn get(url: &str) -> Reply {
    request_with("GET", url, &[], b"")
}

pub fn post(url: &str, token: &str, body: &str) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    request_with("POST", url, &headers, body.as_bytes())
}

/// Sends these headers and no others, but for `host` and `content-length` where they are not among
/// them.
pub fn request_with(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut stream = begin(method, url, headers, body.len());
    // A server that has refused already may not read all of it.
    let _ = stream.write_all(body);
    finish(stream)
}

/// Sends all but the body.
pub fn begin(method: &str, url: &str, headers: &[(&str, &str)], body_bytes: usize) -> TcpStream {
    let rest = url.strip_prefix("http://").expect("a server on this machine");
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    let mut given = |name: &str, value: &str| {
        if !headers.iter().any(|(given, _)| *given == name) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    };
    given("host", host);
    given("content-length", &body_bytes.to_string());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"\r\n").unwrap();
    stream
}

/// The same, and waits until the server itself asks for the body: so it has begun with the request.
pub fn begin_heard(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body_bytes: usize,
) -> TcpStream {
    let headers = [headers, &[("expect", "100-continue")]].concat();
    let mut stream = begin(method, url, &headers, body_bytes);
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        heard.extend(byte);
    }
    assert!(heard.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&heard));
    stream
}

/// Reads the answer.
pub fn finish(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        panic!("no answer: {read:?}, {:?}", String::from_utf8_lossy(&bytes));
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut reply =
        Reply { status: status.parse().unwrap(), headers, body: bytes[end + 4..].to_vec() };
    if reply.header("transfer-encoding") == Some("chunked") {
        reply.body = unchunked(&reply.body);
    }
    reply
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
}
