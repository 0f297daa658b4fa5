//! The thread that encodes one stream.

use std::sync::mpsc;
use std::thread;

use coldpress_core::{StreamEncoder, StreamOutput};
use tokio::sync::oneshot;

use crate::{Error, ErrorKind, Result};

type Job = Box<dyn FnOnce(&mut StreamEncoder) + Send>;

/// An encoder on a thread of its own, which ends with this value.
///
/// One thread for all of a stream, not whichever of the runtime's is free: each would keep memory of its own for the next
/// rows that it may never get (glibc's arenas), and a stream of 8 GB was seen to hold a gigabyte so.
#[derive(Debug)]
pub(super) struct Encoding {
    jobs: mpsc::Sender<Job>,
}

/// What came of one push.
pub(super) struct Encoded {
    /// What the encoder said.
    pub(super) worked: coldpress_core::Result<()>,
    /// Rows taken so far.
    pub(super) rows: u64,
    /// What is finished, in order.
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

    /// Lets the encoder work, and waits for what comes out.
    pub(super) async fn encode(
        &self,
        work: impl FnOnce(&mut StreamEncoder) -> coldpress_core::Result<()> + Send + 'static,
    ) -> Result<Encoded> {
        let (reply, replied) = oneshot::channel();
        let job = move |encoder: &mut StreamEncoder| {
            let worked = work(encoder);
            let outputs = std::iter::from_fn(|| encoder.poll()).collect();
            // Whoever does not wait any more has given the stream up.
            let _ = reply.send(Encoded { worked, rows: encoder.rows(), outputs });
        };
        // Both fail alone where the thread panicked, whose own message went to stderr.
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
