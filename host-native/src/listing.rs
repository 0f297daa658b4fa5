//! What lies in a store: all of it that is ours, or an error; and the names of strangers, which are
//! passed over.

mod bucket;
mod folder;
mod names;
mod page;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use coldpress_core::{KeyPrefix, KeyTarget, LsnRange, ObjectKey};
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;

use crate::answer::Answers;
use crate::local::LocalFolder;
use crate::remote::RemoteStore;
use crate::threads::blocking;
use crate::{Error, ErrorKind, Result};
use bucket::Pages;
use folder::{Walk, Walked, folder_of, place_of};
use names::Name;
use page::Listed;

/// The most names of strangers that are kept; all are counted.
pub const FOREIGN_NAMES_KEPT: usize = 1_000;

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredObject {
    /// Its key, and so which rows it holds.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// When it was stored, by the store's clock.
    pub modified: SystemTime,
}

/// What a store, or a part of it, holds: [`ColdStorage::contents`](crate::ColdStorage::contents).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The objects of ours: data by tenant, collection and LSN, then segments of logs.
    pub objects: Vec<StoredObject>,
    /// What lies there beside them.
    pub foreign: ForeignNames,
}

/// Names in a store that are not ours. They are passed over, whatever they are: only what is ours
/// must be readable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignNames {
    /// How many there are. A folder that can hold no key of ours counts once, with all that lies in
    /// it.
    pub count: u64,
    /// The first of them, at most [`FOREIGN_NAMES_KEPT`].
    pub names: Vec<ForeignName>,
}

/// A name that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignName {
    /// With the prefix, its parts joined by `/`; with `/` at its end where it is a folder. What is
    /// no UTF-8 shows as U+FFFD.
    pub name: String,
    /// What it is, where that is no file and no folder: `"a symbolic link"`, say.
    pub what: Option<&'static str>,
}

/// A file that a put left behind when its process was killed, or one that a put is writing just
/// now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Where it lies in the store's folder, its parts joined by `/` as in a key.
    pub path: String,
    /// Its size so far.
    pub bytes: u64,
    /// When it was written to last.
    pub modified: SystemTime,
}

impl ForeignName {
    fn new(name: String) -> Self {
        ForeignName { name, what: None }
    }
}

/// Where a listing comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'s> {
    Folder(&'s Arc<LocalFolder>),
    Bucket(&'s RemoteStore),
}

/// Lists one store.
pub(crate) struct Listing<'s> {
    pub(crate) source: Source<'s>,
    pub(crate) prefix: &'s KeyPrefix,
    pub(crate) answers: &'s Answers,
    /// The most time for one page.
    pub(crate) limit_ms: u64,
}

impl Listing<'_> {
    /// The data files of a collection whose LSNs overlap `lsns`, by LSN.
    pub(crate) async fn collection(
        &self,
        tenant_id: u64,
        collection: &str,
        lsns: Option<LsnRange>,
    ) -> Result<Vec<StoredObject>> {
        let mut objects = self.contents(Some(tenant_id), Some(collection)).await?.objects;
        objects.retain(|object| match (object.key.lsns(), lsns) {
            (Some(held), Some(wanted)) => held.overlaps(wanted),
            (Some(_), None) => true,
            (None, _) => false,
        });
        Ok(objects)
    }

    /// Every object that is ours, data by tenant, collection and LSN, then logs; or those of one
    /// tenant, which has no logs.
    pub(crate) async fn all(&self, tenant_id: Option<u64>) -> Result<Vec<StoredObject>> {
        Ok(self.contents(tenant_id, None).await?.objects)
    }

    /// The first page of a bucket's listing, which tells whether it is there; nothing of a folder.
    pub(crate) async fn first_page(&self) -> Result<()> {
        let Source::Bucket(remote) = self.source else { return Ok(()) };
        Pages::new(remote, self.prefix.as_str(), Some("/"), self.limit_ms).next().await.map(|_| ())
    }

    /// What lies there of a tenant, of a collection, of both, or all.
    pub(crate) async fn contents(
        &self,
        tenant_id: Option<u64>,
        collection: Option<&str>,
    ) -> Result<Contents> {
        let mut contents = match self.source {
            Source::Folder(folder) => {
                let walked = walk(folder, self.prefix, tenant_id, collection, false).await?;
                let mut foreign = ForeignNames::default();
                walked.foreign.into_iter().for_each(|name| foreign.push(name));
                Contents { objects: walked.objects, foreign }
            }
            Source::Bucket(remote) => self.bucket(remote, tenant_id, collection).await?,
        };
        if let Some(wanted) = collection {
            contents.objects.retain(|object| match object.key.target() {
                KeyTarget::Data { collection, .. } => collection == wanted,
                KeyTarget::Wal { .. } => false,
            });
        }
        contents.objects.sort_by(|a, b| order(&a.key).cmp(&order(&b.key)));
        Ok(contents)
    }

    async fn bucket(
        &self,
        remote: &RemoteStore,
        tenant_id: Option<u64>,
        collection: Option<&str>,
    ) -> Result<Contents> {
        let folder = folder_of(self.prefix, tenant_id, collection)?;
        // A table's log below a collection is not walked.
        let delimiter = tenant_id.and(collection).map(|_| "/");
        let mut pages = Pages::new(remote, &folder, delimiter, self.limit_ms);
        let mut contents = Contents::default();
        let mut seen = HashSet::new();
        let mut last = String::new();
        while let Some(page) = pages.next().await? {
            for folder in page.folders {
                contents.foreign.see(Name::of(self.prefix, &folder), &mut last);
            }
            for Listed { name, bytes, modified } in page.objects {
                match Name::of(self.prefix, &name) {
                    Name::Key(key) if seen.insert(name) => {
                        contents.objects.push(StoredObject { key, bytes, modified });
                    }
                    Name::Key(key) => return Err(self.listed_twice(&key)),
                    other => contents.foreign.see(other, &mut last),
                }
            }
        }
        Ok(contents)
    }

    fn listed_twice(&self, key: &ObjectKey) -> Error {
        let message = format!(
            "{} listed this object twice, so its listing cannot be trusted; try again",
            self.answers.store
        );
        Error::new(ErrorKind::Unavailable, message).at(key.as_str())
    }

    /// Everything that lies just in this folder, keys or not, in no order. Names that no key can
    /// begin with are left out.
    pub(crate) async fn folder(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        let listed = match self.source {
            Source::Folder(local) => {
                let (local, name) = (Arc::clone(local), folder.to_owned());
                blocking(move || folder::files_in(local.ways(), &name)).await?
            }
            Source::Bucket(remote) => self.objects(remote, folder, Some("/")).await?,
        };
        let meta = |Listed { name, bytes, modified }| {
            let location = StorePath::parse(name).ok()?;
            let last_modified = modified.into();
            Some(ObjectMeta { location, last_modified, size: bytes, e_tag: None, version: None })
        };
        Ok(listed.into_iter().filter_map(meta).collect())
    }

    /// The names that begin with `start`, which lies in `folder`, in the order of the store.
    pub(crate) async fn beginning_with(&self, folder: &str, start: &str) -> Result<Vec<String>> {
        let listed = match self.source {
            Source::Folder(local) => {
                let (local, name) = (Arc::clone(local), folder.to_owned());
                blocking(move || folder::files_in(local.ways(), &name)).await?
            }
            Source::Bucket(remote) => self.objects(remote, start, None).await?,
        };
        let names = listed.into_iter().map(|listed| listed.name);
        Ok(names.filter(|name| name.starts_with(start)).collect())
    }

    /// Every object whose name begins with `prefix`.
    async fn objects(
        &self,
        remote: &RemoteStore,
        prefix: &str,
        delimiter: Option<&'static str>,
    ) -> Result<Vec<Listed>> {
        let mut pages = Pages::new(remote, prefix, delimiter, self.limit_ms);
        let mut found = Vec::new();
        while let Some(page) = pages.next().await? {
            found.extend(page.objects);
        }
        Ok(found)
    }
}

/// Completes "could not …".
pub(crate) const LISTING: &str = "list the objects";

/// Walks through a local folder. `own` is whether to look into folders of ours that hold no keys.
pub(crate) async fn walk(
    folder: &Arc<LocalFolder>,
    prefix: &KeyPrefix,
    tenant_id: Option<u64>,
    collection: Option<&str>,
    own: bool,
) -> Result<Walked> {
    let (folder, prefix) = (Arc::clone(folder), prefix.clone());
    let name = folder_of(&prefix, tenant_id, collection)?;
    let place = place_of(tenant_id, collection);
    blocking(move || Walk { ways: folder.ways(), prefix: &prefix, own }.run(&name, place)).await
}

impl ForeignNames {
    /// Counts it where it is a stranger's, and not the `last` one. A bucket lists all that lies in
    /// one folder in a row.
    fn see(&mut self, name: Name, last: &mut String) {
        let Name::Foreign(name) = name else { return };
        if *last != name {
            last.clone_from(&name);
            self.push(ForeignName::new(name));
        }
    }

    fn push(&mut self, name: ForeignName) {
        self.count += 1;
        if self.names.len() < FOREIGN_NAMES_KEPT {
            self.names.push(name);
        }
    }
}

/// Data before logs; the path last, for two widths of the same LSNs.
fn order(key: &ObjectKey) -> (bool, Option<(u64, &str, LsnRange)>, &str) {
    match key.target() {
        KeyTarget::Data { tenant_id, collection, lsns } => {
            (false, Some((*tenant_id, collection.as_str(), *lsns)), key.as_str())
        }
        KeyTarget::Wal { .. } => (true, None, key.as_str()),
    }
}
