//! Repairs damaged data files: replaces each with a file of the same rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use coldpress_core::{ClaimMark, Footer, KeyTarget, ObjectKey, ParquetFile, Wanted};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::claims::found::FoundClaim;
use crate::storage::claims::{Claim, ClaimAs};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::key::ToKey;
use crate::storage::verify::{VerifiedObject, check};
use crate::store::local::folder::REPAIR_INTERRUPTED;
use crate::store::outcome::PutOutcome;
use crate::store::place::Store;
use crate::threads::blocking;

/// The name of the file's own checksum in its metadata.
const CHECKSUM: &str = "coldpress.crc32";

/// What is at the key of a data file: [`ColdStorage::examine`].
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

/// A damaged data file, as it is in the store.
#[derive(Debug, Clone)]
pub struct DamagedObject {
    key: ObjectKey,
    why: Error,
    bytes: Bytes,
}

/// Whether a file is what a damaged file was before it was damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Its checksum is the one that the damaged file's footer names: byte for byte what was stored.
    Same,
    /// The damaged file's footer names another checksum.
    Different,
    /// The damaged file's footer cannot be read, so nothing says what was stored.
    Unknown,
}

/// The outcome of a repair that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// The damaged object is deleted, and the replacement is at its key.
    Replaced(Proof),
    /// An interrupted repair had deleted the object; the replacement is at its key now.
    Restored(Proof),
    /// The object is whole and was not replaced.
    WasWhole,
}

/// What shows that a replacement is what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// It is byte for byte what was stored.
    Bytes,
    /// It has other bytes, and as many rows as the damaged file's footer says.
    RowsOfFooter,
    /// The damaged footer could not be read; the replacement has as many rows as the key has LSNs.
    RowsOfKey,
    /// Nothing: the damaged footer could not be read, and the replacement has another number of
    /// rows than the key has LSNs. Only the caller says that it is right.
    Nothing,
}

impl DamagedObject {
    /// What is damaged, an error of kind [`ErrorKind::Corrupt`].
    pub fn why(&self) -> &Error {
        &self.why
    }

    /// The file, if its footer can still be read: schema, codec and the rows before the damage.
    pub fn file(&self) -> Option<ParquetFile> {
        ParquetFile::open(self.bytes.clone()).ok()
    }

    /// Compares a whole file with what this file was. Blocks while it reads two footers.
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
    /// Reads and checks the whole data file at `key`, as [`ColdStorage::verify`] does, and returns
    /// it if it is damaged.
    pub async fn examine(&self, key: impl ToKey) -> Result<Examined> {
        let key = self.data_key(&key)?;
        let bytes = match self.download_parquet(&key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Examined::Missing),
            bytes => bytes?,
        };
        match check(bytes.clone(), key.clone()).await {
            Ok(found) => Ok(Examined::Whole(found)),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                let why = error.at(key.as_str());
                Ok(Examined::Damaged(DamagedObject { key, why, bytes }))
            }
            Err(error) => Err(error.at(key.as_str())),
        }
    }

    /// Replaces the damaged object at `key` with `replacement`, a data file for the same key: a
    /// copy of the object, or its rows encoded again.
    ///
    /// The replacement must be whole, and must be what was stored. If the damaged footer can be
    /// read, that means [`Likeness::Same`]; else it must hold as many rows as the key has LSNs.
    /// With `accept_unproven`, a replacement of other bytes is accepted too, if it has as many rows
    /// as the damaged footer says. A whole object is never replaced.
    ///
    /// The repair claims the LSNs of the key, so of two repairs at the same time one fails with
    /// [`ErrorKind::Conflict`]. Then it deletes the damaged object, and puts the replacement
    /// create-only. A process that is killed between the two steps leaves its claim behind, and the
    /// same call again puts the replacement there. If there is neither an object at the key nor
    /// such a claim, that is [`ErrorKind::NotFound`].
    pub async fn repair(
        &self,
        key: impl ToKey,
        replacement: Bytes,
        accept_unproven: bool,
    ) -> Result<Repaired> {
        let key = self.data_key(&key)?;
        let rows = check(replacement.clone(), key.clone()).await.map_err(|error| {
            let message = format!("this replacement cannot be used: {error}");
            Error::new(error.kind(), message).at(key.as_str())
        })?;
        let new = Replacement { key, bytes: replacement, rows: rows.rows, accept_unproven };
        // A claim proves later that there was an object. So no claim is made before an object, or
        // the claim of another repair, is seen.
        let (left, found) = self.claims_and_object(&new.key).await?;
        match found {
            Examined::Whole(_) => return Ok(Repaired::WasWhole),
            Examined::Damaged(damaged) => drop(new.prove(Some(damaged)).await?),
            Examined::Missing if left.is_empty() => return Err(never_there(&new.key)),
            Examined::Missing => drop(new.prove(None).await?),
        }
        let now = self.clock.now();
        let dead = left.into_iter().filter(|claim| claim.is_dead(now));
        let dead = dead.map(|claim| claim.name).collect();
        let wanted = Wanted::Keys(vec![new.key.clone()]);
        let mut claim = self.claim(&new.key, wanted, ClaimAs::Repair(&new.key), dead).await?;
        let judged = self.examine_claimed(&new, &claim).await;
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
        claim.keep_if_dropped();
        if let Err(error) = self.store_repaired(&new, is_there).await {
            // The claim stays: it tells the next run that there was an object at this key.
            claim.leave_for_rerun(self).await;
            return Err(error);
        }
        claim.end(self, None).await;
        tracing::info!(key = %new.key, is_there, "replaced a damaged data file");
        Ok(if is_there { Repaired::Replaced(proof) } else { Repaired::Restored(proof) })
    }

    /// Examines the object again, now that no other repair can touch it. Returns the proof for the
    /// replacement, and whether there is an object; `None` if the object is whole.
    async fn examine_claimed(
        &self,
        new: &Replacement,
        claim: &Claim,
    ) -> Result<Option<(Proof, bool)>> {
        let judged = match self.examine(&new.key).await? {
            Examined::Whole(_) => None,
            Examined::Damaged(damaged) => Some((new.prove(Some(damaged)).await?, true)),
            Examined::Missing => {
                let left = self.repair_claims(&new.key).await?;
                let is_left = |claim: &FoundClaim| {
                    claim.runs != Some(true) && claim.is_dead(self.clock.now())
                };
                if !left.iter().any(is_left) {
                    return Err(never_there(&new.key));
                }
                Some((new.prove(None).await?, false))
            }
        };
        if claim.is_stale(self) {
            let message = "the repair took so long that its claim may have expired, and others may \
                take its LSNs; run it again";
            return Err(Error::new(ErrorKind::Unavailable, message).at(new.key.as_str()));
        }
        Ok(judged)
    }

    async fn store_repaired(&self, new: &Replacement, is_there: bool) -> Result<()> {
        match self.place() {
            Store::Local(folder) if is_there => {
                let (folder, key, bytes) = (Arc::clone(folder), new.key.clone(), new.bytes.clone());
                let outcome = blocking(move || folder.replace(&key, &bytes)).await?;
                if outcome == PutOutcome::Created {
                    self.counters().bytes.fetch_add(new.bytes.len() as u64, Ordering::Relaxed);
                    self.counters().files.fetch_add(1, Ordering::Relaxed);
                }
                return Ok(());
            }
            Store::S3(_) if is_there => self.delete(&new.key).await?,
            _ => {}
        }
        let put = self.put(&new.key, &new.bytes).await;
        put.map(drop).map_err(|error| error.with_note(REPAIR_INTERRUPTED))
    }

    /// The claims of repairs of this key, and the object there.
    ///
    /// While another repair replaces the object, it is missing for a moment. If that repair began
    /// after the first look at the claims, a second look finds its claim, or the new object.
    async fn claims_and_object(&self, key: &ObjectKey) -> Result<(Vec<FoundClaim>, Examined)> {
        let (left, found) = (self.repair_claims(key).await?, self.examine(key).await?);
        if !left.is_empty() || !matches!(found, Examined::Missing) {
            return Ok((left, found));
        }
        let left = self.repair_claims(key).await?;
        match left.is_empty() {
            true => Ok((left, self.examine(key).await?)),
            false => Ok((left, found)),
        }
    }

    /// The claims of repairs of this key, of those that run now too.
    async fn repair_claims(&self, key: &ObjectKey) -> Result<Vec<FoundClaim>> {
        let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else {
            return Ok(Vec::new());
        };
        let mut claims = self.claims_and_files(*tenant_id, collection).await?.claims;
        let mark = ClaimMark::repair(key);
        claims.retain(|claim| (claim.name.lsns(), claim.name.mark()) == (*lsns, &mark));
        Ok(claims)
    }

    fn data_key(&self, key: &impl ToKey) -> Result<ObjectKey> {
        let key = self.own_key(key)?;
        match key.target() {
            KeyTarget::Data { .. } => Ok(key.into_owned()),
            KeyTarget::Wal { .. } => {
                let message = "this is a segment of a log, not a data file; use `coldpress wal \
                    verify` to check segments";
                Err(Error::new(ErrorKind::Key, message).at(key.as_str()))
            }
        }
    }
}

/// A file that replaces a damaged one.
#[derive(Debug)]
struct Replacement {
    key: ObjectKey,
    bytes: Bytes,
    rows: u64,
    accept_unproven: bool,
}

impl Replacement {
    /// What proves that this is what was stored; an error if the proof is not enough.
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
                "the replacement has {rows} rows, and the footer of this object says that it has \
                {stored}, so it was not replaced; give exactly the rows that were stored here"
            ),
            (Likeness::Different, _) if self.accept_unproven => return Ok(Proof::RowsOfFooter),
            (Likeness::Different, _) => {
                "the replacement is not byte for byte what was stored, so the object was not \
                replaced: its rows differ, or were stored with other options, or by another \
                version; give the options of that put, or, if you know that the rows are the same, \
                --unproven (accept_unproven)"
                    .to_owned()
            }
            (Likeness::Unknown, _) if u128::from(rows) == lsns => return Ok(Proof::RowsOfKey),
            (Likeness::Unknown, _) if self.accept_unproven => return Ok(Proof::Nothing),
            (Likeness::Unknown, _) => format!(
                "the replacement has {rows} rows and the key has {lsns} LSNs, and no readable \
                footer says how many rows were stored, so nothing was put here; give the rows that \
                were stored, or, if you know that these are the rows, --unproven (accept_unproven)"
            ),
        };
        Err(Error::new(ErrorKind::Conflict, message).at(self.key.as_str()))
    }
}

fn never_there(key: &ObjectKey) -> Error {
    let lsns = key.lsns().map(|lsns| format!("{}..{}", lsns.min(), lsns.max()));
    let message = format!(
        "there is no object at this key, and no sign that there was one, so nothing was put here; \
        store rows with `coldpress put --lsn {}`",
        lsns.unwrap_or_default()
    );
    Error::new(ErrorKind::NotFound, message).at(key.as_str())
}
