//! Lists a store: all objects that are ours, or an error. Foreign names are counted and otherwise
//! ignored.

pub(crate) mod found;
mod names;
pub(crate) mod readable;
mod walk;

use std::collections::HashSet;
use std::sync::Arc;

use coldpress_core::{KeyPrefix, KeyTarget, LsnRange, ObjectKey};
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;

use crate::error::{Error, ErrorKind, Result};
use crate::storage::list::found::{Contents, ForeignNames, StoredObject};
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
    /// The data files of a collection whose LSNs overlap `lsns`, in the order of their LSNs.
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

    /// Every object of ours: data in the order of tenant, collection and LSN, then logs. With a
    /// tenant, only that tenant's data.
    pub(crate) async fn all(&self, tenant_id: Option<u64>) -> Result<Vec<StoredObject>> {
        Ok(self.contents(tenant_id, None).await?.objects)
    }

    /// The contents of a tenant, of a collection, of both, or of the whole store.
    pub(crate) async fn contents(
        &self,
        tenant_id: Option<u64>,
        collection: Option<&str>,
    ) -> Result<Contents> {
        let mut contents = match self.store {
            Store::Local(folder) => {
                let walked = walk(folder, self.prefix, tenant_id, collection, false).await?;
                let mut foreign = ForeignNames::default();
                walked.foreign.into_iter().for_each(|name| foreign.push(name));
                Contents { objects: walked.objects, foreign }
            }
            Store::S3(s3) => self.bucket(s3, tenant_id, collection).await?,
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
        s3: &S3Store,
        tenant_id: Option<u64>,
        collection: Option<&str>,
    ) -> Result<Contents> {
        let folder = folder_of(self.prefix, tenant_id, collection)?;
        // With a delimiter, the pages leave out a table's log below the collection.
        let delimiter = tenant_id.and(collection).map(|_| "/");
        let mut pages = ListingPages::new(s3, &folder, delimiter);
        let mut contents = Contents::default();
        let mut seen = HashSet::new();
        let mut last = String::new();
        while let Some(page) = pages.next().await? {
            for folder in page.folders {
                contents.foreign.see(Name::of(self.prefix, &folder), &mut last);
            }
            for Listed { name, bytes, modified, .. } in page.objects {
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

/// Data comes before logs. The key itself comes last: it separates two widths of the same LSNs.
fn order(key: &ObjectKey) -> (bool, Option<(u64, &str, LsnRange)>, &str) {
    match key.target() {
        KeyTarget::Data { tenant_id, collection, lsns } => {
            (false, Some((*tenant_id, collection.as_str(), *lsns)), key.as_str())
        }
        KeyTarget::Wal { .. } => (true, None, key.as_str()),
    }
}
