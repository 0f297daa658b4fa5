//! Ctrl-C and SIGTERM while rows are still coming.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::{Place, Ran};

#[test]
fn a_signal_ends_a_put_at_once_and_stores_nothing() {
    let place = Place::new();
    for signal in ["-INT", "-TERM"] {
        let mut child = place
            .command(&["put", "-", "-c", "c"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // More than a pipe holds: once it is written, the command has read most of it.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&b"{\"a\":1}\n".repeat(1 << 19)).unwrap();
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        // Its input is still open, so nothing but the signal can have ended it.
        let ran = Ran::new(child.wait_with_output().unwrap());
        assert_eq!(ran.fails(130), "error: interrupted");
        drop(stdin);
    }
    assert_eq!(place.stored_files(), [""; 0]);
}
