//! The server's metrics, in Prometheus' text format.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use coldpress::WalStatus;

use super::refusal::Reason;

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The routes that metrics tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Grants,
    Receipts,
    Scans,
}

impl Route {
    const ALL: [Route; 3] = [Route::Grants, Route::Receipts, Route::Scans];

    fn label(self) -> &'static str {
        match self {
            Route::Grants => "/v1/grants",
            Route::Receipts => "/v1/receipts",
            Route::Scans => "/v1/scans",
        }
    }
}

/// The counters of one server. Reading them does not slow requests down.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    grants_put: AtomicU64,
    grants_multipart: AtomicU64,
    receipts_confirmed: AtomicU64,
    scans_answered: AtomicU64,
    read_grants: AtomicU64,
    refused: [[AtomicU64; Reason::ALL.len()]; Route::ALL.len()],
    latency: [Histogram; Route::ALL.len()],
    in_flight: AtomicU64,
}

#[derive(Debug, Default)]
struct Histogram {
    /// One more than the bounds, for times above them all.
    counts: [AtomicU64; BUCKETS.len() + 1],
    sum_us: AtomicU64,
}

/// A request that is not answered yet. Dropping this ends the count.
#[derive(Debug)]
pub(crate) struct InFlight<'m>(&'m Metrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    pub(crate) fn granted(&self, multipart: bool) {
        let counter = if multipart { &self.grants_multipart } else { &self.grants_put };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn confirmed(&self) {
        self.receipts_confirmed.fetch_add(1, Ordering::Relaxed);
    }

    /// A page of read grants for so many files.
    pub(crate) fn scanned(&self, files: usize) {
        self.scans_answered.fetch_add(1, Ordering::Relaxed);
        self.read_grants.fetch_add(files as u64, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, route: Route, reason: Reason) {
        self.refused[route as usize][reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn took(&self, route: Route, time: Duration) {
        let histogram = &self.latency[route as usize];
        let seconds = time.as_secs_f64();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        histogram.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        histogram.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The text of `GET /metrics`. `tokens` is the number of valid tokens.
    pub(crate) fn render(&self, tokens: usize) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut text = Text::default();
        text.family("coldpress_build_info", "gauge", "The version that runs.");
        text.sample("coldpress_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.family("coldpress_tokens", "gauge", "Bearer tokens that are valid.");
        text.sample("coldpress_tokens", &[], tokens as u64);
        text.family("coldpress_grants_total", "counter", "Grants issued.");
        text.sample("coldpress_grants_total", &[("kind", "put")], read(&self.grants_put));
        text.sample(
            "coldpress_grants_total",
            &[("kind", "multipart")],
            read(&self.grants_multipart),
        );
        let name = "coldpress_grants_refused_total";
        text.family(name, "counter", "Grants refused, by reason.");
        for reason in Reason::ALL {
            let count = read(&self.refused[Route::Grants as usize][reason as usize]);
            text.sample(name, &[("reason", reason.label())], count);
        }
        let name = "coldpress_receipts_total";
        text.family(name, "counter", "Receipts asked for, by outcome.");
        text.sample(name, &[("outcome", "confirmed")], read(&self.receipts_confirmed));
        self.render_refused(&mut text, name, Route::Receipts);
        let name = "coldpress_scans_total";
        text.family(name, "counter", "Pages of read grants asked for, by outcome.");
        text.sample(name, &[("outcome", "answered")], read(&self.scans_answered));
        self.render_refused(&mut text, name, Route::Scans);
        let name = "coldpress_read_grants_total";
        text.family(name, "counter", "Read grants issued, one for each file.");
        text.sample(name, &[], read(&self.read_grants));
        self.render_latency(&mut text);
        let name = "coldpress_http_requests_in_flight";
        text.family(name, "gauge", "Requests that are not answered yet.");
        text.sample(name, &[], read(&self.in_flight));
        text.0
    }

    fn render_refused(&self, text: &mut Text, name: &str, route: Route) {
        for reason in Reason::ALL {
            let count = self.refused[route as usize][reason as usize].load(Ordering::Relaxed);
            text.sample(name, &[("outcome", reason.label())], count);
        }
    }

    fn render_latency(&self, text: &mut Text) {
        let name = "coldpress_http_request_duration_seconds";
        text.family(name, "histogram", "Time from a request's head to its answer.");
        for route in Route::ALL {
            let histogram = &self.latency[route as usize];
            let mut below = 0;
            for (bound, count) in BUCKETS.iter().zip(&histogram.counts) {
                below += count.load(Ordering::Relaxed);
                let labels = [("route", route.label()), ("le", &bound.to_string())];
                text.sample(&format!("{name}_bucket"), &labels, below);
            }
            below += histogram.counts[BUCKETS.len()].load(Ordering::Relaxed);
            let labels = [("route", route.label()), ("le", "+Inf")];
            text.sample(&format!("{name}_bucket"), &labels, below);
            let sum = histogram.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
            text.sample(&format!("{name}_sum"), &[("route", route.label())], sum);
            text.sample(&format!("{name}_count"), &[("route", route.label())], below);
        }
    }
}

/// The state of a log, with the same metric names as `coldpress wal archive --watch --metrics`.
pub(crate) fn render_log(status: Option<&WalStatus>) -> String {
    let mut text = Text::default();
    let name = "coldpress_wal_status_known";
    text.family(name, "gauge", "1 where folder and archive could be looked at just now.");
    text.sample(name, &[], u8::from(status.is_some()));
    let Some(status) = status else { return text.0 };
    let exposure = status.exposure;
    let gauges = [
        (
            "coldpress_wal_exposure_seconds",
            "How far back in time the data reaches that would be lost with this machine.",
            exposure.age.as_millis() as f64 / 1e3,
        ),
        (
            "coldpress_wal_exposure_bytes",
            "Bytes that would be lost with this machine, the unfinished segment included.",
            exposure.bytes as f64,
        ),
        (
            "coldpress_wal_waiting_segments",
            "Finished segments that are not archived yet.",
            exposure.waiting as f64,
        ),
        ("coldpress_wal_waiting_bytes", "Their bytes.", exposure.waiting_bytes as f64),
        ("coldpress_wal_archive_segments", "Segments in the archive.", status.segments as f64),
        ("coldpress_wal_archive_bytes", "Their bytes.", status.bytes as f64),
        ("coldpress_wal_gaps", "Places where segments are missing.", status.gaps.len() as f64),
    ];
    for (name, help, value) in gauges {
        text.family(name, "gauge", help);
        text.sample(name, &[], value);
    }
    if let Some((_, at)) = &status.last {
        let name = "coldpress_wal_last_archived_timestamp_seconds";
        text.family(name, "gauge", "When a segment was last archived, in seconds since 1970.");
        text.sample(
            name,
            &[],
            at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64 / 1e3,
        );
    }
    text.0
}

/// All labels are names of our own, so nothing in them needs escaping.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        if !labels.is_empty() {
            let pairs: Vec<String> =
                labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            self.0.push_str(&format!("{{{}}}", pairs.join(",")));
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_everything_has_a_type() {
        let metrics = Metrics::default();
        metrics.took(Route::Grants, Duration::from_micros(1_500));
        metrics.took(Route::Grants, Duration::from_secs(60));
        metrics.refused(Route::Receipts, Reason::Conflict);
        metrics.scanned(3);
        metrics.refused(Route::Scans, Reason::Forbidden);
        let one = metrics.begin();
        let text = metrics.render(3);
        for line in [
            "coldpress_http_request_duration_seconds_bucket{route=\"/v1/grants\",le=\"0.001\"} 0",
            "coldpress_http_request_duration_seconds_bucket{route=\"/v1/grants\",le=\"0.0025\"} 1",
            "coldpress_http_request_duration_seconds_bucket{route=\"/v1/grants\",le=\"30\"} 1",
            "coldpress_http_request_duration_seconds_bucket{route=\"/v1/grants\",le=\"+Inf\"} 2",
            "coldpress_http_request_duration_seconds_sum{route=\"/v1/grants\"} 60.0015",
            "coldpress_http_request_duration_seconds_count{route=\"/v1/grants\"} 2",
            "coldpress_receipts_total{outcome=\"conflict\"} 1",
            "coldpress_scans_total{outcome=\"answered\"} 1",
            "coldpress_scans_total{outcome=\"forbidden\"} 1",
            "coldpress_read_grants_total 3",
            "coldpress_grants_refused_total{reason=\"conflict\"} 0",
            "coldpress_http_requests_in_flight 1",
            "coldpress_tokens 3",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        drop(one);
        assert!(metrics.render(0).contains("in_flight 0"));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .fold(name, |name, suffix| name.strip_suffix(suffix).unwrap_or(name));
            assert!(text.contains(&format!("# TYPE {family} ")), "{line}");
        }
    }

    #[test]
    fn reasons_stand_in_the_order_of_their_numbers() {
        for (number, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, number);
        }
    }
}
