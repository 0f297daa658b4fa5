//! Lists a store: all objects that are ours, or an error. Foreign names are counted and otherwise
//! ignored.

pub(crate) mod found;
mod names;
pub(crate) mod readable;
mod walk;

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use coldpress_core::{KeyPrefix, KeyTarget, LsnRange, ObjectKey};
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;

use crate::error::{Error, ErrorKind, Result};
use crate::storage::list::found::{Contents, ForeignNames, Found, StoredObject};
use crate::storage::list::names::Name;
use crate::storage::list::walk::{Walk, Walked, folder_of, place_of};
use crate::store::error::StoreErrors;
use crate::store::listed::Listed;
use crate::store::local::folder::LocalFolder;
use crate::store::place::Store;
use crate::store::s3::client::S3Store;
use crate::store::s3::list::ListingPages;
use crate::threads::blocking;

/// Lists one store.
pub(crate) struct Listing<'s> {
    pub(crate) store: &'s Store,
    pub(crate) prefix: &'s KeyPrefix,
    pub(crate) errors: &'s StoreErrors,
}

impl Listing<'_> {
    /// What lies in the folder of a tenant, of a collection, of both, or of the whole store, and
    /// which collections there have a log. Whether a log has an object is not looked at.
    pub(crate) async fn found(
        &self,
        tenant_id: Option<u64>,
        collection: Option<&str>,
    ) -> Result<Found> {
        let Found { mut contents, logs } = match self.store {
            Store::Local(folder) => {
                let walked = walk(folder, self.prefix, tenant_id, collection, false).await?;
                let mut foreign = ForeignNames::default();
                walked.foreign.into_iter().for_each(|name| foreign.push(name));
                let contents = Contents { objects: walked.objects, foreign };
                Found { contents, logs: walked.logs }
            }
            Store::S3(s3) => self.bucket(s3, tenant_id, collection).await?,
        };
        if let Some(wanted) = collection {
            contents.objects.retain(|object| match object.key.target() {
                KeyTarget::Data { collection, .. } => collection == wanted,
                KeyTarget::Wal { .. } => false,
            });
        }
        sort(&mut contents.objects);
        Ok(Found { contents, logs })
    }

    async fn bucket(
        &self,
        s3: &S3Store,
        tenant_id: Option<u64>,
        collection: Option<&str>,
    ) -> Result<Found> {
        let folder = folder_of(self.prefix, tenant_id, collection)?;
        // With a delimiter, the pages say of a table's log only that it is there.
        let delimiter = tenant_id.and(collection).map(|_| "/");
        let mut pages = ListingPages::new(s3, &folder, delimiter);
        let mut contents = Contents::default();
        let mut logs = BTreeSet::new();
        let mut seen = HashSet::new();
        let mut last = String::new();
        while let Some(page) = pages.next().await? {
            for folder in page.folders {
                match Name::of(self.prefix, &folder) {
                    Name::Log(collection) => drop(logs.insert(collection)),
                    name => contents.foreign.see(name, &mut last),
                }
            }
            for Listed { name, bytes, modified, .. } in page.objects {
                match Name::of(self.prefix, &name) {
                    Name::Key(key) if seen.insert(name) => {
                        contents.objects.push(StoredObject { key, bytes, modified });
                    }
                    Name::Key(key) => return Err(self.listed_twice(&key)),
                    Name::Log(collection) => drop(logs.insert(collection)),
                    other => contents.foreign.see(other, &mut last),
                }
            }
        }
        Ok(Found { contents, logs })
    }

    pub(super) fn listed_twice(&self, key: &ObjectKey) -> Error {
        let message = format!(
            "{} listed this object twice, so its listing cannot be trusted; try again",
            self.errors.store
        );
        Error::new(ErrorKind::Unavailable, message).at(key.as_str())
    }

    /// Every object directly in this folder, keys or not, in no order. Names that object_store
    /// cannot hold are left out.
    pub(crate) async fn folder(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        let listed = self.store.files_in(folder).await?;
        let meta = |Listed { name, bytes, modified, .. }| {
            let location = StorePath::parse(name).ok()?;
            let last_modified = modified.into();
            Some(ObjectMeta { location, last_modified, size: bytes, e_tag: None, version: None })
        };
        Ok(listed.into_iter().filter_map(meta).collect())
    }
}

/// Walks through a local folder. `own` says whether to enter our folders that hold no keys.
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
    blocking(move || Walk { paths: folder.paths(), prefix: &prefix, own }.run(&name, place)).await
}

/// Puts objects of ours in the order of listings.
pub(crate) fn sort(objects: &mut [StoredObject]) {
    objects.sort_by(|a, b| compare(&a.key, &b.key));
}

/// The order of two keys in listings.
pub(crate) fn compare(a: &ObjectKey, b: &ObjectKey) -> Ordering {
    order(a).cmp(&order(b))
}

/// Data comes before logs. The key itself comes last: it separates two widths of the same LSNs.
fn order(key: &ObjectKey) -> (bool, Option<(u64, &str, LsnRange)>, &str) {
    match key.target() {
        KeyTarget::Data { tenant_id, collection, lsns, .. } => {
            (false, Some((*tenant_id, collection.as_str(), *lsns)), key.as_str())
        }
        KeyTarget::Wal { .. } => (true, None, key.as_str()),
    }
}
