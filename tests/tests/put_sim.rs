//! Puts with the host's own credentials through ten thousand bad days: a fake clock, a host whose
//! body grows, and a network and a store that fail on purpose. Each day ends in the right object,
//! stored once, or in a fault that says what it is, with nothing left behind unsaid.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

#[path = "upload_sim/answer.rs"]
mod answer;
#[path = "put_sim/plan.rs"]
mod plan;
#[path = "upload_sim/random.rs"]
mod random;
#[path = "put_sim/store.rs"]
mod store;
#[path = "put_sim/world.rs"]
mod world;

use std::collections::BTreeMap;

use coldpress_core::PutFault;
use world::{Ended, World};

const SEEDS: u64 = 10_000;

/// A number from the environment: `COLDPRESS_SEED` is the first seed, and `COLDPRESS_SEEDS` how
/// many there are.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |number| number.parse().unwrap())
}

#[test]
fn ten_thousand_bad_days() {
    let (first, count) = (number("COLDPRESS_SEED", 0), number("COLDPRESS_SEEDS", SEEDS));
    let mut endings: BTreeMap<String, u32> = BTreeMap::new();
    let (mut steps_most, mut longest_ms) = (0, 0);
    for seed in first..first + count {
        let ended = World::new(seed).run();
        for name in names(&ended) {
            *endings.entry(name).or_default() += 1;
        }
        steps_most = steps_most.max(ended.steps);
        longest_ms = longest_ms.max(ended.duration_ms);
    }
    println!("{endings:#?}; at most {steps_most} steps and {longest_ms} ms of its own time");
    if count < SEEDS {
        return;
    }
    // A day of every kind was among them, or the simulation has lost its teeth.
    for (ending, least) in LEAST {
        let seen = endings.get(*ending).copied().unwrap_or(0);
        assert!(seen >= *least, "only {seen} of {ending}: {endings:#?}");
    }
}

/// How often an ending comes, at least.
const LEAST: &[(&str, u32)] = &[
    ("created", 3_000),
    ("already there", 400),
    ("Conflict", 400),
    ("Answered Busy", 150),
    ("Answered Contended", 2),
    ("Answered Damaged", 10),
    ("Answered Denied", 70),
    ("Answered NoUpload", 70),
    ("Answered NothingSaid", 20),
    ("Answered PartsLost", 80),
    ("Unanswered", 800),
    ("TakenByNobody", 10),
    ("TakenAndGone", 3),
    ("NoEtag", 100),
    ("NoUploadId", 50),
    ("TooSlow", 100),
    ("Aborted", 150),
    ("Host", 250),
    ("left open, and said so", 100),
    ("may have a double", 500),
    ("gave way to another writer", 100),
    ("looked first", 1_000),
];

fn names(ended: &Ended) -> Vec<String> {
    let outcome = match &ended.outcome {
        Ok(true) => "created".to_owned(),
        Ok(false) => "already there".to_owned(),
        Err(PutFault::Answered { verdict, .. }) => format!("Answered {:?}", verdict.meaning),
        Err(fault) => {
            let debug = format!("{fault:?}");
            debug.split([' ', '(']).next().unwrap_or_default().to_owned()
        }
    };
    let marks = [
        (ended.left_open, "left open, and said so"),
        (ended.may_have_double, "may have a double"),
        (ended.gave_way, "gave way to another writer"),
        (ended.looked_first, "looked first"),
    ];
    let marks = marks.iter().filter(|(seen, _)| *seen).map(|(_, name)| (*name).to_owned());
    std::iter::once(outcome).chain(marks).collect()
}

#[test]
fn a_seed_repeats_itself() {
    for seed in 0..50 {
        let [a, b] = [World::new(seed).run(), World::new(seed).run()];
        assert_eq!((a.steps, a.duration_ms), (b.steps, b.duration_ms));
        assert_eq!(format!("{:?}", a.outcome), format!("{:?}", b.outcome));
    }
}
