//! What commands print: shown line by line, each behind the name of the step it belongs to.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How long a command that has ended may still be heard: a process it left behind may hold its
/// pipe.
const LAST_WORDS: Duration = Duration::from_secs(2);

thread_local! {
    static STEP: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on what this thread says stands behind this name.
pub fn name_step(name: &str) {
    STEP.set(name.to_owned());
}

/// Shows one line.
pub fn say(line: &str) {
    let text = STEP.with_borrow(|step| match step.as_str() {
        "" => format!("{line}\n"),
        step => format!("{step:<10} | {line}\n"),
    });
    // At once, so that lines of steps that run side by side stay whole.
    print!("{text}");
}

/// Runs a command to its end, shows all that it prints and lets `look` see each line.
pub fn stream(command: &mut Command, mut look: impl FnMut(&str)) -> io::Result<ExitStatus> {
    // One pipe for both, so that lines keep their order.
    let (reader, writer) = io::pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command itself holds the pipe's other end too.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    loop {
        match lines.recv_timeout(LAST_WORDS) {
            Ok(line) => {
                look(&line);
                say(&line);
            }
            Err(RecvTimeoutError::Timeout) if !has_ended(&mut child)? => {}
            Err(_) => return child.wait(),
        }
    }
}

fn has_ended(child: &mut Child) -> io::Result<bool> {
    child.try_wait().map(|status| status.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(script: &str) -> (Vec<String>, Option<i32>) {
        let mut lines = Vec::new();
        let status = stream(Command::new("sh").args(["-c", script]), |line| {
            lines.push(line.to_owned());
        });
        (lines, status.unwrap().code())
    }

    #[test]
    fn both_outputs_are_seen_in_their_order() {
        let (lines, code) = lines_of("echo one; echo two >&2; echo three; printf four; exit 3");
        assert_eq!(lines, ["one", "two", "three", "four"]);
        assert_eq!(code, Some(3));
    }

    #[test]
    fn a_process_left_behind_holds_nobody_up() {
        let (lines, code) = lines_of("sleep 1000 & echo $!; exit 0");
        assert_eq!((lines.len(), code), (1, Some(0)));
        assert!(Command::new("kill").arg(&lines[0]).status().unwrap().success(), "it lives on");
    }
}
