//! Grants: each allows one object to be written or read, signed with this store's credentials.

use std::sync::Arc;
use std::time::Duration;

use coldpress_core::{
    Grant, GrantRequest, KeyTarget, ObjectKey, READ_GRANTS_MAX, ReadGrant, ReadGrantPage,
    ReadGrantRequest,
};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::key::ToKey;
use crate::storage::list::readable::{Position, Wanted};
use crate::store::place::Store;
use crate::store::s3::client::S3Store;
use crate::store::s3::grants::{GrantLimits, Readable};

impl ColdStorage {
    /// Grants permission to write one object: until the [`Grant`] expires, its holder can create
    /// the object of these LSNs, and nothing else.
    ///
    /// Before the first grant, as before the first put, a probe checks that the store refuses to
    /// overwrite. For a file larger than [`GrantLimits::part_bytes`] this begins a multipart
    /// upload, or continues the one of `asked.upload_id`; the holder must complete or abort it. A
    /// local folder cannot give grants: that is an error of kind `Settings`.
    pub async fn grant(
        &self,
        tenant_id: u64,
        asked: &GrantRequest,
        limits: &GrantLimits,
    ) -> Result<Grant> {
        let key = ObjectKey::data(
            self.prefix(),
            tenant_id,
            &asked.collection,
            asked.lsns,
            self.lsn_width(),
        )?;
        let grant = self.granting()?.grant(self.prefix(), &key, asked, limits).await?;
        tracing::info!(%key, expires_ms = grant.expires_ms(), bytes = asked.bytes, "granted");
        Ok(grant)
    }

    /// Grants permission to read the data file at this key: until the [`ReadGrant`] expires, its
    /// holder can read the object, whole or by ranges, and nothing else.
    ///
    /// Asks the store for the object's size and ETag. `lifetime` is from 1 second to 7 days.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such object, `Key` if the key is not one of a data file of this
    /// store, `Settings` for a local folder, which cannot give grants.
    pub async fn grant_read(&self, key: impl ToKey, lifetime: Duration) -> Result<ReadGrant> {
        let s3 = self.granting()?;
        let key = self.own_key(&key)?.into_owned();
        if !matches!(key.target(), KeyTarget::Data { .. }) {
            let message = "this is a segment of a log, and a grant can only be for a data file; \
                use `coldpress wal get` for segments";
            return Err(Error::new(ErrorKind::Key, message).at(key.as_str()));
        }
        let (content, _) = self.content_at(&key).await?;
        let object = Readable { key: key.clone(), bytes: content.bytes, etag: content.etag };
        let grants = s3.grant_reads(self.prefix(), vec![object], lifetime, key.as_str()).await?;
        let grant = grants.into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "one grant was asked for, and none made; report this")
        })?;
        tracing::info!(%key, expires_ms = grant.expires_ms(), "granted to read");
        Ok(grant)
    }

    /// Grants permission to read the data files of a collection that hold the LSNs that `asked`
    /// names, in the order of their LSNs: one page of at most [`GrantLimits::page_files_max`].
    ///
    /// Each page lists the collection anew. Files that are stored or deleted between two pages do
    /// not make the next one repeat or miss others. A collection without files is an empty page.
    ///
    /// # Errors
    ///
    /// `Key` if the collection or the page is not valid, `Settings` for a local folder.
    pub async fn grant_scan(
        &self,
        tenant_id: u64,
        asked: &ReadGrantRequest,
        limits: &GrantLimits,
    ) -> Result<ReadGrantPage> {
        let folder = ObjectKey::collection_folder(self.prefix(), tenant_id, &asked.collection)?;
        let after = asked.page.as_deref().map(|page| self.position(&folder, page)).transpose()?;
        let s3 = self.granting()?;
        let wanted = Wanted {
            tenant_id,
            collection: &asked.collection,
            lsns: asked.lsns,
            after,
            count: limits.page_files_max.clamp(1, READ_GRANTS_MAX),
        };
        let (files, more) = self.listing().readable(s3, &wanted).await?;
        let next = files.last().filter(|_| more).map(|last| {
            let name = last.key.as_str().strip_prefix(folder.as_str());
            name.unwrap_or_default().to_owned()
        });
        let files = s3.grant_reads(self.prefix(), files, limits.lifetime, &folder).await?;
        tracing::info!(folder, files = files.len(), more, "granted to read");
        Ok(ReadGrantPage::new(files, next)?)
    }

    /// Where a page begins: behind the file that its name names, whether it still exists or not.
    fn position(&self, folder: &str, page: &str) -> Result<Position> {
        let key = ObjectKey::parse(self.prefix(), &format!("{folder}{page}")).ok();
        let lsns = key.as_ref().and_then(ObjectKey::lsns);
        match (key, lsns) {
            (Some(key), Some(lsns)) => Ok((lsns, String::from(key))),
            _ => {
                let message = format!(
                    "{page:?} is not the name of a page; take the \"next\" of the page before, or \
                     leave it out for the first page"
                );
                Err(Error::new(ErrorKind::Key, message))
            }
        }
    }

    /// The store, if it can give grants.
    fn granting(&self) -> Result<&Arc<S3Store>> {
        match self.place() {
            Store::S3(s3) => Ok(s3),
            Store::Local(_) => Err(Error::settings(format!(
                "{} has no grants, because no other machine can reach it; use an S3 store \
                (for the command: --store s3://BUCKET/PREFIX)",
                self.errors().store
            ))),
        }
    }
}
