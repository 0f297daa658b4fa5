//! The entry that a commit is about to put: what its changes do to the version before.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{ChangeKind, ChangeOutcome, PassedOver, TableChange};
use super::columns::TableColumns;
use super::file::NewFile;
use super::lsn_index::LsnIndex;
use super::rules::{already_rewritten, check_adoptable, check_path_is_new, check_rewrite};
use super::rules::{join, other_size, taken};
use super::state::Table;
use crate::{Error, ErrorKind, Result};

/// What the changes of one entry do to the table.
#[derive(Debug)]
pub(super) struct Draft<'t> {
    pub(super) table: Option<&'t Table>,
    /// The columns with those of the new files; `None` until a file needs them.
    columns: Option<TableColumns>,
    pub(super) has_new_columns: bool,
    /// The new files, by path, and whether they bring or take away rows.
    pub(super) files: BTreeMap<&'t str, (&'t NewFile, bool)>,
    /// The removed files, and whether their rows go.
    pub(super) removes: BTreeMap<&'t str, bool>,
    lsns: LsnIndex<String>,
}

/// What a draft does with a change.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is part of the entry, or it needs none.
    Now(ChangeOutcome),
    /// It touches what an earlier change of this entry touches: it belongs into the next entry.
    Later,
}

/// What is wrong with a file of a change.
enum Verdict {
    New(Option<TableColumns>),
    Known,
    Later,
    Refused(Error),
}

impl<'t> Draft<'t> {
    pub(super) fn new(table: Option<&'t Table>) -> Self {
        Draft {
            table,
            columns: None,
            has_new_columns: false,
            files: BTreeMap::new(),
            removes: BTreeMap::new(),
            lsns: LsnIndex::new(),
        }
    }

    /// Whether there is anything to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.removes.is_empty()
    }

    /// How many files the entry names.
    pub(super) fn files_count(&self) -> usize {
        self.files.len() + self.removes.len()
    }

    /// The columns of the table after this entry. An error if it adds no file.
    pub(super) fn columns(&self) -> Result<&TableColumns> {
        self.columns.as_ref().ok_or_else(|| Error::misuse("an entry without files has no columns"))
    }

    /// Takes a change into the entry. After an error the draft is as it was before.
    pub(super) fn take(&mut self, change: &'t TableChange) -> Result<Taken> {
        if let (None, Some(metadata)) = (&self.columns, self.table.and_then(Table::metadata))
            && !change.files().is_empty()
        {
            self.columns = Some(TableColumns::from_metadata(metadata)?);
        }
        match change.kind() {
            ChangeKind::Append => self.add(change, false),
            ChangeKind::Adopt => self.add(change, true),
            ChangeKind::Remove => self.remove(change),
            ChangeKind::Discard => self.discard(change),
            ChangeKind::Rewrite { leaves_rows_out } => self.rewrite(change, leaves_rows_out),
        }
    }

    fn add(&mut self, change: &'t TableChange, passes_over: bool) -> Result<Taken> {
        let mut outcome = ChangeOutcome::default();
        let before = (self.columns.clone(), self.has_new_columns);
        let mut added: BTreeMap<&'t str, &'t NewFile> = BTreeMap::new();
        let mut ends = None;
        for file in change.files() {
            let path = file.path();
            match self.judge(file, &added, before.1, passes_over) {
                Verdict::New(columns) => {
                    self.keep(file, true, columns);
                    added.insert(path, file);
                    outcome.added.push(path.to_owned());
                }
                Verdict::Known => outcome.known.push(path.to_owned()),
                Verdict::Refused(error) if passes_over => {
                    let (path, why) = (path.to_owned(), error.to_string());
                    outcome.passed_over.push(PassedOver { path, why });
                }
                Verdict::Refused(error) => ends = Some(Err(error)),
                Verdict::Later => ends = Some(Ok(Taken::Later)),
            }
            if ends.is_some() {
                break;
            }
        }
        let Some(ends) = ends else { return Ok(Taken::Now(outcome)) };
        for (path, file) in added {
            self.files.remove(path);
            self.lsns.remove(file.lsns(), &path.to_owned());
        }
        (self.columns, self.has_new_columns) = before;
        ends
    }

    fn remove(&mut self, change: &'t TableChange) -> Result<Taken> {
        let table = self.existing("removed")?;
        let mut paths = change.removes().iter().map(|(path, _)| path.as_str());
        if paths.any(|path| self.files.contains_key(path) || self.removes.contains_key(path)) {
            return Ok(Taken::Later);
        }
        let mut outcome = ChangeOutcome::default();
        let mut removed = BTreeSet::new();
        for (path, _) in change.removes() {
            match table.add(path).is_some() && removed.insert(path.as_str()) {
                true => outcome.removed.push(path.clone()),
                false => outcome.passed_over.push(PassedOver {
                    path: path.clone(),
                    why: "the table has no such file any more".to_owned(),
                }),
            }
        }
        if !removed.is_empty() {
            table.check_rows_removable()?;
        }
        self.removes.extend(removed.into_iter().map(|path| (path, true)));
        Ok(Taken::Now(outcome))
    }

    fn discard(&mut self, change: &'t TableChange) -> Result<Taken> {
        let table = self.existing("discarded")?;
        let mut paths = change.removes().iter().map(|(path, _)| path.as_str());
        if paths.any(|path| self.files.contains_key(path) || self.removes.contains_key(path)) {
            return Ok(Taken::Later);
        }
        let mut outcome = ChangeOutcome::default();
        let mut discarded = BTreeSet::new();
        for (path, _) in change.removes() {
            if table.add(path).is_some() {
                let why = "the table has the file".to_owned();
                outcome.passed_over.push(PassedOver { path: path.clone(), why });
            } else if table.removal(path).is_some() {
                outcome.known.push(path.clone());
            } else if discarded.insert(path.as_str()) {
                outcome.removed.push(path.clone());
            }
        }
        self.removes.extend(discarded.into_iter().map(|path| (path, false)));
        Ok(Taken::Now(outcome))
    }

    fn rewrite(&mut self, change: &'t TableChange, leaves_rows_out: bool) -> Result<Taken> {
        let table = self.existing("rewritten")?;
        if let Some(known) = already_rewritten(table, change) {
            return Ok(Taken::Now(known));
        }
        let removes = change.removes().iter().map(|(path, _)| path.as_str());
        let mut paths = removes.chain(change.files().iter().map(NewFile::path));
        if paths.any(|path| self.files.contains_key(path) || self.removes.contains_key(path)) {
            return Ok(Taken::Later);
        }
        check_rewrite(table, change, leaves_rows_out)?;
        let mut joined = None;
        for file in change.files() {
            match join(joined.as_ref().or(self.columns.as_ref()), file) {
                Ok(columns) => joined = columns.or(joined),
                Err(_) if self.has_new_columns => return Ok(Taken::Later),
                Err(error) => return Err(error),
            }
        }
        let mut outcome = ChangeOutcome::default();
        for (path, _) in change.removes() {
            self.removes.insert(path, leaves_rows_out);
            outcome.removed.push(path.clone());
        }
        for file in change.files() {
            self.keep(file, leaves_rows_out, joined.take());
            outcome.added.push(file.path().to_owned());
        }
        Ok(Taken::Now(outcome))
    }

    /// What to do with a file that is to be added with new rows; `added`: the files of the same
    /// change. What earlier changes of the entry do is not certain before it is put: a file that
    /// does not go with them waits.
    fn judge(
        &self,
        file: &NewFile,
        added: &BTreeMap<&str, &NewFile>,
        others_have_new_columns: bool,
        is_adopted: bool,
    ) -> Verdict {
        let path = file.path();
        let is_touched = self.removes.contains_key(path) || self.files.contains_key(path);
        let there = match added.get(path) {
            None if is_touched => return Verdict::Later,
            Some(file) => Some(file.bytes()),
            None => self.table.and_then(|table| table.add(path)).map(|add| add.bytes),
        };
        match there {
            Some(bytes) if bytes == file.bytes() => return Verdict::Known,
            Some(bytes) => return Verdict::Refused(other_size(file, bytes)),
            None => {}
        }
        if let Some(table) = self.table {
            // A compaction has moved its rows into other files.
            if table.removal(path).is_some() && table.covers(file.lsns()) {
                return Verdict::Known;
            }
            let adoptable = if is_adopted { check_adoptable(table, file) } else { Ok(()) };
            if let Err(error) = adoptable.and_then(|()| check_path_is_new(table, file)) {
                return Verdict::Refused(error);
            }
            if let Some((other, lsns)) = table.overlapping(file.lsns()) {
                return match self.removes.contains_key(other.path.as_str()) {
                    true => Verdict::Later,
                    false => Verdict::Refused(taken(file, &other.path, lsns)),
                };
            }
        }
        if let Some((other, lsns)) = self.lsns.find(file.lsns()) {
            return match added.contains_key(other.as_str()) {
                true => Verdict::Refused(taken(file, other, lsns)),
                false => Verdict::Later,
            };
        }
        match join(self.columns.as_ref(), file) {
            Ok(columns) => Verdict::New(columns),
            Err(_) if others_have_new_columns => Verdict::Later,
            Err(error) => Verdict::Refused(error),
        }
    }

    fn keep(&mut self, file: &'t NewFile, data_change: bool, columns: Option<TableColumns>) {
        if let Some(columns) = columns {
            self.columns = Some(columns);
            self.has_new_columns = true;
        }
        self.lsns.insert(file.lsns(), &file.path().to_owned());
        self.files.insert(file.path(), (file, data_change));
    }

    /// The table that files are taken from; `done` says what is done to them.
    fn existing(&self, done: &str) -> Result<&'t Table> {
        self.table.ok_or_else(|| {
            Error::new(
                ErrorKind::Missing,
                format!("no file can be {done}, because there is no table; adopt its files first"),
            )
        })
    }
}
