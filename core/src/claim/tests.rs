//! The protocol step by step, and many writers in any order of their steps.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{KeyPrefix, LsnWidth};

fn key(min: u64, max: u64) -> ObjectKey {
    let lsns = LsnRange::new(min, max).unwrap();
    ObjectKey::data(&KeyPrefix::default(), 1, "c", lsns, LsnWidth::default()).unwrap()
}

fn owner(number: u64) -> String {
    format!("{number:030x}00")
}

fn claiming(wanted: Wanted, number: u64) -> Claiming {
    let mark = match &wanted {
        Wanted::Keys(keys) => ClaimMark::keys(keys),
        Wanted::New(_) | Wanted::Free { .. } => ClaimMark::Append,
    };
    Claiming::new(wanted, mark, &owner(number), Vec::new()).unwrap()
}

fn seen(name: &ClaimName) -> SeenClaim {
    SeenClaim { name: name.clone(), is_dead: false }
}

#[track_caller]
fn put(claiming: &mut Claiming) -> ClaimName {
    let ClaimStep::Put(name) = claiming.poll().clone() else { panic!("{:?}", claiming.poll()) };
    claiming.put();
    name
}

#[test]
fn an_append_comes_behind_files_and_claims() {
    let mut first = claiming(Wanted::Free { rows: 5 }, 1);
    assert_eq!(*first.poll(), ClaimStep::List);
    first.listed(&[], &[key(0, 9)]);
    let name = put(&mut first);
    assert_eq!((name.lsns().min(), name.lsns().max()), (10, 14));
    first.listed(&[seen(&name)], &[key(0, 9)]);
    assert_eq!(*first.poll(), ClaimStep::Claimed(name.clone()));

    let mut second = claiming(Wanted::Free { rows: 1 }, 2);
    second.listed(&[seen(&name)], &[key(0, 9)]);
    assert_eq!(put(&mut second).lsns().min(), 15);
    let mut none_left = claiming(Wanted::Free { rows: 2 }, 3);
    none_left.listed(&[], &[key(0, u64::MAX - 1)]);
    assert_eq!(*none_left.poll(), ClaimStep::Refused(Refusal::NoneLeft));
}

#[test]
fn of_two_that_see_one_another_the_higher_gives_way() {
    let (mut low, mut high) =
        (claiming(Wanted::Free { rows: 5 }, 1), claiming(Wanted::Free { rows: 9 }, 2));
    low.listed(&[], &[]);
    high.listed(&[], &[]);
    let (low_name, high_name) = (put(&mut low), put(&mut high));
    let both = [seen(&low_name), seen(&high_name)];
    low.listed(&both, &[]);
    assert_eq!(*low.poll(), ClaimStep::Wait(1));
    high.listed(&both, &[]);
    assert_eq!(*high.poll(), ClaimStep::Delete(high_name.clone()));
    high.deleted();
    let moved = put(&mut high);
    assert_eq!(moved.lsns(), LsnRange::new(5, 13).unwrap());
    assert_ne!(moved.owner(), high_name.owner());
    low.waited();
    low.listed(&[seen(&low_name), seen(&moved)], &[]);
    assert_eq!(*low.poll(), ClaimStep::Claimed(low_name));
}

#[test]
fn a_range_that_was_given_is_refused_by_name() {
    let wanted = || Wanted::Keys(vec![key(5, 9)]);
    let mut of_file = claiming(wanted(), 1);
    let name = put(&mut of_file);
    of_file.listed(&[seen(&name)], &[key(0, 4), key(9, 20)]);
    assert_eq!(*of_file.poll(), ClaimStep::Delete(name));
    of_file.deleted();
    let refusal = Refusal::File { wanted: key(5, 9), found: key(9, 20) };
    assert_eq!(*of_file.poll(), ClaimStep::Refused(refusal));

    // The very same key is left to the put.
    let mut again = claiming(wanted(), 2);
    let name = put(&mut again);
    again.listed(&[seen(&name)], &[key(5, 9)]);
    assert_eq!(*again.poll(), ClaimStep::Claimed(name.clone()));
    // And so is another put of the same key, but no append that has the same range.
    let mut beside = claiming(wanted(), 3);
    let own = put(&mut beside);
    beside.listed(&[seen(&own), seen(&name)], &[]);
    assert_eq!(*beside.poll(), ClaimStep::Claimed(own.clone()));
    let append = ClaimName::new(own.lsns(), ClaimMark::Append, &owner(0)).unwrap();
    let mut behind = claiming(wanted(), 4);
    let own = put(&mut behind);
    behind.listed(&[seen(&own), seen(&append)], &[]);
    assert_eq!(*behind.poll(), ClaimStep::Delete(own.clone()));
    behind.deleted();
    assert_eq!(*behind.poll(), ClaimStep::Refused(Refusal::Claim(append.clone())));
    // Nor does a dead one stand in the way.
    let mut last = claiming(wanted(), 4);
    let own = put(&mut last);
    last.listed(&[seen(&own), SeenClaim { name: append, is_dead: true }], &[]);
    assert_eq!(*last.poll(), ClaimStep::Claimed(own));
}

#[test]
fn runs_of_one_append_keep_apart_whatever_their_ranges() {
    let run = |number| {
        let wanted = Wanted::Free { rows: 2 };
        Claiming::new(wanted, ClaimMark::append_id("nightly"), &owner(number), Vec::new()).unwrap()
    };
    let (mut one, mut two) = (run(1), run(2));
    one.listed(&[], &[]);
    let first = put(&mut one);
    two.listed(&[seen(&first)], &[]);
    let second = put(&mut two);
    assert!(!first.lsns().overlaps(second.lsns()));
    let both = [seen(&first), seen(&second)];
    two.listed(&both, &[]);
    two.deleted();
    assert_eq!(*two.poll(), ClaimStep::Refused(Refusal::SameRun(first.clone())));
    one.listed(&both, &[]);
    assert_eq!(*one.poll(), ClaimStep::Wait(1));
}

#[test]
fn waiting_and_moving_come_to_an_end() {
    let mut keys = claiming(Wanted::Keys(vec![key(0, 9)]), 1);
    let own = put(&mut keys);
    let higher = ClaimName::new(LsnRange::new(9, 9).unwrap(), ClaimMark::Append, &owner(9));
    let all = [seen(&own), seen(&higher.clone().unwrap())];
    for wait in 1..=WAITS_MAX {
        keys.listed(&all, &[]);
        assert_eq!(*keys.poll(), ClaimStep::Wait(wait));
        keys.waited();
    }
    keys.listed(&all, &[]);
    keys.deleted();
    assert_eq!(*keys.poll(), ClaimStep::Refused(Refusal::Claim(higher.unwrap())));
    // A store whose listing does not show what was put.
    let mut unseen = claiming(Wanted::Free { rows: 1 }, 1);
    unseen.listed(&[], &[]);
    let own = put(&mut unseen);
    for _ in 0..WAITS_MAX {
        unseen.listed(&[], &[]);
        unseen.waited();
    }
    unseen.listed(&[], &[]);
    unseen.deleted();
    assert_eq!(*unseen.poll(), ClaimStep::Refused(Refusal::NotListed(own)));
    let mut outrun = claiming(Wanted::Free { rows: 2 }, 1);
    outrun.listed(&[], &[]);
    for n in 0_u64.. {
        let ClaimStep::Put(own) = outrun.poll().clone() else { break };
        outrun.put();
        outrun.listed(&[seen(&own)], &[key(0, 2 + 10 * n)]);
        outrun.deleted();
        assert!(n < 1_000);
    }
    assert_eq!(*outrun.poll(), ClaimStep::Refused(Refusal::Outrun));
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// A bucket: claims, and files with the writer whose rows they hold. Each change is seen at once,
/// or after a lost answer later.
#[derive(Default)]
struct Store {
    claims: BTreeSet<String>,
    files: BTreeMap<String, (LsnRange, usize)>,
}

/// One writer of the simulation.
struct Writer {
    number: usize,
    claiming: Claiming,
    /// What a listing has found of claims, while its files are not listed yet.
    claims_seen: Option<Vec<SeenClaim>>,
    files_left: Vec<ObjectKey>,
    rows: u64,
    state: State,
    /// A delete on its way, whose answer was lost.
    late_delete: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Claiming,
    Storing,
    Releasing,
    Stored,
    Refused,
    Dead,
}

impl Writer {
    fn new(number: usize, random: &mut Random) -> Self {
        let rows = 1 + random.below(9);
        let min = random.below(30);
        let wanted = match random.below(3) {
            0 => Wanted::Keys(vec![key(min, min + rows - 1)]),
            _ => Wanted::Free { rows },
        };
        Writer {
            number,
            claiming: claiming(wanted, number as u64 + 1),
            claims_seen: None,
            files_left: Vec::new(),
            rows,
            state: State::Claiming,
            late_delete: None,
        }
    }

    /// One request, or a part of one.
    fn step(&mut self, store: &mut Store, dead: &BTreeSet<String>, random: &mut Random) {
        if let Some(name) = self.late_delete.take_if(|_| random.below(3) == 0) {
            store.claims.remove(&name);
        }
        match self.state {
            State::Claiming => self.claim(store, dead, random),
            State::Storing => self.store(store, random),
            State::Releasing => {
                if let ClaimStep::Claimed(name) = self.claiming.poll() {
                    store.claims.remove(&name.to_string());
                }
                self.state = State::Stored;
            }
            State::Stored | State::Refused | State::Dead => {}
        }
    }

    fn claim(&mut self, store: &mut Store, dead: &BTreeSet<String>, random: &mut Random) {
        match self.claiming.poll().clone() {
            ClaimStep::List => match self.claims_seen.take() {
                None => {
                    let seen = |name: &String| {
                        let name = ClaimName::parse(name).unwrap();
                        SeenClaim { is_dead: dead.contains(&name.owner()[..30]), name }
                    };
                    self.claims_seen = Some(store.claims.iter().map(seen).collect());
                }
                Some(claims) => {
                    let files: Vec<ObjectKey> = store
                        .files
                        .values()
                        .map(|&(lsns, _)| key(lsns.min(), lsns.max()))
                        .collect();
                    self.claiming.listed(&claims, &files);
                }
            },
            ClaimStep::Put(name) => {
                store.claims.insert(name.to_string());
                // Where the answer is lost the host puts it again.
                if random.below(4) > 0 {
                    self.claiming.put();
                }
            }
            ClaimStep::Delete(name) => {
                match random.below(4) {
                    0 => self.late_delete = Some(name.to_string()),
                    _ => drop(store.claims.remove(&name.to_string())),
                }
                self.claiming.deleted();
            }
            ClaimStep::Wait(_) => self.claiming.waited(),
            ClaimStep::Claimed(name) => {
                self.files_left = vec![key(name.lsns().min(), name.lsns().max())];
                self.state = State::Storing;
            }
            ClaimStep::Refused(_) => self.state = State::Refused,
        }
    }

    fn store(&mut self, store: &mut Store, random: &mut Random) {
        let Some(file) = self.files_left.last().cloned() else { return };
        let there = store
            .files
            .entry(file.as_str().to_owned())
            .or_insert((file.lsns().unwrap(), self.number));
        if there.1 != self.number {
            self.state = State::Refused;
        } else if random.below(4) > 0 {
            self.files_left.pop();
            self.state = State::Releasing;
        }
    }
}

#[test]
fn whatever_the_order_no_ranges_overlap_and_no_rows_are_lost_or_doubled() {
    let (mut stored, mut refused, mut died) = (0, 0, 0);
    for seed in 0..10_000 {
        let mut random = Random(seed);
        let count = 2 + random.below(7) as usize;
        let mut writers: Vec<Writer> = (0..count).map(|n| Writer::new(n, &mut random)).collect();
        let (mut store, mut dead) = (Store::default(), BTreeSet::new());
        let crashes = random.below(2) == 0;
        let mut steps = 0;
        while writers
            .iter()
            .any(|w| matches!(w.state, State::Claiming | State::Storing | State::Releasing))
        {
            let at = random.below(count as u64) as usize;
            writers[at].step(&mut store, &dead, &mut random);
            if crashes && random.below(40) == 0 && writers[at].state != State::Stored {
                writers[at].state = State::Dead;
                dead.insert(owner(at as u64 + 1)[..30].to_owned());
            }
            steps += 1;
            assert!(steps < 1_000_000, "seed {seed}: no end");
        }
        let ranges: Vec<LsnRange> = store.files.values().map(|&(lsns, _)| lsns).collect();
        for (i, a) in ranges.iter().enumerate() {
            let clear = ranges[i + 1..].iter().all(|b| !a.overlaps(*b));
            assert!(clear, "seed {seed}: {ranges:?}");
        }
        for writer in &writers {
            let of_writer = store.files.values().filter(|(_, number)| *number == writer.number);
            let rows: Vec<u64> = of_writer.map(|&(lsns, _)| lsns.max() - lsns.min() + 1).collect();
            match writer.state {
                State::Stored => assert_eq!(rows, [writer.rows], "seed {seed}"),
                State::Refused => assert_eq!(rows, [0; 0], "seed {seed}"),
                _ => assert!(rows.is_empty() || rows == [writer.rows], "seed {seed}"),
            }
            stored += u32::from(writer.state == State::Stored);
            refused += u32::from(writer.state == State::Refused);
            died += u32::from(writer.state == State::Dead);
        }
    }
    assert!(stored > 20_000 && refused > 2_000 && died > 2_000, "{stored} {refused} {died}");
}

#[test]
fn new_keys_are_not_those_that_lie_there() {
    for (wanted, is_ours) in
        [(Wanted::Keys(vec![key(0, 9)]), true), (Wanted::New(vec![key(0, 9)]), false)]
    {
        let mut claiming = claiming(wanted, 1);
        let ClaimStep::Put(own) = claiming.poll().clone() else { panic!("{claiming:?}") };
        claiming.put();
        let own = SeenClaim { name: own, is_dead: false };
        claiming.listed(&[own], &[key(0, 9)]);
        assert_eq!(matches!(claiming.poll(), ClaimStep::Claimed(_)), is_ours, "{claiming:?}");
    }
}
