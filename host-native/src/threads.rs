//! Work that blocks, off the async executor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// Runs work that blocks on one of the runtime's blocking threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))?
}

/// The error of a task that panicked or was stopped.
pub(crate) fn internal(error: &tokio::task::JoinError) -> Error {
    let what = match error.is_panic() {
        true => error.to_string(),
        false => "a task was stopped because its runtime shut down".to_owned(),
    };
    Error::new(ErrorKind::Internal, format!("{what}; if it repeats, report it"))
}

/// Stops work on a blocking thread once its caller is gone. Nothing can end a thread from outside,
/// so the work checks a flag, and dropping this value sets the flag.
pub(crate) struct StopOnDrop(Arc<AtomicBool>);

impl StopOnDrop {
    pub(crate) fn new() -> Self {
        StopOnDrop(Arc::default())
    }

    /// The flag that the work checks.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_stopped_once_nobody_waits_for_it() {
        let stop = StopOnDrop::new();
        let flag = stop.flag();
        assert!(!flag.load(Ordering::Relaxed));
        drop(stop);
        assert!(flag.load(Ordering::Relaxed));
    }
}
