//! The LSNs of the files of a table, and how their actions in the log tell them.

use super::action::Add;
use super::place::TablePlace;
use crate::{Error, KeyTarget, LsnRange, Result};

/// The tag that has the LSNs of a file of ours: `0-9,20-29`.
pub const LSNS_TAG: &str = "coldpress.lsns";

/// The most ranges of one file.
const RANGES_MAX: usize = 10_000;

/// The LSNs of the rows of a file: sorted, and no LSN is in two ranges. They are those of the tag
/// [`LSNS_TAG`], else those of the file's key. A file that is not ours has none.
///
/// An error of kind `Corrupt` if the tag is damaged.
pub fn lsns_of(place: &TablePlace, add: &Add) -> Result<Vec<LsnRange>> {
    if let Some(text) = add.tags.get(LSNS_TAG) {
        return read(text).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Error::corrupt(format!(
                "the log is damaged: the file {:?} has the tag {LSNS_TAG} {shown:?}, which is not \
                 a list of at most {RANGES_MAX} ranges of LSNs in ascending order; restore the log",
                add.path
            ))
        });
    }
    let key = place.key_of(&add.path);
    Ok(match key.as_ref().map(crate::ObjectKey::target) {
        Some(KeyTarget::Data { lsns, .. }) => vec![*lsns],
        _ => Vec::new(),
    })
}

/// Checks LSNs of one file; an error of kind `Misuse` unless they are sorted, apart, and not too
/// many.
pub(super) fn check(lsns: &[LsnRange]) -> Result<()> {
    let count = (1..=RANGES_MAX).contains(&lsns.len());
    if count && lsns.is_sorted_by(|one, next| (*one).max() < (*next).min()) {
        return Ok(());
    }
    Err(Error::misuse(format!(
        "the LSNs of a file of a table must be 1 to {RANGES_MAX} ranges in ascending order, and no \
         LSN may be in two of them"
    )))
}

/// The text of the tag.
pub(super) fn write(lsns: &[LsnRange]) -> String {
    let ranges = lsns.iter().map(|range| format!("{}-{}", (*range).min(), (*range).max()));
    ranges.collect::<Vec<String>>().join(",")
}

fn read(text: &str) -> Option<Vec<LsnRange>> {
    let mut ranges = Vec::new();
    for part in text.split(',') {
        if ranges.len() == RANGES_MAX {
            return None;
        }
        let (min, max) = part.split_once('-')?;
        ranges.push(LsnRange::new(number(min)?, number(max)?).ok()?);
    }
    check(&ranges).ok().map(|()| ranges)
}

fn number(digits: &str) -> Option<u64> {
    let number: u64 = digits.parse().ok()?;
    // Not `+1` or `01`: each list has one text.
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, KeyPrefix};

    fn place() -> TablePlace {
        TablePlace::new(&KeyPrefix::default(), 7, "people").unwrap()
    }

    fn add(path: &str, tag: Option<&str>) -> Add {
        let tags = tag.map(|tag| (LSNS_TAG.to_owned(), tag.to_owned()));
        Add { path: path.to_owned(), tags: tags.into_iter().collect(), ..Add::default() }
    }

    #[test]
    fn the_tag_says_the_lsns_and_else_the_key() {
        let of = |path, tag| lsns_of(&place(), &add(path, tag)).unwrap();
        let ranges = [LsnRange::new(0, 9).unwrap(), LsnRange::new(20, 29).unwrap()];
        assert_eq!(of("lsn-0-29.parquet", Some("0-9,20-29")), ranges);
        assert_eq!(write(&ranges), "0-9,20-29");
        assert_eq!(of("lsn-0-29.parquet", None), [LsnRange::new(0, 29).unwrap()]);
        assert_eq!(of("part-0.parquet", None), []);
        let most = format!("0-0,{}-{}", u64::MAX, u64::MAX);
        assert_eq!(of("x", Some(&most)).len(), 2);
    }

    #[test]
    fn a_damaged_tag_is_corrupt() {
        let many: Vec<String> = (0..=RANGES_MAX).map(|n| format!("{0}-{0}", 2 * n)).collect();
        for tag in [
            "",
            "0",
            "0-",
            "9-0",
            "0-9,9-10",
            "20-29,0-9",
            "0-9,",
            "00-9",
            "+0-9",
            "0-18446744073709551616",
            "٣-٤",
            &many.join(","),
        ] {
            let error = lsns_of(&place(), &add("lsn-0-9.parquet", Some(tag))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{tag}");
        }
        let fits = many.get(1..).unwrap().join(",");
        assert_eq!(lsns_of(&place(), &add("x", Some(&fits))).unwrap().len(), RANGES_MAX);
    }
}
