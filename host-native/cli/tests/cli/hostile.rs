//! Hostile files: each command ends by itself, in little memory, and says in one line what is
//! wrong.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::harness::{Place, Ran};

/// Limits of the child, so that what takes more fails here and not on the machine: 256 MiB of data,
/// and 20 seconds of its processor, which none of these needs one of.
const LIMITED: &str = "ulimit -d 262144; ulimit -t 20; exec \"$0\" \"$@\"";

fn run(place: &Place, arguments: &[&str]) -> Ran {
    let command = place.command(arguments);
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(LIMITED).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    Ran::new(limited.output().unwrap())
}

#[test]
fn every_hostile_file_is_refused_in_one_line_and_little_memory() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/hostile");
    let (mut seen, mut spared) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let key = match name.starts_with("rowbomb") {
            true => "0/s/lsn-0-1.parquet",
            false => "0/s/lsn-0-399.parquet",
        };
        let place = Place::new();
        fs::create_dir_all(place.path("coldpress-data/0/s")).unwrap();
        fs::copy(&path, place.path(&format!("coldpress-data/{key}"))).unwrap();
        for command in ["inspect", "cat", "verify"] {
            let ran = run(&place, &[command, key]);
            let what = format!("{command} {name}: {ran:?}");
            if command == "cat" && ran.code == Some(0) {
                // What is damaged is not needed for the rows, so it is not read.
                spared += 1;
                continue;
            }
            assert_eq!(ran.code, Some(1), "{what}");
            assert_eq!(ran.stderr.lines().count(), 1, "{what}");
            assert!(!ran.stderr.contains("panicked"), "{what}");
        }
        seen += 1;
    }
    assert!(seen >= 11, "only {seen} files are in tests/cases/hostile");
    assert!(spared <= 4, "{spared} files are printed");
}

#[test]
fn a_hostile_file_does_not_hide_the_files_beside_it() {
    let place = Place::new();
    let whole = place.put("{\"a\":1}", &["--lsn", "400..400"]);
    let bytes = include_bytes!("../../../../tests/cases/hostile/multibomb1.parquet");
    fs::create_dir_all(place.path("coldpress-data/0/s")).unwrap();
    fs::write(place.path("coldpress-data/0/s/lsn-0-399.parquet"), bytes).unwrap();
    let ran = run(&place, &["verify"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("lsn-0-399") && ran.stderr.contains("of 2 files, 1"), "{ran:?}");
    place.ok(&["verify", &whole]);
}
