//! Issue 9, "Found by attack": no file makes a reader abort, spin, or take memory without bound.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail
#![allow(unsafe_code)] // an allocator cannot be written without

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use coldpress_tests::mutants::Seeds;
use coldpress_tests::mutants::judge::{Ending, read_all};
use coldpress_tests::tools;

/// All that this process may hold: beyond it there is no memory, and what cannot bear that aborts.
const MEMORY_MAX: usize = 512 << 20;
/// What one of the small hostile files may take.
const HOSTILE_MAX: usize = 256 << 20;

/// Counts what is held, and the most that was.
struct Limited;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// All that was ever asked for: work that gives no output still asks for memory.
static ASKED: AtomicUsize = AtomicUsize::new(0);

impl Limited {
    fn take(bytes: usize) -> bool {
        let held = HELD.fetch_add(bytes, Ordering::SeqCst) + bytes;
        ASKED.fetch_add(bytes, Ordering::SeqCst);
        if held > MEMORY_MAX {
            HELD.fetch_sub(bytes, Ordering::SeqCst);
            return false;
        }
        PEAK.fetch_max(held, Ordering::SeqCst);
        true
    }
}

// SAFETY: every call goes to the system's allocator, but for those that are refused with null.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !Limited::take(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's own promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: the caller's own promise.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// One test at a time, as they all are measured.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn every_hostile_file_is_refused_in_little_memory() {
    let _turn = turn();
    let folder = tools::root().join("tests/cases/hostile");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let (before, asked) = (HELD.load(Ordering::SeqCst), ASKED.load(Ordering::SeqCst));
        PEAK.store(before, Ordering::SeqCst);
        let ending = read_all(&bytes).unwrap_or_else(|what| panic!("{}: {what}", path.display()));
        let peak = PEAK.load(Ordering::SeqCst) - before;
        let asked = ASKED.load(Ordering::SeqCst) - asked;
        assert_ne!(ending, Ending::Whole, "{}", path.display());
        assert!(peak < HOSTILE_MAX, "{} took {peak} bytes", path.display());
        assert!(asked < 4 * HOSTILE_MAX, "{} asked for {asked} bytes", path.display());
        seen += 1;
    }
    assert!(seen >= 11, "only {seen} files are in tests/cases/hostile");
}

#[test]
fn seeds_are_whole_and_laid_out_again_byte_for_byte() {
    let _turn = turn();
    let seeds = seeds();
    for number in 0..seeds.count() {
        assert_eq!(read_all(&seeds.whole(number)), Ok(Ending::Whole), "{number}");
    }
}

#[test]
fn what_stands_behind_the_last_value_of_a_page_is_damage() {
    let _turn = turn();
    let seeds = seeds();
    let padded: Vec<_> = (0..seeds.count()).flat_map(|number| seeds.padded(number)).collect();
    assert!(padded.len() > 100, "{}", padded.len());
    for bytes in padded {
        assert_eq!(read_all(&bytes), Ok(Ending::Damaged));
    }
}

/// `COLDPRESS_MUTANTS` says how many; `cargo xtask test` makes 100,000, which takes some minutes.
#[test]
fn no_mutant_with_repaired_checksums_does_harm() {
    let _turn = turn();
    let seeds = seeds();
    let mut endings = BTreeMap::new();
    for number in 0..mutants() {
        let bytes = seeds.mutant(number);
        let ending = catch_unwind(AssertUnwindSafe(|| read_all(&bytes)));
        let ending = match ending {
            Ok(Ok(ending)) => ending,
            Ok(Err(what)) => panic!("{what}\n{}", kept(number, &bytes)),
            Err(_) => panic!("a panic got out\n{}", kept(number, &bytes)),
        };
        *endings.entry(ending).or_insert(0_u64) += 1;
    }
    println!("{endings:?}, at most {} bytes held", PEAK.load(Ordering::SeqCst));
    // Mutants reach every stage: not all die at the door.
    for ending in [Ending::Closed, Ending::Damaged, Ending::Whole] {
        let count = endings.get(&ending).copied().unwrap_or(0);
        assert!(count * 50 > mutants(), "{ending:?}: {count} of {endings:?}");
    }
}

fn seeds() -> Seeds {
    Seeds::load(&tools::root().join("tests/golden")).unwrap()
}

fn mutants() -> u64 {
    std::env::var("COLDPRESS_MUTANTS").map_or(2_000, |count| count.parse().unwrap())
}

/// Keeps a mutant for whoever looks into it; where it lies.
fn kept(number: u64, bytes: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("coldpress-mutant-{number}.parquet"));
    fs::write(&path, bytes).unwrap();
    format!("mutant {number}, kept as {}", path.display())
}
