//! Reads the inputs of one `put` by a grant into one encoder: a grant is for one object.

use coldpress_core::{Encoder, Error};

use super::failure::Failure;
use super::input;
use super::input::Source;
use super::option_names::in_our_words;
use super::progress::Progress;

/// The size of the input.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fed {
    /// The bytes of JSON text.
    pub json_bytes: u64,
    /// The bytes that were read; fewer than the text if the inputs are compressed.
    pub read_bytes: u64,
}

/// Reads every source to its end. Each is a JSON text of its own. The rows go to the encoder.
pub fn feed(
    sources: &[Source],
    encoder: &mut Encoder,
    progress: &mut Progress,
) -> Result<Fed, Failure> {
    let mut fed = Fed::default();
    for source in sources {
        let in_source =
            |error: Error| Failure::run(format_args!("{source}: {}", in_our_words(error)));
        input::read(source, progress, &|_| {}, &mut |slice| {
            fed.json_bytes += slice.len() as u64;
            encoder.push_json(slice).map_err(in_source)
        })?;
        encoder.end_json().map_err(in_source)?;
    }
    fed.read_bytes = progress.bytes_read();
    Ok(fed)
}
