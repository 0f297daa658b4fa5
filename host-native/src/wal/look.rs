//! Whether an archive is there at all: a folder or bucket that is missing must not look like an
//! empty archive.

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
    /// The error of an archive that holds no segment of this log; or none where it is empty and
    /// nothing more was named: no other log is there and no node was asked for.
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

    /// An error where this archive, which was listed, holds no segment and something was named that
    /// is not there.
    pub(super) async fn check_listed(&self, segments: &[ArchivedSegment]) -> Result<()> {
        if segments.iter().any(|segment| segment.bytes.is_some()) {
            return Ok(());
        }
        self.holds_no_log().await?.map_or(Ok(()), Err)
    }

    /// Where the archive lies, for a message.
    pub(super) fn place(&self) -> String {
        let folder = self.folder().unwrap_or_default();
        format!("{folder} in {}", self.storage.answers().store)
    }

    /// An error where the store's folder is missing. A bucket that is missing says so itself when
    /// it is listed.
    pub(super) async fn must_be_there(&self) -> Result<()> {
        let Backend::Local(folder) = self.storage.backend() else { return Ok(()) };
        let root = folder.path_of("");
        blocking(move || match std::fs::metadata(&root) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message =
                    "the folder of the store is not there; check its path, and that it is mounted";
                Err(Error::new(ErrorKind::Settings, message).at(root.display().to_string()))
            }
            Err(error) => Err(io_error(&error, "look into the folder of the store", &root)),
        })
        .await
    }

    /// The other logs in this store, as they are named to people.
    async fn other_logs(&self) -> Result<Vec<String>> {
        let parent = Archive { storage: self.storage, node: None };
        let folder = parent.folder()?;
        let path = store_path(&folder)?;
        let store = self.storage.object_store();
        let listed = store.list_with_delimiter(Some(&path));
        let listed = self.storage.within(LOOKING, &folder, listed).await?;
        let mut logs = Vec::new();
        let has_own =
            listed.objects.iter().any(|meta| parent.segment_of(meta.location.as_ref()).is_some());
        if has_own && self.node.is_some() {
            logs.push("a log without a node".to_owned());
        }
        let prefix = self.storage.prefix();
        for below in &listed.common_prefixes {
            let Ok(key) = ObjectKey::parse(prefix, &format!("{below}/x")) else { continue };
            if let KeyTarget::Wal { node: Some(node), .. } = key.target()
                && Some(node.as_str()) != self.node
            {
                logs.push(format!("the log of node {node:?}"));
            }
        }
        Ok(logs)
    }

    /// The name of the first segment in this archive whose key is behind `name`, in the order of
    /// keys' bytes.
    pub(super) async fn first_after(&self, name: &str) -> Result<Option<String>> {
        let folder = self.folder()?;
        let start = match name {
            "" => folder.clone(),
            name => self.key(name)?.as_str().to_owned(),
        };
        match self.storage.backend() {
            Backend::Local(local) => {
                let (local, below) = (Arc::clone(local), folder.clone());
                let keys = blocking(move || keys_in(&local, &below)).await?;
                let segments = keys.iter().filter(|key| **key > start);
                let first = segments.filter(|key| self.segment_of(key).is_some()).min();
                Ok(first.and_then(|key| self.segment_of(key)))
            }
            Backend::Remote(_) => self.first_listed_after(&folder, start).await,
        }
    }

    /// A page of keys tells it, unless folders of nodes lie in between: each is passed over by one
    /// page more.
    async fn first_listed_after(&self, folder: &str, start: String) -> Result<Option<String>> {
        let (path, store) = (store_path(folder)?, self.storage.object_store());
        let mut start = start;
        for _ in 0..FOLDERS_MAX {
            let mut keys = store.list_with_offset(Some(&path), &store_path(&start)?);
            let behind = loop {
                let next = async { keys.next().await.transpose() };
                let Some(meta) = self.storage.within(LOOKING, folder, next).await? else {
                    return Ok(None);
                };
                let key = meta.location.as_ref();
                if let Some(name) = self.segment_of(key) {
                    return Ok(Some(name));
                }
                let below = key.strip_prefix(folder).and_then(|rest| rest.split_once('/'));
                if let Some((node, _)) = below {
                    break format!("{folder}{node}{BEHIND_FOLDER}");
                }
            };
            start = behind;
        }
        let message = "the archive has too many folders of nodes to look through; name the node";
        Err(Error::new(ErrorKind::Limit, message).at(self.place()))
    }

    /// The segment whose object this is; none where it is a record, of another log, or no object of
    /// ours.
    fn segment_of(&self, path: &str) -> Option<String> {
        let key = ObjectKey::parse(self.storage.prefix(), path).ok()?;
        match key.target() {
            KeyTarget::Wal { node, segment } if node.as_deref() == self.node => {
                Some(segment.clone())
            }
            _ => None,
        }
    }
}

/// Completes "could not …".
pub(super) const LOOKING: &str = "look what the archive holds";

/// The paths of all that lies in a folder, as keys have them. Blocks.
fn keys_in(local: &LocalFolder, folder: &str) -> Result<BTreeSet<String>> {
    let path = local.path_of(folder.trim_end_matches('/'));
    let failed = |e: io::Error| io_error(&e, LOOKING, &path);
    let entries = match std::fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other.map_err(failed)?,
    };
    let mut keys = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let is_file = entry.metadata().is_ok_and(|facts| facts.is_file());
        if let Some(name) = entry.file_name().to_str().filter(|_| is_file) {
            keys.insert(format!("{folder}{name}"));
        }
    }
    Ok(keys)
}

fn named(logs: &[String], most: usize) -> String {
    let shown = logs.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match logs.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
