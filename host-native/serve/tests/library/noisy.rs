//! Receipts that want objects read whole: the reads of a busy token are few at a time, those of
//! others come in between, and one content is read once. Each read waits at a gate of the test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use coldpress::{ColdStorage, ColdStorageConfig};
use coldpress_core::EncodedFile;
use coldpress_serve::{Connections, GrantServer, RateLimit, ServeSettings, TokenSource, Tokens};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::http::{Reply, post};
use crate::made::{encoded, sha256, token};

/// A read that has begun, and what lets it end.
type Reading = (String, oneshot::Sender<()>);

/// A store in memory. Whoever reads an object whole waits until the test lets him.
#[derive(Clone)]
struct Gated {
    objects: Arc<HashMap<String, Vec<u8>>>,
    begun: mpsc::UnboundedSender<Reading>,
    /// Reads by key: those under way, the most at once, and all of them.
    reads: Arc<Mutex<HashMap<String, usize>>>,
}

impl Gated {
    async fn answer(self, request: Request) -> Response {
        let key = request.uri().path().trim_start_matches("/data/").to_owned();
        let Some(bytes) = self.objects.get(&key) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        if request.method() == Method::HEAD {
            let mut response = described(StatusCode::OK, HeaderMap::new(), Vec::new());
            response.headers_mut().insert(header::CONTENT_LENGTH, bytes.len().into());
            return response;
        }
        let range = request.headers().get(header::RANGE).map(|range| range.to_str().unwrap());
        if let Some((from, to)) = range.map(|r| r["bytes=".len()..].split_once('-').unwrap()) {
            let from: usize = from.parse().unwrap();
            let to = to.parse::<usize>().unwrap().min(bytes.len() - 1);
            let said = format!("bytes {from}-{to}/{}", bytes.len());
            let headers = HeaderMap::from_iter([(header::CONTENT_RANGE, said.parse().unwrap())]);
            return described(StatusCode::PARTIAL_CONTENT, headers, bytes[from..=to].to_vec());
        }
        *self.reads.lock().unwrap().entry(key.clone()).or_default() += 1;
        let (release, gate) = oneshot::channel();
        self.begun.send((key, release)).unwrap();
        let _ = gate.await;
        described(StatusCode::OK, HeaderMap::new(), bytes.clone())
    }
}

fn described(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Response {
    let mut response = (status, headers, Body::from(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, "\"e\"".parse().unwrap());
    headers.insert(header::LAST_MODIFIED, "Fri, 02 Jan 2026 03:04:05 GMT".parse().unwrap());
    response
}

/// A grant server over such a store, with a token for each of two tenants.
struct Served {
    runtime: Runtime,
    url: String,
    tokens: [String; 2],
    begun: mpsc::UnboundedReceiver<Reading>,
    reads: Arc<Mutex<HashMap<String, usize>>>,
}

fn serve(files: &[&EncodedFile]) -> Served {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (sender, begun) = mpsc::unbounded_channel();
    let objects = files.iter().map(|file| (file.key.as_str().to_owned(), file.bytes.to_vec()));
    let store =
        Gated { objects: Arc::new(objects.collect()), begun: sender, reads: Arc::default() };
    let reads = Arc::clone(&store.reads);
    let router = Router::new().fallback(move |request: Request| store.clone().answer(request));
    let endpoint = run(&runtime, router);
    let (mine, first) = token(7, &[]);
    let (theirs, second) = token(8, &[]);
    let tokens = Tokens::parse(&format!("{first}\n{second}\n")).unwrap();
    // The gates take the test's time, not the store's.
    let config = ColdStorageConfig {
        endpoint: endpoint.clone(),
        bucket: "data".to_owned(),
        prefix: String::new(),
        access_key: "AK-in-the-clear".to_owned(),
        secret_key: "SK-in-the-clear".to_owned(),
        session_token: "ST-in-the-clear".to_owned(),
        allow_http: true,
        connect_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(600),
        retry_timeout: Duration::from_secs(600),
        ..ColdStorageConfig::default()
    };
    let settings = ServeSettings {
        timeout: Duration::from_millis(600_000),
        rate: RateLimit { per_second: 1e6, burst: 1_000_000 },
        ..ServeSettings::default()
    };
    let storage = Arc::new(ColdStorage::new(config).unwrap());
    let tokens = Arc::new(TokenSource::fixed(tokens));
    let server = GrantServer::new(storage, tokens, settings).unwrap();
    let url = run(&runtime, server.router());
    let tokens = [mine.reveal().to_owned(), theirs.reveal().to_owned()];
    Served { runtime, url, tokens, begun, reads }
}

fn run(runtime: &Runtime, router: Router) -> String {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move {
        let connections = Connections::default();
        coldpress_serve::listen(listener, router, &connections, std::future::pending()).await
    });
    url
}

impl Served {
    /// Sends a receipt with the hash of its content, and waits elsewhere for the answer.
    fn receipt(&self, tenant: u64, file: &EncodedFile) -> JoinHandle<Reply> {
        let said = json!({ "key": file.key.as_str(), "sha256": sha256(&file.bytes) }).to_string();
        let token = self.tokens[usize::from(tenant == 8)].clone();
        let url = format!("{}/v1/receipts", self.url);
        thread::spawn(move || post(&url, &token, &said))
    }

    /// The next read that begins.
    fn next(&mut self) -> Reading {
        self.runtime.block_on(self.begun.recv()).unwrap()
    }
}

fn file(tenant: u64, lsn: u64) -> EncodedFile {
    encoded("", tenant, "c", (lsn, lsn), b"{\"n\":1}")
}

#[test]
fn a_noisy_token_does_not_keep_another_one_waiting() {
    let noisy: Vec<EncodedFile> = (0..20).map(|lsn| file(7, lsn)).collect();
    let quiet = file(8, 1);
    let mut served = serve(&noisy.iter().chain([&quiet]).collect::<Vec<_>>());
    let mut replies: Vec<_> = noisy.iter().map(|file| served.receipt(7, file)).collect();
    let mut reading = vec![served.next(), served.next()];
    assert!(reading.iter().all(|(key, _)| key.starts_with("7/")));
    // Two of the noisy token are under way, and of the other eighteen none may come before this.
    replies.push(served.receipt(8, &quiet));
    let (key, release) = served.next();
    assert_eq!(key, quiet.key.as_str());
    release.send(()).unwrap();
    // From here on one begins for each that ends: never more than two.
    for _ in 2..noisy.len() {
        let (key, release) = reading.remove(0);
        assert!(key.starts_with("7/"));
        release.send(()).unwrap();
        reading.push(served.next());
    }
    reading.into_iter().for_each(|(_, release)| release.send(()).unwrap());
    for reply in replies {
        assert_eq!(reply.join().unwrap().expect(200).json()["sha256_checked"], json!(true));
    }
}

#[test]
fn one_content_is_read_once_however_often_it_is_reported() {
    let file = file(7, 1);
    let mut served = serve(&[&file]);
    let replies: Vec<_> = (0..40).map(|_| served.receipt(7, &file)).collect();
    let (_, release) = served.next();
    release.send(()).unwrap();
    for reply in replies {
        reply.join().unwrap().expect(200);
    }
    served.receipt(7, &file).join().unwrap().expect(200);
    assert_eq!(served.reads.lock().unwrap()[file.key.as_str()], 1);
    // A wrong hash is found by what is remembered.
    let wrong = json!({ "key": file.key.as_str(), "sha256": sha256(b"other") }).to_string();
    let url = format!("{}/v1/receipts", served.url);
    post(&url, &served.tokens[0], &wrong).refused(409, "Conflict");
    assert_eq!(served.reads.lock().unwrap()[file.key.as_str()], 1);
}
