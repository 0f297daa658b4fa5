//! A damaged data file, replaced by the same rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use coldpress_core::{Footer, KeyTarget, ObjectKey, ParquetFile};

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
    Replaced,
    /// Nothing lay at the key, as after a repair that was cut off in the middle; the replacement
    /// lies there now.
    Restored,
    /// The object is whole. It stays as it is.
    WasWhole,
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
    /// The damaged object is deleted, then the replacement is put create-only. A process that is
    /// killed between the two leaves nothing at the key, and the same call again puts the
    /// replacement there.
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
        let damaged = match self.examine(key).await? {
            Examined::Whole(_) => return Ok(Repaired::WasWhole),
            Examined::Damaged(damaged) => Some(damaged),
            Examined::Missing => None,
        };
        let is_repair = damaged.is_some();
        let (of, new) = (parsed.clone(), replacement.clone());
        blocking(move || prove(damaged.as_ref(), &new, &of, rows.rows, accept_unproven)).await?;
        if !is_repair {
            self.put(&parsed, &replacement).await?;
            tracing::info!(key, "put a data file back where none was");
            return Ok(Repaired::Restored);
        }
        match self.backend() {
            Backend::Local(folder) => {
                let (folder, key, bytes) = (Arc::clone(folder), parsed, replacement.clone());
                let outcome = blocking(move || folder.replace(&key, &bytes)).await?;
                if outcome == PutOutcome::Created {
                    self.counters().bytes.fetch_add(replacement.len() as u64, Ordering::Relaxed);
                    self.counters().files.fetch_add(1, Ordering::Relaxed);
                }
            }
            Backend::Remote(_) => {
                self.delete(key).await?;
                self.put(&parsed, &replacement).await.map_err(|error| error.with_note(CUT_OFF))?;
            }
        }
        tracing::info!(key, "replaced a damaged data file");
        Ok(Repaired::Replaced)
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

/// An error where nothing shows that the replacement is what was stored. It has `rows` rows.
fn prove(
    damaged: Option<&DamagedObject>,
    replacement: &Bytes,
    key: &ObjectKey,
    rows: u64,
    accept_unproven: bool,
) -> Result<()> {
    let refused = |message: String| Err(Error::new(ErrorKind::Conflict, message).at(key.as_str()));
    let likeness = damaged.map_or(Likeness::Unknown, |damaged| damaged.likeness(replacement));
    match likeness {
        Likeness::Same => Ok(()),
        Likeness::Different => {
            let stored = damaged.and_then(DamagedObject::file).map(|file| file.rows_count());
            match stored {
                Some(stored) if stored != rows => refused(format!(
                    "the replacement has {rows} rows and this object has {stored} by its footer, so it was not replaced; give the rows that were stored here and no others"
                )),
                _ if accept_unproven => Ok(()),
                _ => refused(
                    "the replacement is not byte for byte what was stored, so the object was not replaced: its rows differ, or were stored with other options, or by another version; give the options of that put, or --unproven (accept_unproven) where you know that the rows are the same".to_owned(),
                ),
            }
        }
        Likeness::Unknown if accept_unproven => Ok(()),
        Likeness::Unknown => {
            let lsns = key.lsns().map_or(0, |lsns| u128::from(lsns.max() - lsns.min()) + 1);
            match u128::from(rows) == lsns {
                true => Ok(()),
                false => refused(format!(
                    "the replacement has {rows} rows and the key has {lsns} LSNs, and no readable footer tells how many rows were stored, so nothing was put here; give the rows that were stored, or --unproven (accept_unproven) where these are they"
                )),
            }
        }
    }
}
