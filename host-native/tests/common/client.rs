//! A very simple HTTP client, for requests that no real client sends.

use std::io::{Read, Write};
use std::net::TcpStream;

use coldpress_core::SignedRequest;

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a signed request as it is.
pub fn send(request: &SignedRequest, body: &[u8]) -> Answer {
    let headers: Vec<_> = request.headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    send_raw(request.method().as_str(), request.url(), &headers, body)
}

/// Sends exactly these headers, plus `host` and, if it is missing, `content-length`.
pub fn send_raw(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let rest = url.strip_prefix("http://").expect("a server on this machine");
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(super::HANG)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"\r\n").unwrap();
    // A server that has already refused the request may not read all of the body.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    Answer {
        status: status.parse().unwrap_or_else(|_| panic!("no answer to {method} {path}: {text:?}")),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}
