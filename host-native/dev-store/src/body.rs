//! Writes bodies of requests to the disk, with bounded memory.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::beneath::Staged;
use super::error::S3Error;
use super::folder::disk_error;

/// The most pieces of a body that wait for the disk.
const PIECES_WAITING: usize = 8;
/// The most to read of a body that is not needed, so that its sender sees the answer.
const DRAINED_BYTES_MAX: usize = 256 << 20;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// A body in a staged file.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) staged: Staged,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// Writes a body into a staged file. If the client goes away, the file is deleted.
pub(super) async fn receive(body: Body, mut staged: Staged) -> Result<Received, S3Error> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(PIECES_WAITING);
    let writing = tokio::task::spawn_blocking(move || {
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = receiver.blocking_recv() {
            hash.update(&piece);
            bytes += piece.len() as u64;
            staged.write(&piece).map_err(|error| disk_error(&error, "write a body"))?;
        }
        Ok::<_, S3Error>(Received { staged, bytes, sha256: hash.finalize().into() })
    });
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            let message = format!("the body ended too early ({error}); send it again");
            S3Error::new(StatusCode::BAD_REQUEST, "IncompleteBody", message)
        })?;
        if sender.send(piece).await.is_err() {
            // Writing failed. Its error becomes the answer.
            break;
        }
    }
    drop(sender);
    let received = writing.await.map_err(stopped)??;
    // If writing failed, the rest is not needed, but the client wants to send it.
    drain_stream(&mut pieces).await;
    Ok(received)
}

/// Reads a body that is not needed: a client that cannot send all of it does not read the answer.
pub(super) async fn drain(body: Body) {
    drain_stream(&mut body.into_data_stream()).await;
}

async fn drain_stream(pieces: &mut BodyDataStream) {
    let draining = async {
        let mut left = DRAINED_BYTES_MAX;
        while let Some(Ok(piece)) = pieces.next().await {
            let Some(after) = left.checked_sub(piece.len()) else { return };
            left = after;
        }
    };
    // A client that does not send its body gets the answer all the same.
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, draining).await;
}

/// Runs blocking work on a thread for such work.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, S3Error> + Send + 'static,
) -> Result<T, S3Error> {
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

fn stopped(error: tokio::task::JoinError) -> S3Error {
    tracing::error!(%error, "a task of the endpoint panicked or was cancelled");
    let message = "the endpoint failed; try again, and see its log";
    S3Error::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
}
