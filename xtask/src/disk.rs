//! Whether the disk has room for what the tests install and build.

use std::path::Path;
use std::process::Command;

use crate::project::{Project, output_of};

/// What a first run writes (8 GiB, measured), and half as much again.
const FIRST_RUN_GIB: u64 = 12;
/// What a run needs whose target folder holds the builds of one before.
const LATER_RUN_GIB: u64 = 3;

/// An error if the disk of the target folder has too little room. A full disk makes compilers and
/// browsers fail in ways that do not say so.
pub fn check(project: &Project) -> Result<(), String> {
    let needed = needed_gib(&project.target);
    // The run goes on if `df` is missing or prints something else.
    match free_gib(&project.target) {
        Some(free) if free < needed => Err(format!(
            "{free} GiB are free on the disk of {}, and this run needs {needed} GiB. Free some: \
             `cargo clean` removes old builds; or choose a folder on another disk: \
             CARGO_TARGET_DIR=/other/disk cargo xtask test",
            project.target.display()
        )),
        _ => Ok(()),
    }
}

/// How much a run needs. Cargo has built xtask itself into this folder before, but the command is
/// built only by the tests.
fn needed_gib(target: &Path) -> u64 {
    match target.join("debug/coldpress").is_file() {
        true => LATER_RUN_GIB,
        false => FIRST_RUN_GIB,
    }
}

fn free_gib(folder: &Path) -> Option<u64> {
    free_in(&output_of(Command::new("df").arg("-Pk").arg(folder))?)
}

/// The column "Available" of `df -Pk`, as POSIX has it.
fn free_in(printed: &str) -> Option<u64> {
    let kib: u64 = printed.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kib >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_has_only_xtask_is_that_of_a_first_run() {
        let name = format!("xtask-disk-{}", std::process::id());
        let target = std::env::temp_dir().join(name);
        std::fs::create_dir_all(target.join("debug/deps")).unwrap();
        assert_eq!(needed_gib(&target), FIRST_RUN_GIB);
        std::fs::write(target.join("debug/coldpress"), "").unwrap();
        assert_eq!(needed_gib(&target), LATER_RUN_GIB);
        std::fs::remove_dir_all(&target).unwrap();
    }

    #[test]
    fn the_free_space_is_the_fourth_column() {
        let printed = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                       /dev/vda         264212084 84987936   8997260      91% /\n";
        assert_eq!(free_in(printed), Some(8));
        assert_eq!(free_in("df: no such folder\n"), None);
        assert!(free_gib(Path::new("/")).is_some());
    }
}
