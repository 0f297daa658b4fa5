//! A write-ahead log that a test writes: each segment's bytes follow from its number.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::prng::SplitMix64;

/// A log of one seed.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    pub seed: u64,
    pub bytes_min: u64,
    pub bytes_max: u64,
}

impl Log {
    /// As PostgreSQL names its segments: timeline, log, segment.
    pub fn name(number: u64) -> String {
        format!("00000001{:08X}{:08X}", number / 256, number % 256)
    }

    pub fn bytes(&self, number: u64) -> Vec<u8> {
        let mut random = SplitMix64::new(self.seed ^ number.wrapping_mul(0x9E37_79B9));
        let span = self.bytes_max - self.bytes_min + 1;
        let length = (self.bytes_min + random.below(span)) as usize;
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&random.next_bits().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// Writes these segments, whole.
    pub fn write(&self, folder: &Path, numbers: std::ops::Range<u64>) {
        for number in numbers {
            fs::write(folder.join(Self::name(number)), self.bytes(number)).unwrap();
        }
    }

    /// Panics unless the folder holds exactly these segments, byte for byte.
    #[track_caller]
    pub fn assert_is(&self, folder: &Path, numbers: std::ops::Range<u64>) {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        let wanted: Vec<String> = numbers.clone().map(Self::name).collect();
        assert_eq!(names, wanted);
        for number in numbers {
            let found = fs::read(folder.join(Self::name(number))).unwrap();
            assert!(found == self.bytes(number), "segment {number} came back other than it was");
        }
    }
}

/// Somebody who appends to the log, as a database does: a segment grows in steps, and once it is
/// full the next one begins.
pub struct Writer {
    stop: Arc<AtomicBool>,
    sealed: Arc<AtomicU64>,
    end: Arc<AtomicU64>,
    thread: Option<JoinHandle<u64>>,
}

impl Writer {
    /// One segment after the other, each in about so much time.
    pub fn start(log: Log, folder: PathBuf, segment_time: Duration) -> Self {
        let (stop, sealed) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let end = Arc::new(AtomicU64::new(u64::MAX));
        let (stopped, count, until) = (Arc::clone(&stop), Arc::clone(&sealed), Arc::clone(&end));
        let thread = thread::spawn(move || {
            for number in 0.. {
                while number >= until.load(Ordering::SeqCst) && !stopped.load(Ordering::SeqCst) {
                    thread::sleep(segment_time / 4);
                }
                let bytes = log.bytes(number);
                let mut file = File::create(folder.join(Log::name(number))).unwrap();
                for part in bytes.chunks(bytes.len().div_ceil(4)) {
                    file.write_all(part).unwrap();
                    thread::sleep(segment_time / 4);
                }
                count.store(number, Ordering::SeqCst);
                if stopped.load(Ordering::SeqCst) {
                    return number;
                }
            }
            unreachable!("2^64 segments")
        });
        Writer { stop, sealed, end, thread: Some(thread) }
    }

    /// How many segments are full, and have a next one begun or about to be.
    pub fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::SeqCst)
    }

    /// Waits at the segment of this number: a slow machine archives fewer than a fast disk takes.
    pub fn wait_at(&self, number: u64) {
        self.end.store(number, Ordering::SeqCst);
    }

    /// Ends with a whole segment, the newest one; gives its number.
    pub fn finish(mut self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}
