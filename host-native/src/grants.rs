//! Grants: each allows one object to be written, signed with this store's credentials.

use coldpress_core::{Grant, GrantRequest, ObjectKey};

use crate::error::{Error, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::store::place::Store;
use crate::store::s3::grants::GrantLimits;

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
        let Store::S3(s3) = self.place() else {
            return Err(Error::settings(format!(
                "{} has no grants, because no other machine can reach it; use an S3 store \
                (for the command: --store s3://BUCKET/PREFIX)",
                self.errors().store
            )));
        };
        let grant = s3.grant(self.prefix(), &key, asked, limits).await?;
        tracing::info!(%key, expires_ms = grant.expires_ms(), bytes = asked.bytes, "granted");
        Ok(grant)
    }
}
