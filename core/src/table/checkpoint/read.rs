//! Reads a checkpoint of any writer.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;

use super::budget::{ACTIONS_BYTES_MAX, Budget};
use super::column::Leaves;
use super::leaf::damaged;
use super::rows::Actions;
use crate::decode::caught;
use crate::decode::foreign::{PageTerms, read_footer};
use crate::table::action::LogAction;
use crate::{Error, ErrorKind, ReadLimits, Result};

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 4_096;
/// The most rows of a checkpoint. So many actions would take more than the memory for actions; a
/// row of nulls takes none, but some work.
const ROWS_MAX: u64 = 1 << 24;
/// The most bytes of one page before its codec, and so of one text. Writers end a page at about
/// 1 MiB.
const PAGE_BYTES_MAX: usize = 64 << 20;

/// Reads a checkpoint, or one part of one: all its actions that we know, in its order.
///
/// It may come from any writer, in any codec that this build reads. Columns that we do not need,
/// such as `add.stats_parsed`, are passed over, and so are actions that change nothing for us.
/// The paths of files come percent-decoded; an absolute URI stays as it is. Source: the [Delta
/// protocol], "Checkpoint Schema".
///
/// # Errors
///
/// `Corrupt` if the bytes are damaged, or if an action lacks a field that it must have; it names
/// the field. `Limit` if the actions would take more than 4 GiB of memory, if there are more than
/// 16,777,216 rows, or if a page has more than 64 MiB. `Settings` if the checkpoint has the form
/// of the feature `v2Checkpoint`, which we do not read, or a codec that this build does not have.
///
/// [Delta protocol]: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
pub fn read_checkpoint(bytes: Bytes) -> Result<Vec<LogAction>> {
    read_within(bytes, ACTIONS_BYTES_MAX)
}

/// The same, within so many bytes of memory for actions.
pub(super) fn read_within(bytes: Bytes, actions_bytes_max: u64) -> Result<Vec<LogAction>> {
    caught("a page of the checkpoint", || read(&bytes, actions_bytes_max))
}

fn read(file: &Bytes, actions_bytes_max: u64) -> Result<Vec<LogAction>> {
    let limits = ReadLimits { page_bytes_max: PAGE_BYTES_MAX, ..ReadLimits::default() };
    let metadata = read_footer(file, file.len() as u64, &limits)?;
    let terms = Arc::new(PageTerms::new(&limits, Arc::new(AtomicBool::new(false))));
    let mut budget = Budget::new(actions_bytes_max);
    let (mut actions, mut row) = (Vec::new(), 0_u64);
    for (group, of_group) in metadata.row_groups().iter().enumerate() {
        let rows = u64::try_from(of_group.num_rows())
            .map_err(|_| damaged("a row group has a negative number of rows"))?;
        let end = row.saturating_add(rows);
        if end > ROWS_MAX {
            return Err(too_many(end));
        }
        let mut leaves = Leaves::new(file, &metadata, group, &terms, &mut budget);
        let columns = Actions::open(&mut leaves)?;
        while row < end {
            let batch = usize::try_from(end - row).unwrap_or(BATCH_ROWS).min(BATCH_ROWS);
            leaves.decode(batch)?;
            for _ in 0..batch {
                columns.next(&mut leaves, row, &mut actions)?;
                row += 1;
            }
        }
    }
    Ok(actions)
}

fn too_many(rows: u64) -> Error {
    let message = format!(
        "the checkpoint claims to have {rows} rows or more, and at most {ROWS_MAX} are read; \
         write the checkpoint in several parts with the engine that wrote it"
    );
    Error::new(ErrorKind::Limit, message)
}
