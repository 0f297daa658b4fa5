//! `--metrics`: what the library counts, in Prometheus' text form, and whether the process lives.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::atomics::AtomicU64;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::cli::failure::Failure;

/// The longest head of a request.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// The most time for one request.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);
const CONNECTIONS_MAX: usize = 16;

/// Takes what the library counts from here on, and serves it; the URL.
pub fn serve(runtime: &Runtime, address: SocketAddr) -> Result<String, Failure> {
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(|error| {
        Failure::run(format_args!("cannot listen on {address}: {error}; choose another --metrics"))
    })?;
    let url = format!("http://{}", listener.local_addr().map_err(Failure::run)?);
    let book = Book::default();
    metrics::set_global_recorder(book.clone()).map_err(Failure::run)?;
    runtime.spawn(accept(listener, book));
    Ok(url)
}

/// Counters and gauges, by name and labels.
#[derive(Debug, Clone, Default)]
struct Book(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    help: BTreeMap<String, String>,
    counters: BTreeMap<(String, String), Arc<AtomicU64>>,
    /// The bits of an f64.
    gauges: BTreeMap<(String, String), Arc<AtomicU64>>,
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn render(&self) -> String {
        let pages = self.pages();
        let mut text = String::new();
        let mut last = String::new();
        let counters = pages.counters.iter().map(|(key, value)| (key, "counter", value));
        let gauges = pages.gauges.iter().map(|(key, value)| (key, "gauge", value));
        for ((name, labels), kind, value) in counters.chain(gauges) {
            // Writing to a String cannot fail.
            if *name != last {
                if let Some(help) = pages.help.get(name) {
                    let _ = writeln!(text, "# HELP {name} {help}");
                }
                let _ = writeln!(text, "# TYPE {name} {kind}");
                last.clone_from(name);
            }
            let value = value.load(Ordering::Relaxed);
            let _ = match kind {
                "gauge" => writeln!(text, "{name}{labels} {}", f64::from_bits(value)),
                _ => writeln!(text, "{name}{labels} {value}"),
            };
        }
        text
    }
}

impl Recorder for Book {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.pages().help.insert(name.as_str().to_owned(), text.into_owned());
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.pages().help.insert(name.as_str().to_owned(), text.into_owned());
    }

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::clone(self.pages().counters.entry(place(key)).or_default()))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::clone(self.pages().gauges.entry(place(key)).or_default()))
    }

    /// The library has none.
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn place(key: &Key) -> (String, String) {
    let labels: Vec<String> = key
        .labels()
        .map(|label| {
            let value = label.value().replace('\\', "\\\\").replace('"', "\\\"");
            format!("{}=\"{}\"", label.key(), value.replace('\n', "\\n"))
        })
        .collect();
    let labels =
        if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    (key.name().to_owned(), labels)
}

async fn accept(listener: TcpListener, book: Book) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let book = book.clone();
                tokio::spawn(async move {
                    // Whoever hangs up, or is too slow, asks again.
                    let _ = tokio::time::timeout(REQUEST_TIME_MAX, answer(stream, &book)).await;
                    drop(place);
                });
            }
            // Out of file handles, say, which passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(mut stream: TcpStream, book: &Book) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 1 << 10];
        let read = stream.read(&mut part).await?;
        if read == 0 || head.len() + read > HEAD_BYTES_MAX {
            return Ok(());
        }
        head.extend_from_slice(&part[..read]);
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let (status, body) = match (method, path) {
        ("GET" | "HEAD", "/metrics") => ("200 OK", book.render()),
        ("GET" | "HEAD", "/healthz") => ("200 OK", "ok\n".to_owned()),
        ("GET" | "HEAD", _) => ("404 Not Found", "there is /metrics and /healthz\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if method != "HEAD" {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_with_its_type_and_meaning() {
        let book = Book::default();
        metrics::with_local_recorder(&book, || {
            metrics::describe_counter!("c_total", "How many.");
            metrics::counter!("c_total").increment(2);
            metrics::counter!("f_total", "kind" => "a\"b").increment(1);
            metrics::gauge!("g").set(1.5);
            metrics::counter!("c_total").increment(3);
        });
        assert_eq!(
            book.render(),
            "# HELP c_total How many.\n# TYPE c_total counter\nc_total 5\n\
             # TYPE f_total counter\nf_total{kind=\"a\\\"b\"} 1\n\
             # TYPE g gauge\ng 1.5\n"
        );
    }
}
