//! Counters and gauges, through the `metrics` facade.

use coldpress_core::{ArchivedNow, Exposure};
use metrics::{counter, gauge};

use crate::error::Error;
use crate::store::outcome::PutOutcome;
use crate::wal::archive::SegmentPut;

/// Counts a segment that a put of this process stored.
pub(super) fn stored(put: &SegmentPut) {
    if put.outcome == PutOutcome::Created {
        counter!("coldpress_wal_stored_segments_total").increment(1);
        counter!("coldpress_wal_stored_bytes_total").increment(put.checksum.bytes);
    }
}

/// Counts a segment that is archived, with all segments before it.
pub(super) fn archived(segment: &ArchivedNow, now_ms: u64) {
    counter!("coldpress_wal_archived_segments_total").increment(1);
    counter!("coldpress_wal_archived_bytes_total").increment(segment.checksum.bytes);
    last_archived(now_ms);
}

pub(super) fn last_archived(at_ms: u64) {
    gauge!("coldpress_wal_last_archived_timestamp_seconds").set(at_ms as f64 / 1e3);
}

pub(super) fn verified() {
    counter!("coldpress_wal_verified_segments_total").increment(1);
}

pub(super) fn deleted(bytes: u64) {
    counter!("coldpress_wal_deleted_segments_total").increment(1);
    counter!("coldpress_wal_deleted_bytes_total").increment(bytes);
}

pub(super) fn failed(error: &Error) {
    counter!("coldpress_wal_failures_total", "kind" => format!("{:?}", error.kind())).increment(1);
}

/// Shows what would be lost with this machine now.
pub(super) fn exposed(exposure: Exposure, in_trouble: bool) {
    gauge!("coldpress_wal_exposure_seconds").set(exposure.age.as_millis() as f64 / 1e3);
    gauge!("coldpress_wal_exposure_bytes").set(exposure.bytes as f64);
    gauge!("coldpress_wal_waiting_segments").set(exposure.waiting as f64);
    gauge!("coldpress_wal_waiting_bytes").set(exposure.waiting_bytes as f64);
    gauge!("coldpress_wal_held_segments").set(exposure.held as f64);
    gauge!("coldpress_wal_in_trouble").set(if in_trouble { 1.0 } else { 0.0 });
}

/// Describes each metric, and starts the counters at 0, so that rates are right from the start.
pub(super) fn describe() {
    use metrics::Unit;
    let counters = [
        (
            "coldpress_wal_archived_segments_total",
            Unit::Count,
            "Segments archived, with all segments before them.",
        ),
        ("coldpress_wal_archived_bytes_total", Unit::Bytes, "Their bytes."),
        (
            "coldpress_wal_stored_segments_total",
            Unit::Count,
            "Segments that this process stored itself.",
        ),
        ("coldpress_wal_stored_bytes_total", Unit::Bytes, "Their bytes."),
        (
            "coldpress_wal_verified_segments_total",
            Unit::Count,
            "Segments read back and found whole.",
        ),
        (
            "coldpress_wal_deleted_segments_total",
            Unit::Count,
            "Segments deleted here, once archived and read back.",
        ),
        ("coldpress_wal_deleted_bytes_total", Unit::Bytes, "Their bytes."),
    ];
    for (name, unit, text) in counters {
        metrics::describe_counter!(name, unit, text);
        counter!(name).increment(0);
    }
    metrics::describe_counter!(
        "coldpress_wal_failures_total",
        Unit::Count,
        "Failures by kind, each try counted."
    );
    let gauges = [
        (
            "coldpress_wal_exposure_seconds",
            Unit::Seconds,
            "How far back in time the data reaches that would be lost with this machine.",
        ),
        (
            "coldpress_wal_exposure_bytes",
            Unit::Bytes,
            "Bytes that would be lost with this machine, the unfinished segment included.",
        ),
        (
            "coldpress_wal_waiting_segments",
            Unit::Count,
            "Finished segments that are not archived yet.",
        ),
        ("coldpress_wal_waiting_bytes", Unit::Bytes, "Their bytes."),
        (
            "coldpress_wal_held_segments",
            Unit::Count,
            "Waiting segments that wait for an earlier, unfinished segment.",
        ),
        ("coldpress_wal_in_trouble", Unit::Count, "1 while a failure is being retried."),
        (
            "coldpress_wal_last_archived_timestamp_seconds",
            Unit::Seconds,
            "When a segment was last archived, in seconds since 1970.",
        ),
    ];
    for (name, unit, text) in gauges {
        metrics::describe_gauge!(name, unit, text);
    }
}
