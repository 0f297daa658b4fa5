//! The plan of a compaction.

use std::collections::BTreeSet;

use super::file::{CompactFile, CompactSettings, joined_lsns};
use super::order::Order;
use super::tiers;
use crate::sort::sort_by;
use crate::{Error, ErrorKind, KeyTarget, LsnRange, ObjectKey, Result};

/// Files whose rows become one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactGroup {
    /// The files, by their lowest LSN.
    pub files: Vec<CompactFile>,
    /// Where the new file lies. Its LSNs go from the lowest to the highest of the group.
    pub key: ObjectKey,
    /// The LSNs of its rows, exactly: sorted, and none touches the next one.
    pub lsns: Vec<LsnRange>,
    /// The sum of the sizes of the files. The new file is about as large, and mostly smaller.
    pub bytes: u64,
    /// The sum of their rows.
    pub rows: u64,
}

/// What to rewrite, given the files of one version of a table.
///
/// # The rules
///
/// * The files of a group are neighbours: no other file has an LSN between their lowest and their
///   highest. So the names of two files cross only where a later put fills a gap.
/// * A group has at most [`CompactSettings::target_bytes`], and its result at most
///   [`RANGES_MAX`](super::RANGES_MAX) ranges of LSNs.
/// * No file of a group has more than half of the group's bytes, or of its rows. So each time that
///   a row is rewritten, its file has at least twice as many rows as before. However many files
///   come, a row of a file that was put with *m* rows is rewritten at most log₂(*n* / *m*) times
///   until its file has *n* rows. Only files that must be rewritten are excepted.
/// * Nothing is left to do: a plan for the result is empty, if each new file is as large as the
///   files it is made of, and [`CompactSettings::files_max`] ended no group. Smaller files may
///   give one more plan.
///
/// ```
/// use std::collections::BTreeSet;
///
/// use coldpress_core::table::{CompactFile, CompactPlan, CompactSettings};
/// use coldpress_core::{KeyPrefix, ObjectKey};
///
/// let file = |name: &str| {
///     let key = ObjectKey::parse(&KeyPrefix::default(), &format!("7/events/{name}"))?;
///     let lsns = key.lsns().into_iter().collect();
///     Ok::<_, coldpress_core::Error>(CompactFile {
///         key,
///         bytes: 5_000,
///         rows: 10,
///         lsns,
///         must_rewrite: false,
///     })
/// };
/// let files = vec![file("lsn-0-9.parquet")?, file("lsn-10-19.parquet")?];
/// let plan = CompactPlan::new(files, &BTreeSet::new(), &CompactSettings::default())?;
/// assert_eq!(plan.groups()[0].key, "7/events/lsn-0-19.1.parquet");
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactPlan {
    groups: Vec<CompactGroup>,
}

impl CompactPlan {
    /// The plan for these files, which are all data files of ours that the table has. `taken` has
    /// other keys that no new file may get: those of removed files, and those of objects that lie
    /// in the store without a commit, such as what an interrupted compaction left.
    ///
    /// # Errors
    ///
    /// `Settings` if the settings are out of range, `Misuse` if the files are not of one collection
    /// or one is given twice, `Corrupt` if the LSNs of a file are not those of its key, and `Limit`
    /// if a key has no generation left.
    pub fn new(
        files: Vec<CompactFile>,
        taken: &BTreeSet<String>,
        settings: &CompactSettings,
    ) -> Result<Self> {
        settings.check()?;
        let files = checked(files)?;
        let mut keys: BTreeSet<&str> = files.iter().map(|file| file.key.as_str()).collect();
        if keys.len() < files.len() {
            return Err(Error::misuse("a file is given twice; give each file of the table once"));
        }
        keys.extend(taken.iter().map(String::as_str));
        let mut plan = CompactPlan { groups: Vec::new() };
        let mut made = BTreeSet::new();
        for members in groups(&files, settings) {
            let members: Vec<&CompactFile> = members.iter().map(|at| &files[*at]).collect();
            let is_taken =
                |key: &ObjectKey| keys.contains(key.as_str()) || made.contains(key.as_str());
            let group = CompactGroup::of(&members, is_taken)?;
            made.insert(group.key.to_string());
            plan.groups.push(group);
        }
        sort_by(&mut plan.groups, |one, other| one.key.lsns().cmp(&other.key.lsns()));
        Ok(plan)
    }

    /// The groups, by their lowest LSN. Each can be rewritten and committed without the others.
    pub fn groups(&self) -> &[CompactGroup] {
        &self.groups
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

impl CompactGroup {
    fn of(files: &[&CompactFile], is_taken: impl Fn(&ObjectKey) -> bool) -> Result<Self> {
        let lsns = joined_lsns(files.iter().flat_map(|file| file.lsns.iter().copied()).collect());
        let (Some(first), Some(lowest), Some(highest)) = (files.first(), lsns.first(), lsns.last())
        else {
            return Err(Error::misuse("a group has no file; please report this bug"));
        };
        let hull = lowest.hull(*highest);
        let generations = files.iter().filter_map(|file| file.key.generation());
        let mut generation = generations.max().unwrap_or(0);
        let key = loop {
            generation = generation.checked_add(1).ok_or_else(|| {
                let message = format!(
                    "the LSNs {hull} have no generation left for the file that replaces {}; \
                     rewrite other files",
                    first.key
                );
                Error::new(ErrorKind::Limit, message)
            })?;
            let key = first.key.rewritten(hull, generation)?;
            if !is_taken(&key) {
                break key;
            }
        };
        let sum = |of: fn(&CompactFile) -> u64| {
            files.iter().fold(0_u64, |sum, file| sum.saturating_add(of(file)))
        };
        let (bytes, rows) = (sum(|file| file.bytes), sum(|file| file.rows));
        let files = files.iter().map(|file| (*file).clone()).collect();
        Ok(CompactGroup { files, key, lsns, bytes, rows })
    }
}

/// The files of each group, as places.
fn groups(files: &[CompactFile], settings: &CompactSettings) -> Vec<Vec<usize>> {
    let order = Order::of(files);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut is_grouped = vec![false; files.len()];
    let mut runs: Vec<&[usize]> = vec![order.root()];
    while let Some(run) = runs.pop() {
        for places in tiers::groups(&order, run, settings) {
            let members = order.files_of(&run[places]);
            members.iter().for_each(|file| is_grouped[*file] = true);
            groups.push(members.to_vec());
        }
        for node in run {
            let first = order.files_of(std::slice::from_ref(node)).first();
            if first.is_some_and(|file| !is_grouped[*file]) {
                runs.extend(order.runs_in(*node));
            }
        }
    }
    let alone = (0..files.len()).filter(|at| files[*at].must_rewrite && !is_grouped[*at]);
    groups.extend(alone.map(|at| vec![at]));
    groups
}

/// The files with their LSNs joined.
fn checked(mut files: Vec<CompactFile>) -> Result<Vec<CompactFile>> {
    let place = |key: &ObjectKey| match key.target() {
        KeyTarget::Data { tenant_id, collection, .. } => Some((*tenant_id, collection.clone())),
        KeyTarget::Wal { .. } => None,
    };
    let first = files.first().and_then(|file| place(&file.key));
    for CompactFile { key, lsns, .. } in &mut files {
        if first.is_none() || place(key) != first {
            return Err(Error::misuse(format!(
                "{key} is not a data file of the table whose files are to be rewritten; give the \
                 files of one collection"
            )));
        }
        *lsns = joined_lsns(std::mem::take(lsns));
        let (lowest, highest) = (lsns.first(), lsns.last());
        let hull = lowest.zip(highest).map(|(lowest, highest)| lowest.hull(*highest));
        if hull != key.lsns() {
            let found = hull.map_or("no LSNs".to_owned(), |hull| format!("the LSNs {hull}"));
            return Err(Error::corrupt(format!(
                "the log gives {key} {found}, but its name says otherwise; remove the file from \
                 the table, and adopt it again"
            )));
        }
    }
    Ok(files)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
