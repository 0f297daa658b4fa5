//! Reads the inputs of one `put` into a stream of rows. A thread of its own reads, while the rows
//! are encoded and sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::thread::JoinHandle;

use bytes::Bytes;
use coldpress::{Error, RowStream, StoredFile};
use tokio::sync::mpsc;

use super::failure::Failure;
use super::feed::Fed;
use super::input::Source;
use super::progress::Progress;
use super::store::Store;
use super::{input, interrupt};

/// The most slices that wait to be encoded. A slow store slows the reader, so memory is bounded.
const SLICES_WAITING: usize = 4;

/// The reading thread's message when nobody takes its slices any more.
const STOPPED: &str = "the rows are not wanted any more";

/// The result of a run.
pub struct Poured {
    /// The size of the input, or why it was not read to its end.
    pub ended: Result<Fed, Stopped>,
    /// The files that are stored, even if a later row failed.
    pub stored: Vec<StoredFile>,
    /// How many of their rows were stored by earlier runs of the same append.
    pub rows_before: u64,
    /// Whether another writer was faster, so that the same rows, read again, can be stored after
    /// those of that writer.
    pub was_outrun: bool,
    /// Whether the rows were to fit the columns of a file that the collection had.
    pub kept_columns: bool,
}

/// Why the run stopped.
pub enum Stopped {
    /// The library refused something of the source with this index.
    Refused { error: Error, source: usize },
    /// The input could not be read to its end, or a signal stopped the run.
    Failed(Failure),
}

enum Piece {
    Text(Bytes),
    /// The end of a source, and so of its JSON text.
    End,
}

/// The reading thread.
struct Reader {
    thread: JoinHandle<Result<Fed, Failure>>,
    /// Whether the source that is being read is compressed.
    packed: Arc<AtomicBool>,
}

/// Reads every source to its end and stores its rows. On Ctrl-C and on every error, objects that
/// are sent but not published are aborted.
pub fn pour(
    sources: &[Source],
    mut rows: RowStream<'_>,
    store: &Store,
    progress: Progress,
) -> Result<Poured, Failure> {
    let (sender, mut pieces) = mpsc::channel(SLICES_WAITING);
    let bar = progress.clone();
    let reader = read(sources.to_vec(), sender, progress)?;
    let poured = store.drive(async {
        let taken = interrupt::unless_interrupted(take(&mut pieces, &mut rows)).await;
        // The reading thread then stops.
        drop(pieces);
        let mut ended = match taken {
            Err(interrupted) => {
                // The run ends in order, and reports what is stored.
                interrupt::settled();
                Err(Stopped::Failed(interrupted))
            }
            Ok(Err(stopped)) => Err(reader.cause(stopped)),
            Ok(Ok(())) => finish(reader, &mut rows, &bar).await,
        };
        let (stored, rows_before) = (rows.stored().to_vec(), rows.rows_stored_before());
        let (was_outrun, kept_columns) = (rows.was_outrun(), rows.kept_columns().is_some());
        if rows.abort().await.is_err()
            && let Err(Stopped::Failed(Failure::Run(message))) = &mut ended
        {
            message.push_str("; unfinished multipart uploads may be left in the store");
        }
        Ok(Poured { ended, stored, rows_before, was_outrun, kept_columns })
    })?;
    drop(bar);
    poured
}

/// Stores the rest, after all sources were read to their ends.
async fn finish(reader: Reader, rows: &mut RowStream<'_>, bar: &Progress) -> Result<Fed, Stopped> {
    let fed = reader.ended().map_err(Stopped::Failed)?;
    bar.phase("storing");
    let finished = interrupt::unless_interrupted(rows.finish()).await.map_err(|interrupted| {
        interrupt::settled();
        Stopped::Failed(interrupted)
    })?;
    finished.map(|_| fed).map_err(|error| Stopped::Refused { error, source: 0 })
}

/// Pushes every piece into the stream.
async fn take(pieces: &mut mpsc::Receiver<Piece>, rows: &mut RowStream<'_>) -> Result<(), Stopped> {
    let mut source = 0;
    while let Some(piece) = pieces.recv().await {
        let pushed = match piece {
            Piece::Text(text) => rows.push_json(text).await,
            Piece::End => rows.end_json().await.inspect(|()| source += 1),
        };
        pushed.map_err(|error| Stopped::Refused { error, source })?;
    }
    Ok(())
}

fn read(
    sources: Vec<Source>,
    sender: mpsc::Sender<Piece>,
    mut progress: Progress,
) -> Result<Reader, Failure> {
    let packed = Arc::new(AtomicBool::new(false));
    let is_packed = Arc::clone(&packed);
    let reading = move || {
        let mut fed = Fed::default();
        let stopped = || Failure::run(STOPPED);
        for source in &sources {
            let note = |packed| is_packed.store(packed, Ordering::SeqCst);
            input::read(source, &mut progress, &note, &mut |slice| {
                fed.json_bytes += slice.len() as u64;
                let piece = Piece::Text(Bytes::copy_from_slice(slice));
                sender.blocking_send(piece).map_err(|_| stopped())
            })?;
            sender.blocking_send(Piece::End).map_err(|_| stopped())?;
        }
        fed.read_bytes = progress.bytes_read();
        Ok(fed)
    };
    let thread =
        thread::Builder::new().name("reader".to_owned()).spawn(reading).map_err(|error| {
            Failure::run(format_args!("cannot start a thread to read the input: {error}"))
        })?;
    Ok(Reader { thread, packed })
}

impl Reader {
    /// The size of what it read, or why it failed.
    fn ended(self) -> Result<Fed, Failure> {
        let panicked = |_| {
            Failure::run("reading the input panicked; this is a bug of coldpress, please report it")
        };
        self.thread.join().map_err(panicked)?
    }

    /// The cause of a refused row. In a compressed input, damage often shows as a row that is no
    /// JSON, long before the checksum is read.
    fn cause(self, stopped: Stopped) -> Stopped {
        // A plain input may be a pipe that is silent for hours, so it is not read to its end.
        if self.packed.load(Ordering::SeqCst)
            && matches!(&stopped, Stopped::Refused { error, .. } if error.core().is_some())
            && let Err(failure) = self.ended()
            && failure.line().is_some_and(|line| !line.ends_with(STOPPED))
        {
            return Stopped::Failed(failure);
        }
        stopped
    }
}
