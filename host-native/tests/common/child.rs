//! Runs a program with a time limit, measures its peak of memory, and can kill it.

use std::io::Read;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often the child is looked at. Its peak of memory only rises, so a look can miss only a rise
/// in the last moment before its end.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// The result of a run.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    /// The most memory it had at once (`VmHWM`).
    pub peak_bytes: u64,
}

impl Ran {
    /// The standard output of a run that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "after {:?}: {}\n{}", self.took, self.stderr, self.stdout);
        self.stdout
    }

    /// The last line of standard error of a run that must have ended with `code`. The line must
    /// contain all of `named`.
    #[track_caller]
    pub fn fails(self, code: i32, named: &[&str]) -> String {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stderr, self.stdout);
        let line = self.stderr.lines().last().unwrap_or_default().to_owned();
        assert!(line.starts_with("error: "), "{}", self.stderr);
        for name in named {
            assert!(line.contains(name), "no {name:?} in: {line}");
        }
        line
    }

    /// The same run, which must not have taken longer.
    #[track_caller]
    pub fn within(self, limit: Duration) -> Self {
        assert!(self.took <= limit, "{:?} is more than {limit:?}: {}", self.took, self.stderr);
        self
    }
}

/// A program that runs. Killed when dropped.
pub struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    started: Instant,
    peak_bytes: u64,
}

impl Running {
    /// Starts the program. Standard input is as the command says; the outputs are collected.
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start it");
        let stdout = child.stdout.take().map(gather);
        let stderr = child.stderr.take().map(gather);
        Running { child, stdout, stderr, started: Instant::now(), peak_bytes: 0 }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, where the command has a pipe for it.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("its standard input")
    }

    /// Kills it as a power cut would: no signal handler runs.
    pub fn kill(mut self) {
        self.child.kill().expect("kill it");
        self.child.wait().expect("wait for its end");
    }

    /// Ends it by a signal that it can handle.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.look().is_some()
    }

    /// Waits for its end. If it takes longer, panics with its output.
    #[track_caller]
    pub fn wait(mut self, limit: Duration) -> Ran {
        let status = loop {
            if let Some(status) = self.look() {
                break status;
            }
            if self.started.elapsed() > limit {
                self.child.kill().expect("kill it");
                let said = self.stderr.take().map(|said| said.join().unwrap());
                panic!("no end after {limit:?}; it said: {said:?}");
            }
            thread::sleep(LOOK_EVERY);
        };
        Ran {
            code: status.code(),
            took: self.started.elapsed(),
            stdout: self.stdout.take().map(|text| text.join().unwrap()).unwrap_or_default(),
            stderr: self.stderr.take().map(|text| text.join().unwrap()).unwrap_or_default(),
            peak_bytes: self.peak_bytes,
        }
    }

    fn look(&mut self) -> Option<ExitStatus> {
        self.peak_bytes = self.peak_bytes.max(peak_bytes(self.id()));
        self.child.try_wait().expect("look at it")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs to the end, with nothing on standard input.
#[track_caller]
pub fn run(command: &mut Command, limit: Duration) -> Ran {
    Running::start(command.stdin(Stdio::null())).wait(limit)
}

/// Runs to the end, with what `feed` writes on standard input.
#[track_caller]
pub fn run_fed(
    command: &mut Command,
    feed: impl FnOnce(ChildStdin) + Send + 'static,
    limit: Duration,
) -> Ran {
    let mut running = Running::start(command.stdin(Stdio::piped()));
    let stdin = running.stdin();
    let feeding = thread::spawn(move || feed(stdin));
    let ran = running.wait(limit);
    feeding.join().expect("the feed");
    ran
}

/// The peak of memory of the process so far; 0 if it has ended.
pub fn peak_bytes(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|n| n.parse().ok());
    kib.unwrap_or(0_u64) * 1024
}

fn gather(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
