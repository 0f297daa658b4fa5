//! The log on standard error: one line of bounded length for each event.

use std::io;
use std::io::Write;

use tracing_subscriber::fmt::MakeWriter;

/// The most bytes of a line. Values that clients sent are cut to a small part of it earlier.
const LINE_BYTES_MAX: usize = 4 << 10;

/// Standard error as a log.
#[derive(Debug, Clone, Copy)]
pub struct LogLines;

/// One event. It may arrive in several pieces.
#[derive(Debug)]
pub struct Line<W: Write> {
    bytes: Vec<u8>,
    cut: bool,
    out: W,
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Line<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { bytes: Vec::new(), cut: false, out: io::stderr() }
    }
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(LINE_BYTES_MAX - self.bytes.len());
        self.cut |= taken < bytes.len();
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut line = String::with_capacity(text.len() + 8);
        for c in text.trim_end_matches('\n').chars() {
            match c.is_control() {
                true => line.extend(c.escape_default()),
                false => line.push(c),
            }
        }
        line.push_str(if self.cut { "…\n" } else { "\n" });
        // If standard error is closed, the server keeps serving.
        let _ = self.out.write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(pieces: &[&str]) -> String {
        let mut out = Vec::new();
        let mut line = Line { bytes: Vec::new(), cut: false, out: &mut out };
        pieces.iter().for_each(|piece| line.write_all(piece.as_bytes()).unwrap());
        drop(line);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_is_one_line_of_bounded_length() {
        assert_eq!(logged(&["INFO stored ", "key=\"é\"\n"]), "INFO stored key=\"é\"\n");
        assert_eq!(logged(&["a\nb\u{1b}[2J\n"]), "a\\nb\\u{1b}[2J\n");
        let long = logged(&[&"x".repeat(60_000), "\n"]);
        assert_eq!(long, format!("{}…\n", "x".repeat(LINE_BYTES_MAX)));
    }
}
