//! Files as bodies of answers.

use std::fs::File;
use std::io;
use std::io::{Read, Seek, SeekFrom};

use axum::body::{Body, Bytes};
use futures_util::{TryStreamExt, stream};

/// The size of one read, and so the memory of one answer.
const READ_BYTES: usize = 256 << 10;

/// `length` bytes of a file from `start`. They are read while they are sent.
pub fn file_body(mut file: File, start: u64, length: u64) -> io::Result<Body> {
    file.seek(SeekFrom::Start(start))?;
    let pieces = stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, io::Error>(None);
        }
        let wanted = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; wanted];
            file.read_exact(&mut piece)?;
            Ok::<_, io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        Ok(Some((Bytes::from(piece), (file, left - wanted as u64))))
    });
    Ok(Body::from_stream(pieces.into_stream()))
}
