//! Writes our checkpoints.

use bytes::Bytes;

use super::content::{Action, Group};
use super::hint::LastCheckpoint;
use super::shape::schema;
use crate::encode::LeafFile;
use crate::table::action::{Add, Metadata, Protocol, Remove, Transaction};
use crate::table::state::Table;
use crate::{Codec, Encodings, Error, Result};

/// Every engine that reads our files reads this codec.
const CODEC: Codec = Codec::Zstd(3);
/// A row group ends at so many actions, or at so many bytes of texts. This is what is in memory
/// twice while it is written.
const GROUP_ROWS_MAX: usize = 65_536;
const GROUP_TEXT_BYTES_MAX: usize = 64 << 20;

/// A checkpoint, ready to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The version of the table.
    pub version: u64,
    /// The Parquet file.
    pub bytes: Bytes,
    /// How many actions it has.
    pub actions: u64,
    /// How many of them add a file.
    pub adds: u64,
}

impl Checkpoint {
    /// What `_last_checkpoint` says of it once it is stored.
    pub fn hint(&self) -> LastCheckpoint {
        LastCheckpoint {
            version: self.version,
            actions: self.actions,
            parts: None,
            bytes: Some(self.bytes.len() as u64),
            adds: Some(self.adds),
        }
    }
}

/// A checkpoint of this version of the table, in one file.
///
/// It leaves out the tombstones of files that were removed before `keep_removed_since_ms`, in
/// milliseconds since 1970; one without a time counts as removed in 1970. The tombstone is the only
/// trace of its file, so pass a time only if a vacuum has deleted all objects of files that were
/// removed before, and [`i64::MIN`] otherwise. Source: the [Delta protocol], "Action
/// Reconciliation".
///
/// Store its bytes under [`checkpoint_name`](crate::table::checkpoint_name), and then
/// [`Checkpoint::hint`] as `_last_checkpoint`. Whoever deletes old entries afterwards keeps that of
/// the checkpoint's own version: deltalake 1.6 does not write to a table without it.
///
/// # Errors
///
/// The error of [`Table::check_writable`] if we may not write to the table. `Misuse` if the table
/// has no version yet. `Limit` if Parquet cannot hold an action, such as a text of 1 GiB.
///
/// [Delta protocol]: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
pub fn write_checkpoint(table: &Table, keep_removed_since_ms: i64) -> Result<Checkpoint> {
    table.check_writable()?;
    let (Some(version), Some(protocol), Some(metadata)) =
        (table.version(), table.protocol(), table.metadata())
    else {
        return Err(Error::misuse("a table without a version has no checkpoint"));
    };
    let (transactions, adds) = (table.transactions(), table.adds());
    let tombstones = table.tombstones();
    let content = Content { version, protocol, metadata, transactions, adds, tombstones };
    write(content, keep_removed_since_ms)
}

/// What a checkpoint is made of.
pub(super) struct Content<'t, A, R, T> {
    pub(super) version: u64,
    pub(super) protocol: &'t Protocol,
    pub(super) metadata: &'t Metadata,
    pub(super) transactions: T,
    pub(super) adds: A,
    pub(super) tombstones: R,
}

/// The checkpoint of this content.
pub(super) fn write<'t, A, R, T>(
    content: Content<'t, A, R, T>,
    keep_removed_since_ms: i64,
) -> Result<Checkpoint>
where
    A: Iterator<Item = &'t Add>,
    R: Iterator<Item = &'t Remove>,
    T: Iterator<Item = &'t Transaction>,
{
    let Content { version, protocol, metadata, transactions, adds, tombstones } = content;
    // Without a time it counts as old, as for other engines.
    let is_kept = |it: &&Remove| it.deleted_ms.unwrap_or(0) >= keep_removed_since_ms;
    let of_table = [Action::Protocol(protocol), Action::Metadata(metadata)].into_iter();
    let actions = of_table
        .chain(transactions.map(Action::Transaction))
        .chain(adds.map(Action::Add))
        .chain(tombstones.filter(is_kept).map(Action::Remove));
    let mut file = LeafFile::open(schema()?, CODEC, Encodings::Legacy)?;
    let (mut count, mut adds, mut group) = (0, 0, Group::new());
    for action in actions {
        count += 1;
        adds += u64::from(matches!(action, Action::Add(_)));
        group.push(action)?;
        if group.rows >= GROUP_ROWS_MAX || group.text_bytes >= GROUP_TEXT_BYTES_MAX {
            let full = std::mem::replace(&mut group, Group::new());
            let rows = full.rows;
            file.write(full.end(), rows)?;
        }
    }
    let rows = group.rows;
    if rows > 0 {
        file.write(group.end(), rows)?;
    }
    Ok(Checkpoint { version, bytes: file.close()?, actions: count, adds })
}
