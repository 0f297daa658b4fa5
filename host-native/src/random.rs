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

/// A UUID of version 4 in its text form (RFC 9562, section 5.4).
pub(crate) fn random_uuid() -> String {
    let digits = random_name();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let (low, mid, high) = (part(0, 8), part(8, 12), part(13, 16));
    format!("{low}-{mid}-4{high}-8{}-{}", part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_uuid_has_the_form_of_version_4() {
        let uuid = random_uuid();
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!((&uuid[14..15], &uuid[19..20]), ("4", "8"), "{uuid}");
        assert_ne!(random_uuid(), uuid);
    }

    #[test]
    fn names_do_not_repeat() {
        let names: HashSet<String> = (0..1_000).map(|_| random_name()).collect();
        assert_eq!(names.len(), 1_000);
        assert!(names.iter().all(|name| name.len() == 32));
    }
}
