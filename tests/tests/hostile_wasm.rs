//! Issue 9, "Found by attack": hostile files and mutants, read by the core as WebAssembly under 512 MB.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::process::Command;

use coldpress_tests::mutants::Seeds;
use coldpress_tests::tools;

/// Mutants in one run of Node.
const BATCH: u64 = 5_000;

#[test]
fn no_hostile_file_and_no_mutant_stops_an_instance() {
    let hostile = fs::read_dir(tools::root().join("tests/cases/hostile")).unwrap();
    let hostile: Vec<Vec<u8>> =
        hostile.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    let count = hostile.len() as u64;
    let endings = read_in_node(&hostile, "a hostile file");
    assert_eq!((endings[0] + endings[1], endings[2]), (count, 0), "one is whole: {endings:?}");

    let seeds = Seeds::load(&tools::root().join("tests/golden")).unwrap();
    let mut all = [0; 3];
    for from in (0..mutants()).step_by(BATCH as usize) {
        let numbers = from..mutants().min(from + BATCH);
        let batch: Vec<Vec<u8>> = numbers.map(|number| seeds.mutant(number)).collect();
        let endings = read_in_node(&batch, &format!("mutants from {from} on"));
        all.iter_mut().zip(endings).for_each(|(all, ending)| *all += ending);
    }
    println!("closed, damaged, whole: {all:?}");
    assert_eq!(all.iter().sum::<u64>(), mutants());
    assert!(all.iter().all(|ending| ending * 50 > mutants()), "{all:?}");
}

/// How many do not open, are damaged, are whole.
fn read_in_node(files: &[Vec<u8>], what: &str) -> [u64; 3] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("files");
    let joined: Vec<u8> = files
        .iter()
        .flat_map(|file| [&(file.len() as u32).to_le_bytes()[..], file].concat())
        .collect();
    fs::write(&path, joined).unwrap();
    let mut node = Command::new("node");
    node.arg(tools::root().join("tests/interop/wasm_read.mjs"));
    node.arg(tools::wasm().unwrap()).arg(&path);
    let ran = tools::run(&mut node).unwrap_or_else(|problem| panic!("{what}: {problem}"));
    let text = String::from_utf8(ran.stdout).unwrap();
    let numbers: Vec<u64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    *numbers.first_chunk().expect("three counts")
}

fn mutants() -> u64 {
    std::env::var("COLDPRESS_MUTANTS").map_or(2_000, |count| count.parse().unwrap())
}
