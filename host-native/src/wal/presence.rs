//! Whether the archive exists at all: a missing folder or bucket must not look like an empty
//! archive.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use coldpress_core::{ArchivedSegment, KeyTarget, ObjectKey};
use futures_util::StreamExt;

use crate::error::{Error, ErrorKind, Result};
use crate::store::local::folder::LocalFolder;
use crate::store::path::store_path;
use crate::store::place::Store;
use crate::threads::blocking;
use crate::wal::archive::Archive;

/// The most other logs that a message names.
const NAMED_MAX: usize = 5;
/// The most folders of nodes that a listing skips before it gives up.
const FOLDERS_MAX: usize = 1_000;
/// The character after `/` in byte order. A folder's name with it instead of `/` comes after
/// everything in the folder.
const BEHIND_FOLDER: char = '0';

impl Archive<'_> {
    /// The error of an archive that holds no segment of this log. `None` if the archive may simply
    /// be empty: no node was given, and there is no other log.
    ///
    /// `Err` if the store cannot be reached, or if bucket or folder are missing.
    pub(super) async fn no_log_error(&self) -> Result<Option<Error>> {
        self.require_folder().await?;
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
                "it holds {}; give the node of one of these (for the command: --node)",
                named(&others, NAMED_MAX)
            ),
        };
        let message = format!("{what}: {there}");
        Ok(Some(Error::new(ErrorKind::Settings, message).at(self.location())))
    }

    /// For a listing without any segment: an error unless the archive may simply be empty.
    pub(super) async fn require_log(&self, segments: &[ArchivedSegment]) -> Result<()> {
        if segments.iter().any(|segment| segment.bytes.is_some()) {
            return Ok(());
        }
        self.no_log_error().await?.map_or(Ok(()), Err)
    }

    /// Where the archive is, for a message.
    pub(super) fn location(&self) -> String {
        let folder = self.folder().unwrap_or_default();
        format!("{folder} in {}", self.storage.errors().store)
    }

    /// An error if the store's folder is missing. A missing bucket is an error of its own when it
    /// is listed.
    pub(super) async fn require_folder(&self) -> Result<()> {
        let Store::Local(folder) = self.storage.place() else { return Ok(()) };
        let root = folder.path_of("");
        blocking(move || match std::fs::metadata(&root) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message =
                    "the folder of the store is not there; check its path, and that it is \
                    mounted";
                Err(Error::new(ErrorKind::Settings, message).at(root.display().to_string()))
            }
            Err(error) => Err(Error::from_io(&error, "read the folder of the store", &root)),
        })
        .await
    }

    /// The other logs in this store, in words for a message.
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

    /// The first segment of this archive after `name`, in the byte order of keys.
    pub(super) async fn first_after(&self, name: &str) -> Result<Option<String>> {
        let folder = self.folder()?;
        let start = match name {
            "" => folder.clone(),
            name => self.key(name)?.as_str().to_owned(),
        };
        match self.storage.place() {
            Store::Local(local) => {
                let (local, below) = (Arc::clone(local), folder.clone());
                let keys = blocking(move || keys_in(&local, &below)).await?;
                let segments = keys.iter().filter(|key| **key > start);
                let first = segments.filter(|key| self.segment_of(key).is_some()).min();
                Ok(first.and_then(|key| self.segment_of(key)))
            }
            Store::S3(_) => self.first_listed_after(&folder, start).await,
        }
    }

    /// Usually one page of keys shows it. Each folder of a node in between costs one page more: the
    /// next listing begins after that folder.
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
        let message = "the archive has too many folders of nodes to search; give the node (for the \
            command: --node)";
        Err(Error::new(ErrorKind::Limit, message).at(self.location()))
    }

    /// The segment whose object this is; `None` for a record, another log's object, or an object
    /// that is not ours.
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
pub(super) const LOOKING: &str = "list the archive";

/// The paths of all files in a folder, in the form of keys. Blocks.
fn keys_in(local: &LocalFolder, folder: &str) -> Result<BTreeSet<String>> {
    let path = local.path_of(folder.trim_end_matches('/'));
    let failed = |e: io::Error| Error::from_io(&e, LOOKING, &path);
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
