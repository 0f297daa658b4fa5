//! Uploads through ten thousand bad days: a fake clock, and a network, a store and a granting
//! server that fail on purpose. Each day ends in the right object, stored once, or in an error that
//! says what it is, with nothing left behind; and none lasts for ever.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

#[path = "upload_sim/answer.rs"]
mod answer;
#[path = "upload_sim/plan.rs"]
mod plan;
#[path = "upload_sim/random.rs"]
mod random;
#[path = "upload_sim/store.rs"]
mod store;
#[path = "upload_sim/world.rs"]
mod world;

use std::collections::BTreeMap;

use world::World;

const SEEDS: u64 = 10_000;

#[test]
fn ten_thousand_bad_days() {
    let first: u64 = std::env::var("COLDPRESS_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut endings: BTreeMap<String, u32> = BTreeMap::new();
    let (mut steps_most, mut longest_ms) = (0, 0);
    for seed in first..first + SEEDS {
        let ended = World::new(seed).run();
        let name = match &ended.outcome {
            Ok(uploaded) if uploaded.created => "created".to_owned(),
            Ok(_) => "already there".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        *endings.entry(name).or_default() += 1;
        *endings.entry("left open, and said so".to_owned()).or_default() +=
            u32::from(ended.left_open);
        steps_most = steps_most.max(ended.steps);
        longest_ms = longest_ms.max(ended.duration_ms);
    }
    println!("{endings:#?}; at most {steps_most} steps and {longest_ms} ms of its own time");
    // A day of every kind was among them, or the simulation has lost its teeth.
    for (ending, least) in [
        ("created", 3_000),
        ("already there", 300),
        ("Conflict", 300),
        ("Unavailable", 300),
        ("Expired", 100),
        ("Denied", 100),
        ("Aborted", 100),
        ("Corrupt", 3),
        ("Cors", 50),
        ("Settings", 10),
        ("left open, and said so", 10),
    ] {
        let seen = endings.get(ending).copied().unwrap_or(0);
        assert!(seen >= least, "only {seen} of {ending}: {endings:#?}");
    }
}

#[test]
fn a_seed_repeats_itself() {
    for seed in 0..50 {
        let [a, b] = [World::new(seed).run(), World::new(seed).run()];
        assert_eq!((a.steps, a.duration_ms), (b.steps, b.duration_ms));
        assert_eq!(format!("{:?}", a.outcome), format!("{:?}", b.outcome));
    }
}
