//! The walk through a local folder: only where keys can lie, and through no link.

use std::fs::{DirEntry, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use coldpress_core::{KeyPrefix, ObjectKey};

use super::names::{Name, Place, is_staged};
use super::page::Listed;
use super::{ForeignName, Leftover, StoredObject};
use crate::Result;
use crate::answer::io_error;
use crate::local_store::Ways;

/// What lies in a folder.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) objects: Vec<StoredObject>,
    pub(crate) foreign: Vec<ForeignName>,
    pub(crate) leftovers: Vec<Leftover>,
}

/// Where a walk begins, and what it looks for.
#[derive(Debug, Clone)]
pub(crate) struct Walk<'w> {
    pub(crate) ways: &'w Ways,
    pub(crate) prefix: &'w KeyPrefix,
    /// Whether to look into folders that hold no keys: killed puts leave files there too.
    pub(crate) own: bool,
}

/// A folder that is to be read.
struct Folder {
    path: PathBuf,
    /// The same in the form of a key: empty, or with `/` at its end.
    name: String,
    place: Place,
}

impl Walk<'_> {
    /// Everything below the folder `name`, which is for `place`. A folder that is not there is
    /// empty; one that cannot be read is an error. Blocks.
    ///
    /// Folders of strangers are named and not read, so the walk goes at most three folders deep.
    pub(crate) fn run(&self, name: &str, place: Place) -> Result<Walked> {
        self.ways.check_way(name)?;
        let mut walked = Walked::default();
        let mut folders =
            vec![Folder { path: self.ways.path_of(name), name: name.to_owned(), place }];
        while let Some(folder) = folders.pop() {
            let failed = |e: io::Error| io_error(&e, "list the folder", &folder.path);
            for entry in entries(&folder.path)? {
                let entry = entry.map_err(failed)?;
                // What goes away meanwhile is not there.
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
        // A name that is no text cannot be one of ours, and is shown as well as it can be.
        let name = format!("{}{}", folder.name, own.to_string_lossy());
        if kind.is_dir() {
            match folder.place.below(self.prefix, &name) {
                Some(Place::Own) if !self.own => {}
                Some(place) => {
                    folders.push(Folder { path: entry.path(), name: name + "/", place });
                }
                None => walked.foreign.push(ForeignName::new(name + "/")),
            }
            return Ok(());
        }
        if !kind.is_file() {
            let what = crate::local_store::odd(kind);
            if folder.place != Place::Own {
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
        let failed = |e: io::Error| io_error(&e, "look at the file", &entry.path());
        let Some(facts) = present(entry.metadata()).map_err(failed)? else { return Ok(()) };
        let (bytes, modified) = (facts.len(), facts.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        match sorted {
            Name::Key(key) => walked.objects.push(StoredObject { key, bytes, modified }),
            _ => walked.leftovers.push(Leftover { path: name, bytes, modified }),
        }
        Ok(())
    }
}

/// Every regular file that lies just in this folder, staged ones left out. Blocks.
pub(crate) fn files_in(ways: &Ways, name: &str) -> Result<Vec<Listed>> {
    ways.check_way(name)?;
    let path = ways.path_of(name);
    let failed = |e: io::Error| io_error(&e, "list the folder", &path);
    let mut found = Vec::new();
    for entry in entries(&path)? {
        let entry = entry.map_err(failed)?;
        let is_file =
            present(entry.file_type()).map_err(failed)?.is_some_and(|kind| kind.is_file());
        let Ok(own) = entry.file_name().into_string() else { continue };
        if !is_file || is_staged(&own) {
            continue;
        }
        let Some(facts) = present(entry.metadata()).map_err(failed)? else { continue };
        let modified = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        found.push(Listed { name: format!("{name}{own}"), bytes: facts.len(), modified });
    }
    Ok(found)
}

/// The place of the folder that holds the data files of a collection, a tenant, or all.
pub(crate) fn place_of(tenant: Option<u64>, collection: Option<&str>) -> Place {
    match (tenant, collection) {
        (Some(_), Some(_)) => Place::Collection,
        (Some(_), None) => Place::Tenant,
        (None, _) => Place::Top,
    }
}

/// The folder, with `/` at its end, of a collection, a tenant, or all.
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

/// What the folder holds; nothing where it is not there.
fn entries(path: &Path) -> Result<impl Iterator<Item = io::Result<DirEntry>>> {
    let read = present(std::fs::read_dir(path));
    let read = read.map_err(|error| io_error(&error, "list the folder", path))?;
    Ok(read.into_iter().flatten())
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
