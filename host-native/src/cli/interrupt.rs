//! Ctrl-C ends a run in order: what was begun is finished or taken back, never left half done.

use std::future::Future;
use std::pin::pin;
use std::process;
use std::sync::OnceLock;
use std::thread;

use futures_util::future::{Either, select};
use tokio::sync::watch;

use super::failure::Failure;

/// What a shell calls a program that Ctrl-C ended.
const EXIT_CODE: i32 = 130;

static INTERRUPTED: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// From here on the first Ctrl-C is noted and the second ends the process at once.
pub fn listen() {
    let (sender, receiver) = watch::channel(false);
    if INTERRUPTED.set(receiver).is_err() {
        return;
    }
    // A thread of its own: the main one is busy with rows most of the time. Where it cannot be
    // had, Ctrl-C ends the process as it always does.
    let _ = thread::Builder::new().name("ctrl-c".to_owned()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(async {
            for seen_before in [false, true] {
                if tokio::signal::ctrl_c().await.is_err() {
                    return;
                }
                if seen_before {
                    process::exit(EXIT_CODE);
                }
                sender.send_replace(true);
            }
        });
    });
}

/// An error once Ctrl-C was pressed; asked between two slices of a long work.
pub fn check() -> Result<(), Failure> {
    match INTERRUPTED.get() {
        Some(interrupted) if *interrupted.borrow() => Err(Failure::Interrupted),
        _ => Ok(()),
    }
}

/// `work`, or the error of an interrupted run where Ctrl-C comes first.
pub async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let Some(mut interrupted) = INTERRUPTED.get().cloned() else {
        return Ok(work.await);
    };
    let interruption = pin!(async move {
        if interrupted.wait_for(|interrupted| *interrupted).await.is_err() {
            // Nobody listens for Ctrl-C any more, so it cannot come.
            std::future::pending::<()>().await;
        }
    });
    match select(pin!(work), interruption).await {
        Either::Left((result, _)) => Ok(result),
        Either::Right(_) => Err(Failure::Interrupted),
    }
}
