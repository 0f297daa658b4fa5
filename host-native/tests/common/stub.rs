//! A small HTTP server that answers as a test wants it to, and an S3 bucket on top of it whose
//! faults can be chosen.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Many times what one operation takes with `hasty_config`'s times. Who waits with the times that a
/// store has by default is over it.
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
    /// Says that `claimed` bytes follow, sends fewer, and closes.
    Cut {
        claimed: usize,
        body: Vec<u8>,
    },
    /// Closes without a word.
    Closed,
    /// Says nothing until the client hangs up.
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

    /// Panics where a request came a second time: an answer that is final is not tried again.
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
        // Wakes the thread that accepts.
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
                Some(body) => Reply::ok(body.clone()),
                None => Reply::error(404, "NoSuchKey", "no such key"),
            },
            "DELETE" => {
                objects.remove(&key);
                Reply::Whole { status: 204, body: Vec::new() }
            }
            "POST" => {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let mut deleted = String::new();
                for part in body.split("<Key>").skip(1) {
                    let key = part.split("</Key>").next().unwrap_or_default();
                    objects.remove(key);
                    deleted.push_str(&format!("<Deleted><Key>{key}</Key></Deleted>"));
                }
                Reply::ok(format!("<DeleteResult>{deleted}</DeleteResult>"))
            }
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
                "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>\"e\"</ETag><Size>{}</Size></Contents>",
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
    let (status, claimed, body) = match reply {
        Reply::Whole { status, body } => (status, body.len(), body),
        Reply::Cut { claimed, body } => (200, claimed, body),
        Reply::Closed => return,
        Reply::Silent => {
            let _ = stream.read(&mut [0]);
            return;
        }
    };
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {claimed}\r\nETag: \"e\"\r\nLast-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all(head.as_bytes());
    if request.method != "HEAD" {
        let _ = stream.write_all(&body);
    }
}

/// As S3 encodes the keys of a listing: a space is a plus.
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
