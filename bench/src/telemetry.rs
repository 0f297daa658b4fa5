//! Rows as a fleet of sensors sends them: the one input that every contestant gets.
//!
//! All values come from whole numbers and one seed, so the bytes are the same on every machine and
//! in every run. 200,000 rows are 35.2 MB of NDJSON.

use std::fmt::Write as _;
use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::prng::SplitMix64;

/// The rows of a full run.
pub const ROWS: usize = 200_000;

/// The seed of every run that gives no other.
pub const SEED: u64 = 0x00C0_1DB0_55E5;

/// How many sensors there are.
pub const DEVICES: usize = 1_000;

/// What one sensor sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// A ULID: 10 characters that climb with time, then 16 random ones. A common id of databases,
    /// and text to every engine; of a UUID some would store 16 bytes, and do other work than the
    /// rest.
    #[serde(rename = "_id")]
    pub id: String,
    /// When it was sent, in milliseconds; climbs, with jitter that now and then steps back.
    pub ts: i64,
    /// One of [`DEVICES`] names.
    pub device: String,
    /// Degrees Celsius, a walk about 20 by millionths.
    pub temp: f64,
    /// Relative humidity in per cent, a walk about 50 by millionths.
    pub humidity: f64,
    /// Whether the reading passed its checks; true for 98 of 100.
    pub ok: bool,
    /// A line of log, about 40 characters.
    pub msg: String,
}

impl Event {
    /// The row as an encoder takes it: its id, and a document of the other six fields.
    pub fn into_row(self) -> (String, Value) {
        let document = json!({
            "ts": self.ts,
            "device": self.device,
            "temp": self.temp,
            "humidity": self.humidity,
            "ok": self.ok,
            "msg": self.msg,
        });
        (self.id, document)
    }
}

/// An endless series of events that follows from its seed alone.
#[derive(Debug, Clone)]
pub struct Telemetry {
    prng: SplitMix64,
    clock_ms: i64,
    sensors: Vec<Sensor>,
}

impl Telemetry {
    /// The series of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut prng = SplitMix64::new(seed);
        let sensors = (0..DEVICES)
            .map(|_| Sensor {
                temp: TEMP_MEAN + prng.wobble(9_000_000),
                humidity: HUMIDITY_MEAN + prng.wobble(30_000_000),
            })
            .collect();
        Telemetry { prng, clock_ms: START_MS, sensors }
    }
}

impl Iterator for Telemetry {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let prng = &mut self.prng;
        self.clock_ms += prng.below(10) as i64;
        let ts = self.clock_ms + prng.wobble(20);
        let device = prng.below(DEVICES as u64) as usize;
        let sensor = &mut self.sensors[device];
        sensor.temp += prng.wobble(250_000) + (TEMP_MEAN - sensor.temp) / 64;
        sensor.humidity += prng.wobble(600_000) + (HUMIDITY_MEAN - sensor.humidity) / 64;
        Some(Event {
            id: ulid(self.clock_ms, prng),
            ts,
            device: format!("device-{device:04}"),
            temp: sensor.temp as f64 / 1e6,
            humidity: sensor.humidity.clamp(0, 100_000_000) as f64 / 1e6,
            ok: prng.below(100) < 98,
            msg: message(prng),
        })
    }
}

/// `rows` events of [`SEED`] as `Value` rows.
pub fn rows(rows: usize) -> Vec<(String, Value)> {
    Telemetry::new(SEED).take(rows).map(Event::into_row).collect()
}

/// Writes `rows` events of `seed` as NDJSON.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_ndjson(out: &mut impl Write, rows: usize, seed: u64) -> std::io::Result<()> {
    for event in Telemetry::new(seed).take(rows) {
        serde_json::to_writer(&mut *out, &event)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// 2026-01-01T00:00:00Z, when the series starts.
const START_MS: i64 = 1_767_225_600_000;
const TEMP_MEAN: i64 = 20_000_000;
const HUMIDITY_MEAN: i64 = 50_000_000;
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Where one sensor's walks stand, in millionths: whole numbers round nowhere differently.
#[derive(Debug, Clone, Copy)]
struct Sensor {
    temp: i64,
    humidity: i64,
}

/// Crockford's base32 of 48 bits of time and 80 random ones: 26 characters.
fn ulid(ms: i64, prng: &mut SplitMix64) -> String {
    let random = u128::from(prng.next_bits()) << 64 | u128::from(prng.next_bits());
    let bits = ((ms as u128) & 0xFFFF_FFFF_FFFF) << 80 | random >> 48;
    (0..26).rev().map(|i| char::from(BASE32[(bits >> (5 * i)) as usize & 31])).collect()
}

fn message(prng: &mut SplitMix64) -> String {
    let mut n = |bound: u64| prng.below(bound);
    let mut msg = String::with_capacity(48);
    // Writing to a String cannot fail.
    let _ = match n(6) {
        0 => write!(msg, "reading stored within {} us, queue depth {}", 100 + n(900), n(40)),
        1 => write!(msg, "battery at {} percent, signal -{} dBm", n(101), 40 + n(60)),
        2 => write!(msg, "uplink through gateway-{:03} took {} ms", n(100), n(2_000)),
        3 => write!(msg, "calibrated channel {} to an offset of {}", n(8), n(1_000)),
        4 => write!(msg, "heartbeat {} acknowledged by node-{:03}", n(10_000), n(100)),
        _ => write!(msg, "fan spins at {} rpm, drawing {} milliwatts", 800 + n(1_000), n(900)),
    };
    msg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ndjson(rows: usize, seed: u64) -> String {
        let mut out = Vec::new();
        write_ndjson(&mut out, rows, seed).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_seed_gives_the_same_rows_and_another_seed_others() {
        let first = ndjson(100, SEED);
        assert_eq!(first, ndjson(100, SEED));
        assert_ne!(first, ndjson(100, SEED + 1));
        assert!(ndjson(200, SEED).starts_with(&first));
        let line = r#"{"_id":"01KDVDNA01TDZ1R84X4ENBEP7C","ts":1767225600016,"device":"device-0873","temp":22.050143,"humidity":77.452537,"ok":true,"msg":"calibrated channel 3 to an offset of 760"}"#;
        assert_eq!(first.lines().next(), Some(line), "figures of other runs no longer compare");
    }

    #[test]
    fn ndjson_and_value_rows_are_the_same_rows() {
        let rows = rows(500);
        let text = ndjson(500, SEED);
        assert_eq!(text.lines().count(), rows.len());
        for (line, (id, document)) in text.lines().zip(&rows) {
            let mut parsed: Value = serde_json::from_str(line).unwrap();
            let fields = parsed.as_object_mut().unwrap();
            assert_eq!(fields.remove("_id").as_ref().and_then(Value::as_str), Some(id.as_str()));
            assert_eq!(&parsed, document);
        }
    }

    #[test]
    fn rows_are_shaped_as_documented() {
        let rows: Vec<Event> = Telemetry::new(SEED).take(20_000).collect();
        let devices: std::collections::HashSet<_> = rows.iter().map(|r| &r.device).collect();
        let ids: std::collections::HashSet<_> = rows.iter().map(|r| &r.id).collect();
        let msg_bytes: usize = rows.iter().map(|r| r.msg.len()).sum();
        let ok = rows.iter().filter(|r| r.ok).count();
        assert_eq!((devices.len(), ids.len()), (DEVICES, rows.len()));
        assert!((38..=42).contains(&(msg_bytes / rows.len())), "{msg_bytes}");
        assert!((19_400..=19_800).contains(&ok), "{ok}");
        assert!(rows.iter().all(|r| r.id.len() == 26 && (0.0..=100.0).contains(&r.humidity)));
        assert!(rows.windows(2).all(|w| w[0].id[..10] <= w[1].id[..10]), "ids climb");
        let bytes_each = ndjson(20_000, SEED).len() / rows.len();
        assert!((175..=177).contains(&bytes_each), "{bytes_each}");
    }
}
