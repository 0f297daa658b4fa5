//! A stream of rows in bounded memory: one append becomes several objects, and can be run again.
//!
//! `cargo run -p coldpress-examples --bin stream`

use bytes::Bytes;
use coldpress::{ColdStorage, ColdStorageConfig, Projection, Settings, StreamSettings};
use coldpress_examples::Error;

const ROWS: u64 = 20_000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    // No endpoint: objects are files below this folder.
    let local_dir = Some(folder.path().to_owned());
    let storage = ColdStorage::new(ColdStorageConfig { local_dir, ..Default::default() })?;

    let stored = append(&storage).await?;
    assert!(stored.len() > 1, "one object: {stored:?}");
    println!("{ROWS} rows in {} objects, the first is {}", stored.len(), stored[0]);

    // The same append again, as after a crash: it goes on where the first one ended, here at the
    // end, and stores no row twice.
    let again = append(&storage).await?;
    assert_eq!(again, stored);

    let (mut rows, mut first) = (0, None);
    for key in &stored {
        let part = storage.read_rows(key, &Projection::All).await?;
        rows += part.len() as u64;
        first = first.or_else(|| part.into_iter().next());
    }
    assert_eq!(rows, ROWS);
    assert_eq!(first.map(|(_, document)| document["celsius"].clone()), Some(0.25.into()));
    Ok(())
}

/// Appends all readings, and gives the keys of the objects that hold them.
async fn append(storage: &ColdStorage) -> Result<Vec<String>, Error> {
    // Small objects for an example; the defaults are 64 MiB and 256 MiB.
    let cut = StreamSettings {
        row_group_bytes_max: 1 << 16,
        file_bytes_max: 1 << 13,
        ..StreamSettings::default()
    };
    let stream = storage.stream_rows(7, "readings", None, Settings::default(), cut)?;
    let mut stream = stream.append_id("day-1").await?;
    let mut slice = Vec::new();
    for n in 0..ROWS {
        let celsius = f64::from(u32::try_from(n % 100)?) + 0.25;
        slice.extend_from_slice(format!("{{\"sensor\":{n},\"celsius\":{celsius}}}\n").as_bytes());
        // A slice may end anywhere, also within a row.
        if slice.len() > 4_000 {
            let rest = slice.split_off(4_000);
            stream.push_json(Bytes::from(std::mem::replace(&mut slice, rest))).await?;
        }
    }
    stream.push_json(Bytes::from(slice)).await?;
    stream.end_json().await?;
    let stored = stream.finish().await?;
    Ok(stored.iter().map(|file| file.key.to_string()).collect())
}
