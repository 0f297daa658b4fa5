//! Logs archived through ten thousand bad days: a fake clock, a store that fails, machines that
//! crash between any two steps and begin again from the listing, two archivers of one folder,
//! segments that come, go missing or were there with other content, clocks that are set, files that
//! are touched, a database that marks its segments late.
//!
//! Whatever happens: what was said to be archived is there and right. The store never has a hole
//! that the archiver made. Nothing is overwritten. Nothing is deleted here that was not read back,
//! or that stands behind a hole. In the end the log comes back exactly.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

#[path = "wal_sim/judge.rs"]
mod judge;
#[path = "wal_sim/meddle.rs"]
mod meddle;
#[path = "wal_sim/perform.rs"]
mod perform;
#[path = "wal_sim/places.rs"]
mod places;
#[path = "upload_sim/random.rs"]
mod random;
#[path = "wal_sim/world.rs"]
mod world;

use std::collections::BTreeMap;

use world::World;

const SEEDS: u64 = 10_000;

#[test]
fn ten_thousand_bad_days() {
    let first: u64 = std::env::var("COLDPRESS_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + SEEDS {
        for (what, count) in World::new(seed).run() {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:#?}");
    // Trouble of every kind was met, or the simulation has lost its teeth.
    for (what, least) in [
        ("segments archived", 50_000),
        ("segments deleted", 10_000),
        ("segments marked", 10_000),
        ("crashes", 5_000),
        ("requests that arrived after a crash", 500),
        ("answers lost", 5_000),
        ("restarts", 5_000),
        ("ended Conflict", 200),
        ("ended Corrupt", 100),
        ("ended Missing", 200),
        ("ended Unavailable", 500),
        ("shutdowns", 500),
        ("vanished while read", 50),
        ("waited for their turn", 10_000),
        ("time stamps that lie", 1_000),
        ("files touched", 1_000),
        ("segments marked late", 500),
        ("old files under names to come", 500),
        ("looks at a log that is held up", 1_000),
    ] {
        let count = seen.get(what).copied().unwrap_or(0);
        assert!(count >= least, "only {count} of {what}: {seen:#?}");
    }
}

#[test]
fn a_seed_repeats_itself() {
    for seed in 0..50 {
        assert_eq!(World::new(seed).run(), World::new(seed).run());
    }
}
