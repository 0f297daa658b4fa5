//! What lies in a store: all of it, or an error.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use coldpress_core::{KeyPrefix, KeyTarget, LsnRange, ObjectKey};
use futures_util::StreamExt;
use object_store::path::Path as StorePath;
use object_store::{ObjectMeta, ObjectStore};

use crate::answer::Answers;
use crate::remote::store_path;
use crate::{Error, ErrorKind, Result};

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

/// Lists one store.
pub(crate) struct Listing<'s> {
    pub(crate) store: &'s dyn ObjectStore,
    pub(crate) prefix: &'s KeyPrefix,
    pub(crate) answers: &'s Answers,
    /// The most time between two entries.
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
        let folder = ObjectKey::collection_folder(self.prefix, tenant_id, collection)?;
        let path = store_path(&folder)?;
        // With a delimiter, a table's log below the folder is not walked.
        let listed = self.store.list_with_delimiter(Some(&path)).await;
        let listed = listed.map_err(|e| self.answers.error(&e, LISTING, &folder))?;
        let mut objects = Objects::default();
        for meta in listed.objects {
            self.take(&mut objects, meta)?;
        }
        objects.found.retain(|object| match (object.key.lsns(), lsns) {
            (Some(held), Some(wanted)) => held.overlaps(wanted),
            (Some(_), None) => true,
            (None, _) => false,
        });
        Ok(objects.sorted())
    }

    /// Every object that is ours, data by tenant, collection and LSN, then logs; or those of one
    /// tenant, which has no logs.
    pub(crate) async fn all(&self, tenant_id: Option<u64>) -> Result<Vec<StoredObject>> {
        let folder = match tenant_id {
            Some(tenant_id) => format!("{}{tenant_id}/", self.prefix.as_str()),
            None => self.prefix.as_str().to_owned(),
        };
        let path: Option<StorePath> = match folder.is_empty() {
            true => None,
            false => Some(store_path(&folder)?),
        };
        let mut stream = self.store.list(path.as_ref());
        let mut objects = Objects::default();
        while let Some(meta) =
            self.bounded(&folder, async { stream.next().await.transpose() }).await?
        {
            self.take(&mut objects, meta)?;
        }
        Ok(objects.sorted())
    }

    /// Everything that lies just in this folder, keys or not, in no order.
    pub(crate) async fn folder(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        let path = store_path(folder)?;
        let listed = self.store.list_with_delimiter(Some(&path)).await;
        Ok(listed.map_err(|e| self.answers.error(&e, LISTING, folder))?.objects)
    }

    /// What follows `start` in the order of names, as far as it begins with it; `folder` is where that lies.
    pub(crate) async fn beginning_with(&self, folder: &str, start: &str) -> Result<Vec<String>> {
        let (path, offset) = (store_path(folder)?, store_path(start)?);
        let mut stream = self.store.list_with_offset(Some(&path), &offset);
        let mut found = Vec::new();
        while let Some(meta) =
            self.bounded(folder, async { stream.next().await.transpose() }).await?
        {
            if !meta.location.as_ref().starts_with(start) {
                break;
            }
            found.push(meta.location.into());
        }
        Ok(found)
    }

    /// Passes over names that are no key of this store: logs of tables, markers of folders and
    /// whatever else people lay beside the data.
    fn take(&self, objects: &mut Objects, meta: ObjectMeta) -> Result<()> {
        let Ok(key) = ObjectKey::parse(self.prefix, meta.location.as_ref()) else {
            tracing::debug!(name = %meta.location, "not an object of ours; passed over");
            return Ok(());
        };
        if !objects.seen.insert(meta.location) {
            let message = format!(
                "{} listed this object twice, so that its listing cannot be trusted; try again",
                self.answers.store
            );
            return Err(Error::new(ErrorKind::Unavailable, message).at(key.as_str()));
        }
        let modified = SystemTime::from(meta.last_modified);
        objects.found.push(StoredObject { key, bytes: meta.size, modified });
        Ok(())
    }

    async fn bounded<T>(
        &self,
        folder: &str,
        answer: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        match tokio::time::timeout(Duration::from_millis(self.limit_ms), answer).await {
            Ok(answer) => answer.map_err(|error| self.answers.error(&error, LISTING, folder)),
            Err(_) => Err(self.answers.too_slow(LISTING, folder, self.limit_ms)),
        }
    }
}

/// Completes "could not …".
const LISTING: &str = "list the objects";

/// What was found, each object once.
#[derive(Default)]
struct Objects {
    found: Vec<StoredObject>,
    seen: HashSet<StorePath>,
}

impl Objects {
    fn sorted(mut self) -> Vec<StoredObject> {
        self.found.sort_by(|a, b| order(&a.key).cmp(&order(&b.key)));
        self.found
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
