//! The async runtime of a command. Its end does not wait long: a pipe that cannot be read, or a
//! disk that hangs, must not keep the process from ending.

use std::ops::Deref;
use std::time::Duration;

use tokio::runtime::Runtime;

/// How long blocking work may still take at the end: enough to remove a staged file.
const END_TIME_MAX: Duration = Duration::from_secs(1);

/// A runtime that ends its tasks when it is dropped.
#[derive(Debug)]
pub struct Tasks(Option<Runtime>);

impl Tasks {
    /// Takes the runtime over.
    pub fn new(runtime: Runtime) -> Self {
        Tasks(Some(runtime))
    }
}

impl Deref for Tasks {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        match &self.0 {
            Some(runtime) => runtime,
            None => unreachable!("the runtime is taken only when its owner is dropped"),
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(END_TIME_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn the_end_waits_for_no_blocking_thread() {
        for multi in [false, true] {
            let mut builder = match multi {
                true => tokio::runtime::Builder::new_multi_thread(),
                false => tokio::runtime::Builder::new_current_thread(),
            };
            let tasks = Tasks::new(builder.enable_all().build().unwrap());
            let (release, gate) = mpsc::channel::<()>();
            let (begin, begun) = mpsc::channel();
            tasks.spawn_blocking(move || {
                begin.send(()).unwrap();
                // As a read of a pipe that nobody writes to.
                let _ = gate.recv();
            });
            begun.recv().unwrap();
            let (end, ended) = mpsc::channel();
            thread::spawn(move || {
                drop(tasks);
                end.send(()).unwrap();
            });
            // The gate is shut until here, so that only an end that does not wait comes through.
            ended.recv_timeout(Duration::from_secs(60)).expect("the runtime's end waits");
            drop(release);
        }
    }
}
