//! Unique names, and seeds of random numbers.

use std::hash::{BuildHasher, RandomState};

/// A seed for a generator of random pauses. Each call gives another one.
pub(crate) fn seed() -> u64 {
    RandomState::new().hash_one(std::time::SystemTime::now())
}

/// A name of 32 hexadecimal digits.
pub(crate) fn random_name() -> String {
    // The standard library seeds `RandomState` from the operating system and changes it for each
    // value. Process and time are hashed in too, so names do not repeat.
    let now = std::time::SystemTime::now();
    let half = || RandomState::new().hash_one((std::process::id(), now));
    format!("{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_do_not_repeat() {
        let names: HashSet<String> = (0..1_000).map(|_| random_name()).collect();
        assert_eq!(names.len(), 1_000);
        assert!(names.iter().all(|name| name.len() == 32));
    }
}
