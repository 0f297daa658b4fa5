//! The inputs of one `put`, one after the other, into one encoder.

use coldpress_core::{Encoder, Error};

use super::failure::Failure;
use super::input::{self, Source};
use super::interrupt;
use super::progress::Progress;
use super::seam::Seam;

/// How much went in.
#[derive(Debug, Clone, Copy, Default)]
pub struct BytesIn {
    /// JSON text.
    pub json: u64,
    /// The inputs as they lie there.
    pub read: u64,
    /// Whether any of them was compressed.
    pub packed: bool,
}

/// Reads every source to its end, and hands its rows to the encoder.
pub fn feed(
    sources: &[Source],
    encoder: &mut Encoder,
    progress: &mut Progress,
) -> Result<BytesIn, Failure> {
    let mut json = 0;
    if let [source] = sources {
        input::read(source, progress, &mut |slice| {
            interrupt::check()?;
            json += slice.len() as u64;
            encoder.push_json(slice).map_err(|error| in_source(source, &error, 0))
        })?;
    } else {
        // The encoder takes one text: of several, the seams are ours to watch.
        let mut lines_before = 0;
        for source in sources {
            let mut seam = Seam::new();
            let mut text = Vec::new();
            input::read(source, progress, &mut |slice| {
                interrupt::check()?;
                json += slice.len() as u64;
                text.clear();
                seam.pass(slice, &mut text)
                    .map_err(|fault| Failure::run(format_args!("{source}: {fault}")))?;
                encoder.push_json(&text).map_err(|error| in_source(source, &error, lines_before))
            })?;
            seam.end().map_err(|fault| Failure::run(format_args!("{source}: {fault}")))?;
            // So that a last line without its end does not run into the next file.
            encoder.push_json(b"\n").map_err(|error| in_source(source, &error, lines_before))?;
            lines_before += seam.lines_ended() + 1;
        }
    }
    if encoder.rows() == 0 {
        let names: Vec<String> = sources.iter().map(Source::to_string).collect();
        return Err(Failure::run(format_args!("no rows in {}", names.join(", "))));
    }
    let read = progress.bytes_read();
    Ok(BytesIn { json, read, packed: json != read })
}

/// The encoder counts lines over everything it took; people count them in one file.
fn in_source(source: &Source, error: &Error, lines_before: u64) -> Failure {
    let mut message = error.to_string();
    if let Some(line) = error.line().filter(|&line| line > lines_before && lines_before > 0)
        && let Some(rest) = message.strip_prefix(&format!("line {line}"))
    {
        message = format!("line {}{rest}", line - lines_before);
    }
    Failure::run(format_args!("{source}: {message}"))
}
