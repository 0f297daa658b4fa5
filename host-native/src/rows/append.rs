//! Appends: behind what, going on with what.

use std::collections::HashSet;
use std::time::SystemTime;

use bytes::Bytes;
use coldpress_core::{ClaimMark, ClaimName, FileTail, LsnRange, ObjectKey, StreamedFile, Summary};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{Error as StoreError, ObjectStoreExt};
use serde_json::{Value, json};

use super::{RowStream, StoredFile};
use crate::claims::{Claim, FoundClaim, Seen};
use crate::remote::store_path;
use crate::{ColdStorage, Error, ErrorKind, PutOutcome, Result, StoredObject};

/// How many footers are read at a time.
const FOOTERS_AT_ONCE: usize = 8;
/// The record of an append is far smaller.
const RECORD_BYTES_MAX: u64 = 4 << 10;

/// Whether an append may go on with a put that was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    MayGoOn,
    Behind,
}

/// What an append knows.
#[derive(Debug)]
pub(super) struct Append {
    /// Puts that were killed after they had stored their first objects.
    unfinished: Vec<ClaimName>,
    /// The one that this is the same as.
    gone_on_with: Option<ClaimName>,
    run: Option<Run>,
}

/// A run of an append that has an id.
#[derive(Debug)]
struct Run {
    id: String,
    /// No file of it has lower LSNs.
    first_lsn: u64,
    rows_before: u64,
    /// Files that are known: those of this append, and those that are not.
    known: HashSet<ObjectKey>,
}

impl Append {
    pub(super) fn id(&self) -> Option<&str> {
        self.run.as_ref().map(|run| run.id.as_str())
    }

    pub(super) fn gone_on_with(&self) -> Option<&ClaimName> {
        self.gone_on_with.as_ref()
    }

    pub(super) fn rows_stored_before(&self) -> u64 {
        self.run.as_ref().map_or(0, |run| run.rows_before)
    }
}

impl RowStream<'_> {
    pub(super) async fn begin_append(mut self, begun: Begun) -> Result<Self> {
        self.check_append()?;
        let seen = self.storage.look_at_ranges(self.tenant_id, &self.collection).await?;
        self.next_lsn = Some(seen.next_lsn().ok_or_else(no_lsn_left)?);
        let unfinished = match begun {
            Begun::MayGoOn => unfinished(&seen, SystemTime::now()),
            Begun::Behind => Vec::new(),
        };
        self.append = Some(Append { unfinished, gone_on_with: None, run: None });
        Ok(self)
    }

    pub(super) async fn begin_append_id(mut self, id: &str) -> Result<Self> {
        self.check_append()?;
        let seen = self.storage.look_at_ranges(self.tenant_id, &self.collection).await?;
        self.next_lsn = Some(seen.next_lsn().ok_or_else(no_lsn_left)?);
        let first_lsn = self.recorded(id, self.next_lsn.unwrap_or_default()).await?;
        let candidates = behind(&seen.files, first_lsn);
        let known = candidates.iter().map(|file| file.key.clone()).collect();
        let files = self.storage.files_of_append(id, candidates).await?;
        let mut rows_before = 0;
        for (row, file) in files {
            if row != rows_before {
                let message = format!(
                    "the files of append {id:?} do not follow one another: this one holds its rows from {row} on, and {rows_before} rows are stored before it; bring back the file that is missing (from a copy of the bucket), and run it again; under another append id the rows that are there would be stored a second time"
                );
                return Err(Error::new(ErrorKind::Corrupt, message).at(file.key.as_str()));
            }
            rows_before += file.summary.rows;
            self.stored.push(file);
        }
        let named = id.to_owned();
        self.encode(move |encoder| encoder.resume(Some(&named), rows_before)).await?;
        let run = Some(Run { id: id.to_owned(), first_lsn, rows_before, known });
        self.append = Some(Append { unfinished: Vec::new(), gone_on_with: None, run });
        Ok(self)
    }

    /// The file of a killed put that is the same as this one, where one is: it is stored, then.
    pub(super) async fn went_on(&mut self, tail: &FileTail) -> Result<Option<StreamedFile>> {
        let Some((name, file, is_whole)) = self.find_unfinished(tail).await? else {
            return Ok(None);
        };
        // Its put had more files than this one has.
        if !is_whole {
            return Ok(None);
        }
        self.storage.forget_claim(&name, self.tenant_id, &self.collection).await?;
        Ok(Some(file))
    }

    /// The LSNs of the first of several files where a killed put had the same one.
    pub(super) async fn went_on_several(&mut self, tail: &FileTail) -> Result<Option<LsnRange>> {
        if !self.ready.is_empty() {
            return Ok(None);
        }
        let Some((name, file, _)) = self.find_unfinished(tail).await? else { return Ok(None) };
        tracing::info!(claim = %name, "going on with a put that was killed");
        if let Some(append) = &mut self.append {
            append.gone_on_with = Some(name);
        }
        Ok(file.key.lsns())
    }

    /// A killed put that began with this very file; and whether that was all of it.
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

    /// `Conflict` where another run of this append stored rows since this one looked. Its claim
    /// keeps others from storing more.
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
                let message = "another run of this append has stored rows meanwhile; run it again, and it goes on behind them";
                Err(Error::new(ErrorKind::Conflict, message).at(file.key.as_str()))
            }
        }
    }

    pub(super) async fn begin_behind(mut self, rows: u64) -> Result<Self> {
        self.encode(move |encoder| encoder.resume(None, rows)).await?;
        Ok(self)
    }

    fn check_append(&self) -> Result<()> {
        if self.lsns.is_some() || self.rows > 0 || self.append.is_some() {
            let message = "an append takes no LSNs, and is begun once, before its first row";
            return Err(Error::new(ErrorKind::Misuse, message));
        }
        Ok(())
    }

    /// The LSN from which on files of this append lie, as its first run recorded it.
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
    /// The files of this append among `candidates`, each with how many of its rows come before it,
    /// in order.
    async fn files_of_append(
        &self,
        id: &str,
        candidates: Vec<StoredObject>,
    ) -> Result<Vec<(u64, StoredFile)>> {
        let read = candidates.into_iter().map(|object| async move {
            let (footer, bytes) = self.read_footer(object.key.as_str()).await?;
            let Some((_, row)) = footer.append().filter(|(of, _)| *of == id) else {
                return Ok(None);
            };
            let summary = Summary {
                rows: footer.rows_count(),
                columns: footer.schema().columns().len() + 1,
                rescued: Vec::new(),
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

    /// The LSN from which on files of an append lie, as its record says; 0 where the record is
    /// damaged, and none where there is none.
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
            tracing::warn!(path, "the record of the append is damaged; all files are looked at");
        }
        // Where it is not known from which LSN on its files lie, they may lie anywhere.
        Ok(Some(first_lsn.unwrap_or(0)))
    }

    /// Whether this very file is there: of the same size, and with the same end, in which the
    /// checksum of all of it stands.
    async fn ends_with(&self, file: &StreamedFile, end: &Bytes) -> Result<bool> {
        let doing = "compare with what lies there";
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
        self.within("delete the claim of a put that was killed", &path, delete).await
    }
}

fn behind(files: &[StoredObject], first_lsn: u64) -> Vec<StoredObject> {
    let is_behind =
        |file: &&StoredObject| file.key.lsns().is_some_and(|lsns| lsns.min() >= first_lsn);
    files.iter().filter(is_behind).cloned().collect()
}

/// Claims of appends whose first objects are there, and that nobody finishes: some object is
/// missing, or their writer is gone.
fn unfinished(seen: &Seen, now: SystemTime) -> Vec<ClaimName> {
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
    let message = "the collection has no LSN left behind its highest one; name a free range";
    Error::from(coldpress_core::Error::new(coldpress_core::ErrorKind::Key, message))
}
