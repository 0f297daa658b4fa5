//! Ctrl-C (and SIGTERM): at once wherever nothing is being written, and else in order, so that
//! nothing is left half written.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use futures_util::future::{Either, select};
use tokio::sync::watch;

use super::failure::Failure;

/// What a shell calls a program that Ctrl-C ended.
pub const EXIT_CODE: u8 = 130;

/// Nothing is being written: the process may end at any point.
const IDLE: u8 = 0;
/// A file or an object is being written.
const WRITING: u8 = 1;
/// The same, and Ctrl-C came: whoever writes comes to an end and stops.
const STOPPING: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(IDLE);
static INTERRUPTED: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// From here on Ctrl-C is ours to handle.
pub fn listen() {
    let (sender, receiver) = watch::channel(false);
    if INTERRUPTED.set(receiver).is_err() {
        return;
    }
    // A thread of its own: the main one waits for input or is busy with rows. Where it cannot be
    // had, Ctrl-C ends the process as it always does.
    let _ = thread::Builder::new().name("ctrl-c".to_owned()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(async {
            while signal().await.is_ok() {
                if STATE
                    .compare_exchange(WRITING, STOPPING, Ordering::SeqCst, Ordering::SeqCst)
                    .is_err()
                {
                    // Idle; or this is the second time, by someone who will not wait.
                    end();
                }
                sender.send_replace(true);
            }
        });
    });
}

/// Does a work that writes, which Ctrl-C must not cut in two.
pub fn uncut<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    STATE.store(WRITING, Ordering::SeqCst);
    let result = work();
    match STATE.compare_exchange(WRITING, IDLE, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => Ok(result),
        Err(_) => Err(Failure::Interrupted),
    }
}

/// Within [`uncut`]: the interrupt that came was what the work waited for, and it has ended in order.
pub fn settled() {
    STATE.store(WRITING, Ordering::SeqCst);
}

/// `work`, or the error of an interrupted run where Ctrl-C comes first. For use within [`uncut`].
pub async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    match select(pin!(interrupted()), pin!(work)).await {
        Either::Left(_) => Err(Failure::Interrupted),
        Either::Right((result, _)) => Ok(result),
    }
}

/// Ends when Ctrl-C comes. For use within [`uncut`].
pub async fn interrupted() {
    if let Some(mut interrupted) = INTERRUPTED.get().cloned()
        && interrupted.wait_for(|interrupted| *interrupted).await.is_ok()
    {
        return;
    }
    // Nobody listens for Ctrl-C any more, so it cannot come.
    std::future::pending::<()>().await;
}

fn end() -> ! {
    let mut stderr = io::stderr().lock();
    if stderr.is_terminal() {
        // Over the progress bar that may stand there.
        let _ = write!(stderr, "\r\x1b[2K");
    }
    if let Some(line) = Failure::Interrupted.line() {
        let _ = writeln!(stderr, "{line}");
    }
    process::exit(i32::from(EXIT_CODE))
}

#[cfg(unix)]
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    select(pin!(interrupt.recv()), pin!(terminate.recv())).await;
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
