//! NDJSON for tests, as fast as a pipe takes it.

use std::io::{self, Write};

use crate::prng::SplitMix64;
use crate::telemetry::{self, Telemetry};

/// Telemetry rows until `bytes` are written, whole rows always; the bytes and rows that it was. The
/// same seed gives the same rows on every machine.
pub fn write_telemetry(out: &mut impl Write, bytes: u64, seed: u64) -> io::Result<(u64, u64)> {
    let mut events = Telemetry::new(seed);
    let (mut written, mut rows) = (0, 0);
    let mut block = Vec::with_capacity(1 << 20);
    while written < bytes {
        block.clear();
        while block.len() < (1 << 19) && written + (block.len() as u64) < bytes {
            let event = events.next().expect("telemetry has no end");
            serde_json::to_writer(&mut block, &event)?;
            block.push(b'\n');
            rows += 1;
        }
        out.write_all(&block)?;
        written += block.len() as u64;
    }
    Ok((written, rows))
}

/// Rows of text that no codec shrinks, about so many bytes.
pub fn noise(bytes: usize, seed: u64) -> String {
    let mut random = SplitMix64::new(seed);
    let mut text = String::with_capacity(bytes + 600);
    while text.len() < bytes {
        let row = text.len();
        text.push_str(&format!("{{\"row\":{row},\"noise\":\""));
        for _ in 0..32 {
            text.push_str(&format!("{:016x}", random.next_bits()));
        }
        text.push_str("\"}\n");
    }
    text
}

#[test]
fn generated_rows_are_those_of_the_benchmark() {
    let mut ours = Vec::new();
    let (bytes, rows) = write_telemetry(&mut ours, 2 << 20, telemetry::SEED).unwrap();
    assert_eq!(bytes, ours.len() as u64);
    let mut theirs = Vec::new();
    telemetry::write_ndjson(&mut theirs, rows as usize, telemetry::SEED).unwrap();
    assert!(ours == theirs);
}
