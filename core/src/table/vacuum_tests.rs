use proptest::prelude::*;

use super::*;
use crate::KeyPrefix;
use crate::table::{checkpoint_name, entry_name};

const HOUR: i64 = 60 * 60 * 1_000;
const DAY: i64 = 24 * HOUR;

fn place() -> TablePlace {
    TablePlace::new(&KeyPrefix::new("p/").unwrap(), 7, "c").unwrap()
}

fn object(name: &str, modified_ms: i64) -> ListedObject {
    ListedObject { name: name.to_owned(), bytes: 10, modified_ms }
}

fn removal(path: &str, deleted_ms: Option<i64>, committed_ms: i64) -> Removal {
    Removal { path: path.to_owned(), deleted_ms, committed_ms }
}

fn week(now_ms: i64) -> Retention {
    Retention { now_ms, retention_ms: 7 * DAY as u64 }
}

fn names(files: &[NeedlessFile]) -> Vec<&str> {
    files.iter().map(|file| file.key.as_str()).collect()
}

#[test]
fn a_removed_file_goes_when_the_retention_is_over_and_not_before() {
    let listed = [object("lsn-0-9.parquet", 0), object("lsn-10-19.parquet", 0)];
    let removals = [removal("lsn-0-9.parquet", Some(5 * HOUR), 8 * HOUR)];
    let found = |now_ms| {
        let live = ["lsn-10-19.parquet"];
        needless_files(&place(), &listed, live, &removals, &week(now_ms), None).unwrap()
    };
    assert!(found(7 * DAY + 5 * HOUR).is_empty(), "the commit landed later");
    assert!(found(7 * DAY + 8 * HOUR - 1).is_empty());
    let gone = found(7 * DAY + 8 * HOUR);
    assert_eq!(names(&gone), ["p/7/c/lsn-0-9.parquet"]);
    assert_eq!((gone[0].bytes, gone[0].because), (10, NeedlessBecause::Removed));
}

#[test]
fn a_removal_counts_from_the_later_of_its_two_times() {
    let listed = [object("lsn-0-9.parquet", 0)];
    let found = |deleted_ms, committed_ms, now_ms| {
        let removals = [removal("lsn-0-9.parquet", deleted_ms, committed_ms)];
        let needless = needless_files(&place(), &listed, [], &removals, &week(now_ms), None);
        needless.unwrap().len()
    };
    assert_eq!((found(Some(9), 3, 7 * DAY + 8), found(Some(9), 3, 7 * DAY + 9)), (0, 1));
    assert_eq!((found(None, 3, 7 * DAY + 2), found(None, 3, 7 * DAY + 3)), (0, 1));
    assert_eq!(found(Some(i64::MAX), 3, i64::MAX - 1), 0);
    assert_eq!(found(Some(i64::MIN), i64::MIN, 0), 1);
}

#[test]
fn a_file_that_came_back_stays() {
    let listed = [object("lsn-0-9.parquet", 0)];
    let removals = [removal("lsn-0-9.parquet", None, 0)];
    let live = ["lsn-0-9.parquet"];
    let found = needless_files(&place(), &listed, live, &removals, &week(99 * DAY), None);
    assert!(found.unwrap().is_empty());
    let twice = [removal("lsn-0-9.parquet", None, 90 * DAY), removals[0].clone()];
    let found = needless_files(&place(), &listed, [], &twice, &week(96 * DAY), None);
    assert!(found.unwrap().is_empty(), "the last removal counts");
}

#[test]
fn files_without_a_commit_go_only_if_asked_and_when_they_are_old() {
    let listed = [object("lsn-0-9.1.parquet", 0)];
    let found = |uncommitted: Option<&Uncommitted>, now_ms, retention_ms| {
        let retention = Retention { now_ms, retention_ms };
        needless_files(&place(), &listed, [], &[], &retention, uncommitted).unwrap().len()
    };
    let known = Uncommitted { removals_known_since_ms: 0 };
    assert_eq!(found(None, 99 * DAY, 0), 0);
    assert_eq!(found(Some(&known), DAY - 1, 0), 0, "an upload may be under way");
    assert_eq!(found(Some(&known), DAY, 0), 1);
    assert_eq!(found(Some(&known), 7 * DAY, 7 * DAY as u64), 1);
    let retention = Retention { now_ms: 7 * DAY - 1, retention_ms: 7 * DAY as u64 };
    let forgot = needless_files(&place(), &listed, [], &[], &retention, Some(&known));
    let error = forgot.unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Settings);
    assert!(error.to_string().contains("shorter"), "{error}");
}

#[test]
fn only_data_files_of_this_table_go() {
    let others = [
        "_claims/lsn-0-9-append-0123456789abcdef0123456789abcdef",
        "_appends/nightly",
        "_delta_log/00000000000000000000.json",
        "_delta_log/lsn-0-9.parquet",
        "part-00000-80a083e8.snappy.parquet",
        "../d/lsn-0-9.parquet",
        "x/lsn-0-9.parquet",
        "lsn-0-9.0.parquet",
        "lsn-0-9.parquet.tmp",
        "notes.txt",
        "",
    ];
    let listed: Vec<ListedObject> = others.iter().map(|name| object(name, 0)).collect();
    let removals: Vec<Removal> = others.iter().map(|name| removal(name, None, 0)).collect();
    let known = Uncommitted { removals_known_since_ms: 0 };
    for removals in [&removals[..], &[]] {
        let now = week(99 * DAY);
        let found = needless_files(&place(), &listed, [], removals, &now, Some(&known));
        assert_eq!(found.unwrap(), []);
    }
}

#[test]
fn a_log_goes_up_to_the_checkpoint_that_the_oldest_version_needs() {
    // One entry a day, from day 0 on, and checkpoints of every tenth version.
    let mut listed: Vec<ListedObject> =
        (0..30).map(|day| object(&entry_name(day), day as i64 * DAY)).collect();
    listed.extend([10, 20].map(|day| object(&checkpoint_name(day), day as i64 * DAY)));
    let others = ["_last_checkpoint", "00000000000000000001.crc", "lsn-0-9.parquet"];
    listed.extend(others.map(|name| object(name, 0)));
    let needless = |now_ms, checkpoint| needless_log(&listed, checkpoint, &week(now_ms));
    let entries = |end| (0..end).map(entry_name).collect::<Vec<_>>();
    // On day 27, version 19 was replaced 7 days ago, so version 20 is the oldest that is needed.
    assert_eq!(needless(27 * DAY - 1, 20), entries(10));
    let mut all = entries(20);
    all.insert(11, checkpoint_name(10));
    all.sort_by_key(|name| name.split('.').next().map(str::to_owned));
    let mut found = needless(27 * DAY, 20);
    found.sort_by_key(|name| name.split('.').next().map(str::to_owned));
    assert_eq!(found.len(), 21);
    assert!(all.iter().all(|name| found.contains(name)));
    assert_eq!(needless(99 * DAY, 10), entries(10), "nobody has read the later checkpoint");
    assert_eq!(needless(7 * DAY, 20), entries(0));
}

#[test]
fn a_checkpoint_counts_only_with_all_its_parts() {
    let part = |part: u32| format!("{:020}.checkpoint.{part:010}.{:010}.parquet", 5, 2);
    let mut listed: Vec<ListedObject> =
        (0..8).map(|day| object(&entry_name(day), day as i64 * DAY)).collect();
    listed.push(object(&checkpoint_name(7), 7 * DAY));
    listed.extend([object(&part(1), 5 * DAY), object(&part(1), 5 * DAY)]);
    let now = Retention { now_ms: 8 * DAY, retention_ms: 2 * DAY as u64 };
    assert_eq!(needless_log(&listed, 7, &now), Vec::<String>::new());
    listed.push(object(&part(2), 5 * DAY));
    assert_eq!(needless_log(&listed, 7, &now).len(), 5);
}

/// One day of a table's life.
#[derive(Debug, Clone)]
enum Event {
    /// A file is put, and committed so many hours later.
    Put(i64),
    /// The file at this place of those that are live is removed, by a writer whose clock is so many
    /// hours off.
    Remove(usize, i64),
    /// The same, and a file of the next generation comes in its place.
    Rewrite(usize, i64),
    /// The table becomes as it was so many versions ago, if all its files are still there.
    Restore(usize),
    /// A put that is never committed.
    Abandon,
    Vacuum,
}

#[derive(Debug, Default)]
struct History {
    now: i64,
    /// When each version was committed, and its files.
    versions: Vec<(i64, BTreeSet<String>)>,
    objects: BTreeMap<String, i64>,
    removals: Vec<Removal>,
    next: u64,
}

impl History {
    fn live(&self) -> BTreeSet<String> {
        self.versions.last().map(|(_, files)| files.clone()).unwrap_or_default()
    }

    fn commit(&mut self, files: BTreeSet<String>, skew: i64) {
        for gone in self.live().difference(&files) {
            self.removals.push(removal(gone, Some(self.now + skew), self.now));
        }
        self.versions.push((self.now, files));
    }

    fn put(&mut self) -> String {
        self.next += 1;
        let name = format!("lsn-{0}-{0}.parquet", self.next);
        self.objects.insert(name.clone(), self.now);
        name
    }

    fn happen(&mut self, event: &Event) -> usize {
        let mut files = self.live();
        let nth = |at: usize, files: &BTreeSet<String>| {
            files.iter().nth(at % files.len().max(1)).cloned()
        };
        match event {
            Event::Put(hours) => {
                files.insert(self.put());
                self.now += hours * HOUR;
                self.commit(files, 0);
            }
            Event::Abandon => drop(self.put()),
            Event::Remove(at, skew) | Event::Rewrite(at, skew) => {
                let Some(gone) = nth(*at, &files) else { return 0 };
                files.remove(&gone);
                if matches!(event, Event::Rewrite(..)) {
                    self.next += 1;
                    let new = format!("lsn-0-9.{}.parquet", self.next);
                    self.objects.insert(new.clone(), self.now);
                    files.insert(new);
                }
                self.commit(files, skew * HOUR);
            }
            Event::Restore(ago) => {
                let Some(at) = self.versions.len().checked_sub(*ago + 1) else { return 0 };
                let files = self.versions[at].1.clone();
                if files.iter().all(|file| self.objects.contains_key(file)) {
                    self.commit(files, 0);
                }
            }
            Event::Vacuum => return self.vacuum(),
        }
        0
    }

    /// Deletes what may go; nothing that a retained version has, and no young object.
    fn vacuum(&mut self) -> usize {
        let retention = Retention { now_ms: self.now, retention_ms: 3 * DAY as u64 };
        let oldest = self.now - 3 * DAY;
        // A log may forget old removals.
        self.removals.retain(|removal| removal.committed_ms > oldest - DAY);
        let listed: Vec<ListedObject> =
            self.objects.iter().map(|(name, at)| object(name, *at)).collect();
        let live = self.live();
        let known = Uncommitted { removals_known_since_ms: oldest - DAY };
        let needless = needless_files(
            &place(),
            &listed,
            live.iter().map(String::as_str),
            &self.removals,
            &retention,
            Some(&known),
        )
        .unwrap();
        for NeedlessFile { key, .. } in &needless {
            let name = key.as_str().strip_prefix("p/7/c/").unwrap();
            let made = self.objects.remove(name).unwrap();
            assert!(made + DAY <= self.now, "{name} is young");
        }
        let ends = self.versions.iter().skip(1).map(|(at, _)| *at).chain([i64::MAX]);
        for ((_, files), end) in self.versions.iter().zip(ends) {
            let lost = files.iter().find(|file| !self.objects.contains_key(*file));
            assert!(end <= oldest || lost.is_none(), "{lost:?} of a version until {end} is gone");
        }
        needless.len()
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0_i64..20).prop_map(Event::Put),
        2 => (any::<usize>(), -9_i64..9).prop_map(|(at, skew)| Event::Remove(at, skew)),
        2 => (any::<usize>(), -9_i64..9).prop_map(|(at, skew)| Event::Rewrite(at, skew)),
        1 => (0_usize..4).prop_map(Event::Restore),
        1 => Just(Event::Abandon),
        2 => Just(Event::Vacuum),
    ]
}

proptest! {
    #[test]
    fn every_version_within_the_retention_finds_all_its_files(
        events in prop::collection::vec((event(), 0_i64..30), 1..80),
    ) {
        let mut history = History::default();
        for (event, hours) in &events {
            history.happen(event);
            history.now += hours * HOUR;
        }
        history.now += 99 * DAY;
        history.vacuum();
        // In the end, nothing is left but what is live.
        let left: BTreeSet<String> = history.objects.keys().cloned().collect();
        prop_assert_eq!(left, history.live());
    }

    #[test]
    fn every_version_within_the_retention_is_read_from_what_stays_of_the_log(
        steps in prop::collection::vec((0_i64..40, prop::bool::weighted(0.2)), 1..60),
        late in 0_i64..200, retention in 0_u64..200,
    ) {
        let (mut listed, mut now) = (Vec::new(), 0);
        let mut last_checkpoint = None;
        for (version, (hours, has_checkpoint)) in steps.iter().enumerate() {
            now += hours * HOUR;
            listed.push(object(&entry_name(version as u64), now));
            if *has_checkpoint {
                listed.push(object(&checkpoint_name(version as u64), now));
                last_checkpoint = Some(version as u64);
            }
        }
        let committed: Vec<i64> = listed.iter().filter(|object| object.name.ends_with(".json"))
            .map(|object| object.modified_ms).collect();
        let retention = Retention {
            now_ms: now + late * HOUR,
            retention_ms: retention * HOUR as u64,
        };
        let Some(checkpoint) = last_checkpoint else { return Ok(()) };
        let gone = needless_log(&listed, checkpoint, &retention);
        let stays = |name: &String| !gone.contains(name);
        prop_assert!(stays(&checkpoint_name(checkpoint)));
        for version in 0..committed.len() {
            let replaced = committed.get(version + 1);
            if replaced.is_some_and(|at| retention.is_over(*at)) {
                continue;
            }
            let from = (0..=version as u64).rev()
                .find(|from| steps[*from as usize].1 && stays(&checkpoint_name(*from)));
            let mut needed = from.map_or(0, |from| from + 1)..=version as u64;
            prop_assert!(needed.all(|entry| stays(&entry_name(entry))), "version {version}");
        }
        let kept_ms = retention.retention_ms.max(LOG_KEPT_MS);
        if (Retention { retention_ms: kept_ms, ..retention }).is_over(now) {
            prop_assert!((0..checkpoint).all(|version| !stays(&entry_name(version))));
        }
    }
}
