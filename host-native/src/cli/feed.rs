//! The inputs of one `put`, one after the other, into one encoder.

use coldpress_core::{Encoder, Error};

use super::failure::Failure;
use super::input::{self, Source};
use super::progress::Progress;
use super::seam::Seam;

/// What went in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fed {
    /// Rows, where they were counted.
    pub rows: Option<u64>,
    /// JSON text.
    pub json_bytes: u64,
    /// The inputs as they lie there; less than the text where they are compressed.
    pub read_bytes: u64,
}

/// Reads every source to its end, and hands its rows to the encoder.
///
/// `count` asks for the number of rows before the encoder is finished: of its own it tells only
/// how many it has read by now.
pub fn feed(
    sources: &[Source],
    encoder: &mut Encoder,
    count: bool,
    progress: &mut Progress,
) -> Result<Fed, Failure> {
    let mut fed = Fed::default();
    match sources {
        [source] if !count => input::read(source, progress, &mut |slice| {
            fed.json_bytes += slice.len() as u64;
            encoder.push_json(slice).map_err(|error| in_source(source, &error, 0))
        })?,
        sources => feed_seamed(sources, encoder, &mut fed, progress)?,
    }
    fed.read_bytes = progress.bytes_read();
    Ok(fed)
}

/// The encoder takes one text: of several, the seams are ours to watch.
fn feed_seamed(
    sources: &[Source],
    encoder: &mut Encoder,
    fed: &mut Fed,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut rows = 0;
    let mut lines_before = 0;
    let mut text = Vec::new();
    for source in sources {
        let mut seam = Seam::new();
        let in_text = |fault| Failure::run(format_args!("{source}: {fault}"));
        input::read(source, progress, &mut |slice| {
            fed.json_bytes += slice.len() as u64;
            text.clear();
            seam.pass(slice, &mut text).map_err(in_text)?;
            encoder.push_json(&text).map_err(|error| in_source(source, &error, lines_before))
        })?;
        seam.end().map_err(in_text)?;
        // So that the last line of one file does not run into the first of the next.
        encoder.push_json(b"\n").map_err(|error| in_source(source, &error, lines_before))?;
        lines_before += seam.lines_ended() + 1;
        rows += seam.rows();
    }
    fed.rows = Some(rows);
    Ok(())
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
