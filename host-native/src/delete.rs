//! Data that is no longer wanted, out of the store.

use std::time::Duration;

use coldpress_core::{KeyTarget, ObjectKey};
use futures_util::{StreamExt, stream};
use object_store::Error as StoreError;
use object_store::path::Path as StorePath;

use crate::remote::store_path;
use crate::storage::{Backend, blocking};
use crate::{ColdStorage, Error, ErrorKind, Result};

/// Objects deleted with one request: as many as S3 takes.
const BATCH_OBJECTS: usize = 1_000;

impl ColdStorage {
    /// Deletes one data file of this store, for good. `key` is as [`ColdStorage::list`] gives it.
    ///
    /// Segments of logs, other prefixes and strangers' objects are refused. An object that is not there is
    /// gone already: success. In a local folder the deletion is on the disk before this returns.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.delete_all(&[ObjectKey::parse(self.prefix(), key)?], |_| {}).await
    }

    /// Deletes these data files, in their order, as [`ColdStorage::delete`] does, a thousand with each request.
    ///
    /// `deleted` is told of each that is gone, so that after an error, which names where it stopped, it is known
    /// what went before. All keys are checked before anything is deleted.
    pub async fn delete_all(
        &self,
        keys: &[ObjectKey],
        mut deleted: impl FnMut(&ObjectKey),
    ) -> Result<()> {
        keys.iter().try_for_each(|key| self.check_deletable(key))?;
        for batch in keys.chunks(BATCH_OBJECTS) {
            let outcomes = match self.backend() {
                Backend::Local(folder) => {
                    let (folder, batch) = (folder.clone(), batch.to_vec());
                    blocking(move || Ok(folder.delete(&batch))).await?
                }
                Backend::Remote(_) => self.delete_batch(batch).await?,
            };
            let mut first_error = None;
            for (key, outcome) in batch.iter().zip(outcomes) {
                match outcome {
                    Ok(()) => {
                        tracing::info!(%key, "deleted");
                        deleted(key);
                    }
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            first_error.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Nothing but our own data is ever deleted.
    fn check_deletable(&self, key: &ObjectKey) -> Result<()> {
        let ours = ObjectKey::parse(self.prefix(), key.as_str())?;
        match ours.target() {
            KeyTarget::Data { .. } => Ok(()),
            KeyTarget::Wal { .. } => {
                let message = "this is a segment of a log, and only data files are deleted; if it must go, delete it with the store's own tools";
                Err(Error::new(ErrorKind::Key, message).at(key.as_str()))
            }
        }
    }

    /// One request; what became of each key, in order. An error where nothing is known of any.
    async fn delete_batch(&self, batch: &[ObjectKey]) -> Result<Vec<Result<()>>> {
        let paths = batch.iter().map(|key| store_path(key.as_str()));
        let paths: Vec<StorePath> = paths.collect::<Result<_>>()?;
        let first = batch.first().map_or("", ObjectKey::as_str);
        let doing = match batch.len() {
            1 => "delete the object".to_owned(),
            count => format!("delete this object and {} after it", count - 1),
        };
        let answers = self.object_store().delete_stream(stream::iter(paths).map(Ok).boxed());
        let limit = Duration::from_millis(self.limit_ms());
        let mut answers: Vec<Result<StorePath, StoreError>> =
            tokio::time::timeout(limit, answers.collect())
                .await
                .map_err(|_| self.answers().too_slow(&doing, first, self.limit_ms()))?;
        if answers.len() == batch.len() {
            let outcome = |(key, answer): (&ObjectKey, _)| match answer {
                Ok(_) => Ok(()),
                Err(error) => self.not_deleted(&error, key.as_str()),
            };
            return Ok(batch.iter().zip(answers).map(outcome).collect());
        }
        Err(match answers.pop() {
            Some(Err(error)) => self.answers().error(&error, &doing, first),
            _ => {
                let message =
                    format!("could not {doing}: the store did not say so of each; try again");
                Error::new(ErrorKind::Unavailable, message).at(first)
            }
        })
    }

    /// What a store said of one key among many, where it has no status of its own but a code.
    fn not_deleted(&self, error: &StoreError, key: &str) -> Result<()> {
        let doing = "delete the object";
        let said = error.to_string();
        if matches!(error, StoreError::NotFound { .. }) || said.ends_with("(code: NoSuchKey)") {
            return Ok(());
        }
        if said.ends_with("(code: AccessDenied)") {
            let code = "403 AccessDenied; deleting needs s3:DeleteObject";
            return Err(self.answers().worded(ErrorKind::Denied, code, doing, key));
        }
        Err(self.answers().error(error, doing, key))
    }
}
