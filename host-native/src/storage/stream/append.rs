//! Appends: finds the LSN to append at, and an earlier append to resume.

use crate::storage::stream::append_state::AppendMode;
use crate::storage::stream::append_state::AppendRun;
use crate::storage::stream::append_state::{AppendState, Began};
use std::time::SystemTime;

use bytes::Bytes;
use coldpress_core::{ClaimMark, ClaimName, FileTail, LsnRange, ObjectKey, StreamedFile, Summary};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{Error as StoreError, ObjectStoreExt};
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::claims::Claim;
use crate::storage::claims::found::{ClaimsAndFiles, FoundClaim};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::storage::stream::row_stream::{RowStream, StoredFile};
use crate::store::outcome::PutOutcome;
use crate::store::path::store_path;

/// How many footers are read at a time.
const FOOTERS_AT_ONCE: usize = 8;
/// The largest record of an append that is read. A real one is far smaller.
const RECORD_BYTES_MAX: u64 = 4 << 10;

impl RowStream<'_> {
    pub(super) async fn begin_append(mut self, mode: AppendMode) -> Result<Self> {
        self.check_append()?;
        let seen = self.storage.claims_and_files(self.tenant_id, &self.collection).await?;
        self.next_lsn = Some(seen.next_lsn().ok_or_else(no_lsn_left)?);
        let unfinished = match mode {
            AppendMode::MayResume => unfinished(&seen, self.storage.clock().now()),
            AppendMode::OnlyBehind => Vec::new(),
        };
        // A crashed append that this one resumes took the columns from before its own files.
        let before = unfinished.iter().map(|claim| claim.lsns().min()).min();
        let kept = self.keep_columns(&seen.files, before).await?;
        let began = Began { kept, unseen_from: self.unseen_from(&seen) };
        self.append = Some(AppendState { unfinished, resumed: None, run: None, began });
        Ok(self)
    }

    pub(super) async fn begin_append_id(mut self, id: &str) -> Result<Self> {
        self.check_append()?;
        let seen = self.storage.claims_and_files(self.tenant_id, &self.collection).await?;
        self.next_lsn = Some(seen.next_lsn().ok_or_else(no_lsn_left)?);
        let first_lsn = self.recorded(id, self.next_lsn.unwrap_or_default()).await?;
        let candidates = behind(&seen.files, first_lsn);
        let known = candidates.iter().map(|file| file.key.clone()).collect();
        let files = self.storage.files_of_append(id, candidates).await?;
        let mut rows_before = 0;
        for (row, file) in files {
            if row != rows_before {
                let message = format!(
                    "a file of append {id:?} is missing: this one begins at row {row}, but only \
                    {rows_before} rows are stored before it; restore the missing file (from a copy \
                    of the bucket), and run the append again; do not use another append id, \
                    because then the rows that are stored would be stored a second time"
                );
                return Err(Error::new(ErrorKind::Corrupt, message).at(file.key.as_str()));
            }
            rows_before += file.summary.rows;
            self.stored.push(file);
        }
        let kept = self.keep_columns(&seen.files, None).await?;
        let began = Began { kept, unseen_from: self.unseen_from(&seen) };
        let named = id.to_owned();
        self.encode(move |encoder| encoder.resume(Some(&named), rows_before)).await?;
        let run = Some(AppendRun { id: id.to_owned(), first_lsn, rows_before, known });
        self.append = Some(AppendState { unfinished: Vec::new(), resumed: None, run, began });
        Ok(self)
    }

    /// The same file as this one, if a crashed append of the same rows has stored it. Then there is
    /// nothing left to store.
    pub(super) async fn find_same_file(&mut self, tail: &FileTail) -> Result<Option<StreamedFile>> {
        let Some((name, file, is_whole)) = self.find_unfinished(tail).await? else {
            return Ok(None);
        };
        // That append had more files than this one.
        if !is_whole {
            return Ok(None);
        }
        self.storage.forget_claim(&name, self.tenant_id, &self.collection).await?;
        Ok(Some(file))
    }

    /// The LSNs for the first of several files, if a crashed append of the same rows has stored the
    /// same file: this append then resumes that one.
    pub(super) async fn resumed_lsns(&mut self, tail: &FileTail) -> Result<Option<LsnRange>> {
        if !self.ready.is_empty() {
            return Ok(None);
        }
        let Some((name, file, _)) = self.find_unfinished(tail).await? else { return Ok(None) };
        tracing::info!(claim = %name, "resuming an append that crashed");
        if let Some(append) = &mut self.append {
            append.resumed = Some(name);
        }
        Ok(file.key.lsns())
    }

    /// A crashed append that began with the same file, and whether this file was all of it.
    async fn find_unfinished(
        &self,
        tail: &FileTail,
    ) -> Result<Option<(ClaimName, StreamedFile, bool)>> {
        for name in self.append.iter().flat_map(|append| &append.unfinished) {
            let Ok(lsns) = tail.lsns_from(name.lsns().min()) else { continue };
            let (end, file) = tail.seal(lsns)?;
            if lsns.max() <= name.lsns().max() && self.storage.ends_with(&file, &end).await? {
                return Ok(Some((name.clone(), file, lsns == name.lsns())));
            }
        }
        Ok(None)
    }

    /// `Conflict` if another run of this append has stored rows since this run looked. From here
    /// on, `claim` keeps other runs from storing more.
    pub(super) async fn look_for_other_runs(&mut self, claim: &Claim) -> Result<()> {
        let Some(run) = self.append.as_mut().and_then(|append| append.run.as_mut()) else {
            return Ok(());
        };
        run.known.extend(self.stored.iter().map(|file| file.key.clone()));
        let mut new = behind(&claim.files, run.first_lsn);
        new.retain(|file| !run.known.contains(&file.key));
        let found = self.storage.files_of_append(&run.id, new.clone()).await?;
        run.known.extend(new.into_iter().map(|file| file.key));
        match found.first() {
            None => Ok(()),
            Some((_, file)) => {
                let message = "another run of this append has stored rows in the meantime; run the \
                    append again, and it continues after them";
                Err(Error::new(ErrorKind::Conflict, message).at(file.key.as_str()))
            }
        }
    }

    pub(super) async fn begin_skipping(mut self, rows: u64) -> Result<Self> {
        self.encode(move |encoder| encoder.resume(None, rows)).await?;
        Ok(self)
    }

    /// The first LSN that a file not seen may have: that of the lowest claim whose writer may still
    /// run, or the next free one.
    fn unseen_from(&self, seen: &ClaimsAndFiles) -> u64 {
        // A claim that only looks old is counted: the last file is then looked at once more.
        let live = seen.claims.iter().filter(|claim| !claim.is_dead(SystemTime::UNIX_EPOCH));
        let claimed = live.map(|claim| claim.name.lsns().min());
        claimed.chain(self.next_lsn).min().unwrap_or(u64::MAX)
    }

    fn check_append(&self) -> Result<()> {
        if self.lsns.is_some() || self.rows > 0 || self.append.is_some() {
            let message =
                "an append cannot have given LSNs, and must begin once, before its first row";
            return Err(Error::new(ErrorKind::Misuse, message));
        }
        Ok(())
    }

    /// The first LSN of this append, as its first run recorded it. The first run records `free`.
    async fn recorded(&self, id: &str, free: u64) -> Result<u64> {
        let prefix = self.storage.prefix();
        let path = ObjectKey::append_record(prefix, self.tenant_id, &self.collection, id)?;
        if let Some(first_lsn) = self.storage.read_record(&path).await? {
            return Ok(first_lsn);
        }
        let record = Bytes::from(json!({ "first_lsn": free }).to_string());
        match self.storage.put_note(&path, record).await {
            Ok(_) => Ok(free),
            // Another run was first.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.storage.read_record(&path).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}

impl ColdStorage {
    /// The files of this append among `candidates`, in order; each with the number of its first row
    /// in the append.
    async fn files_of_append(
        &self,
        id: &str,
        candidates: Vec<StoredObject>,
    ) -> Result<Vec<(u64, StoredFile)>> {
        let read = candidates.into_iter().map(|object| async move {
            let (footer, bytes) = self.read_footer(&object.key).await?;
            let Some((_, row)) = footer.append().filter(|(of, _)| *of == id) else {
                return Ok(None);
            };
            let summary = Summary {
                rows: footer.rows_count(),
                columns: footer.columns_count(),
                rescued: Vec::new(),
                duplicate_ids: 0,
                duplicate_keys: 0,
                schema: footer.schema().clone(),
            };
            let outcome = PutOutcome::AlreadyThere;
            Ok::<_, Error>(Some((row, StoredFile { key: object.key, bytes, summary, outcome })))
        });
        let found: Vec<Option<(u64, StoredFile)>> =
            stream::iter(read).buffered(FOOTERS_AT_ONCE).try_collect().await?;
        let mut found: Vec<(u64, StoredFile)> = found.into_iter().flatten().collect();
        found.sort_by_key(|(row, _)| *row);
        Ok(found)
    }

    /// The first LSN of an append, as its record says; 0 if the record is damaged, and `None` if
    /// there is no record.
    async fn read_record(&self, path: &str) -> Result<Option<u64>> {
        let doing = "read the record of the append";
        let (store, location) = (self.object_store(), store_path(path)?);
        let read = async {
            let found = match store.get(&location).await {
                Err(StoreError::NotFound { .. }) => return Ok(None),
                found => found?,
            };
            match found.meta.size {
                size if size > RECORD_BYTES_MAX => Ok(Some(Bytes::new())),
                _ => found.bytes().await.map(Some),
            }
        };
        let Some(bytes) = self.within(doing, path, read).await? else { return Ok(None) };
        let record = serde_json::from_slice::<Value>(&bytes).ok();
        let first_lsn = record.and_then(|record| record.get("first_lsn").and_then(Value::as_u64));
        if first_lsn.is_none() {
            tracing::warn!(path, "the record of the append is damaged; checking all files");
        }
        // Without a first LSN, the files of the append may be anywhere.
        Ok(Some(first_lsn.unwrap_or(0)))
    }

    /// Whether this file is stored: with the same size and the same end, which holds the checksum
    /// of the whole file.
    async fn ends_with(&self, file: &StreamedFile, end: &Bytes) -> Result<bool> {
        let doing = "compare with the object that is already there";
        let (store, path) = (self.object_store(), store_path(file.key.as_str())?);
        let compare = async {
            match store.head(&path).await {
                Ok(found) if found.size == file.bytes => {}
                Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
            let range = file.bytes.saturating_sub(end.len() as u64)..file.bytes;
            Ok(store.get_range(&path, range).await? == *end)
        };
        self.within(doing, file.key.as_str(), compare).await
    }

    async fn forget_claim(&self, name: &ClaimName, tenant_id: u64, collection: &str) -> Result<()> {
        let path = name.path(self.prefix(), tenant_id, collection)?;
        let (store, location) = (self.object_store(), store_path(&path)?);
        let delete = async {
            match store.delete(&location).await {
                Err(StoreError::NotFound { .. }) => Ok(()),
                deleted => deleted,
            }
        };
        self.within("delete the claim of a crashed put", &path, delete).await
    }
}

fn behind(files: &[StoredObject], first_lsn: u64) -> Vec<StoredObject> {
    let is_behind =
        |file: &&StoredObject| file.key.lsns().is_some_and(|lsns| lsns.min() >= first_lsn);
    files.iter().filter(is_behind).cloned().collect()
}

/// The claims of unfinished appends: their first object is stored, and their writer is gone; or an
/// object is missing, and nobody can tell whether their writer still runs.
fn unfinished(seen: &ClaimsAndFiles, now: SystemTime) -> Vec<ClaimName> {
    let is_unfinished = |claim: &&FoundClaim| {
        let lsns = claim.name.lsns();
        let mut held: Vec<LsnRange> = seen.files.iter().filter_map(|f| f.key.lsns()).collect();
        held.retain(|held| held.overlaps(lsns));
        let begun = held.iter().any(|&held| held.min() == lsns.min());
        let rows_held = held
            .iter()
            .map(|&held| (held.max() - held.min()).saturating_add(1))
            .fold(0, u64::saturating_add);
        let is_whole = rows_held > lsns.max() - lsns.min();
        let may_be = claim.is_dead(now) || (!is_whole && claim.runs.is_none());
        *claim.name.mark() == ClaimMark::Append && begun && may_be
    };
    seen.claims.iter().filter(is_unfinished).map(|claim| claim.name.clone()).collect()
}

pub(super) fn no_lsn_left() -> Error {
    let message = "the collection has no LSN left after its highest one; give a free range";
    Error::from(coldpress_core::Error::new(coldpress_core::ErrorKind::Key, message))
}
