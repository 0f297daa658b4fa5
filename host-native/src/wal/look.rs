//! Whether an archive is there at all: a folder or bucket that is missing must not look like an empty archive.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use coldpress_core::{ArchivedSegment, KeyTarget, ObjectKey};
use futures_util::StreamExt;

use super::archive::Archive;
use crate::answer::io_error;
use crate::local::LocalFolder;
use crate::remote::store_path;
use crate::storage::{Backend, blocking};
use crate::{Error, ErrorKind, Result};

/// So many other logs are named in a message.
const NAMED_MAX: usize = 5;
/// So many folders of nodes are passed over before a listing is given up.
const FOLDERS_MAX: usize = 1_000;
/// What follows `/` in the order of bytes: names behind a folder begin with it, or come later.
const BEHIND_FOLDER: char = '0';

impl Archive<'_> {
    /// The error of an archive that holds no segment of this log; or none where it is empty and nothing more was
    /// named: no other log is there and no node was asked for.
    ///
    /// An error of its own where the store cannot be reached, or bucket or folder are missing.
    pub(super) async fn holds_no_log(&self) -> Result<Option<Error>> {
        self.must_be_there().await?;
        let others = self.other_logs().await?;
        if self.node.is_none() && others.is_empty() {
            return Ok(None);
        }
        let what = match self.node {
            Some(node) => format!("the archive holds no log of node {node:?}"),
            None => "the archive holds no log without a node".to_owned(),
        };
        let there = match others.is_empty() {
            true => "it holds no log at all; check the store and the node".to_owned(),
            false => format!(
                "it holds {}; name one of these (for the command: --node)",
                named(&others, NAMED_MAX)
            ),
        };
        let message = format!("{what}: {there}");
        Ok(Some(Error::new(ErrorKind::Settings, message).at(self.place())))
    }

    /// An error where this archive, which was listed, holds no segment and something was named that is not there.
    pub(super) async fn check_listed(&self, segments: &[ArchivedSegment]) -> Result<()> {
        if segments.iter().any(|segment| segment.bytes.is_some()) {
            return Ok(());
        }
        self.holds_no_log().await?.map_or(Ok(()), Err)
    }

    /// After the store said that a segment is not there: the error that tells what that means.
    ///
    /// Of kind `NotFound` only where the archive was reached, and holds other segments of this log (or may be empty),
    /// none of which shows that the segment is missing in the middle.
    pub(super) async fn lacks(&self, name: &str, rules: LackRules) -> Error {
        match self.why_lacking(name, rules).await {
            Ok(error) | Err(error) => not_of_the_archive(error, ErrorKind::Settings),
        }
        .unwrap_or_else(|| {
            let message = format!("the archive holds no segment {name}");
            Error::new(ErrorKind::NotFound, message).at(self.place())
        })
    }
}
