//! Connections that only take places: nobody is kept out by them, and each comes to its end.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use coldpress_serve::{Connections, listen};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::http;

/// What a client waits for at most. Only a connection that never ends comes so far.
const PATIENCE: Duration = Duration::from_secs(120);

/// A listener in this process: `/healthz`, a large answer, and one that takes a body.
struct Listening {
    runtime: Runtime,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<tokio::task::JoinHandle<bool>>,
}

impl Listening {
    fn start(connections: Connections) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let router = Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/large", get(async || vec![7_u8; 1 << 20]))
            .route(
                "/body",
                post(async |request: Request| {
                    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
                    body.map_or(0, |body| body.len()).to_string()
                }),
            );
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = runtime.spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            listen(listener, router, &connections, stopped).await
        });
        Listening { runtime, address, stop: Some(stop), ended: Some(ended) }
    }

    fn connect(&self, said: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream
    }

    fn is_healthy(&self) {
        http::get(&format!("http://{}/healthz", self.address)).expect(200);
    }
}

/// Reads until the server closes the connection, whichever way.
#[track_caller]
fn read_to_the_end(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("the server never closed it, after {} bytes", bytes.len());
        }
        _ => bytes,
    }
}

const HEAD: &str = "HTTP/1.1\r\nhost: h\r\n";

#[test]
fn a_crowd_that_never_reads_or_never_asks_keeps_nobody_out() {
    let listening = Listening::start(Connections { count_max: 16, ..Connections::default() });
    let mut crowd = Vec::new();
    for _ in 0..10 {
        for _ in 0..10 {
            crowd.push(listening.connect(""));
            crowd.push(listening.connect("G"));
            crowd.push(listening.connect(&format!("GET /large {HEAD}\r\n")));
            crowd.push(listening.connect(&format!("POST /body {HEAD}content-length: 9\r\n\r\n1")));
        }
        // All are still open on this side.
        listening.is_healthy();
    }
    drop(crowd);
}

#[test]
fn whoever_is_too_slow_is_closed() {
    let short = Connections {
        head_timeout: Duration::from_millis(100),
        body_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(100),
        ..Connections::default()
    };
    let listening = Listening::start(short);
    for said in ["".to_owned(), "G".to_owned(), format!("GET /healthz {HEAD}x: y")] {
        assert_eq!(read_to_the_end(listening.connect(&said)), b"", "{said:?}");
    }
    let body = format!("POST /body {HEAD}content-length: 9\r\n\r\n1");
    assert_eq!(read_to_the_end(listening.connect(&body)), b"");
    // One request is answered, and no other one comes.
    let answered = read_to_the_end(listening.connect(&format!("GET /healthz {HEAD}\r\n")));
    assert!(answered.starts_with(b"HTTP/1.1 200"), "{answered:?}");
    listening.is_healthy();
}

#[test]
fn bytes_that_trickle_in_gain_no_time() {
    let short = Connections {
        head_timeout: Duration::from_millis(200),
        body_timeout: Duration::from_millis(200),
        ..Connections::default()
    };
    let listening = Listening::start(short);
    for said in [
        format!("GET /healthz {HEAD}"),
        format!("POST /body {HEAD}content-length: 1000000000\r\n\r\n"),
    ] {
        let mut stream = listening.connect(&said);
        // As fast as it can, a byte at a time would be a body that moves; so a little slower.
        let closed = (0..60_000).any(|_| {
            std::thread::sleep(Duration::from_millis(2));
            stream.write_all(b"x").is_err()
        });
        assert!(closed, "{said:?}");
    }
}

#[test]
fn whoever_does_not_read_is_closed_and_asks_the_server_for_no_more() {
    let short = Connections { write_timeout: Duration::from_millis(200), ..Connections::default() };
    let listening = Listening::start(short);
    let mut stream = listening.connect("");
    let request = format!("GET /large {HEAD}\r\n");
    let error = loop {
        // Each asks for a megabyte, and the server takes requests only while it can answer them.
        if let Err(error) = stream.write_all(request.as_bytes()) {
            break error;
        }
    };
    assert!(
        !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "the server never closed it: {error}"
    );
    listening.is_healthy();
}

#[test]
fn an_old_connection_ends_with_a_whole_answer() {
    let listening = Listening::start(Connections {
        age_max: Duration::from_millis(100),
        ..Connections::default()
    });
    let mut stream = listening.connect("");
    let request = format!("GET /healthz {HEAD}\r\n");
    let mut answers = Vec::new();
    let started = std::time::Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "it has no age");
        let mut piece = [0; 4_096];
        if stream.write_all(request.as_bytes()).is_err() {
            break;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => answers.extend_from_slice(&piece[..read]),
        }
    }
    let answers = String::from_utf8(answers).unwrap();
    assert!(answers.ends_with("\r\n\r\nok"), "{answers}");
    listening.is_healthy();
}

#[test]
fn a_head_without_end_is_refused() {
    let listening = Listening::start(Connections::default());
    let long = format!("GET /healthz {HEAD}x: {}\r\n\r\n", "y".repeat(64 << 10));
    let mut stream = TcpStream::connect(listening.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may be closed before all of it is written.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = [0; 12];
    let read = stream.read(&mut answer).unwrap_or(0);
    assert!(read == 0 || answer.starts_with(b"HTTP/1.1 431"), "{answer:?}");
    listening.is_healthy();
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let mut listening = Listening::start(Connections {
        drain: Duration::from_millis(3_600_000),
        ..Connections::default()
    });
    let mut idle = listening.connect(&format!("GET /healthz {HEAD}\r\n"));
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).unwrap();
    listening.stop.take().unwrap().send(()).unwrap();
    let ended = listening.ended.take().unwrap();
    // An hour is what those under way would have.
    assert!(listening.runtime.block_on(ended).unwrap());
}
