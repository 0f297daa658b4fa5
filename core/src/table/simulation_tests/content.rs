//! What lies in the store: rows as a set of numbers, or as real Parquet files.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use bytes::Bytes;

use super::super::*;
use crate::{
    Encoder, Footer, KeyPrefix, LsnRange, NewFields, ObjectKey, ParquetFile, Projection, Settings,
    StoredRow, Target,
};

/// The rows of a file, by their numbers; the number of a row is its LSN too.
pub(super) type RowSet = BTreeSet<u64>;

/// The content of an object.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A file of rows, without its bytes. `wide`: it has one more column.
    Model { rows: RowSet, bytes: u64, wide: bool },
    /// A file of rows.
    Real(Bytes),
    /// An object of the log, or a claim.
    Note(Bytes),
}

/// Where the table of the simulation lies.
pub(super) fn place() -> TablePlace {
    TablePlace::new(&KeyPrefix::default(), 7, "c").unwrap()
}

/// The key of the file of the table with this path.
pub(super) fn key(path: &str) -> ObjectKey {
    place().key_of(path).unwrap()
}

impl Content {
    /// A file as a writer puts it.
    pub(super) fn put(is_real: bool, lsns: LsnRange) -> Self {
        let rows: RowSet = (lsns.min()..=lsns.max()).collect();
        let wide = lsns.min() % 3 == 0;
        match is_real {
            true => Content::Real(encoded(&rows, wide)),
            false => Content::Model { bytes: 100 + 10 * rows.len() as u64, rows, wide },
        }
    }

    /// The rows of these files in one file of this key, without some; `None` if no row is left.
    /// Two rewrites of the same files have different bytes if they have another `salt`.
    pub(super) fn rewritten(
        new: &ObjectKey,
        sources: &[(ObjectKey, Content)],
        columns: &TableColumns,
        leave_out: &RowSet,
        salt: u64,
    ) -> Option<Self> {
        let (mut rows, mut is_wide, mut files) = (RowSet::new(), false, Vec::new());
        for (source, content) in sources {
            match content {
                Content::Model { rows: of_file, wide, .. } => {
                    rows.extend(of_file);
                    is_wide |= wide;
                }
                Content::Real(bytes) => files.push((source.clone(), bytes.clone())),
                Content::Note(_) => panic!("{source} is no file of rows"),
            }
        }
        if !files.is_empty() {
            return rewrite(new, &files, columns, leave_out, salt).map(Content::Real);
        }
        rows.retain(|row| !leave_out.contains(row));
        let bytes = 100 + 10 * rows.len() as u64 + salt % 7;
        (!rows.is_empty()).then_some(Content::Model { rows, bytes, wide: is_wide })
    }

    pub(super) fn bytes(&self) -> u64 {
        match self {
            Content::Model { bytes, .. } => *bytes,
            Content::Real(bytes) | Content::Note(bytes) => bytes.len() as u64,
        }
    }

    /// The rows, in the order of the file: a row that is there twice comes twice.
    pub(super) fn rows(&self) -> Vec<u64> {
        match self {
            Content::Model { rows, .. } => rows.iter().copied().collect(),
            Content::Real(bytes) => {
                let file = ParquetFile::open(bytes.clone()).unwrap();
                file.rows(&Projection::All).unwrap().map(|row| number(&row.unwrap())).collect()
            }
            Content::Note(_) => Vec::new(),
        }
    }

    /// What the log is to say of the file at this path. `lsns`: where it is not all of its key's.
    pub(super) fn new_file(
        &self,
        path: &str,
        modified_ms: i64,
        lsns: Option<Vec<LsnRange>>,
    ) -> NewFile {
        let of_key = key(path).lsns().unwrap();
        match self {
            Content::Model { rows, bytes, wide } => {
                let lsns = lsns.unwrap_or_else(|| vec![of_key]);
                template(*wide).modelled(path, *bytes, modified_ms, rows.len() as u64, lsns)
            }
            Content::Real(bytes) => {
                let all = bytes.len() as u64;
                let file = NewFile::read(&place(), &key(path), bytes, all, modified_ms).unwrap();
                file.with_lsns(lsns.unwrap_or_else(|| vec![of_key])).unwrap()
            }
            Content::Note(_) => panic!("{path} is no file of rows"),
        }
    }
}

fn number(row: &StoredRow) -> u64 {
    row.id().trim_start_matches('r').parse().unwrap()
}

fn encoded(rows: &RowSet, wide: bool) -> Bytes {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    for row in rows {
        let more = if wide { format!(",\"wide\":\"w{row}\"") } else { String::new() };
        let text = format!("{{\"_id\":\"r{row}\",\"n\":{row}{more}}}\n");
        encoder.push_json(text.as_bytes()).unwrap();
    }
    let (first, last) = (rows.first().unwrap(), rows.last().unwrap());
    let lsns = Some(LsnRange::new(*first, *last).unwrap());
    encoder.finish(&Target { lsns, ..Target::new(7, "c") }).unwrap().bytes
}

/// A file that a model has its columns of.
fn template(wide: bool) -> &'static NewFile {
    static TEMPLATES: OnceLock<[NewFile; 2]> = OnceLock::new();
    let [narrow, with_more] = TEMPLATES.get_or_init(|| {
        [false, true].map(|wide| {
            let bytes = encoded(&RowSet::from([0]), wide);
            let all = bytes.len() as u64;
            NewFile::read(&place(), &key("lsn-0-0.parquet"), &bytes, all, 0).unwrap()
        })
    });
    if wide { with_more } else { narrow }
}

fn rewrite(
    new: &ObjectKey,
    files: &[(ObjectKey, Bytes)],
    columns: &TableColumns,
    leave_out: &RowSet,
    salt: u64,
) -> Option<Bytes> {
    let source = |(key, bytes): &(ObjectKey, Bytes)| RewriteSource {
        key: key.clone(),
        footer: Footer::read(bytes, bytes.len() as u64).unwrap(),
    };
    let settings = RewriteSettings {
        encode: Settings {
            schema: Some(columns.schema().clone()),
            new_fields: NewFields::default(),
            ..Settings::default()
        },
        // So two rewrites of the same files have different bytes.
        order: if salt % 2 == 0 { RewriteOrder::AsStored } else { RewriteOrder::ById },
        ..RewriteSettings::default()
    };
    let sources = files.iter().map(source).collect();
    let mut rewriter = Rewriter::new(&KeyPrefix::default(), new, sources, &settings).unwrap();
    let (mut bytes, mut is_whole) = (Vec::new(), false);
    let mut drain = |rewriter: &mut Rewriter| {
        while let Some(output) = rewriter.poll().unwrap() {
            match output {
                RewriteOutput::Bytes(slice) => bytes.extend_from_slice(&slice),
                RewriteOutput::File(_) => is_whole = true,
                RewriteOutput::NoRows => {}
            }
        }
    };
    for (_, file) in files {
        let file = ParquetFile::open(file.clone()).unwrap();
        let mut rows = rewriter.rows_of(&file).unwrap();
        let mut keep = |row: &StoredRow| !leave_out.contains(&number(row));
        while rewriter.push(&mut rows, &mut keep).unwrap() {
            drain(&mut rewriter);
        }
    }
    rewriter.finish().unwrap();
    drain(&mut rewriter);
    is_whole.then(|| Bytes::from(bytes))
}
