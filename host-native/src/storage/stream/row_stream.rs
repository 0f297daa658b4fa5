//! A stream of rows, and the files that it stores.

use std::collections::VecDeque;

use coldpress_core::{FileTail, LsnRange, ObjectKey, Schema, StreamedFile, Summary};

use crate::storage::cold_storage::ColdStorage;
use crate::storage::stream::append_state::AppendState;
use crate::storage::stream::encoder::Encoding;
use crate::storage::writer::ObjectWriter;
use crate::store::outcome::PutOutcome;

/// A stored object of a stream.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredFile {
    /// Its key, which says which LSNs it holds.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// What it holds. Of a file that an earlier run of the same append stored, only rows and
    /// columns are known.
    pub summary: Summary,
    /// Whether this stream stored it, or it was already there.
    pub outcome: PutOutcome,
}

/// A stream of endless rows into one collection, in memory that does not grow with the rows. With
/// it, a server can move a table that is larger than its memory into cold storage.
///
/// Push rows or JSON as they come, then [`finish`](Self::finish). Each push waits until its rows
/// are taken, so a slow store slows its caller down. The rules of files, columns and rescue are
/// those of [`StreamEncoder`](coldpress_core::StreamEncoder).
///
/// The caller gives the LSNs. Or [`append`](Self::append) takes those after the highest one. The
/// LSNs of a collection never overlap, even with several writers at the same moment: if another
/// object, or another put that runs now, holds some of the given LSNs, this is
/// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict); an append takes the next free ones.
///
/// Each file is published once it is complete, or all of them at the end
/// ([`all_or_nothing`](Self::all_or_nothing)). After an error, the stream takes no more rows; the
/// current file is not stored, and [`stored`](Self::stored) says which files before it are. Then
/// push the same rows again from the first one: they make the same files, and a file that is
/// already stored is success. An append needs an [id](Self::append_id) for this.
///
/// ```
/// # async fn example(storage: coldpress::ColdStorage) -> coldpress::Result<()> {
/// use coldpress::{Settings, StreamSettings};
///
/// let cut = StreamSettings { first_lsn: 100, ..StreamSettings::default() };
/// let mut rows = storage.stream_rows(7, "events", None, Settings::default(), cut)?;
/// for n in 0..3 {
///     rows.push_json(format!("{{\"n\":{n}}}\n").into()).await?;
/// }
/// let files = rows.finish().await?;
/// assert_eq!(files[0].key.as_str(), "data/7/events/lsn-100-102.parquet");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RowStream<'s> {
    pub(super) storage: &'s ColdStorage,
    pub(super) tenant_id: u64,
    pub(super) collection: String,
    /// The range that the caller gave: then the whole stream is one object.
    pub(super) lsns: Option<LsnRange>,
    /// The key of that object.
    pub(super) key: Option<ObjectKey>,
    /// The LSN of the next file's first row; `None` after the highest possible LSN.
    pub(super) next_lsn: Option<u64>,
    pub(super) append: Option<AppendState>,
    /// An append takes the columns of the collection's last file, and other streams agree with
    /// `agrees_with`.
    pub(super) keeps_columns: bool,
    /// A file of the collection, and its columns.
    pub(super) agrees_with: Option<(ObjectKey, Schema)>,
    pub(super) encoding: Encoding,
    pub(super) rows: u64,
    pub(super) writer: Option<ObjectWriter>,
    /// With `all_or_nothing`: the latest file, complete except for its LSNs.
    pub(super) last: Option<(ObjectWriter, FileTail)>,
    /// With `all_or_nothing`: the files before it, complete and not published yet.
    pub(super) ready: VecDeque<(ObjectWriter, StreamedFile)>,
    pub(super) stored: Vec<StoredFile>,
    pub(super) all_or_nothing: bool,
    pub(super) was_outrun: bool,
}
