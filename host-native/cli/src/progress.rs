//! The progress bar. It is shown on standard error, and only on a terminal.

use std::io;
use std::io::{IsTerminal, Read};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of a run, shown until it ends. Clones share one bar.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    bytes_read: u64,
}

impl Progress {
    /// A bar if the size of the input is known, else a spinner that counts.
    ///
    /// `hidden` if the terminal shows something else, such as rows being typed.
    pub fn new(bytes_total: Option<u64>, hidden: bool) -> Self {
        let target = if io::stderr().is_terminal() && !hidden {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(bytes_total, target);
        let template = match bytes_total {
            Some(_) => {
                "{msg:8} {bar:32.cyan/dim} {percent:>3}%  {binary_bytes} of {binary_total_bytes}  \
                 {binary_bytes_per_sec}  {eta} left"
            }
            None => "{spinner:.cyan} {msg:8} {binary_bytes}  {binary_bytes_per_sec}  {elapsed}",
        };
        bar.set_style(style(template).progress_chars("━╸─"));
        bar.set_message("reading");
        if bytes_total.is_none() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Progress { bar, bytes_read: 0 }
    }

    /// The same, with this name of the work.
    pub fn named(self, name: &'static str) -> Self {
        self.bar.set_message(name);
        self
    }

    /// Counts bytes that were read from the input, compressed or not.
    pub fn advance(&mut self, bytes: u64) {
        self.bytes_read += bytes;
        self.bar.set_position(self.bytes_read);
    }

    /// All bytes that were read from the input so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Shows a phase after the input is read. Its length is not known.
    pub fn phase(&self, name: &'static str) {
        self.bar.set_style(style("{spinner:.cyan} {msg:8} {elapsed}"));
        self.bar.set_message(name);
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }
}

impl Drop for Progress {
    // Also on an error, so that its line stands alone.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A reader that reports its bytes to a [`Progress`].
#[derive(Debug)]
pub struct Measured<'p, R> {
    /// The reader.
    pub inner: R,
    /// What counts its bytes.
    pub progress: &'p mut Progress,
}

impl<R: Read> Read for Measured<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

/// Tests check all templates, so the fallback is never used.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid_and_bytes_add_up() {
        for total in [None, Some(10)] {
            let mut progress = Progress::new(total, false);
            let mut reader = Measured { inner: &b"0123456789"[..], progress: &mut progress };
            io::copy(&mut reader, &mut io::sink()).unwrap();
            assert_eq!(progress.bytes_read(), 10);
            progress.phase("storing");
        }
    }
}
