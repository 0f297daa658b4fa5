//! The work of the contestants that are written in Rust.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use coldpress_core::{Encoder, KeyPrefix, LsnWidth, Settings, Target};
use serde_json::Value;

use crate::Result;

/// How many bytes of NDJSON are read, and handed to the encoder, at a time.
const SLICE_BYTES: usize = 1 << 20;

/// Coldpress, from `Value` rows, with default settings.
///
/// # Errors
///
/// Where the encoder refuses a row.
#[inline(never)] // A profiler finds the work by this name.
pub fn coldpress_rows(rows: &[(String, Value)]) -> Result<Bytes> {
    let mut encoder = Encoder::new(Settings::default())?;
    encoder.push_rows(rows)?;
    Ok(encoder.finish(&target())?.bytes)
}

/// Coldpress, from a file of NDJSON to one of Parquet, with default settings.
///
/// # Errors
///
/// Where the input is no NDJSON, or a file cannot be read or written.
#[inline(never)] // A profiler finds the work by this name.
pub fn coldpress_ndjson(input: &Path, output: &Path) -> Result<()> {
    let mut encoder = Encoder::new(Settings::default())?;
    let mut file = File::open(input)?;
    let mut slice = vec![0; SLICE_BYTES];
    loop {
        match file.read(&mut slice)? {
            0 => break,
            length => encoder.push_json(&slice[..length])?,
        }
    }
    fs::write(output, encoder.finish(&target())?.bytes)?;
    Ok(())
}

/// arrow-json's inference over the whole file, its reader, and `ArrowWriter` with zstd.
///
/// # Errors
///
/// Where the input is no NDJSON, or a file cannot be read or written.
#[cfg(feature = "arrow-json")]
pub fn arrow_json(input: &Path, output: &Path) -> Result<()> {
    use std::io::{BufReader, Seek};
    use std::sync::Arc;

    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    let mut file = BufReader::with_capacity(SLICE_BYTES, File::open(input)?);
    let (schema, _) = arrow_json::reader::infer_json_schema(&mut file, None)?;
    file.rewind()?;
    let schema = Arc::new(schema);
    let reader = arrow_json::ReaderBuilder::new(Arc::clone(&schema)).build(file)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(output)?, schema, Some(properties))?;
    for batch in reader {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}

fn target() -> Target {
    Target {
        prefix: KeyPrefix::default(),
        tenant_id: 0,
        collection: "telemetry".to_owned(),
        lsns: None,
        lsn_width: LsnWidth::Unpadded,
    }
}
