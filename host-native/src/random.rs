//! Names that no two processes choose alike.

use std::hash::{BuildHasher, RandomState};

/// A name of 32 hexadecimal digits.
pub(crate) fn random_name() -> String {
    // The standard library seeds `RandomState` from the operating system and steps it for each
    // value; with process and time hashed in, a name is not met twice.
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
