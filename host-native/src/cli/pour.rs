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
pub enum Poured {
    /// All rows are in these files.
    Stored(Fed, Vec<StoredFile>),
    /// The library refused something; the files before it are stored.
    Failed(Refused, Vec<StoredFile>),
}

/// What was refused, and in which of the sources.
pub struct Refused {
    pub error: Error,
    pub source: usize,
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

/// Reads every source to its end and stores its rows. Ctrl-C, and every error, take back what was sent of the file at hand.
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
        let taking = take(&mut pieces, &mut rows);
        let taken = interrupt::unless_interrupted(taking).await;
        // Whoever still reads comes to an end.
        drop(pieces);
        let ended = match taken {
            Err(interrupted) => Err(interrupted),
            Ok(Err(refused)) => reader.cause(refused),
            Ok(Ok(())) => match reader.ended() {
                Err(failure) => Err(failure),
                Ok(fed) => {
                    bar.phase("storing");
                    interrupt::unless_interrupted(rows.finish()).await.map(|stored| match stored {
                        Ok(files) => Poured::Stored(fed, files),
                        Err(error) => Poured::Failed(Refused { error, source: 0 }, Vec::new()),
                    })
                }
            },
        };
        let stored = rows.stored().to_vec();
        let left = rows.abort().await;
        match ended {
            Ok(Poured::Failed(refused, _)) => Ok(Poured::Failed(refused, stored)),
            Err(Failure::Run(message)) if left.is_err() => Err(Failure::run(format_args!(
                "{message}; parts of a file may be left in the store"
            ))),
            ended => ended,
        }
    })?;
    drop(bar);
    poured
}

/// Hands on every piece as it comes.
async fn take(pieces: &mut mpsc::Receiver<Piece>, rows: &mut RowStream<'_>) -> Result<(), Refused> {
    let mut source = 0;
    while let Some(piece) = pieces.recv().await {
        let pushed = match piece {
            Piece::Text(text) => rows.push_json(text).await,
            Piece::End => rows.end_json().await.inspect(|()| source += 1),
        };
        pushed.map_err(|error| Refused { error, source })?;
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
    fn cause(self, refused: Refused) -> Result<Poured, Failure> {
        // A plain input may be a pipe that says nothing more for hours.
        if self.packed.load(Ordering::SeqCst)
            && refused.error.core().is_some()
            && let Err(failure) = self.ended()
            && failure.line().is_some_and(|line| !line.ends_with(STOPPED))
        {
            return Err(failure);
        }
        Ok(Poured::Failed(refused, Vec::new()))
    }
}
