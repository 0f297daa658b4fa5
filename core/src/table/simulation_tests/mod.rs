//! Bad days of one table: writers, compactors, an eraser, a vacuum and readers work on it at the
//! same time, answers are lost, actors die between any two operations, and the clock jumps by days.
//! The machines are the real ones; in most days a file is only the set of its rows.
//!
//! `COLDPRESS_BAD_DAYS` says how many days there are, and `COLDPRESS_BAD_DAY` runs the one with
//! this number alone, and prints what happened.

mod cleaner;
mod compactor;
mod content;
mod eraser;
mod judge;
mod log;
mod reader;
mod rewriting;
mod store;
mod world;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};

use cleaner::Cleaner;
use compactor::Compactor;
use content::place;
use eraser::Eraser;
use judge::{Outcome, check};
use reader::Reader;
use store::{CLAIMS, LOG};
use world::{DAY_MS, World};
use writer::Writer;

use super::TableReader;

/// Operations of a day.
const STEPS: u64 = 1_000;
/// So many operations end each round of one actor that is alone.
const STEPS_ALONE: u64 = 20_000;

#[derive(Debug)]
enum Actor {
    Writer(Writer),
    Compactor(Compactor),
    Eraser(Eraser),
    Cleaner(Cleaner),
    Reader(Reader),
}

impl Actor {
    fn all() -> [Actor; 9] {
        [
            Actor::Writer(Writer::default()),
            Actor::Writer(Writer::default()),
            Actor::Writer(Writer::default()),
            Actor::Compactor(Compactor::default()),
            Actor::Compactor(Compactor::default()),
            Actor::Eraser(Eraser::default()),
            Actor::Cleaner(Cleaner::default()),
            Actor::Reader(Reader::default()),
            Actor::Reader(Reader::default()),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Actor::Writer(_) => "writer",
            Actor::Compactor(_) => "compactor",
            Actor::Eraser(_) => "eraser",
            Actor::Cleaner(_) => "vacuum",
            Actor::Reader(_) => "reader",
        }
    }

    fn step(&mut self, world: &mut World) -> Outcome<bool> {
        world.actor = self.name();
        match self {
            Actor::Writer(it) => it.step(world),
            Actor::Compactor(it) => it.step(world),
            Actor::Eraser(it) => it.step(world),
            Actor::Cleaner(it) => it.step(world),
            Actor::Reader(it) => it.step(world),
        }
    }

    /// It dies, and a new one knows only the store.
    fn die(&mut self, world: &mut World) {
        world.actor = self.name();
        world.say(|| "dies".to_owned());
        *self = match self {
            Actor::Writer(_) => Actor::Writer(Writer::default()),
            Actor::Compactor(_) => Actor::Compactor(Compactor::default()),
            Actor::Eraser(_) => Actor::Eraser(Eraser::default()),
            Actor::Cleaner(_) => Actor::Cleaner(Cleaner::default()),
            Actor::Reader(_) => Actor::Reader(Reader::default()),
        };
    }
}

fn day(world: &mut World) -> Outcome<()> {
    let mut actors = Actor::all();
    let mut left = STEPS;
    while left > 0 {
        let at = world.below(actors.len() as u64) as usize;
        // Often one actor does some operations before the next one comes.
        let most = 1 << (1 + world.below(4));
        let turns = 1 + world.below(most);
        for _ in 0..turns.min(left) {
            left -= 1;
            world.tick();
            let crashes = world.crashes;
            match world.chance(crashes) {
                true => actors[at].die(world),
                false => drop(actors[at].step(world)?),
            }
        }
    }
    Ok(())
}

/// All is calm: what was begun is ended, and what nobody needs is gone.
fn evening(world: &mut World) -> Outcome<()> {
    (world.lost, world.crashes) = (0, 0);
    alone(world, Actor::Writer(Writer::default()))?;
    world.now_ms += DAY_MS;
    while !world.wishes.is_empty() {
        alone(world, Actor::Eraser(Eraser::default()))?;
    }
    for _ in 0..8 {
        world.now_ms += 40 * DAY_MS;
        alone(world, Actor::Cleaner(Cleaner::default()))?;
    }
    alone(world, Actor::Reader(Reader::default()))?;
    let (judge, store) = (&world.judge, &world.store);
    let Some(newest) = judge.newest() else { return Ok(()) };
    let there = store.files().map(|(path, _)| path);
    check(there.eq(newest.files.iter().map(String::as_str)), || {
        let there: Vec<&str> = store.files().map(|(path, _)| path).collect();
        format!("{there:?} is left of the files {:?}", newest.files)
    })?;
    check(store.list(CLAIMS, "").is_empty(), || "claims are left".to_owned())?;
    let mut reader = TableReader::new(place());
    while !log::read_step(world, &mut reader).map_err(|error| error.to_string())? {}
    let table = reader.table().ok_or("the table is gone")?;
    check(table.version() == Some(world.judge.versions.len() as u64 - 1), || {
        format!("{:?} is not the newest version", table.version())
    })?;
    world.judge.same_table(&table, &world.store)?;
    check(world.store.list(LOG, "").len() < 20, || "the log stays long".to_owned())
}

fn alone(world: &mut World, mut actor: Actor) -> Outcome<()> {
    for _ in 0..STEPS_ALONE {
        if actor.step(world)? {
            return Ok(());
        }
    }
    Err(format!("the {} does not come to an end", actor.name()))
}

/// What the days saw, so that a simulation in which nothing happens fails.
#[derive(Debug, Default)]
struct Seen {
    versions: u64,
    rows_erased: u64,
    generations: u64,
    strays: u64,
}

/// Runs one day; a day that goes wrong is run again, and printed.
fn run(number: u64, is_real: bool, seen: &mut Seen) {
    let is_shown = std::env::var_os("COLDPRESS_BAD_DAY").is_some();
    for is_traced in [is_shown, true] {
        let mut world = World::new(number, is_real, is_traced);
        let ended = day(&mut world).and_then(|()| evening(&mut world));
        for line in world.trace.iter().flatten() {
            println!("{line}");
        }
        match ended {
            Ok(()) => {
                seen.versions += world.judge.versions.len() as u64;
                seen.rows_erased += world.judge.erased.len() as u64;
                let paths = world.judge.contents.keys();
                let generations = paths.filter_map(|path| content::key(path).generation());
                seen.generations = seen.generations.max(generations.max().unwrap_or(0).into());
                seen.strays += world.judge.strays;
                return;
            }
            Err(violation) if is_traced => panic!(
                "{violation} (COLDPRESS_BAD_DAY={number}, real files: {is_real}, at {} ms)",
                world.now_ms
            ),
            Err(_) => {}
        }
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number of days"))
}

fn days() -> u64 {
    variable("COLDPRESS_BAD_DAYS").unwrap_or(100)
}

/// Runs so many days, on all cores; or the one that is asked for.
fn run_all(days: u64, is_real: bool) -> Seen {
    let mut all = Seen::default();
    if let Some(day) = variable("COLDPRESS_BAD_DAY") {
        run(day, is_real, &mut all);
        return all;
    }
    let next = AtomicU64::new(0);
    let work = || {
        let mut seen = Seen::default();
        loop {
            match next.fetch_add(1, Ordering::Relaxed) {
                day if day < days => run(day, is_real, &mut seen),
                _ => return seen,
            }
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let seen = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all.versions += seen.versions;
            all.rows_erased += seen.rows_erased;
            all.generations = all.generations.max(seen.generations);
            all.strays += seen.strays;
        }
    });
    all
}

#[test]
fn nothing_is_lost_on_a_bad_day() {
    let seen = run_all(days(), false);
    println!("{seen:?}");
    if days() >= 100 {
        assert!(seen.versions > 10 * days() && seen.rows_erased > days(), "{seen:?}");
        assert!(seen.generations > 3, "{seen:?}");
    }
}

/// The model of a file is no liar.
#[test]
fn nothing_is_lost_on_a_bad_day_with_real_files() {
    let seen = run_all((days() / 200).clamp(3, 50), true);
    println!("{seen:?}");
    if variable("COLDPRESS_BAD_DAY").is_none() {
        assert!(seen.versions > 30 && seen.rows_erased > 3, "{seen:?}");
    }
}
