//! Claims of rewrites. Core has their rule (`coldpress_core::table::RewriteClaim`); this puts, lists
//! and deletes their objects.

use coldpress_core::ObjectKey;
use coldpress_core::table::{ListedObject, RewriteClaim, TablePlace};

use crate::error::{Error, ErrorKind, Result};
use crate::process;
use crate::storage::claims::object::ClaimObject;
use crate::storage::claims::pause;
use crate::storage::cold_storage::ColdStorage;
use crate::store::listed::Listed;
use crate::time::since_1970_ms;

/// How often a rewrite gives way to others before it gives up.
const TRIES: u32 = 6;

/// A claim that no other rewrite rivals. If it is dropped before its new file may be in the store,
/// its object is deleted.
#[derive(Debug)]
pub(super) struct HeldRewrite {
    claim: RewriteClaim,
    object: ClaimObject,
    /// Whether the new file may be in the store.
    has_published: bool,
}

impl ColdStorage {
    /// Claims the new file of a rewrite; `None` if another rewrite of the same files is under way
    /// and does not end soon.
    pub(super) async fn claim_rewrite(
        &self,
        place: &TablePlace,
        key: &ObjectKey,
    ) -> Result<Option<HeldRewrite>> {
        let folder = self.claims_folder(place)?;
        for times in 1..=TRIES {
            let claim = RewriteClaim::new(place, key, &process::process_name(), self.now_ms())?;
            let path = format!("{folder}{claim}");
            // Made before the put: after a lost answer, dropping it deletes the claim.
            let object = ClaimObject::new(self, path.clone());
            self.put_mark(&path).await?;
            let listed = self.rewrite_claims(place).await?;
            if claim.rival(place, &listed, self.now_ms())?.is_none() {
                return Ok(Some(HeldRewrite { claim, object, has_published: false }));
            }
            object.delete().await;
            if times < TRIES {
                pause(times).await;
            }
        }
        Ok(None)
    }

    /// The claims in the collection's folder, without those of rewrites of this machine whose
    /// process has ended.
    pub(super) async fn rewrite_claims(&self, place: &TablePlace) -> Result<Vec<ListedObject>> {
        let mut listed = self.claims_listed(place).await?;
        listed.retain(|object| {
            let claim = RewriteClaim::read(place, object);
            claim.is_none_or(|claim| process::runs(claim.owner()) != Some(false))
        });
        Ok(listed)
    }

    /// Deletes the claims of rewrites that are gone for certain. Says how many.
    pub(super) async fn delete_dead_rewrite_claims(&self, place: &TablePlace) -> Result<u64> {
        let folder = self.claims_folder(place)?;
        let mut deleted = 0;
        for object in self.claims_listed(place).await? {
            let Some(claim) = RewriteClaim::read(place, &object) else { continue };
            if claim.is_dead(self.now_ms()) || process::runs(claim.owner()) == Some(false) {
                ClaimObject::new(self, format!("{folder}{}", object.name)).delete().await;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    async fn claims_listed(&self, place: &TablePlace) -> Result<Vec<ListedObject>> {
        let folder = self.claims_folder(place)?;
        self.listed_in(&folder).await
    }

    /// The objects directly in this folder, named without it.
    pub(super) async fn listed_in(&self, folder: &str) -> Result<Vec<ListedObject>> {
        let listed = self.place().files_in(folder).await?;
        let object = |listed: Listed| {
            let name = listed.name.strip_prefix(folder)?.to_owned();
            let modified_ms = i64::try_from(since_1970_ms(listed.modified)).unwrap_or(i64::MAX);
            Some(ListedObject { name, bytes: listed.bytes, modified_ms })
        };
        Ok(listed.into_iter().filter_map(object).collect())
    }

    /// Now, in milliseconds since 1970, as logs have it.
    pub(super) fn now_ms(&self) -> i64 {
        i64::try_from(self.clock().now_ms()).unwrap_or(i64::MAX)
    }

    fn claims_folder(&self, place: &TablePlace) -> Result<String> {
        let folder = ObjectKey::claims_folder(self.prefix(), place.tenant_id(), place.collection());
        Ok(folder?)
    }
}

impl HeldRewrite {
    /// From now on the new file may be in the store, so that a dropped claim stays. An error if the
    /// claim is so old that others may soon count it as dead.
    pub(super) fn begin_publishing(&mut self, storage: &ColdStorage) -> Result<()> {
        if !self.counts(storage) {
            let message = "the rewrite took so long that its claim may have expired, and others may \
                rewrite the same files; run it again with smaller files";
            return Err(Error::new(ErrorKind::Unavailable, message).at(self.claim.path()));
        }
        self.object.keep();
        self.has_published = true;
        Ok(())
    }

    /// Whether no other rewrite counts the claim as dead yet.
    pub(super) fn counts(&self, storage: &ColdStorage) -> bool {
        self.claim.may_put(storage.now_ms())
    }

    /// Ends the rewrite. If `failed` does not say whether the new file may still appear in the
    /// store, the claim stays until it is dead.
    pub(super) async fn end(self, failed: Option<&Error>) {
        match failed.map(Error::kind) {
            Some(ErrorKind::Unavailable | ErrorKind::Internal) if self.has_published => {
                drop(self.object.kept());
            }
            _ => self.object.delete().await,
        }
    }
}
