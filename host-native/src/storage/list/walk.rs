//! Walks through a local folder: enters only folders that can hold keys, and follows no link.

use std::fs::{DirEntry, FileType};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use coldpress_core::{KeyPrefix, ObjectKey};

use crate::error::{Error, Result};
use crate::storage::list::found::{ForeignName, Leftover, StoredObject};
use crate::storage::list::names::{FolderKind, Name};
use crate::store::local::guarded::{SafePaths, special_kind};
use crate::store::local::list::{entries, is_staged, present};

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) objects: Vec<StoredObject>,
    pub(crate) foreign: Vec<ForeignName>,
    pub(crate) leftovers: Vec<Leftover>,
}

/// A walk through a local folder.
#[derive(Debug, Clone)]
pub(crate) struct Walk<'w> {
    pub(crate) paths: &'w SafePaths,
    pub(crate) prefix: &'w KeyPrefix,
    /// Whether to enter our folders that hold no keys: crashed puts leave files there too.
    pub(crate) own: bool,
}

/// A folder to read.
struct Folder {
    path: PathBuf,
    /// The same path in the form of a key: empty, or with `/` at its end.
    name: String,
    place: FolderKind,
}

impl Walk<'_> {
    /// Everything below the folder `name`, which is of kind `place`. A folder that does not exist
    /// is empty; one that cannot be read is an error. Blocks.
    ///
    /// Foreign folders are named and not entered, so the walk goes at most three folders deep.
    pub(crate) fn run(&self, name: &str, place: FolderKind) -> Result<Walked> {
        self.paths.check_parents(name)?;
        let mut walked = Walked::default();
        let mut folders =
            vec![Folder { path: self.paths.path_of(name), name: name.to_owned(), place }];
        while let Some(folder) = folders.pop() {
            let failed = |e: io::Error| Error::from_io(&e, "list the folder", &folder.path);
            for entry in entries(&folder.path)? {
                let entry = entry.map_err(failed)?;
                // A file that is deleted during the walk counts as absent.
                if let Some(kind) = present(entry.file_type()).map_err(failed)? {
                    self.take(&folder, &entry, kind, &mut walked, &mut folders)?;
                }
            }
        }
        walked.leftovers.sort_by(|a, b| a.path.cmp(&b.path));
        walked.foreign.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(walked)
    }

    fn take(
        &self,
        folder: &Folder,
        entry: &DirEntry,
        kind: FileType,
        walked: &mut Walked,
        folders: &mut Vec<Folder>,
    ) -> Result<()> {
        let own = entry.file_name();
        // A name that is not UTF-8 is not ours. It is shown with replacement characters.
        let name = format!("{}{}", folder.name, own.to_string_lossy());
        if kind.is_dir() {
            match folder.place.below(self.prefix, &name) {
                Some(FolderKind::Own) if !self.own => {}
                Some(place) => {
                    folders.push(Folder { path: entry.path(), name: name + "/", place });
                }
                None => walked.foreign.push(ForeignName::new(name + "/")),
            }
            return Ok(());
        }
        if !kind.is_file() {
            let what = special_kind(kind);
            if folder.place != FolderKind::Own {
                walked.foreign.push(ForeignName { name, what });
            }
            return Ok(());
        }
        let sorted = folder.place.file(self.prefix, &name);
        if let Name::Foreign(name) = sorted {
            walked.foreign.push(ForeignName::new(name));
            return Ok(());
        }
        let leftover = own.to_str().is_some_and(is_staged);
        if !leftover && sorted == Name::Own {
            return Ok(());
        }
        let failed = |e: io::Error| Error::from_io(&e, "look at the file", &entry.path());
        let Some(facts) = present(entry.metadata()).map_err(failed)? else { return Ok(()) };
        let (bytes, modified) = (facts.len(), facts.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        match sorted {
            Name::Key(key) => walked.objects.push(StoredObject { key, bytes, modified }),
            _ => walked.leftovers.push(Leftover { path: name, bytes, modified }),
        }
        Ok(())
    }
}

/// The kind of the folder that holds the data files of a collection, of a tenant, or of all.
pub(crate) fn place_of(tenant: Option<u64>, collection: Option<&str>) -> FolderKind {
    match (tenant, collection) {
        (Some(_), Some(_)) => FolderKind::Collection,
        (Some(_), None) => FolderKind::Tenant,
        (None, _) => FolderKind::Top,
    }
}

/// The folder of a collection, of a tenant, or of all, with `/` at its end.
pub(crate) fn folder_of(
    prefix: &KeyPrefix,
    tenant: Option<u64>,
    collection: Option<&str>,
) -> Result<String> {
    Ok(match (tenant, collection) {
        (Some(tenant), Some(collection)) => {
            ObjectKey::collection_folder(prefix, tenant, collection)?
        }
        (Some(tenant), None) => format!("{}{tenant}/", prefix.as_str()),
        (None, _) => prefix.as_str().to_owned(),
    })
}
