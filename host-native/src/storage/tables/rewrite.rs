//! Writes the rows of some files of a table into one new file. Core's `Rewriter` does the work, on
//! a blocking thread; this reads the files, one at a time, and stores the new one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use coldpress_core::table::{
    NewFile, RewriteOrder, RewriteOutput, RewriteSettings, RewriteSource, Rewriter, Table,
    TableColumns, TablePlace,
};
use coldpress_core::{
    IdSource, LsnRange, NewFields, ObjectKey, ParquetFile, Policy, ReadLimits, Settings, StoredRow,
    StreamedFile,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};
use crate::quiet::quietly;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::storage::tables::rewrite_claims::HeldRewrite;
use crate::storage::writer::ObjectWriter;
use crate::store::outcome::PutOutcome;
use crate::threads::{StopOnDrop, blocking};

/// How many footers are read at a time.
const FOOTERS_AT_ONCE: usize = 8;

/// Whether a row stays.
pub(super) type Keep = Arc<dyn Fn(&StoredRow) -> Result<bool> + Send + Sync>;

/// What to write anew.
pub(super) struct Rewrite<'r> {
    pub(super) place: &'r TablePlace,
    /// Where the new file is to lie.
    pub(super) key: ObjectKey,
    pub(super) sources: Vec<StoredObject>,
    /// The LSNs of the sources, exactly.
    pub(super) lsns: Vec<LsnRange>,
    pub(super) settings: RewriteSettings,
    pub(super) keep: Keep,
}

/// A new file that is not visible yet.
pub(super) struct Prepared {
    writer: ObjectWriter,
    /// `None` if no row is left.
    file: Option<StreamedFile>,
    rows_left_out: u64,
}

/// A file that was written anew.
#[derive(Debug)]
pub(super) struct Made {
    /// `None` if no row is left.
    pub(super) file: Option<NewFile>,
    pub(super) key: ObjectKey,
    /// Whether this rewrite has created the object.
    pub(super) is_created: bool,
    pub(super) rows_left_out: u64,
}

impl ColdStorage {
    /// Reads the log again behind the claim of a rewrite, and looks at its new key. Gives the table
    /// if the rewrite can go on, else why not.
    pub(super) async fn fitting(
        &self,
        place: &TablePlace,
        key: &ObjectKey,
        sources: &[StoredObject],
    ) -> Result<std::result::Result<Arc<Table>, String>> {
        let Some(table) = self.tables().open(place).await? else {
            return Ok(Err("its table is gone".to_owned()));
        };
        if let Some(gone) = first_gone(&table, sources) {
            return Ok(Err(overtaken(gone)));
        }
        let path = place.path_of(key).unwrap_or_default();
        if table.add(path).is_some() || table.removal(path).is_some() {
            return Ok(Err(format!("the table knows {key} already")));
        }
        match self.facts_of(key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Ok(table)),
            Err(error) => Err(error),
            Ok(_) => Ok(Err(format!(
                "an object lies at {key} already, which an interrupted rewrite has left"
            ))),
        }
    }

    /// Whether another commit has taken one of the files away: then an error that says it is missing
    /// is none.
    pub(super) async fn was_overtaken(
        &self,
        place: &TablePlace,
        sources: &[StoredObject],
    ) -> Result<Option<String>> {
        let table = self.tables().open(place).await?;
        Ok(table.and_then(|table| first_gone(&table, sources).map(overtaken)))
    }

    /// Writes the new file, without making it visible. If this is dropped, what was sent is removed.
    pub(super) async fn prepare(&self, rewrite: &Rewrite<'_>) -> Result<Prepared> {
        let rewriter = self.rewriter(rewrite).await?;
        let mut writer = self.create(&rewrite.key).await?;
        match self.pour(rewrite, rewriter, &mut writer).await {
            Ok((file, rows_left_out)) => Ok(Prepared { writer, file, rows_left_out }),
            Err(error) => Err(writer.give_up(error).await),
        }
    }

    /// Makes the new file visible. After an error, no object is there, unless the error is of kind
    /// `Unavailable` or `Internal`.
    pub(super) async fn publish(
        &self,
        rewrite: &Rewrite<'_>,
        prepared: Prepared,
        held: &mut HeldRewrite,
    ) -> Result<Made> {
        let Prepared { writer, file, rows_left_out } = prepared;
        let mut made =
            Made { file: None, key: rewrite.key.clone(), is_created: false, rows_left_out };
        let Some(file) = file else {
            writer.abort().await?;
            return Ok(made);
        };
        if let Err(error) = held.begin_publishing(self) {
            return Err(writer.give_up(error).await);
        }
        made.is_created = writer.publish(&rewrite.key).await? == PutOutcome::Created;
        let key = rewrite.key.clone();
        let object = StoredObject { key, bytes: file.bytes, modified: self.clock().now() };
        let new = self.file_of(rewrite.place, &object).await?;
        made.file = Some(new.with_lsns(rewrite.lsns.clone())?);
        Ok(made)
    }

    /// After a commit that was refused: deletes the new object, if this rewrite has created it, the
    /// log does not name it, and the claim still counts for certain.
    pub(super) async fn take_back(
        &self,
        place: &TablePlace,
        made: &Made,
        held: &HeldRewrite,
    ) -> Result<()> {
        let path = place.path_of(&made.key).unwrap_or_default();
        let table = self.tables().open(place).await?;
        let is_known =
            table.is_some_and(|table| table.add(path).is_some() || table.removal(path).is_some());
        match made.is_created && !is_known && held.counts(self) {
            true => self.delete_objects(std::slice::from_ref(&made.key), &mut |_| {}).await,
            false => Ok(()),
        }
    }

    async fn rewriter(&self, rewrite: &Rewrite<'_>) -> Result<Rewriter> {
        let source = |object: StoredObject| async move {
            let footer = self.footer_of(&object.key, object.bytes, &ReadLimits::default()).await?;
            Ok::<_, Error>(RewriteSource { key: object.key, footer })
        };
        let sources: Vec<RewriteSource> = stream::iter(rewrite.sources.clone())
            .map(source)
            .buffered(FOOTERS_AT_ONCE)
            .try_collect()
            .await?;
        let (prefix, key) = (self.prefix().clone(), rewrite.key.clone());
        let settings = rewrite.settings.clone();
        blocking(move || Ok(Rewriter::new(&prefix, &key, sources, &settings)?)).await
    }

    /// All rows of the sources into the writer. Gives the file, if a row was left, and how many
    /// rows were left out.
    async fn pour(
        &self,
        rewrite: &Rewrite<'_>,
        mut rewriter: Rewriter,
        writer: &mut ObjectWriter,
    ) -> Result<(Option<StreamedFile>, u64)> {
        for source in &rewrite.sources {
            let bytes = self.download_parquet(&source.key).await?;
            let keep = Arc::clone(&rewrite.keep);
            let work = move |out: &Outlet| push_file(rewriter, bytes, &keep, out);
            rewriter = feed(writer, work).await.map_err(|error| error.at(source.key.as_str()))?;
        }
        let work = move |out: &Outlet| {
            rewriter.finish()?;
            let mut file = None;
            while let Some(output) = rewriter.poll()? {
                match output {
                    RewriteOutput::Bytes(bytes) => out.send(bytes)?,
                    RewriteOutput::File(ended) => file = Some(*ended),
                    RewriteOutput::NoRows => {}
                }
            }
            Ok((file, rewriter.rows_left_out()))
        };
        feed(writer, work).await.map_err(|error| error.at(rewrite.key.as_str()))
    }

    /// How the files of a table are written anew: with its columns, and with the codec of this
    /// store's settings.
    pub(super) fn rewrite_settings(
        &self,
        columns: &TableColumns,
        order: RewriteOrder,
    ) -> RewriteSettings {
        let id = columns.id_field().map(|names| IdSource::Field(names.join(".")));
        let encode = Settings {
            codec: self.settings.codec,
            encodings: self.settings.encodings,
            row_group_rows_max: self.settings.row_group_rows_max,
            // What is stored must fit again, whatever was allowed when it was put.
            columns_max: Settings::COLUMNS_LIMIT,
            depth_max: Settings::DEPTH_LIMIT,
            row_bytes_max: usize::MAX,
            schema: Some(columns.schema().clone()),
            new_fields: NewFields::Rescue,
            policy: Policy::Rescue,
            id: id.unwrap_or_default(),
            ..Settings::default()
        };
        RewriteSettings { encode, order, ..RewriteSettings::default() }
    }
}

/// The rows of one file.
fn push_file(mut rewriter: Rewriter, bytes: Bytes, keep: &Keep, out: &Outlet) -> Result<Rewriter> {
    let mut file = ParquetFile::open(bytes)?;
    file.stop_when(Arc::clone(&out.stop));
    let mut rows = rewriter.rows_of(&file)?;
    let mut failed = None;
    loop {
        let mut stays = |row: &StoredRow| match keep(row) {
            Ok(stays) => stays,
            Err(error) => {
                failed.get_or_insert(error);
                true
            }
        };
        let has_more = rewriter.push(&mut rows, &mut stays)?;
        if let Some(error) = failed.take() {
            return Err(error);
        }
        while let Some(output) = rewriter.poll()? {
            if let RewriteOutput::Bytes(bytes) = output {
                out.send(bytes)?;
            }
        }
        if !has_more {
            break;
        }
    }
    drop(rows);
    Ok(rewriter)
}

/// Where work on a blocking thread gives its bytes.
struct Outlet {
    sender: mpsc::Sender<Bytes>,
    stop: Arc<AtomicBool>,
}

impl Outlet {
    fn send(&self, bytes: Bytes) -> Result<()> {
        self.sender.blocking_send(bytes).map_err(|_| {
            let message = "the new file is no longer written; run the rewrite again";
            Error::new(ErrorKind::Aborted, message)
        })
    }
}

/// Runs work on a blocking thread, and writes the bytes that it gives. The work stops if the caller
/// is dropped, or if a write fails.
async fn feed<T: Send + 'static>(
    writer: &mut ObjectWriter,
    work: impl FnOnce(&Outlet) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, mut receiver) = mpsc::channel(1);
    let stop = StopOnDrop::new();
    let outlet = Outlet { sender, stop: stop.flag() };
    let working = blocking(move || quietly(|| work(&outlet)));
    let writing = async move {
        while let Some(bytes) = receiver.recv().await {
            writer.write(bytes).await?;
        }
        Ok::<(), Error>(())
    };
    let (worked, written) = tokio::join!(working, writing);
    written?;
    worked
}

/// The first of these files that the table does not have any more.
fn first_gone<'o>(table: &Table, sources: &'o [StoredObject]) -> Option<&'o StoredObject> {
    sources.iter().find(|object| {
        let path = table.place().path_of(&object.key);
        let add = path.and_then(|path| table.add(path));
        add.is_none_or(|add| add.bytes != object.bytes)
    })
}

fn overtaken(gone: &StoredObject) -> String {
    format!("another commit has removed or replaced {}", gone.key)
}
