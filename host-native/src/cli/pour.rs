//! The inputs of one `put`, one after the other, into a stream of rows: read on a thread of their own, while rows
//! are encoded and sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use coldpress::{Error, RowStream, StoredFile};
use tokio::sync::mpsc;

use super::failure::Failure;
use super::feed::Fed;
use super::input::{self, Source};
use super::interrupt;
use super::progress::Progress;
use super::store::Store;

/// Slices that wait to be encoded: a slow store slows the reader, and memory stays what it is.
const SLICES_WAITING: usize = 4;

/// What the reading thread says where nobody takes what it reads.
const STOPPED: &str = "the rows are not wanted any more";

/// How it ended.
pub struct Poured {
    /// What went in; or why it went no further.
    pub ended: Result<Fed, Stopped>,
    /// The files that are in the store, whatever came after them.
    pub stored: Vec<StoredFile>,
    /// How many of their rows earlier runs of the same append stored.
    pub rows_before: u64,
    /// Whether the same rows, read again, can go behind those that another writer has stored
    /// meanwhile.
    pub was_outrun: bool,
}

/// Why rows went no further.
pub enum Stopped {
    /// The library refused something, from this source.
    Refused { error: Error, source: usize },
    /// The input could not be read to its end, or the run was broken off.
    Failed(Failure),
}

enum Piece {
    Text(Bytes),
    /// A source ended, and with it its text.
    End,
}

/// What the reading thread knows at its end.
struct Reader {
    thread: JoinHandle<Result<Fed, Failure>>,
    /// Whether the source at hand is compressed.
    packed: Arc<AtomicBool>,
}

/// Reads every source to its end and stores its rows. Ctrl-C, and every error, take back what was sent and is not stored.
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
        // Whoever still reads comes to an end.
        drop(pieces);
        let mut ended = match taken {
            Err(interrupted) => {
                // It ends in order, and what is stored is told.
                interrupt::settled();
                Err(Stopped::Failed(interrupted))
            }
            Ok(Err(stopped)) => Err(reader.cause(stopped)),
            Ok(Ok(())) => finish(reader, &mut rows, &bar).await,
        };
        let (stored, rows_before) = (rows.stored().to_vec(), rows.rows_stored_before());
        let was_outrun = rows.was_outrun();
        if rows.abort().await.is_err()
            && let Err(Stopped::Failed(Failure::Run(message))) = &mut ended
        {
            message.push_str("; parts of files may be left in the store");
        }
        Ok(Poured { ended, stored, rows_before, was_outrun })
    })?;
    drop(bar);
    poured
}

/// Stores what is left, once all sources were read to their ends.
async fn finish(reader: Reader, rows: &mut RowStream<'_>, bar: &Progress) -> Result<Fed, Stopped> {
    let fed = reader.ended().map_err(Stopped::Failed)?;
    bar.phase("storing");
    let finished = interrupt::unless_interrupted(rows.finish()).await.map_err(|interrupted| {
        interrupt::settled();
        Stopped::Failed(interrupted)
    })?;
    finished.map(|_| fed).map_err(|error| Stopped::Refused { error, source: 0 })
}

/// Hands on every piece as it comes.
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
    let thread = thread::Builder::new()
        .name("reader".to_owned())
        .spawn(reading)
        .map_err(|error| Failure::run(format_args!("cannot start a thread: {error}")))?;
    Ok(Reader { thread, packed })
}

impl Reader {
    /// What it read, or why it could not.
    fn ended(self) -> Result<Fed, Failure> {
        let panicked =
            |_| Failure::run("reading the input panicked; this is a bug of coldpress: report it");
        self.thread.join().map_err(panicked)?
    }

    /// Why a row was refused: where the input is compressed, its damage often shows as a row that is no JSON long before
    /// the checksum comes.
    fn cause(self, stopped: Stopped) -> Stopped {
        // A plain input may be a pipe that says nothing more for hours.
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
