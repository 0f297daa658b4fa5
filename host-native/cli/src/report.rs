//! The report at the end of a put: a table for people, or JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::io::Write;

use coldpress::{PutOutcome, StoredFile};
use coldpress_core::{KeyTarget, ObjectKey, Rescued, Summary};
use serde_json::{Value, json};

use super::failure::Failure;
use super::feed::Fed;
use super::put_args::PutArgs;
use super::text::{Column, Table, counted, human_bytes, human_count, line_width};

/// The most columns with rescued values that the table names, to keep it short.
const RESCUED_SHOWN_MAX: usize = 20;

/// What to do about values that do not fit the columns that a put keeps.
const KEPT_COLUMNS: &str = "these values are in _rescued_data: the columns keep the types that \
                            they have in the collection. To choose other types, put all rows anew \
                            with --schema, or these with --new-schema";

/// One object that was put.
pub struct File<'a> {
    pub key: &'a ObjectKey,
    pub bytes: u64,
    pub summary: &'a Summary,
    pub outcome: PutOutcome,
}

impl<'a> File<'a> {
    pub fn of_stored(stored: &'a StoredFile) -> Self {
        let StoredFile { key, bytes, summary, outcome, .. } = stored;
        File { key, bytes: *bytes, summary, outcome: *outcome }
    }
}

/// The report of a put.
pub struct Report<'a> {
    pub args: &'a PutArgs,
    /// The store's name, as shown to people.
    pub store: &'a str,
    /// In the order of their rows. At least one.
    pub files: &'a [File<'a>],
    pub fed: Fed,
    /// Whether the rows were to fit the columns that the collection had.
    pub keeps_columns: bool,
}

impl Report<'_> {
    pub fn print(&self) -> Result<(), Failure> {
        let mut out = Vec::new();
        if self.args.json { self.write_json(&mut out) } else { self.write_text(&mut out) }
            .and_then(|()| io::stdout().write_all(&out))
            .map_err(|error| Failure::output_after(error, self.done()))
    }

    /// Says in one line what is stored, and what a second run would do.
    fn done(&self) -> String {
        let rows = counted(self.sum(|summary| summary.rows), "row");
        let keys = match self.files {
            [file] => file.key.to_string(),
            [first, .., last] => {
                format!("{} objects from {} to {}", self.files.len(), first.key, last.key)
            }
            [] => "no object".to_owned(),
        };
        let retry = match self.args.stores_again() {
            true => "running the same command again would store them a second time",
            false => "running the same command again stores nothing twice",
        };
        format!("all is stored, {rows} in {keys}: {retry}")
    }

    fn bytes_out(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    fn ratio(&self) -> f64 {
        self.fed.json_bytes as f64 / (self.bytes_out().max(1)) as f64
    }

    fn sum(&self, of: impl Fn(&Summary) -> u64) -> u64 {
        self.files.iter().map(|file| of(file.summary)).sum()
    }

    /// The rescued values of all files. A dot may separate two names or be part of one, so two
    /// columns may have the same path here.
    fn rescued(&self) -> Vec<Rescued> {
        let mut by_path: BTreeMap<&str, Rescued> = BTreeMap::new();
        for rescued in self.files.iter().flat_map(|file| &file.summary.rescued) {
            match by_path.get_mut(rescued.path.as_str()) {
                Some(sum) => {
                    sum.count += rescued.count;
                    sum.other_form += rescued.other_form;
                }
                None => drop(by_path.insert(&rescued.path, rescued.clone())),
            }
        }
        by_path.into_values().collect()
    }

    /// What engines in wide use cannot read of the files.
    fn warnings(&self) -> BTreeSet<String> {
        self.files.iter().flat_map(|file| file.summary.schema.warnings()).collect()
    }

    /// Files whose rows are not as many as the LSNs of their keys. That is no error: a log may leave
    /// numbers out, and one number may stand for several rows.
    fn notes(&self) -> Vec<String> {
        let note = |file: &File<'_>| {
            let (lsns, rows) = (file.key.lsns()?, file.summary.rows);
            let in_range = u128::from(lsns.max() - lsns.min()) + 1;
            (u128::from(rows) != in_range).then(|| {
                format!(
                    "the LSNs {lsns} are {in_range} numbers, and the rows are {rows}; to give each row \
                     a number of its own, choose a range of that length"
                )
            })
        };
        self.files.iter().filter_map(note).collect()
    }

    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new([Column::words(""), Column::words("")]);
        let mut line = |name: &str, value: String| table.push([name.to_owned(), value]);
        line("rows", human_count(self.sum(|summary| summary.rows)));
        let columns = self.files.iter().map(|file| file.summary.columns).max().unwrap_or(0);
        line("columns", human_count(columns as u64));
        let Fed { json_bytes, read_bytes, .. } = self.fed;
        let packed = match json_bytes == read_bytes {
            true => String::new(),
            false => format!(" ({} compressed)", human_bytes(read_bytes)),
        };
        line("bytes in", format!("{}{packed}", human_bytes(json_bytes)));
        line("bytes out", human_bytes(self.bytes_out()));
        let digits = if self.ratio() < 1.0 { 2 } else { 1 };
        line("ratio", format!("{:.digits$}x", self.ratio()));
        line("codec", self.args.codec.to_string());
        line("store", self.store.to_owned());
        if let Some(what) = self.already_there() {
            line("already there", what);
        }
        let rescued = self.rescued();
        for (i, rescued) in rescued.iter().take(RESCUED_SHOWN_MAX).enumerate() {
            line(if i == 0 { "rescued" } else { "" }, rescued_text(rescued));
        }
        let unshown = rescued.len().saturating_sub(RESCUED_SHOWN_MAX) as u64;
        if unshown > 0 {
            line("", format!("and {}; --json lists all", counted(unshown, "more column")));
        }
        if self.keeps_columns && rescued.iter().any(|of| of.count > of.other_form) {
            line("", KEPT_COLUMNS.to_owned());
        }
        let duplicate_ids = self.sum(|summary| summary.duplicate_ids);
        if duplicate_ids > 0 {
            let rows = counted(duplicate_ids, "row");
            line("duplicate ids", format!("{rows}; --unique-ids refuses them"));
        }
        let duplicate_keys = self.sum(|summary| summary.duplicate_keys);
        if duplicate_keys > 0 {
            let keys = human_count(duplicate_keys);
            line("duplicate keys", format!("{keys}, the last value of each was kept"));
        }
        for warning in self.warnings() {
            line("warning", warning);
        }
        for note in self.notes() {
            line("note", note);
        }
        for file in self.files {
            writeln!(out, "{}", file.key)?;
        }
        table.write(out, "  ", line_width())
    }

    fn already_there(&self) -> Option<String> {
        let found = self.files.iter().filter(|file| file.outcome == PutOutcome::AlreadyThere);
        match (found.count(), self.files.len()) {
            (0, _) => None,
            // The rows of an append with an id are known by their numbers alone.
            (found, all) if self.args.append_id.is_some() => Some(format!(
                "{found} of {}, from earlier runs with this append id; the rows of this run were \
                 counted, not compared with them",
                counted(all as u64, "object")
            )),
            (1, 1) => Some("with the same content; nothing was written".to_owned()),
            (found, all) => Some(format!("{found} of {all} objects, with the same content")),
        }
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let lsns = || self.files.iter().filter_map(|file| file.key.lsns());
        let (tenant_id, collection) = match self.files.first().map(|file| file.key.target()) {
            Some(KeyTarget::Data { tenant_id, collection, .. }) => {
                (*tenant_id, collection.as_str())
            }
            _ => (self.args.tenant, self.args.collection.as_str()),
        };
        let all_there = self.files.iter().all(|file| file.outcome == PutOutcome::AlreadyThere);
        let columns = self.files.iter().map(|file| file.summary.columns).max();
        let rescued = self.rescued();
        let mut report = json!({
            "store": self.store,
            "already_there": all_there,
            "tenant_id": tenant_id,
            "collection": collection,
            "min_lsn": lsns().map(|lsns| lsns.min()).min(),
            "max_lsn": lsns().map(|lsns| lsns.max()).max(),
            "rows": self.sum(|summary| summary.rows),
            "columns": columns,
            "bytes_in": self.fed.json_bytes,
            "bytes_out": self.bytes_out(),
            "ratio": (self.ratio() * 1000.0).round() / 1000.0,
            "codec": self.args.codec.to_string(),
            "rescued": by_path(&rescued, |of| of.count),
            "other_form": by_path(&rescued, |of| of.other_form),
            "warnings": self.warnings(),
            "notes": self.notes(),
            "duplicate_ids": self.sum(|summary| summary.duplicate_ids),
            "duplicate_keys": self.sum(|summary| summary.duplicate_keys),
        });
        let (name, value) = match self.files {
            [file] => ("key", Value::from(file.key.as_str())),
            files => ("files", files.iter().map(File::to_json).collect()),
        };
        report[name] = value;
        writeln!(out, "{report}")
    }
}

/// How many values of a path are rescued, and which of the two kinds they are.
fn rescued_text(rescued: &Rescued) -> String {
    let Rescued { path, count, other_form } = rescued;
    let (not_in_column, other) = (human_count(count - other_form), human_count(*other_form));
    // The empty name would not be seen.
    let path = if path.is_empty() { "\"\"" } else { path.as_str() };
    match (count - other_form, *other_form) {
        (_, 0) => format!("{path}: {not_in_column}"),
        (0, _) => format!("{path}: {other} in the column, their own form kept beside it"),
        _ => format!(
            "{path}: {not_in_column}, and {other} in the column, their own form kept beside it"
        ),
    }
}

/// The counts that are not 0.
fn by_path(rescued: &[Rescued], count: fn(&Rescued) -> u64) -> BTreeMap<&str, u64> {
    let counts = rescued.iter().map(|of| (of.path.as_str(), count(of)));
    counts.filter(|(_, count)| *count > 0).collect()
}

impl File<'_> {
    /// The fields that differ between several objects.
    fn to_json(&self) -> Value {
        json!({
            "key": self.key.as_str(),
            "already_there": self.outcome == PutOutcome::AlreadyThere,
            "rows": self.summary.rows,
            "columns": self.summary.columns,
            "bytes_out": self.bytes,
        })
    }
}
