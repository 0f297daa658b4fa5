//! How a stream is cut into files, and how much a row group may hold, so that files get about the
//! size that they should have.

/// How a stream is cut: plain data, checked by [`StreamEncoder::new`](crate::StreamEncoder::new).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// Write a row group when its rows take about this much memory; at least 1. A single row may be
    /// larger. Default: 64 MiB.
    pub row_group_bytes_max: usize,
    /// Start a new file at this size, at the end of a row group; at least 1. If a whole row group
    /// would bring the file far past this size, the row group ends earlier, but not below 256 KiB
    /// in memory. Has no effect if [`Target::lsns`](crate::Target::lsns) names the range of the one
    /// file. Default: 256 MiB.
    pub file_bytes_max: u64,
    /// The LSN of the first row, if [`Target::lsns`](crate::Target::lsns) is `None`. The next rows
    /// have the next LSNs. Default: 0.
    pub first_lsn: u64,
}

impl Default for StreamSettings {
    fn default() -> Self {
        StreamSettings { row_group_bytes_max: 64 << 20, file_bytes_max: 256 << 20, first_lsn: 0 }
    }
}

/// What a row group may hold however small its file should be: less makes pages and footers larger
/// than the rows.
const LEAST_BYTES: u64 = 1 << 18;

/// The size of the next row group: a matter of the rows before it alone.
#[derive(Debug)]
pub(super) struct GroupSize {
    group_bytes_max: usize,
    /// `None` if all rows go into one file.
    file_bytes_max: Option<u64>,
    /// The bytes that the rows so far took in memory (`held`), and in files (`written`).
    held: u64,
    written: u64,
}

impl GroupSize {
    pub(super) fn new(cut: &StreamSettings, is_one_file: bool) -> Self {
        GroupSize {
            group_bytes_max: cut.row_group_bytes_max,
            file_bytes_max: (!is_one_file).then_some(cut.file_bytes_max),
            held: 0,
            written: 0,
        }
    }

    /// Notes a row group.
    pub(super) fn note(&mut self, held: usize, written: usize) {
        self.held = self.held.saturating_add(held as u64);
        self.written = self.written.saturating_add(written as u64);
    }

    /// The most bytes in memory of the next row group of a file that has `file_bytes` by now.
    ///
    /// It is less than in the settings only if a whole row group would make the file a quarter
    /// larger than its size.
    pub(super) fn next(&self, file_bytes: u64) -> usize {
        let Some(file_bytes_max) = self.file_bytes_max else { return self.group_bytes_max };
        let whole = self.group_bytes_max as u64;
        let tolerated = file_bytes_max.saturating_add(file_bytes_max / 4);
        if file_bytes.saturating_add(self.written_of(whole)) <= tolerated {
            return self.group_bytes_max;
        }
        let left = file_bytes_max.saturating_sub(file_bytes);
        let size = self.held_of(left).clamp(LEAST_BYTES.min(whole), whole);
        usize::try_from(size).unwrap_or(self.group_bytes_max)
    }

    /// The bytes in a file of rows that take `held` bytes in memory. The ratio is that of the rows
    /// before, but never above 1.
    fn written_of(&self, held: u64) -> u64 {
        scaled(held, self.written.min(self.held), self.held)
    }

    /// The reverse.
    fn held_of(&self, written: u64) -> u64 {
        scaled(written, self.held, self.written.min(self.held))
    }
}

/// `bytes * to / from`; the bytes themselves if nothing is known.
fn scaled(bytes: u64, to: u64, from: u64) -> u64 {
    if from == 0 {
        return bytes;
    }
    let scaled = u128::from(bytes) * u128::from(to) / u128::from(from);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn sizes(group: u64, file: u64) -> GroupSize {
        let cut = StreamSettings {
            row_group_bytes_max: group as usize,
            file_bytes_max: file,
            first_lsn: 0,
        };
        GroupSize::new(&cut, false)
    }

    #[test]
    fn with_the_default_settings_no_row_group_is_smaller_whatever_was_written() {
        let cut = StreamSettings::default();
        for written in [0, 1, 100, 1_000, 5_000] {
            let mut size = GroupSize::new(&cut, false);
            size.note(1_000, written);
            for file in (0..=256).map(|mib| mib * MIB) {
                assert_eq!(size.next(file), cut.row_group_bytes_max, "{written} {file}");
            }
        }
    }

    #[test]
    fn a_row_group_is_as_large_as_what_its_file_lacks() {
        let mut size = sizes(64 * MIB, MIB);
        assert_eq!(size.next(0) as u64, MIB, "nothing is known yet");
        size.note(MIB as usize, (MIB / 8) as usize);
        assert_eq!(size.next(0) as u64, 8 * MIB);
        assert_eq!(size.next(MIB / 2) as u64, 4 * MIB);
        assert_eq!(size.next(MIB - 1) as u64, LEAST_BYTES, "never less");
        let mut size = sizes(64 * MIB, 40 * MIB);
        size.note(1_000, 500);
        assert_eq!(size.next(0) as u64, 64 * MIB);
        assert_eq!(size.next(30 * MIB) as u64, 20 * MIB);
        assert_eq!(sizes(5_000, 1).next(0), 5_000, "small ones are left as they are");
    }

    #[test]
    fn one_file_has_row_groups_of_the_size_that_was_asked_for() {
        let cut = StreamSettings { file_bytes_max: 1, ..StreamSettings::default() };
        assert_eq!(GroupSize::new(&cut, true).next(5), cut.row_group_bytes_max);
    }
}
