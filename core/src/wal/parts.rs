//! The parts of a segment's name.

/// The bytes of one log, which PostgreSQL counts with eight hexadecimal digits.
pub(super) const POSTGRES_LOG_BYTES: u64 = 1 << 32;
/// The default length of PostgreSQL's segments.
pub(super) const POSTGRES_SEGMENT_BYTES: u64 = 16 << 20;
/// The lengths that PostgreSQL allows; each is a power of two.
const POSTGRES_SEGMENT_BYTES_MIN: u64 = 1 << 20;
const POSTGRES_SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Whether PostgreSQL allows segments of this length.
pub(super) fn is_postgres_segment_bytes(bytes: u64) -> bool {
    bytes.is_power_of_two()
        && (POSTGRES_SEGMENT_BYTES_MIN..=POSTGRES_SEGMENT_BYTES_MAX).contains(&bytes)
}

/// The timeline, log and segment in a name of PostgreSQL.
pub(super) fn postgres_parts(name: &str) -> Option<(&str, u64, u64)> {
    let hex = |b: &u8| b.is_ascii_digit() || (b'A'..=b'F').contains(b);
    if name.len() != 24 || !name.as_bytes().iter().all(hex) {
        return None;
    }
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
    Some((name.get(..8)?, number(name.get(8..16)?)?, number(name.get(16..)?)?))
}

/// The other files that PostgreSQL has archived.
pub(super) fn is_postgres_extra(name: &str) -> bool {
    let hex = |text: &str, digits: usize| {
        text.len() == digits
            && text.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
    };
    match name.rsplit_once('.') {
        Some((timeline, "history")) => hex(timeline, 8),
        Some((segment, "partial")) => hex(segment, 24),
        Some((start, "backup")) => start
            .split_once('.')
            .is_some_and(|(segment, offset)| hex(segment, 24) && hex(offset, 8)),
        _ => false,
    }
}

/// The length of the segments, if PostgreSQL can have made one of them.
pub(super) fn postgres_segment_bytes<'n>(
    segments: impl Iterator<Item = (&'n str, u64)> + Clone,
) -> Option<u64> {
    let highest =
        segments.clone().filter_map(|(name, _)| postgres_parts(name)).map(|(_, _, n)| n).max()?;
    // A length that does not fit the names is not the length of segments. The file may be
    // compressed, for example.
    segments
        .map(|(_, bytes)| bytes)
        .find(|bytes| is_postgres_segment_bytes(*bytes) && highest < POSTGRES_LOG_BYTES / bytes)
}

pub(super) struct Numbered<'n> {
    pub(super) before: &'n str,
    pub(super) number: u64,
    /// The number of digits in the name.
    pub(super) digits: usize,
    pub(super) after: &'n str,
}

/// The number at the end of a name, or before its extension if that has no digit.
pub(super) fn numbered(name: &str) -> Option<Numbered<'_>> {
    let (stem, after) = match name.rfind('.') {
        Some(dot) if !name[dot..].bytes().any(|b| b.is_ascii_digit()) => name.split_at(dot),
        _ => (name, ""),
    };
    let before = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &stem[before.len()..];
    Some(Numbered { before, number: digits.parse().ok()?, digits: digits.len(), after })
}
