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
    let needed = match project.target.join("debug/deps").is_dir() {
        true => LATER_RUN_GIB,
        false => FIRST_RUN_GIB,
    };
    // Where `df` is missing or says something else, the run goes on.
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
    fn the_free_space_is_the_fourth_column() {
        let printed = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                       /dev/vda         264212084 84987936   8997260      91% /\n";
        assert_eq!(free_in(printed), Some(8));
        assert_eq!(free_in("df: no such folder\n"), None);
        assert!(free_gib(Path::new("/")).is_some());
    }
}
