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
        assert_eq!(ran.fails(130), "error: interrupted; no row is known to be stored");
        drop(stdin);
    }
    assert_eq!(place.stored_files(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_what_waits_for_a_pipe() {
    let place = Place::new();
    let pipe = place.path("rows");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (arguments, text) in [
        (["put", "rows", "-c", "c"].as_slice(), "{\"a\":1}\n".repeat(1 << 15)),
        (&["put", "rows", "-c", "c", "--append"], "{\"a\":1}\n".repeat(1 << 15)),
        (&["put", "-", "rows", "-c", "c"], "{\"a\":1}\n".repeat(1 << 15)),
    ] {
        let mut child = place
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Opens once the command has opened its end, and takes all once the command reads.
        let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        // Somebody who will not wait: whatever the first one waits for, the second one ends it.
        for name in ["-TERM", "-INT"] {
            let id = child.id().to_string();
            assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
        }
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(130), "{arguments:?}");
        drop(writer);
    }
    assert_eq!(place.stored_files(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_run_that_waits_where_it_cannot_look_for_signals() {
    let place = Place::new();
    let pipe = place.path("rows.gz");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut child = place
        .command(&["put", "rows.gz", "-c", "c"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&b"{\"a\":1}\n".repeat(1 << 15)).unwrap();
    packed.write_all(b"no JSON\n").unwrap();
    packed.flush().unwrap();
    // The row is bad, and whether the gzip is damaged would only be known at the end of the pipe.
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    writer.write_all(packed.get_ref()).unwrap();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    // 130, or 1 where the bad row was told before the signal came. The pipe is open until here.
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(1 | 130)), "{code:?}");
    drop(writer);
    assert_eq!(place.stored_files(), [""; 0]);
}
