//! The thread that encodes one stream.

use std::sync::mpsc;
use std::thread;

use coldpress_core::{StreamEncoder, StreamOutput};
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};

type Job = Box<dyn FnOnce(&mut StreamEncoder) + Send>;

/// An encoder on a thread of its own. The thread ends when this value is dropped.
///
/// One thread encodes the whole stream, instead of any free thread of the runtime. Each thread
/// would keep memory of its own (an arena of glibc) for rows that it may never get. In this way a
/// stream of 8 GB held a gigabyte of memory.
#[derive(Debug)]
pub(super) struct Encoding {
    jobs: mpsc::Sender<Job>,
}

/// The result of one push.
pub(super) struct Encoded {
    /// Whether the encoder accepted it.
    pub(super) worked: coldpress_core::Result<()>,
    /// Rows taken so far.
    pub(super) rows: u64,
    /// Finished output, in order.
    pub(super) outputs: Vec<StreamOutput>,
}

impl Encoding {
    pub(super) fn start(mut encoder: StreamEncoder) -> Result<Self> {
        let (jobs, coming) = mpsc::channel::<Job>();
        let work = move || coming.iter().for_each(|job| job(&mut encoder));
        thread::Builder::new().name("coldpress-encoder".to_owned()).spawn(work).map_err(
            |error| {
                let message = format!("could not start a thread to encode on: {error}; try again");
                Error::new(ErrorKind::Unavailable, message)
            },
        )?;
        Ok(Encoding { jobs })
    }

    /// Lets the encoder work, and waits for its output.
    pub(super) async fn encode(
        &self,
        work: impl FnOnce(&mut StreamEncoder) -> coldpress_core::Result<()> + Send + 'static,
    ) -> Result<Encoded> {
        let (reply, replied) = oneshot::channel();
        let job = move |encoder: &mut StreamEncoder| {
            let worked = work(encoder);
            let outputs = std::iter::from_fn(|| encoder.poll()).collect();
            // If the caller is gone, it has given up the stream.
            let _ = reply.send(Encoded { worked, rows: encoder.rows(), outputs });
        };
        // Both fail only if the thread panicked. The panic has printed its own message.
        let sent = self.jobs.send(Box::new(job));
        match (sent, replied.await) {
            (Ok(()), Ok(encoded)) => Ok(encoded),
            _ => Err(Error::new(
                ErrorKind::Internal,
                "encoding panicked, and the stream is lost; if it repeats, report it",
            )),
        }
    }
}
