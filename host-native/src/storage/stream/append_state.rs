//! The state of an append: the crashed append that it resumes, and its earlier runs.

use std::collections::HashSet;

use coldpress_core::{ClaimName, ObjectKey, Schema};

/// Whether an append may resume a crashed append of the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AppendMode {
    MayResume,
    OnlyBehind,
}

/// The state of an append.
#[derive(Debug)]
pub(super) struct AppendState {
    /// Appends that crashed after they had stored their first objects.
    pub(super) unfinished: Vec<ClaimName>,
    /// The one of them that this append resumes.
    pub(super) resumed: Option<ClaimName>,
    pub(super) run: Option<AppendRun>,
    pub(super) began: Began,
}

/// What an append knew of the collection when it began.
#[derive(Debug)]
pub(super) struct Began {
    /// The columns that it keeps; `None` if there was no file before its rows.
    pub(super) kept: Option<Schema>,
    /// Files from this LSN on were not all visible yet.
    pub(super) unseen_from: u64,
}

/// A run of an append with an id.
#[derive(Debug)]
pub(super) struct AppendRun {
    pub(super) id: String,
    /// The append's first LSN: no file of it has lower LSNs.
    pub(super) first_lsn: u64,
    pub(super) rows_before: u64,
    /// All files that this run has looked at: those of this append, and others.
    pub(super) known: HashSet<ObjectKey>,
}

impl AppendState {
    pub(super) fn id(&self) -> Option<&str> {
        self.run.as_ref().map(|run| run.id.as_str())
    }

    pub(super) fn resumed(&self) -> Option<&ClaimName> {
        self.resumed.as_ref()
    }

    pub(super) fn kept_columns(&self) -> Option<&Schema> {
        self.began.kept.as_ref()
    }

    pub(super) fn rows_stored_before(&self) -> u64 {
        self.run.as_ref().map_or(0, |run| run.rows_before)
    }
}
