use proptest::prelude::*;

use super::super::file::RANGES_MAX;
use super::*;
use crate::KeyPrefix;

const TARGET: u64 = 1_000;

fn settings() -> CompactSettings {
    CompactSettings { target_bytes: TARGET, ..CompactSettings::default() }
}

fn range(min: u64, max: u64) -> LsnRange {
    LsnRange::new(min, max).unwrap()
}

/// A file as it was put, with so many rows as bytes.
fn file(lsns: &[(u64, u64)], bytes: u64) -> CompactFile {
    let lsns: Vec<LsnRange> = lsns.iter().map(|(min, max)| range(*min, *max)).collect();
    let hull = lsns.iter().copied().reduce(LsnRange::hull).unwrap();
    let path = format!("p/7/c/lsn-{}-{}.parquet", hull.min(), hull.max());
    let key = ObjectKey::parse(&KeyPrefix::new("p/").unwrap(), &path).unwrap();
    CompactFile { key, bytes, rows: bytes, lsns, must_rewrite: false }
}

/// Files of these sizes, one after the other.
fn files(sizes: &[u64]) -> Vec<CompactFile> {
    let ten = |at: usize| [(10 * at as u64, 10 * at as u64 + 9)];
    sizes.iter().enumerate().map(|(at, bytes)| file(&ten(at), *bytes)).collect()
}

fn plan(files: &[CompactFile]) -> CompactPlan {
    CompactPlan::new(files.to_vec(), &BTreeSet::new(), &settings()).unwrap()
}

/// The new file of each group: where it lies, and the sizes of the files that it replaces.
fn groups(files: &[CompactFile]) -> Vec<(String, Vec<u64>)> {
    let of = |group: &CompactGroup| {
        let name = group.key.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        (name, group.files.iter().map(|file| file.bytes).collect())
    };
    plan(files).groups().iter().map(of).collect()
}

fn is_planned(files: &[CompactFile], expected: &[(&str, &[u64])]) {
    let expected: Vec<(String, Vec<u64>)> =
        expected.iter().map(|(name, sizes)| ((*name).to_owned(), sizes.to_vec())).collect();
    assert_eq!(groups(files), expected);
}

/// The table after the plan, and the keys that were ever used.
fn carried_out(
    mut files: Vec<CompactFile>,
    plan: &CompactPlan,
    taken: &mut BTreeSet<String>,
) -> Vec<CompactFile> {
    for group in plan.groups() {
        for gone in &group.files {
            let before = files.len();
            files.retain(|file| file.key != gone.key);
            assert_eq!(files.len(), before - 1, "{} is in two groups", gone.key);
            taken.insert(gone.key.to_string());
        }
        assert!(!taken.contains(group.key.as_str()), "{} was used before", group.key);
        files.push(CompactFile {
            key: group.key.clone(),
            bytes: group.bytes,
            rows: group.rows,
            lsns: group.lsns.clone(),
            must_rewrite: false,
        });
    }
    files
}

#[test]
fn small_neighbours_become_one_file() {
    is_planned(&files(&[10, 10, 10]), &[("lsn-0-29.1.parquet", &[10, 10, 10])]);
    is_planned(&files(&[10]), &[]);
    is_planned(&[], &[]);
}

#[test]
fn groups_are_filled_up_to_the_target_and_large_files_stay() {
    is_planned(
        &files(&[300, 300, 300, 300, 100, 500, 10, 20, 30]),
        &[("lsn-0-29.1.parquet", &[300, 300, 300]), ("lsn-60-89.1.parquet", &[10, 20, 30])],
    );
    is_planned(&files(&[20, 500, 20]), &[]);
}

#[test]
fn a_file_larger_than_all_others_waits_for_more() {
    is_planned(&files(&[100, 40, 50]), &[]);
    is_planned(&files(&[100, 50, 50]), &[("lsn-0-29.1.parquet", &[100, 50, 50])]);
}

#[test]
fn a_file_with_most_of_the_rows_waits_for_more() {
    let mut few = files(&[10, 10, 10]);
    few[0].rows = 100;
    is_planned(&few, &[("lsn-10-29.1.parquet", &[10, 10])]);
}

#[test]
fn the_hull_of_a_group_has_no_other_files_lsns() {
    // The large file lies in the gap of the first, so no group may span it.
    let around = file(&[(0, 9), (40, 49)], 10);
    let (large, next) = (file(&[(10, 19)], 600), file(&[(50, 59)], 10));
    is_planned(&[around.clone(), large, next.clone()], &[]);
    let small = file(&[(10, 19)], 10);
    is_planned(&[around, small, next], &[("lsn-0-59.1.parquet", &[10, 10, 10])]);
}

#[test]
fn files_in_a_gap_of_a_file_that_stays_are_merged() {
    let table = [
        file(&[(0, 9), (40, 49), (80, 89)], 600),
        file(&[(10, 19)], 10),
        file(&[(20, 29)], 10),
        file(&[(50, 59)], 10),
        file(&[(60, 69)], 10),
        file(&[(70, 79)], 10),
    ];
    is_planned(
        &table,
        &[("lsn-10-29.1.parquet", &[10, 10]), ("lsn-50-79.1.parquet", &[10, 10, 10])],
    );
}

#[test]
fn files_whose_lsns_interleave_are_merged_only_together() {
    let (one, other) = (file(&[(0, 9), (20, 29)], 10), file(&[(10, 19), (30, 39)], 10));
    is_planned(&[one.clone(), other], &[("lsn-0-39.1.parquet", &[10, 10])]);
    let large = file(&[(10, 19), (30, 39)], 600);
    is_planned(&[one, large, file(&[(40, 49)], 10)], &[]);
}

#[test]
fn files_with_the_same_lsns_are_one_group() {
    let table = [file(&[(0, 9)], 10), file(&[(5, 19)], 10), file(&[(12, 14)], 10)];
    is_planned(&table, &[("lsn-0-19.1.parquet", &[10, 10, 10])]);
    assert_eq!(plan(&table).groups()[0].lsns, [range(0, 19)]);
}

#[test]
fn a_group_keeps_the_exact_lsns_of_its_files() {
    let table = [file(&[(0, 9)], 10), file(&[(10, 19)], 10), file(&[(30, 39)], 10)];
    let plan = plan(&table);
    assert_eq!(plan.groups()[0].key, "p/7/c/lsn-0-39.1.parquet");
    assert_eq!(plan.groups()[0].lsns, [range(0, 19), range(30, 39)]);
    let last = joined_lsns(vec![range(u64::MAX, u64::MAX), range(0, u64::MAX - 1)]);
    assert_eq!(last, [range(0, u64::MAX)]);
}

#[test]
fn a_file_that_must_be_rewritten_is_a_group_of_its_own() {
    let mut table = files(&[600, 10, 600]);
    table[1].must_rewrite = true;
    table[2].must_rewrite = true;
    is_planned(&table, &[("lsn-10-19.1.parquet", &[10]), ("lsn-20-29.1.parquet", &[600])]);
}

#[test]
fn a_new_file_gets_a_generation_that_was_never_used() {
    let table = files(&[10, 10]);
    let taken = ["p/7/c/lsn-0-19.1.parquet", "p/7/c/lsn-0-19.2.parquet"];
    let taken: BTreeSet<String> = taken.map(str::to_owned).into();
    let plan = CompactPlan::new(table.clone(), &taken, &settings()).unwrap();
    assert_eq!(plan.groups()[0].key, "p/7/c/lsn-0-19.3.parquet");
    let mut later = table;
    later[1].key = later[1].key.rewritten(range(10, 19), 7).unwrap();
    assert_eq!(self::plan(&later).groups()[0].key, "p/7/c/lsn-0-19.8.parquet");
    later[1].key = later[1].key.rewritten(range(10, 19), u32::MAX).unwrap();
    let error = CompactPlan::new(later, &BTreeSet::new(), &settings()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[test]
fn no_file_gets_more_ranges_than_a_log_may_name() {
    let gaps = |from: u64, count: u64| {
        let ranges: Vec<(u64, u64)> = (0..count).map(|at| (from + 2 * at, from + 2 * at)).collect();
        file(&ranges, 10)
    };
    let most = RANGES_MAX as u64;
    let first = gaps(0, most / 2);
    assert_eq!(plan(&[first.clone(), gaps(100_000, most / 2)]).groups()[0].lsns.len(), RANGES_MAX);
    assert!(plan(&[first.clone(), gaps(100_000, most / 2 + 1)]).is_empty());
    // The second file begins where the first one ends.
    let touching = gaps(most - 1, most / 2 + 1);
    assert_eq!(plan(&[first, touching]).groups()[0].lsns.len(), RANGES_MAX);
}

#[test]
fn wrong_files_are_refused() {
    let refused = |files: Vec<CompactFile>, settings: &CompactSettings| {
        CompactPlan::new(files, &BTreeSet::new(), settings).unwrap_err().kind()
    };
    let one = file(&[(0, 9)], 10);
    assert_eq!(refused(vec![one.clone(), one.clone()], &settings()), ErrorKind::Misuse);
    let elsewhere = ObjectKey::parse(&KeyPrefix::default(), "8/c/lsn-10-19.parquet").unwrap();
    let elsewhere = CompactFile { key: elsewhere, lsns: vec![range(10, 19)], ..one.clone() };
    assert_eq!(refused(vec![one.clone(), elsewhere], &settings()), ErrorKind::Misuse);
    for lsns in [vec![], vec![range(0, 8)], vec![range(0, 10)]] {
        let wrong = CompactFile { lsns, ..one.clone() };
        assert_eq!(refused(vec![wrong], &settings()), ErrorKind::Corrupt);
    }
    let wrong = CompactSettings { target_bytes: 1, ..settings() };
    assert_eq!(refused(vec![one.clone()], &wrong), ErrorKind::Settings);
    let wrong = CompactSettings { files_max: 1, ..settings() };
    assert_eq!(refused(vec![one], &wrong), ErrorKind::Settings);
}

#[test]
fn files_nested_without_end_are_planned() {
    let most = 20_000;
    let nested = |depth: u64| file(&[(depth, depth), (100_000 - depth, 100_000 - depth)], TARGET);
    let table: Vec<CompactFile> = (0..most).map(nested).collect();
    assert!(plan(&table).is_empty());
    let crossing = |at: u64| file(&[(2 * at, 2 * at), (2 * at + 3, 2 * at + 3)], TARGET);
    let table: Vec<CompactFile> = (0..most).map(crossing).collect();
    assert!(plan(&table).is_empty());
}

/// How often each put file was rewritten: its size, and the file that has its rows now.
struct Put {
    bytes: u64,
    rewrites: u32,
    now: ObjectKey,
}

/// Tables in which each of some ranges of LSNs belongs to one of some files.
fn tables() -> impl Strategy<Value = Vec<CompactFile>> {
    let pieces = prop::collection::vec((0_usize..12, 0_u64..3, 1_u64..6), 1..40);
    let sizes = prop::collection::vec((1_u64..700, 1_u64..1_000, prop::bool::weighted(0.05)), 12);
    (pieces, sizes).prop_map(|(pieces, sizes)| {
        let mut lsns: Vec<Vec<(u64, u64)>> = vec![Vec::new(); sizes.len()];
        let mut next = 0;
        for (owner, gap, length) in pieces {
            lsns[owner].push((next + gap, next + gap + length - 1));
            next += gap + length;
        }
        let owned = lsns.into_iter().zip(sizes).filter(|(lsns, _)| !lsns.is_empty());
        let made = |(lsns, (bytes, rows, must_rewrite)): (Vec<(u64, u64)>, _)| {
            let made = file(&lsns, bytes);
            CompactFile { rows, must_rewrite, ..made }
        };
        owned.map(made).collect()
    })
}

proptest! {
    #[test]
    fn plans_keep_the_rules_and_leave_nothing_to_do(table in tables()) {
        let plan = plan(&table);
        for group in plan.groups() {
            let hull = group.key.lsns().unwrap();
            let is_member = |file: &&CompactFile| group.files.iter().any(|of| of.key == file.key);
            let alone = group.files.len() == 1;
            prop_assert!(!alone || group.files[0].must_rewrite);
            for other in table.iter().filter(|file| !alone && !is_member(file)) {
                let inside = other.lsns.iter().find(|lsns| lsns.overlaps(hull));
                prop_assert_eq!(inside, None, "{} lies in {}", &other.key, &group.key);
            }
            let all = group.files.iter().flat_map(|file| file.lsns.clone()).collect();
            prop_assert_eq!(&group.lsns, &joined_lsns(all));
            prop_assert!(alone || group.bytes <= TARGET);
            for file in group.files.iter().filter(|_| !alone) {
                prop_assert!(file.bytes * 2 <= group.bytes && file.rows * 2 <= group.rows);
            }
        }
        let planned = |file: &CompactFile| {
            plan.groups().iter().any(|group| group.files.iter().any(|of| of.key == file.key))
        };
        prop_assert!(table.iter().all(|file| !file.must_rewrite || planned(file)));
        let mut taken = BTreeSet::new();
        let after = carried_out(table, &plan, &mut taken);
        let second = CompactPlan::new(after, &taken, &settings()).unwrap();
        prop_assert!(second.is_empty(), "{:?}", second);
    }

    #[test]
    fn a_byte_is_rewritten_log_many_times_however_many_files_come(
        sizes in prop::collection::vec(1_u64..60, 1..300), every in 1_usize..5,
    ) {
        let mut table: Vec<CompactFile> = Vec::new();
        let (mut taken, mut puts) = (BTreeSet::new(), Vec::<Put>::new());
        for (at, bytes) in sizes.into_iter().enumerate() {
            let lsn = 10 * at as u64;
            let new = file(&[(lsn, lsn + 9)], bytes);
            puts.push(Put { bytes, rewrites: 0, now: new.key.clone() });
            table.push(new);
            if at % every != 0 {
                continue;
            }
            let plan = CompactPlan::new(table.clone(), &taken, &settings()).unwrap();
            for group in plan.groups() {
                for put in &mut puts {
                    if group.files.iter().any(|file| file.key == put.now) {
                        put.rewrites += 1;
                        put.now = group.key.clone();
                        prop_assert!(group.bytes >= put.bytes << put.rewrites);
                    }
                }
            }
            table = carried_out(table, &plan, &mut taken);
        }
        for put in &puts {
            prop_assert!(put.rewrites <= (TARGET / put.bytes).ilog2());
        }
    }
}
