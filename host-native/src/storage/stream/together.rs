//! Appends at the same moment: what they must know of each other's columns.

use std::time::{Duration, SystemTime};

use coldpress_core::{ClaimName, Schema};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::claims::{Claim, pause};
use crate::storage::list::found::StoredObject;
use crate::storage::stream::columns::{Difference, brings_columns, difference, last_before};
use crate::storage::stream::row_stream::RowStream;

/// The longest wait for the files of others. They are complete, and only their ends are missing.
const WAIT_MAX: Duration = Duration::from_secs(60);

impl RowStream<'_> {
    /// `Conflict` if the file right before the claimed LSNs came after this append began, and has a
    /// column with another type than `schema`, the one of the file to publish. From here on, no
    /// file can come between them.
    ///
    /// Looks only where the rows bring columns that the append did not keep: the others agree
    /// already. And only before its first file: one that is published cannot be taken back.
    pub(super) async fn look_for_other_types(
        &mut self,
        claim: &Claim,
        schema: &Schema,
    ) -> Result<()> {
        let Some(append) = &self.append else { return Ok(()) };
        let kept = append.kept_columns().map_or(&[][..], Schema::columns);
        // A crashed append that goes on has its first files in the store.
        let is_first = self.stored.is_empty() && append.resumed().is_none();
        if !self.keeps_columns || !is_first || !brings_columns(schema.columns(), kept) {
            return Ok(());
        }
        let unseen_from = append.began.unseen_from;
        let files = self.files_before(claim).await?;
        let files = files.as_deref().unwrap_or(&claim.files);
        let Some(file) = last_before(files, Some(claim.lsns.min())) else { return Ok(()) };
        if file.key.lsns().is_none_or(|lsns| lsns.max() < unseen_from) {
            return Ok(());
        }
        let there = self.storage.schema_of(file).await?;
        let Some(found) = difference(schema.columns(), there.columns(), "") else { return Ok(()) };
        let Difference { path, here, there } = found;
        let message = format!(
            "another append has stored this file since this one began, and both bring the column \
            {path:?}: it is {there} there, and these rows would make it {here}"
        );
        self.was_outrun = true;
        Err(Error::new(ErrorKind::Conflict, message).at(file.key.as_str()))
    }

    /// The collection's files once those of all lower claims are there; `None` if they were there
    /// when the claim was granted. A writer of which nothing comes does not hold this one up for
    /// longer than an operation may take.
    async fn files_before(&self, claim: &Claim) -> Result<Option<Vec<StoredObject>>> {
        if claim.before.is_empty() {
            return Ok(None);
        }
        let limit = WAIT_MAX.min(Duration::from_millis(self.storage.limit_ms()));
        let waited = tokio::time::timeout(limit, self.wait_for(&claim.before, claim)).await;
        match waited {
            Ok(files) => files.map(Some),
            Err(_) => {
                let others: Vec<String> = claim.before.iter().map(ClaimName::to_string).collect();
                tracing::warn!(
                    claims = others.join(" "),
                    "other appends have claimed LSNs before these rows and stored nothing yet; if \
                    they bring the same new columns, the types may differ"
                );
                Ok(None)
            }
        }
    }

    async fn wait_for(&self, others: &[ClaimName], claim: &Claim) -> Result<Vec<StoredObject>> {
        let mut times = 0;
        loop {
            times += 1;
            // Of many appends at once each waits for the one before it, and that is soon done.
            pause(1 + times / 8).await;
            let seen = self.storage.claims_and_files(self.tenant_id, &self.collection).await?;
            let waiting = seen.unstored_before(claim.lsns, SystemTime::UNIX_EPOCH);
            // The wait is short, so no age makes a claim dead. Claims that came later have higher
            // LSNs, or are puts that the caller placed there.
            if !waiting.iter().any(|name| others.contains(name)) {
                return Ok(seen.files);
            }
        }
    }
}
