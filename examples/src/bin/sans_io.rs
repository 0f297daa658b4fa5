//! The sans-IO core alone: bytes in, bytes out. The program does the IO, here with plain files.
//!
//! `cargo run -p coldpress-examples --bin sans_io`

use std::fs;

use coldpress_core::{Encoder, LsnRange, ParquetFile, Projection, Settings, Target};
use coldpress_examples::Error;

fn main() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;

    // Text in slices of any size, cut anywhere: here within a number.
    let mut encoder = Encoder::new(Settings::default())?;
    for slice in
        [&b"{\"name\":\"Ada\",\"born\":18"[..], b"15}\n{\"name\":\"Grace\",\"born\":1906}\n"]
    {
        encoder.push_json(slice)?;
    }
    let lsns = Some(LsnRange::new(41, 42)?);
    let file = encoder.finish(&Target { lsns, ..Target::new(7, "people") })?;

    // The key says where the file belongs; the bytes are a whole Parquet file.
    assert_eq!(file.key.as_str(), "7/people/lsn-41-42.parquet");
    let path = folder.path().join(file.key.as_str());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, &file.bytes)?;

    // Reading distrusts the file: damage is an error, never a panic.
    let opened = ParquetFile::open(fs::read(&path)?.into())?;
    let mut ndjson = Vec::new();
    for row in opened.rows(&Projection::Columns(vec!["name".into()]))? {
        row?.write_json(&mut ndjson);
        ndjson.push(b'\n');
    }
    assert_eq!(ndjson, b"{\"name\":\"Ada\"}\n{\"name\":\"Grace\"}\n");

    let mut damaged = fs::read(&path)?;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let verified = ParquetFile::open(damaged.into()).and_then(|file| file.verify());
    assert!(verified.is_err());
    println!("{} bytes of Parquet in {}", file.bytes.len(), file.key);
    Ok(())
}
