//! As much of HTTP/1.1 as a proxy must understand: where a request and its answer end.

use std::io::{self, BufRead, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

/// The head of a request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    pub body_bytes: u64,
    head: Vec<u8>,
}

impl Asked {
    /// Whether the client takes no other answer on this connection.
    pub(super) fn closes(&self) -> bool {
        closes(&self.head)
    }

    /// The value of a header; none where it is not there.
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }
}

/// How an answer went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Whole,
    /// Cut on purpose, or whole with the connection's end.
    Ended,
}

/// Holds bytes back so that no more than so many pass in a second.
pub(super) struct Pace {
    bytes_per_s: u64,
    started: Instant,
    passed: u64,
}

impl Pace {
    pub(super) fn unbounded() -> Self {
        Pace::of(u64::MAX)
    }

    pub(super) fn of(bytes_per_s: u64) -> Self {
        Pace { bytes_per_s, started: Instant::now(), passed: 0 }
    }

    fn chunk_bytes(&self) -> u64 {
        (self.bytes_per_s / 20).clamp(1, 64 * 1024)
    }

    fn hold(&mut self, bytes: u64) {
        if self.bytes_per_s == u64::MAX {
            return;
        }
        self.passed += bytes;
        let due = Duration::from_secs_f64(self.passed as f64 / self.bytes_per_s as f64);
        thread::sleep(due.saturating_sub(self.started.elapsed()));
    }
}

/// The next request's head; none where the client has ended.
pub(super) fn read_request(client: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let head = read_head(client)?;
    let line = String::from_utf8_lossy(head.split(|&b| b == b'\r').next().unwrap_or_default());
    let mut words = line.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    if header(&head, "transfer-encoding").is_some() {
        return Err(io::Error::other("the proxy takes no chunked requests"));
    }
    let body_bytes = header(&head, "content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    Ok(Some(Asked { method: method.to_owned(), target: target.to_owned(), body_bytes, head }))
}

/// Passes head and at most `most` bytes of the body on; the bytes of the body that passed.
pub(super) fn pass_request(
    asked: &Asked,
    client: &mut impl Read,
    server: &mut impl Write,
    most: u64,
    pace: &mut Pace,
) -> io::Result<u64> {
    server.write_all(&asked.head)?;
    let bytes = asked.body_bytes.min(most);
    copy(client, server, bytes, pace)?;
    Ok(bytes)
}

/// Reads a body and forgets it.
pub(super) fn skip(client: &mut impl Read, bytes: u64) -> io::Result<()> {
    copy(client, &mut io::sink(), bytes, &mut Pace::unbounded())
}

/// Waits until the server begins to answer.
pub(super) fn wait_for_answer(server: &mut impl BufRead) -> io::Result<()> {
    server.fill_buf().map(|_| ())
}

/// Passes the answer on, at most `most` bytes of its body.
pub(super) fn pass_answer(
    asked: &Asked,
    server: &mut impl BufRead,
    client: &mut impl Write,
    most: u64,
    pace: &mut Pace,
) -> io::Result<Answered> {
    let head = loop {
        let head = read_head(server)?;
        if head.is_empty() {
            return Ok(Answered::Ended);
        }
        client.write_all(&head)?;
        // `100 Continue` comes before the answer itself.
        if !head.starts_with(b"HTTP/1.1 1") {
            break head;
        }
    };
    let whole = if asked.closes() || closes(&head) { Answered::Ended } else { Answered::Whole };
    let bodiless = asked.method == "HEAD" || head.starts_with(b"HTTP/1.1 204");
    if bodiless || head.starts_with(b"HTTP/1.1 304") {
        return Ok(whole);
    }
    if header(&head, "transfer-encoding").is_some_and(|how| how.contains("chunked")) {
        let passed = pass_chunks(server, client, most, pace)?;
        return Ok(if passed == Answered::Whole { whole } else { passed });
    }
    let length = header(&head, "content-length").and_then(|n| n.parse::<u64>().ok());
    let bytes = length.unwrap_or(u64::MAX);
    copy(server, client, bytes.min(most), pace)?;
    Ok(if length.is_some() && bytes <= most { whole } else { Answered::Ended })
}

/// Answers as S3 does.
pub(super) fn answer(
    client: &mut impl Write,
    asked: &Asked,
    status: u16,
    code: &str,
    retry_after_s: Option<u32>,
) -> io::Result<()> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>said by the fault proxy</Message></Error>"
    );
    let retry = retry_after_s.map(|s| format!("Retry-After: {s}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n{retry}\r\n",
        body.len()
    );
    let body = if asked.method == "HEAD" { "" } else { &body };
    client.write_all(format!("{head}{body}").as_bytes())
}

fn pass_chunks(
    server: &mut impl BufRead,
    client: &mut impl Write,
    mut most: u64,
    pace: &mut Pace,
) -> io::Result<Answered> {
    loop {
        let mut line = Vec::new();
        server.read_until(b'\n', &mut line)?;
        let digits = String::from_utf8_lossy(&line);
        let digits = digits.split([';', '\r']).next().unwrap_or_default().trim();
        let bytes = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        client.write_all(&line)?;
        // Its line break too.
        copy(server, client, (bytes + 2).min(most), pace)?;
        if bytes == 0 {
            return Ok(Answered::Whole);
        }
        if bytes >= most {
            return Ok(Answered::Ended);
        }
        most -= bytes;
    }
}

/// Up to `bytes` bytes; an end before that is an error, but where all until the end was asked for.
fn copy(from: &mut impl Read, to: &mut impl Write, bytes: u64, pace: &mut Pace) -> io::Result<()> {
    let mut buffer = vec![0; pace.chunk_bytes() as usize];
    let mut left = bytes;
    while left > 0 {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match from.read(&mut buffer[..room])? {
            0 if bytes == u64::MAX => return Ok(()),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                to.write_all(&buffer[..read])?;
                left -= read as u64;
                pace.hold(read as u64);
            }
        }
    }
    Ok(())
}

/// All up to and with the empty line; empty where the other side has ended.
fn read_head(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        let read = from.read_until(b'\n', &mut head)?;
        if read == 0 {
            return if head.is_empty() {
                Ok(head)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        if matches!(&head[before..], b"\r\n" | b"\n") {
            return Ok(head);
        }
    }
}

fn header(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn closes(head: &[u8]) -> bool {
    header(head, "connection").is_some_and(|how| how.eq_ignore_ascii_case("close"))
}
