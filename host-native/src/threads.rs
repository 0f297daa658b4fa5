//! Work that blocks, off the async executor.

use crate::{Error, ErrorKind, Result};

/// Does work that blocks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))?
}

/// The error of a task that came to no end of its own.
pub(crate) fn internal(error: &tokio::task::JoinError) -> Error {
    let what = match error.is_panic() {
        true => format!("a {error}"),
        false => "a task was stopped with its runtime".to_owned(),
    };
    Error::new(ErrorKind::Internal, format!("{what}; if it repeats, report it"))
}
