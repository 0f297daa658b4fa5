use serde_json::{Value, json};

use super::*;
use crate::{Codec, Encoder, Settings, Target};

pub(super) fn file(codec: Codec, rows: usize) -> Bytes {
    let settings = Settings { codec, row_group_rows_max: 40, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    for at in 0..rows {
        let few = ["red", "green"][at % 2];
        let list: Vec<Value> = (0..at % 4).map(|n| json!({"n": n, "s": few})).collect();
        let row = json!({
            "i": at * 3, "f": at as f64 / 7.0, "b": at % 3 == 0, "t": format!("text {at}"), "few": few,
            "list": list, "mixed": if at % 9 == 0 { json!(at) } else { json!("m") },
        });
        encoder.push_row(&format!("id-{at}"), &row).unwrap();
    }
    encoder.finish(&Target::new(3, "things")).unwrap().bytes
}

fn json_of(bytes: Bytes) -> Result<Vec<u8>> {
    let file = ParquetFile::open(bytes)?;
    let mut out = Vec::new();
    for row in file.rows(&Projection::All)? {
        let row = row?;
        out.extend_from_slice(row.id().as_bytes());
        row.write_json(&mut out);
    }
    Ok(out)
}

#[test]
fn one_flipped_bit_in_any_page_is_found() {
    let bytes = file(Codec::Zstd(1), 50);
    let whole = json_of(bytes.clone()).unwrap();
    let metadata = ParquetFile::open(bytes.clone()).unwrap().metadata;
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let (mut found, mut harmless) = (0, 0);
    for chunk in chunks {
        let (start, length) = chunk.byte_range();
        for at in start..start + length {
            let mut damaged = bytes.to_vec();
            damaged[at as usize] ^= 1 << (at % 8);
            match json_of(Bytes::from(damaged)) {
                Err(error) => {
                    assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "{at}: {error}");
                    found += 1;
                }
                // Such as how levels are encoded, of which there is one way only.
                Ok(rows) => {
                    assert_eq!(rows, whole, "{at}");
                    harmless += 1;
                }
            }
        }
    }
    assert!(found > 1_000 && harmless * 5 < found, "{found} found, {harmless} harmless");
}

#[test]
fn a_projection_reads_no_other_column() {
    let bytes = file(Codec::None, 100);
    let opened = ParquetFile::open(bytes.clone()).unwrap();
    let column = |name: &str| {
        let chunks = opened.metadata.row_group(0).columns();
        chunks.iter().find(|chunk| chunk.column_path().parts()[0] == name).unwrap().byte_range()
    };
    // The column "t" is destroyed wholly.
    let (start, length) = column("t");
    let mut damaged = bytes.to_vec();
    damaged[start as usize..(start + length) as usize].fill(0xAA);
    let file = ParquetFile::open(Bytes::from(damaged)).unwrap();
    let names = Projection::Columns(vec!["i".to_owned(), "list".to_owned()]);
    assert_eq!(file.rows(&names).unwrap().filter(|row| row.is_ok()).count(), 100);
    assert!(file.rows(&Projection::All).unwrap().any(|row| row.is_err()));
}
