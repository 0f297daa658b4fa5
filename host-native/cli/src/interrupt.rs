//! Ctrl-C and SIGTERM. If nothing is being written, a signal ends the process at once. Otherwise it
//! tells the work to stop, so that nothing is left half written. A second signal ends the process
//! at once, and so does the end of the work's stop time: a signal always ends the process.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use std::{io, process, thread};

use futures_util::future::{Either, select};
use tokio::sync::watch;

use super::failure::{Failure, INTERRUPTED_EXIT_CODE};

/// Nothing is being written: the process may end at any point.
const IDLE: u8 = 0;
/// A file or an object is being written.
const WRITING: u8 = 1;
/// The same, and a signal came: the work must end and stop.
const STOPPING: u8 = 2;

/// How long work may take to stop, unless [`give`] says otherwise.
const STOP_TIME_MS: u64 = 10_000;

/// How long writing the last line may take: the reader of standard error may not read.
const LAST_LINE_TIME: Duration = Duration::from_millis(500);

static STATE: AtomicU8 = AtomicU8::new(IDLE);
static STOP_TIME: AtomicU64 = AtomicU64::new(STOP_TIME_MS);
static INTERRUPTED: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// Handles signals from now on: also one that comes right after this call.
pub fn listen() {
    let (sender, receiver) = watch::channel(false);
    if INTERRUPTED.set(receiver).is_err() {
        return;
    }
    // A thread of its own, because the main one waits for input or is busy with rows. If it cannot
    // be started, Ctrl-C ends the process as usual.
    let (installed, is_installed) = mpsc::channel();
    let _ = thread::Builder::new().name("ctrl-c".to_owned()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(async {
            let Ok(mut signals) = Signals::new() else { return };
            let _ = installed.send(());
            signals.next().await;
            let begun =
                STATE.compare_exchange(WRITING, STOPPING, Ordering::SeqCst, Ordering::SeqCst);
            if begun.is_err() {
                end(&Failure::Interrupted);
            }
            sender.send_replace(true);
            let stop_time = Duration::from_millis(STOP_TIME.load(Ordering::SeqCst));
            match tokio::time::timeout(stop_time, signals.next()).await {
                // The second signal: the user does not want to wait.
                Ok(()) => end(&Failure::Interrupted),
                Err(_) => end(&Failure::CutOff(stop_time)),
            }
        });
    });
    // An error means that the thread did not start, or has ended.
    let _ = is_installed.recv();
}

/// Sets how long work may take to stop after a signal. After that the process ends.
pub fn give(stop_time: Duration) {
    let ms = u64::try_from(stop_time.as_millis()).unwrap_or(u64::MAX);
    STOP_TIME.store(ms, Ordering::SeqCst);
}

/// Runs work that writes. Ctrl-C does not end the process in the middle of it.
pub fn uncut<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    STATE.store(WRITING, Ordering::SeqCst);
    let result = work();
    match STATE.compare_exchange(WRITING, IDLE, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => Ok(result),
        Err(_) => Err(Failure::Interrupted),
    }
}

/// For use within [`uncut`]: says that the work has ended in order because of the signal, so the
/// run is no failure.
pub fn settled() {
    STATE.store(WRITING, Ordering::SeqCst);
}

/// Waits for `work`, or returns an error if Ctrl-C comes first. For use within [`uncut`].
pub async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    match select(pin!(interrupted()), pin!(work)).await {
        Either::Left(_) => Err(Failure::Interrupted),
        Either::Right((result, _)) => Ok(result),
    }
}

/// Waits for Ctrl-C. For use within [`uncut`].
pub async fn interrupted() {
    if let Some(mut interrupted) = INTERRUPTED.get().cloned()
        && interrupted.wait_for(|interrupted| *interrupted).await.is_ok()
    {
        return;
    }
    // Nobody listens for signals any more, so none can come.
    std::future::pending::<()>().await;
}

/// Ends the process now, whatever else is running in it.
fn end(failure: &Failure) -> ! {
    let mut last = String::new();
    if io::stderr().is_terminal() {
        // Clears the line of the progress bar.
        last.push_str("\r\x1b[2K");
    }
    if let Some(line) = failure.line() {
        last.push_str(&line);
        last.push('\n');
    }
    // On a thread of its own: another thread may hold standard error and wait for its reader.
    let (written, done) = mpsc::channel();
    let writing = thread::Builder::new().spawn(move || {
        let _ = io::stderr().write_all(last.as_bytes());
        let _ = written.send(());
    });
    if writing.is_ok() {
        let _ = done.recv_timeout(LAST_LINE_TIME);
    }
    process::exit(i32::from(INTERRUPTED_EXIT_CODE))
}

/// Ctrl-C and SIGTERM. One value for all waits, so that no signal between two waits is lost.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        select(pin!(self.interrupt.recv()), pin!(self.terminate.recv())).await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    use super::*;

    const CHILD: &str = "COLDPRESS_TEST_INTERRUPT_CHILD";

    /// Not a test of its own: what the children of the tests below run. Its work never ends.
    #[test]
    fn child() {
        let Ok(ms) = std::env::var(CHILD) else { return };
        listen();
        give(Duration::from_millis(ms.parse().unwrap()));
        let _ = uncut(|| {
            println!("\nworking");
            loop {
                thread::park();
            }
        });
    }

    /// A process that works until it is cut off, with so much time to stop.
    fn working(stop_time_ms: u64) -> Child {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "interrupt::tests::child", "--nocapture"])
            .env(CHILD, stop_time_ms.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "working"));
        child
    }

    fn signal(child: &Child, name: &str) {
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    fn ended(child: Child) -> (Option<i32>, String) {
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    #[test]
    fn work_that_does_not_stop_is_cut_off_when_its_time_is_over() {
        for name in ["TERM", "INT"] {
            let child = working(100);
            signal(&child, name);
            let (code, said) = ended(child);
            assert_eq!(code, Some(130), "{said}");
            assert!(said.contains("cut off"), "{said}");
        }
    }

    #[test]
    fn a_second_signal_does_not_wait() {
        // An hour: only the second signal can have ended it.
        let child = working(3_600_000);
        signal(&child, "TERM");
        // Signals of one kind may become one while the first is being delivered; of two kinds not.
        signal(&child, "INT");
        assert_eq!(ended(child), (Some(130), "error: interrupted\n".to_owned()));
    }

    #[test]
    fn a_reader_of_standard_error_that_stopped_reading_keeps_nothing_alive() {
        let mut child = working(100);
        // The child's pipe is full and stays so.
        let stderr = child.stderr.take().unwrap();
        let filled = Command::new("sh")
            .args(["-c", "timeout 5 dd if=/dev/zero of=/proc/$1/fd/2 oflag=nonblock bs=4096"])
            .args(["sh", &child.id().to_string()])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(!filled.success(), "the pipe took all of /dev/zero");
        signal(&child, "TERM");
        assert_eq!(child.wait().unwrap().code(), Some(130));
        drop(stderr);
    }
}
