//! Counts the ids that an earlier row of the same file has, or refuses them.
//!
//! Ids that climb cannot be twice, so most files keep nothing. Of others, 64 bits of each id are
//! kept while the file is open.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use twox_hash::XxHash64;

use crate::columns::Texts;
use crate::{Error, ErrorKind, Result};

/// The most ids that are kept only to count: 128 MiB.
const KEPT_MAX: usize = 1 << 24;

/// A run of hashes that is this many times longer than what is looked up in it is searched, and not
/// read through.
const SEARCHED_FROM: usize = 16;

/// The ids of one file so far.
#[derive(Debug, Default)]
pub(super) struct IdTally {
    /// An id that an earlier row has is an error.
    unique: bool,
    /// The greatest id so far.
    greatest: Option<String>,
    /// The hashes of the ids, each once, in ascending runs.
    runs: Vec<Vec<u64>>,
    duplicates: u64,
}

impl IdTally {
    /// Counts, or refuses if ids must be `unique`.
    pub(super) fn new(unique: bool) -> Self {
        IdTally { unique, ..IdTally::default() }
    }

    /// The rows whose id an earlier row has.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Adds the ids of the next rows; the first one has the number `first_row`. `last`: no others
    /// follow, so nothing needs to be kept.
    ///
    /// An error of kind `Row` if ids must be unique and one of these is not.
    pub(super) fn add(&mut self, ids: &Texts, first_row: u64, last: bool) -> Result<()> {
        let (climb, greatest) = self.look(ids);
        if let Some(row) = greatest {
            self.greatest = Some(ids.text(row).to_owned());
        }
        // Ids that climb are needed only to tell whether later ones that do not are unique.
        if climb && (last || !self.unique) {
            return Ok(());
        }
        let mut hashes: Vec<u64> = (0..ids.len()).map(|row| hash(ids.text(row))).collect();
        if climb {
            self.keep(hashes);
            return Ok(());
        }
        hashes.sort_unstable();
        let mut twice = Vec::new();
        hashes.dedup_by(|next, before| {
            let same = next == before;
            if same && twice.last() != Some(before) {
                twice.push(*before);
            }
            same
        });
        self.count_among(ids, &twice, first_row)?;
        let mut earlier = Vec::new();
        for run in &self.runs {
            let known = found_in(run, &hashes);
            earlier.extend(known.iter().copied());
            hashes.retain(|hash| known.binary_search(hash).is_err());
        }
        self.count_earlier(ids, earlier, first_row)?;
        if !last {
            self.keep(hashes);
        }
        Ok(())
    }

    /// Whether each of these ids is greater than all before it; and the place of the greatest one,
    /// if it is greater than all before these.
    fn look(&self, ids: &Texts) -> (bool, Option<usize>) {
        let (mut climb, mut greatest, mut at) = (true, self.greatest.as_deref(), None);
        for row in 0..ids.len() {
            let id = ids.text(row);
            if greatest.is_none_or(|greatest| order(id, greatest) == Ordering::Greater) {
                (greatest, at) = (Some(id), Some(row));
            } else {
                climb = false;
            }
        }
        (climb, at)
    }

    /// Counts the rows whose id an earlier one of the same `ids` has. `twice`: the hashes that
    /// occur more than once, sorted.
    fn count_among(&mut self, ids: &Texts, twice: &[u64], first_row: u64) -> Result<()> {
        if twice.is_empty() {
            return Ok(());
        }
        let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
        for row in 0..ids.len() {
            let id = ids.text(row);
            if twice.binary_search(&hash(id)).is_err() {
                continue;
            }
            if let Some(earlier) = rows.insert(id, row) {
                let known = format!("row {}", first_row + earlier as u64);
                self.note(id, first_row + row as u64, &known)?;
            }
        }
        Ok(())
    }

    /// Counts the rows whose id a row of an earlier call has. `earlier`: the hashes of such ids.
    fn count_earlier(&mut self, ids: &Texts, mut earlier: Vec<u64>, first_row: u64) -> Result<()> {
        if earlier.is_empty() {
            return Ok(());
        }
        earlier.sort_unstable();
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for row in 0..ids.len() {
            let id = ids.text(row);
            // Among these rows, only the first one was not counted yet.
            if earlier.binary_search(&hash(id)).is_ok() && seen.insert(id, row).is_none() {
                self.note(id, first_row + row as u64, "an earlier row of this file")?;
            }
        }
        Ok(())
    }

    fn note(&mut self, id: &str, row: u64, earlier: &str) -> Result<()> {
        self.duplicates += 1;
        if !self.unique {
            return Ok(());
        }
        let message = format!(
            "the row has the same id as {earlier}, but ids must be unique (option unique_ids); \
             give each row an id of its own, or leave the option out"
        );
        Err(Error::new(ErrorKind::Row, message).at_row(row).with_id(id))
    }

    /// Keeps these hashes, none of which is kept already.
    fn keep(&mut self, mut run: Vec<u64>) {
        let kept: usize = self.runs.iter().map(Vec::len).sum();
        if !self.unique && kept + run.len() > KEPT_MAX {
            return;
        }
        run.sort_unstable();
        // Runs of about the same length become one, so there are few of them.
        while let Some(before) = self.runs.pop_if(|before| before.len() <= 2 * run.len()) {
            run = merged(&before, &run);
        }
        self.runs.push(run);
    }
}

/// The order of ids by which they climb: shorter ones first. So whole numbers climb too.
fn order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn hash(id: &str) -> u64 {
    XxHash64::oneshot(0, id.as_bytes())
}

/// All of two ascending runs, as one.
fn merged<'a>(mut a: &'a [u64], mut b: &'a [u64]) -> Vec<u64> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    while let (Some(next_a), Some(next_b)) = (a.first(), b.first()) {
        let from = if next_a <= next_b { &mut a } else { &mut b };
        all.push(from[0]);
        *from = &from[1..];
    }
    all.extend_from_slice(a);
    all.extend_from_slice(b);
    all
}

/// Those of the sorted `hashes` that the sorted `run` has too, in order.
fn found_in(run: &[u64], hashes: &[u64]) -> Vec<u64> {
    if run.len() / SEARCHED_FROM > hashes.len() {
        return hashes.iter().filter(|hash| run.binary_search(hash).is_ok()).copied().collect();
    }
    let mut rest = run.iter().peekable();
    let mut found = Vec::new();
    for hash in hashes {
        while rest.next_if(|other| *other < hash).is_some() {}
        if rest.peek() == Some(&hash) {
            found.push(*hash);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ids: &[String]) -> Texts {
        let mut texts = Texts::default();
        ids.iter().for_each(|id| texts.push(id));
        texts
    }

    /// The rows that a set of all ids finds.
    fn by_a_set(ids: &[String]) -> u64 {
        let mut seen = std::collections::HashSet::new();
        ids.iter().filter(|id| !seen.insert(*id)).count() as u64
    }

    #[test]
    fn the_count_is_that_of_a_set() {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for case in 0..300 {
            let below = 1 + next(2_000);
            let ids: Vec<String> = (0..1 + next(900)).map(|_| next(below).to_string()).collect();
            let wanted = by_a_set(&ids);
            let mut whole = IdTally::new(false);
            whole.add(&texts(&ids), 0, true).unwrap();
            assert_eq!(whole.duplicates(), wanted, "case {case}");
            assert!(whole.runs.is_empty(), "nothing follows");
            // In parts, those that happen to climb are not kept unless ids must be unique.
            let mut tally = IdTally::new(true);
            let mut refused = None;
            for (at, part) in ids.chunks(1 + next(200) as usize).enumerate() {
                let first = (at * part.len()) as u64;
                refused = refused.or(tally.add(&texts(part), first, false).err());
                if refused.is_some() {
                    break;
                }
            }
            assert_eq!(refused.is_some(), wanted > 0, "case {case}");
            assert!(tally.runs.len() <= 12, "{} runs", tally.runs.len());
        }
    }

    #[test]
    fn ids_that_climb_are_not_kept() {
        let mut tally = IdTally::new(false);
        for part in 0..4_u64 {
            let ids: Vec<String> = (part * 10..part * 10 + 10).map(|id| id.to_string()).collect();
            tally.add(&texts(&ids), part * 10, false).unwrap();
        }
        assert_eq!((tally.duplicates(), tally.runs.len()), (0, 0));
        // Neither empty ids nor equal ones climb.
        for (ids, duplicates) in [(vec!["", ""], 1), (vec![""], 0), (vec!["a", "a", "b"], 1)] {
            let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
            let mut tally = IdTally::new(false);
            tally.add(&texts(&ids), 0, false).unwrap();
            assert_eq!(tally.duplicates(), duplicates, "{ids:?}");
        }
    }

    #[test]
    fn the_error_names_the_row_and_the_earlier_one() {
        let ids: Vec<String> = ["b", "x", "a", "x"].map(str::to_owned).to_vec();
        let error = IdTally::new(true).add(&texts(&ids), 100, true).unwrap_err();
        assert_eq!((error.row(), error.id()), (Some(103), Some("x")));
        assert!(error.to_string().contains("row 101"), "{error}");
        let mut tally = IdTally::new(true);
        tally.add(&texts(&["a".to_owned(), "b".to_owned()]), 0, false).unwrap();
        let error = tally.add(&texts(&["c".to_owned(), "a".to_owned()]), 2, false).unwrap_err();
        assert_eq!((error.row(), error.id()), (Some(3), Some("a")));
    }
}
