//! A damaged data file, replaced by the same rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use bytes::Bytes;
use coldpress_core::{ClaimMark, Footer, KeyTarget, ObjectKey, ParquetFile, Wanted};

use crate::claims::{Claim, ClaimAs, FoundClaim};
use crate::local::CUT_OFF;
use crate::storage::Backend;
use crate::threads::blocking;
use crate::verify::check;
use crate::{ColdStorage, Error, ErrorKind, PutOutcome, Result, VerifiedObject};

/// The name of the file's own checksum in its metadata.
const CHECKSUM: &str = "coldpress.crc32";

/// What lies at the key of a data file: [`ColdStorage::examine`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Examined {
    /// A file that is whole.
    Whole(VerifiedObject),
    /// A file that is damaged.
    Damaged(DamagedObject),
    /// Nothing.
    Missing,
}

/// A data file that is damaged, as it lies there.
#[derive(Debug, Clone)]
pub struct DamagedObject {
    key: ObjectKey,
    why: Error,
    bytes: Bytes,
}

/// Whether a file is what a damaged one was before its damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Its checksum is the one that the damaged file's footer names: byte for byte what was stored.
    Same,
    /// The damaged file's footer names another checksum.
    Different,
    /// The damaged file's footer cannot be read, so it says nothing of what was stored.
    Unknown,
}

/// How a repair ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// The damaged object is deleted, and the replacement lies at its key.
    Replaced(Proof),
    /// A repair that was cut off had deleted the object; the replacement lies there now.
    Restored(Proof),
    /// The object is whole. It stays as it is.
    WasWhole,
}

/// What shows that a replacement is what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// It is byte for byte what was stored.
    Bytes,
    /// It has other bytes, and as many rows as the damaged footer tells.
    RowsOfFooter,
    /// No footer could be read; it has as many rows as the key has LSNs.
    RowsOfKey,
    /// No footer could be read, and it has another number of rows than the key has LSNs: nothing
    /// but the caller's word.
    Nothing,
}

impl DamagedObject {
    /// What is damaged, an error of kind [`ErrorKind::Corrupt`].
    pub fn why(&self) -> &Error {
        &self.why
    }

    /// The file, where its footer can still be read: schema, codec and the rows before the damage.
    pub fn file(&self) -> Option<ParquetFile> {
        ParquetFile::open(self.bytes.clone()).ok()
    }

    /// Compares a file that is whole with what this one was. Takes as long as reading two footers;
    /// it blocks.
    pub fn likeness(&self, whole: &Bytes) -> Likeness {
        let Some(damaged) = self.file().filter(|file| file.footer().check_key(&self.key).is_ok())
        else {
            return Likeness::Unknown;
        };
        let Ok(file) = ParquetFile::open(whole.clone()) else { return Likeness::Different };
        let checksum = |file: &ParquetFile| {
            let metadata = file.report().metadata;
            metadata.into_iter().find(|(name, _)| name == CHECKSUM).map(|(_, value)| value)
        };
        let same_checksum = match (checksum(&damaged), checksum(&file)) {
            (Some(was), Some(is)) => was == is,
            _ => false,
        };
        let same_rows = damaged.rows_count() == file.rows_count();
        match same_rows && (same_checksum || same_footer(&self.bytes, whole)) {
            true => Likeness::Same,
            false => Likeness::Different,
        }
    }
}

/// Whether two files have the same size and footer: files of before 1.1.0 have no checksum of their
/// own.
fn same_footer(a: &Bytes, b: &Bytes) -> bool {
    let footer = |bytes: &Bytes| {
        let length = usize::try_from(Footer::bytes_needed(bytes).ok()?).ok()?;
        Some(bytes.slice(bytes.len().checked_sub(length)?..))
    };
    a.len() == b.len() && footer(a).is_some_and(|footer_of_a| footer(b) == Some(footer_of_a))
}

impl ColdStorage {
    /// Reads the data file at `key` whole, as [`ColdStorage::verify`] does, and keeps it where it
    /// is damaged.
    pub async fn examine(&self, key: &str) -> Result<Examined> {
        let parsed = self.data_key(key)?;
        let bytes = match self.download_parquet(key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Examined::Missing),
            bytes => bytes?,
        };
        match check(bytes.clone(), parsed.clone()).await {
            Ok(found) => Ok(Examined::Whole(found)),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                let why = error.at(key);
                Ok(Examined::Damaged(DamagedObject { key: parsed, why, bytes }))
            }
            Err(error) => Err(error.at(key)),
        }
    }

    /// Replaces the damaged object at `key` by `replacement`, a data file of that very key: a copy
    /// of the object, or its rows encoded again.
    ///
    /// The replacement must be whole, and what was stored: [`Likeness::Same`] where the damaged
    /// footer still tells; else it must hold as many rows as the key has LSNs. `accept_unproven`
    /// takes a replacement of other bytes, of as many rows as the damaged footer tells. An object
    /// that is whole is never replaced.
    ///
    /// The repair claims the LSNs of the key, so that of two repairs at once one fails as
    /// [`ErrorKind::Conflict`]. Then the damaged object is deleted, and the replacement is put
    /// create-only. A process that is killed between the two leaves nothing at the key but its
    /// claim, and the same call again puts the replacement there. Without such a claim a key where
    /// nothing lies is [`ErrorKind::NotFound`].
    pub async fn repair(
        &self,
        key: &str,
        replacement: Bytes,
        accept_unproven: bool,
    ) -> Result<Repaired> {
        let parsed = self.data_key(key)?;
        let rows = check(replacement.clone(), parsed.clone()).await.map_err(|error| {
            let message = format!("the replacement cannot take this object's place: {error}");
            Error::new(error.kind(), message).at(key)
        })?;
        let new = Replacement { key: parsed, bytes: replacement, rows: rows.rows, accept_unproven };
        // A claim shows that an object was there, so none is made before one was seen.
        let left = self.left_by_repairs(&new.key).await?;
        match self.examine(key).await? {
            Examined::Whole(_) => return Ok(Repaired::WasWhole),
            Examined::Damaged(damaged) => drop(new.prove(Some(damaged)).await?),
            Examined::Missing if left.is_empty() => return Err(never_there(&new.key)),
            Examined::Missing => drop(new.prove(None).await?),
        }
        let dead = left.into_iter().filter(|claim| claim.is_dead(SystemTime::now()));
        let dead = dead.map(|claim| claim.name).collect();
        let wanted = Wanted::Keys(vec![new.key.clone()]);
        let mut claim = self.claim(&new.key, wanted, ClaimAs::Repair(&new.key), dead).await?;
        let judged = self.judge(&new, &claim).await;
        let (proof, is_there) = match judged {
            Ok(Some(judged)) => judged,
            Ok(None) => {
                claim.end(self, None).await;
                return Ok(Repaired::WasWhole);
            }
            Err(error) => {
                claim.end(self, Some(&error)).await;
                return Err(error);
            }
        };
        claim.storing();
        if let Err(error) = self.store_repaired(&new, is_there).await {
            // The claim is what tells the next run that an object was here.
            claim.leave(self).await;
            return Err(error);
        }
        claim.end(self, None).await;
        tracing::info!(key, is_there, "replaced a damaged data file");
        Ok(if is_there { Repaired::Replaced(proof) } else { Repaired::Restored(proof) })
    }

    /// Looks at the object again, now that no other repair can touch it: what speaks for the
    /// replacement, and whether an object is there; none where that is whole.
    async fn judge(&self, new: &Replacement, claim: &Claim) -> Result<Option<(Proof, bool)>> {
        let judged = match self.examine(new.key.as_str()).await? {
            Examined::Whole(_) => None,
            Examined::Damaged(damaged) => Some((new.prove(Some(damaged)).await?, true)),
            Examined::Missing => {
                let left = self.left_by_repairs(&new.key).await?;
                let is_left = |claim: &FoundClaim| {
                    claim.runs != Some(true) && claim.is_dead(SystemTime::now())
                };
                if !left.iter().any(is_left) {
                    return Err(never_there(&new.key));
                }
                Some((new.prove(None).await?, false))
            }
        };
        if claim.is_stale() {
            let message = "the repair took so long that others may take its LSNs; run it again";
            return Err(Error::new(ErrorKind::Unavailable, message).at(new.key.as_str()));
        }
        Ok(judged)
    }

    async fn store_repaired(&self, new: &Replacement, is_there: bool) -> Result<()> {
        match self.backend() {
            Backend::Local(folder) if is_there => {
                let (folder, key, bytes) = (Arc::clone(folder), new.key.clone(), new.bytes.clone());
                let outcome = blocking(move || folder.replace(&key, &bytes)).await?;
                if outcome == PutOutcome::Created {
                    self.counters().bytes.fetch_add(new.bytes.len() as u64, Ordering::Relaxed);
                    self.counters().files.fetch_add(1, Ordering::Relaxed);
                }
                return Ok(());
            }
            Backend::Remote(_) if is_there => self.delete(new.key.as_str()).await?,
            _ => {}
        }
        let put = self.put(&new.key, &new.bytes).await;
        put.map(drop).map_err(|error| error.with_note(CUT_OFF))
    }

    /// The claims of repairs of this key, of those under way too.
    async fn left_by_repairs(&self, key: &ObjectKey) -> Result<Vec<FoundClaim>> {
        let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else {
            return Ok(Vec::new());
        };
        let mut claims = self.look_at_ranges(*tenant_id, collection).await?.claims;
        let mark = ClaimMark::repair(key);
        claims.retain(|claim| (claim.name.lsns(), claim.name.mark()) == (*lsns, &mark));
        Ok(claims)
    }

    fn data_key(&self, key: &str) -> Result<ObjectKey> {
        let parsed = ObjectKey::parse(self.prefix(), key)?;
        match parsed.target() {
            KeyTarget::Data { .. } => Ok(parsed),
            KeyTarget::Wal { .. } => {
                let message = "this is a segment of a log, not a data file; `coldpress wal verify` checks segments";
                Err(Error::new(ErrorKind::Key, message).at(key))
            }
        }
    }
}

/// A file that is to take the place of a damaged one.
#[derive(Debug)]
struct Replacement {
    key: ObjectKey,
    bytes: Bytes,
    rows: u64,
    accept_unproven: bool,
}

impl Replacement {
    /// What shows that it is what was stored; an error where that is not enough.
    async fn prove(&self, damaged: Option<DamagedObject>) -> Result<Proof> {
        let bytes = self.bytes.clone();
        let compared = blocking(move || {
            let Some(damaged) = damaged else { return Ok((Likeness::Unknown, None)) };
            Ok((damaged.likeness(&bytes), damaged.file().map(|file| file.rows_count())))
        });
        let (likeness, stored) = compared.await?;
        let rows = self.rows;
        let lsns = self.key.lsns().map_or(0, |lsns| u128::from(lsns.max() - lsns.min()) + 1);
        let message = match (likeness, stored) {
            (Likeness::Same, _) => return Ok(Proof::Bytes),
            (Likeness::Different, Some(stored)) if stored != rows => format!(
                "the replacement has {rows} rows and this object has {stored} by its footer, so it was not replaced; give the rows that were stored here and no others"
            ),
            (Likeness::Different, _) if self.accept_unproven => return Ok(Proof::RowsOfFooter),
            (Likeness::Different, _) => {
                "the replacement is not byte for byte what was stored, so the object was not replaced: its rows differ, or were stored with other options, or by another version; give the options of that put, or --unproven (accept_unproven) where you know that the rows are the same".to_owned()
            }
            (Likeness::Unknown, _) if u128::from(rows) == lsns => return Ok(Proof::RowsOfKey),
            (Likeness::Unknown, _) if self.accept_unproven => return Ok(Proof::Nothing),
            (Likeness::Unknown, _) => format!(
                "the replacement has {rows} rows and the key has {lsns} LSNs, and no readable footer tells how many rows were stored, so nothing was put here; give the rows that were stored, or --unproven (accept_unproven) where these are they"
            ),
        };
        Err(Error::new(ErrorKind::Conflict, message).at(self.key.as_str()))
    }
}

fn never_there(key: &ObjectKey) -> Error {
    let lsns = key.lsns().map(|lsns| format!("{}..{}", lsns.min(), lsns.max()));
    let message = format!(
        "nothing lies here, and nothing shows that an object did, so nothing was put back; store rows with `coldpress put --lsn {}`",
        lsns.unwrap_or_default()
    );
    Error::new(ErrorKind::NotFound, message).at(key.as_str())
}
