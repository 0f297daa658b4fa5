//! What one caller wants a commit to do.

use serde_json::{Map, Value};

use super::action::Add;
use super::file::NewFile;

/// What a change does to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Adds files with new rows. All of them, or none.
    Append,
    /// Adds files that lie in the folder without a commit. What cannot be added is passed over.
    Adopt,
    /// Removes files with their rows. What is gone already is passed over.
    Remove,
    /// Puts new files in the place of old ones. All of them, or none.
    Rewrite {
        /// Whether rows are left out, as an erase does it; a compaction keeps all rows.
        leaves_rows_out: bool,
    },
    /// Says of objects without a commit that they are never to be committed.
    Discard,
}

/// What one caller wants a commit to do.
#[derive(Debug, Clone, PartialEq)]
pub struct TableChange {
    kind: ChangeKind,
    files: Vec<NewFile>,
    /// The paths to remove, and the sizes of the files that a rewrite has read.
    removes: Vec<(String, Option<u64>)>,
    operation: String,
}

/// What became of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeOutcome {
    /// The version that has the change; `None` if there was nothing to commit.
    pub version: Option<u64>,
    /// The paths that were added.
    pub added: Vec<String>,
    /// The paths whose rows the table had already: in a file with this path and size, or, after a
    /// compaction, in others with the same LSNs.
    pub known: Vec<String>,
    /// The paths that were removed.
    pub removed: Vec<String>,
    /// The files that were passed over.
    pub passed_over: Vec<PassedOver>,
}

/// A file of a change that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Its path.
    pub path: String,
    /// Why, for people.
    pub why: String,
}

impl TableChange {
    /// Adds files with new rows.
    ///
    /// A file whose rows the table has already is no matter: so a caller may commit again what it
    /// is not sure of. The change is a `Conflict` if a file was removed before, if
    /// another file has one of its LSNs, or if its columns do not fit those of the table.
    ///
    /// The object must be there. If it is older than [`UNCOMMITTED_MS`](super::UNCOMMITTED_MS), a
    /// vacuum may have deleted it, and the log may have forgotten it. Then read the table first,
    /// see that the object is there, and commit with that table as the known one.
    pub fn append(files: Vec<NewFile>) -> Self {
        TableChange::new(ChangeKind::Append, files, Vec::new(), "WRITE")
    }

    /// Adds files that lie in the folder without a commit.
    ///
    /// A file that was removed before never comes back. It is passed over, and so is a file with an
    /// LSN that another file has, or with columns that do not fit. A table that is there passes
    /// over rewritten files too: a rewrite that was not committed may have rows that are erased
    /// since.
    pub fn adopt(files: Vec<NewFile>) -> Self {
        TableChange::new(ChangeKind::Adopt, files, Vec::new(), "ADOPT")
    }

    /// Removes these files with their rows.
    pub fn remove(paths: Vec<String>) -> Self {
        let removes = paths.into_iter().map(|path| (path, None)).collect();
        TableChange::new(ChangeKind::Remove, Vec::new(), removes, "DELETE")
    }

    /// Puts new files with the same rows in the place of these, which it was made of.
    ///
    /// The change is a `Conflict` if another commit has removed or replaced one of them meanwhile.
    /// The new files must have exactly their LSNs.
    pub fn compact<'a>(replaced: impl IntoIterator<Item = &'a Add>, files: Vec<NewFile>) -> Self {
        let kind = ChangeKind::Rewrite { leaves_rows_out: false };
        TableChange::new(kind, files, sized(replaced), "OPTIMIZE")
    }

    /// Puts new files with some of the rows in the place of these, which it was made of. No file is
    /// needed where no row is left.
    ///
    /// The change is a `Conflict` if another commit has removed or replaced one of them meanwhile.
    /// The new files must have no other LSNs.
    pub fn erase<'a>(replaced: impl IntoIterator<Item = &'a Add>, files: Vec<NewFile>) -> Self {
        let kind = ChangeKind::Rewrite { leaves_rows_out: true };
        TableChange::new(kind, files, sized(replaced), "DELETE")
    }

    /// Says of objects that lie in the folder without a commit that they are never to be committed:
    /// a later commit of one of them is a conflict, as that of a removed file.
    ///
    /// Delete such objects only once this is committed, and only those of
    /// [`ChangeOutcome::removed`]. A file that the table has is passed over, so what another writer
    /// commits at the same moment stays. Those that are removed or discarded already are
    /// [`ChangeOutcome::known`].
    pub fn discard(paths: Vec<String>) -> Self {
        let removes = paths.into_iter().map(|path| (path, None)).collect();
        TableChange::new(ChangeKind::Discard, Vec::new(), removes, "VACUUM")
    }

    /// The same under another name in the history of the table, such as `WRITE`.
    #[must_use]
    pub fn named(mut self, operation: &str) -> Self {
        operation.clone_into(&mut self.operation);
        self
    }

    /// What it does.
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// The files that it adds.
    pub fn files(&self) -> &[NewFile] {
        &self.files
    }

    /// The paths that it removes; with a rewrite, the sizes of the files that it read.
    pub(super) fn removes(&self) -> &[(String, Option<u64>)] {
        &self.removes
    }

    /// Its name in the history of the table.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Parameters for the history, with texts as values: other engines expect those.
    pub(super) fn parameters(&self) -> Map<String, Value> {
        let mode = match self.kind {
            ChangeKind::Append | ChangeKind::Adopt => Some(("mode".to_owned(), "Append".into())),
            ChangeKind::Remove | ChangeKind::Rewrite { .. } | ChangeKind::Discard => None,
        };
        mode.into_iter().collect()
    }

    fn new(
        kind: ChangeKind,
        files: Vec<NewFile>,
        removes: Vec<(String, Option<u64>)>,
        operation: &str,
    ) -> Self {
        TableChange { kind, files, removes, operation: operation.to_owned() }
    }
}

fn sized<'a>(adds: impl IntoIterator<Item = &'a Add>) -> Vec<(String, Option<u64>)> {
    adds.into_iter().map(|add| (add.path.clone(), Some(add.bytes))).collect()
}
