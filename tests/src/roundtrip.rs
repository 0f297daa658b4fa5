//! Encoding and decoding as the tests drive them.

use coldpress_core::{
    EncodedFile, Encoder, Error, ErrorKind, KeyPrefix, LsnWidth, ParquetFile, Projection, Result,
    Settings, StreamEncoder, StreamOutput, StreamSettings, Target,
};
use serde_json::Value;

use crate::json::Json;
use crate::law::{Rules, difference};
use crate::scalars::to_value;

/// Where the tests' files would go.
pub fn target() -> Target {
    Target {
        prefix: KeyPrefix::default(),
        tenant_id: 7,
        collection: "law".to_owned(),
        lsns: None,
        lsn_width: LsnWidth::default(),
    }
}

/// One file of rows that bring their ids.
pub fn encode_values(settings: &Settings, rows: &[(String, Value)]) -> Result<EncodedFile> {
    let mut encoder = Encoder::new(settings.clone())?;
    for (id, document) in rows {
        encoder.push_row(id, document)?;
    }
    encoder.finish(&target())
}

/// One file of JSON text, pushed in one piece.
pub fn encode_text(settings: &Settings, text: &[u8]) -> Result<EncodedFile> {
    encode_slices(settings, [text])
}

/// One file of JSON text, pushed in the slices given.
pub fn encode_slices<'a>(
    settings: &Settings,
    slices: impl IntoIterator<Item = &'a [u8]>,
) -> Result<EncodedFile> {
    let mut encoder = Encoder::new(settings.clone())?;
    for slice in slices {
        encoder.push_json(slice)?;
    }
    encoder.finish(&target())
}

/// The files of a stream of JSON text, pushed in the slices given.
pub fn stream_slices<'a>(
    settings: &Settings,
    cut: &StreamSettings,
    slices: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<EncodedFile>> {
    let mut stream = StreamEncoder::new(settings.clone(), cut.clone(), target())?;
    let (mut files, mut bytes) = (Vec::new(), Vec::new());
    let mut drain = |stream: &mut StreamEncoder| {
        while let Some(output) = stream.poll() {
            match output {
                StreamOutput::Bytes(next) => bytes.extend_from_slice(&next),
                StreamOutput::File(end) => files.push(EncodedFile {
                    key: end.key,
                    bytes: std::mem::take(&mut bytes).into(),
                    summary: end.summary,
                }),
                StreamOutput::Tail(tail) => panic!("a tail that nobody asked for: {tail:?}"),
            }
        }
    };
    for slice in slices {
        stream.push_json(slice)?;
        drain(&mut stream);
    }
    stream.finish()?;
    drain(&mut stream);
    Ok(files)
}

/// A row that came back, in both forms it can be had in.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The row's id.
    pub id: String,
    /// The document from `write_json`.
    pub json: Json,
    /// The document from `to_value`, where a `Value` can hold it.
    pub value: Option<Value>,
}

/// Every row of a file; what is wrong with it otherwise, for a test to show.
pub fn decode(
    file: &EncodedFile,
    projection: &Projection,
) -> std::result::Result<Vec<Decoded>, String> {
    let file = ParquetFile::open(file.bytes.clone()).map_err(|e| format!("open: {e}"))?;
    let rows = file.rows(projection).map_err(|e| format!("rows: {e}"))?;
    let mut decoded = Vec::new();
    for row in rows {
        let row = row.map_err(|e| format!("row {}: {e}", decoded.len()))?;
        let mut text = Vec::new();
        row.write_json(&mut text);
        let text = String::from_utf8(text).map_err(|e| format!("write_json is not UTF-8: {e}"))?;
        let json =
            Json::parse(&text).map_err(|e| format!("write_json is not JSON: {e}: {text}"))?;
        decoded.push(Decoded { id: row.id().to_owned(), json, value: row.to_value().ok() });
    }
    if decoded.len() as u64 != file.rows_count() {
        return Err(format!("rows_count {} but {} rows", file.rows_count(), decoded.len()));
    }
    Ok(decoded)
}

/// Whether `back == rows` by the equality of `serde_json`, for which 18 and 18.0 differ, and so do
/// an explicit null and an absent field; what differs otherwise. Where the rules keep no nulls or
/// no forms, only that a `Value` can hold what it held before. A row that no `Value` holds, such as
/// one with 1e400, is passed over.
pub fn holds_values(
    file: &EncodedFile,
    source: &[(String, Json)],
    rules: Rules,
) -> std::result::Result<(), String> {
    for ((_, source), row) in source.iter().zip(decode(file, &Projection::All)?) {
        let Ok(source) = to_value(source) else { continue };
        let Some(value) = row.value else {
            return Err(format!("{source} came back as no `Value`: {:?}", row.json));
        };
        if rules.nulls_kept && rules.forms_kept && source != value {
            return Err(format!("{source} came back as {value}"));
        }
    }
    Ok(())
}

/// Whether a file holds exactly these rows under the law, in their order, and as many rescued values
/// as its summary says; what differs otherwise.
pub fn holds_rows(
    file: &EncodedFile,
    source: &[(String, Json)],
    rules: Rules,
) -> std::result::Result<(), String> {
    let decoded = decode(file, &Projection::All)?;
    if decoded.len() != source.len() || file.summary.rows != source.len() as u64 {
        return Err(format!(
            "{} rows went in, {} came back, the summary says {}",
            source.len(),
            decoded.len(),
            file.summary.rows
        ));
    }
    let opened = ParquetFile::open(file.bytes.clone()).map_err(|e| format!("open: {e}"))?;
    let rescued = opened.rescued().map_err(|e| format!("rescued: {e}"))?;
    if rescued != file.summary.rescued {
        return Err(format!("{rescued:?} is rescued, the summary says {:?}", file.summary.rescued));
    }
    for (number, ((id, document), row)) in source.iter().zip(&decoded).enumerate() {
        if *id != row.id {
            return Err(format!("row {number}: the id {id:?} came back as {:?}", row.id));
        }
        if let Some(what) = difference(document, &row.json, rules) {
            return Err(format!("row {number} (id {id:?}) {what}"));
        }
        if let Some(value) = &row.value {
            let json = Json::parse(&value.to_string())?;
            if let Some(what) = difference(document, &json, rules) {
                return Err(format!("row {number} (id {id:?}) by to_value: {what}"));
            }
        }
    }
    Ok(())
}

/// Fails where an error is not of kind `Row`, or does not name this row.
pub fn assert_names_row(error: &Error, row: u64) {
    assert_eq!(error.kind(), ErrorKind::Row, "{error}");
    assert_eq!(error.row(), Some(row), "{error}");
    assert!(error.to_string().contains(&format!("row {row}")), "{error}");
}
