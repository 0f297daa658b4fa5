//! `--metrics`: the library's counters in Prometheus' text format, and a health check.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::{pending, ready};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coldpress_listen::{Connections, Received, listen};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::service::service_fn;
use metrics::atomics::AtomicU64;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::failure::Failure;

/// The most connections at a time: enough for a few scrapers and people.
const CONNECTIONS_MAX: usize = 64;

/// Collects the library's counters from now on, and serves them. Returns the URL.
pub fn serve(runtime: &Runtime, address: SocketAddr) -> Result<String, Failure> {
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(|error| {
        Failure::run(format_args!("cannot listen on {address}: {error}; choose another --metrics"))
    })?;
    let url = format!("http://{}", listener.local_addr().map_err(Failure::run)?);
    let book = Book::default();
    metrics::set_global_recorder(book.clone()).map_err(Failure::run)?;
    let service = service_fn(move |request: Request<Received>| {
        ready(Ok::<_, Infallible>(answer(request.method(), request.uri().path(), &book)))
    });
    let connections = Connections { count_max: CONNECTIONS_MAX, ..Connections::default() };
    // Until the process ends.
    runtime.spawn(async move { listen(listener, service, &connections, pending()).await });
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

    /// The library has no histograms.
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

fn answer(method: &Method, path: &str, book: &Book) -> Response<String> {
    let (status, body) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, book.render()),
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "ok\n".to_owned()),
        (&Method::GET | &Method::HEAD, _) => (
            StatusCode::NOT_FOUND,
            "no such path; this server has /metrics and /healthz\n".to_owned(),
        ),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed\n".to_owned()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    // So that scripts can read until the connection ends.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
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
