//! The inputs of one `put` by a grant, one after the other, into one encoder: a grant is for one object.

use coldpress_core::{Encoder, Error};

use super::failure::Failure;
use super::input::{self, Source};
use super::progress::Progress;

/// What went in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fed {
    /// JSON text.
    pub json_bytes: u64,
    /// The inputs as they lie there; less than the text where they are compressed.
    pub read_bytes: u64,
}

/// Reads every source to its end, each a text of its own, and hands its rows to the encoder.
pub fn feed(
    sources: &[Source],
    encoder: &mut Encoder,
    progress: &mut Progress,
) -> Result<Fed, Failure> {
    let mut fed = Fed::default();
    for source in sources {
        let in_source = |error: Error| Failure::run(format_args!("{source}: {error}"));
        input::read(source, progress, &|_| {}, &mut |slice| {
            fed.json_bytes += slice.len() as u64;
            encoder.push_json(slice).map_err(in_source)
        })?;
        encoder.end_json().map_err(in_source)?;
    }
    fed.read_bytes = progress.bytes_read();
    Ok(fed)
}
