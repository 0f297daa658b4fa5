//! A small HTTP server that answers as a test wants, and an S3 bucket on top of it with faults to
//! choose.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Many times what one operation takes with `hasty_config`'s timeouts. An operation with the
/// default timeouts takes longer.
pub const BOUND: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// As it came, still percent-encoded, without the query.
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).map(|(_, value)| percent_decoded(value))
    }

    /// The object's key in the bucket `data`.
    pub fn key(&self) -> String {
        percent_decoded(self.path.strip_prefix("/data/").unwrap_or_default())
    }
}

pub enum Reply {
    Whole {
        status: u16,
        body: Vec<u8>,
    },
    /// Announces `claimed` bytes, sends fewer, and closes.
    Cut {
        claimed: usize,
        body: Vec<u8>,
    },
    /// Sends these headers, announces `claimed` bytes, and sends `body`.
    Headed {
        status: u16,
        headers: Vec<(&'static str, String)>,
        claimed: usize,
        body: Vec<u8>,
    },
    /// Closes without an answer.
    Closed,
    /// Sends nothing until the client closes.
    Silent,
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Reply::Whole { status: 200, body: body.into() }
    }

    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Reply::Whole { status, body: body.into() }
    }
}

/// A server of its own; stopped when dropped.
pub struct Stub {
    pub endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
    stopped: Arc<AtomicBool>,
    address: std::net::SocketAddr,
}

impl Stub {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, stopped) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (seen, stop, answer) = (Arc::clone(&requests), Arc::clone(&stopped), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let Ok(mut stream) = stream else { return };
                    let Some(request) = read_request(&mut stream) else { return };
                    seen.lock().unwrap().push(request.clone());
                    reply(&mut stream, &request, answer(&request));
                });
            }
        });
        Stub { endpoint: format!("http://{address}"), requests, stopped, address }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn count(&self, method: &str) -> usize {
        self.requests().iter().filter(|request| request.method == method).count()
    }

    /// Panics if a request came twice: a final answer must not be retried.
    #[track_caller]
    pub fn assert_no_retry(&self) {
        let mut seen: Vec<_> =
            self.requests().into_iter().map(|r| (r.method, r.path, r.query)).collect();
        seen.sort_unstable();
        if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
            panic!("{:?} was tried again", pair[0]);
        }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts connections.
        let _ = TcpStream::connect(self.address);
    }
}

/// A bucket in memory. `conditional` is whether it honours `If-None-Match`.
#[derive(Clone)]
pub struct Bucket {
    pub conditional: bool,
    pub page_size: usize,
    pub objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Bucket {
    pub fn new(conditional: bool) -> Self {
        Bucket { conditional, page_size: 1_000, objects: Arc::default() }
    }

    pub fn put(&self, key: &str, body: &[u8]) {
        self.objects.lock().unwrap().insert(key.to_owned(), body.to_owned());
    }

    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    pub fn answer(&self, request: &Request) -> Reply {
        let mut objects = self.objects.lock().unwrap();
        let key = request.key();
        match request.method.as_str() {
            "PUT" => {
                let conditional = self.conditional && request.header("if-none-match") == Some("*");
                if conditional && objects.contains_key(&key) {
                    return Reply::error(412, "PreconditionFailed", "it is there");
                }
                objects.insert(key, request.body.clone());
                Reply::ok("")
            }
            "GET" if request.query.contains("list-type=2") => {
                Reply::ok(self.page(&objects, request))
            }
            "GET" => match objects.get(&key) {
                Some(body) => match request.header("range").and_then(|range| range_of(range, body))
                {
                    Some((from, to)) => Reply::Headed {
                        status: 206,
                        headers: vec![(
                            "Content-Range",
                            format!("bytes {from}-{}/{}", to - 1, body.len()),
                        )],
                        claimed: to - from,
                        body: body[from..to].to_vec(),
                    },
                    None => Reply::ok(body.clone()),
                },
                None => Reply::error(404, "NoSuchKey", "no such key"),
            },
            "DELETE" => {
                objects.remove(&key);
                Reply::Whole { status: 204, body: Vec::new() }
            }
            "POST" => {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let mut told = String::new();
                for part in body.split("<Key>").skip(1) {
                    let key = part.split("</Key>").next().unwrap_or_default();
                    objects.remove(key);
                    told.push_str(&format!("<Deleted><Key>{key}</Key></Deleted>"));
                }
                Reply::ok(format!("<DeleteResult>{told}</DeleteResult>"))
            }
            "HEAD" => match objects.get(&key) {
                Some(body) => Reply::ok(body.clone()),
                None => Reply::Whole { status: 404, body: Vec::new() },
            },
            _ => Reply::error(405, "MethodNotAllowed", "no"),
        }
    }

    fn page(&self, objects: &BTreeMap<String, Vec<u8>>, request: &Request) -> String {
        let prefix = request.parameter("prefix").unwrap_or_default();
        let after = request.parameter("continuation-token").unwrap_or_default();
        let after = percent_decoded(&after);
        let flat = request.parameter("delimiter").is_none();
        let as_url = request.parameter("encoding-type").as_deref() == Some("url");
        let mut matching =
            objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
        let mut body = "<?xml version=\"1.0\"?><ListBucketResult>".to_owned();
        if as_url {
            body.push_str("<EncodingType>url</EncodingType>");
        }
        let name = |key: &str| if as_url { url_encoded(key) } else { key.to_owned() };
        let (mut last, mut folder) = (String::new(), String::new());
        for (key, object) in matching.by_ref().take(self.page_size) {
            last.clone_from(key);
            if let (false, Some(at)) = (flat, key[prefix.len()..].find('/')) {
                let in_folder = &key[..=prefix.len() + at];
                if folder != in_folder {
                    in_folder.clone_into(&mut folder);
                    let shown = name(&folder);
                    body.push_str(&format!(
                        "<CommonPrefixes><Prefix>{shown}</Prefix></CommonPrefixes>"
                    ));
                }
                continue;
            }
            let key = name(key);
            body.push_str(&format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>\
                 <ETag>\"e\"</ETag><Size>{}</Size></Contents>",
                object.len()
            ));
        }
        let more = matching.next().is_some();
        body.push_str(&format!("<IsTruncated>{more}</IsTruncated>"));
        if more {
            let token = url_encoded(&last).replace('+', "%20");
            body.push_str(&format!("<NextContinuationToken>{token}</NextContinuationToken>"));
        }
        body + "</ListBucketResult>"
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Request> {
    stream.set_read_timeout(Some(Duration::from_secs(300))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut request = Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Vec::new(),
    };
    let length = request.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

fn reply(stream: &mut TcpStream, request: &Request, reply: Reply) {
    let (status, headers, claimed, body) = match reply {
        Reply::Whole { status, body } => (status, Vec::new(), body.len(), body),
        Reply::Cut { claimed, body } => (200, Vec::new(), claimed, body),
        Reply::Headed { status, headers, claimed, body } => (status, headers, claimed, body),
        Reply::Closed => return,
        Reply::Silent => {
            let _ = stream.read(&mut [0]);
            return;
        }
    };
    let etag = match headers.iter().any(|(name, _)| *name == "ETag") {
        true => "",
        false => "ETag: \"e\"\r\n",
    };
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {claimed}\r\n{etag}{headers}Last-Modified: Fri, \
        02 Jan 2026 03:04:05 GMT\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all(head.as_bytes());
    if request.method != "HEAD" {
        let _ = stream.write_all(&body);
    }
}

/// Encodes the keys of a listing as S3 does: a space becomes a plus.
fn url_encoded(key: &str) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                text.push(char::from(byte));
            }
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The range of `bytes=FROM-TO`, with an exclusive end.
fn range_of(range: &str, body: &[u8]) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let to = to.parse().map_or(body.len(), |last: usize| body.len().min(last + 1));
    Some((from.parse().ok()?, to))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
