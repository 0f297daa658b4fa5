//! Names that say which process made something, and whether that process still runs.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::random::random_name;

/// A unique name of 32 hex digits: 16 for the machine, 8 for the number of this process, and 8
/// random ones.
pub(crate) fn process_name() -> String {
    let random = random_name();
    let (place, last) = (here().unwrap_or(&random[..16]), &random[24..]);
    format!("{place}{:08x}{last}", std::process::id())
}

/// A [`process_name`] of this machine that belongs to no process: no process has the number 0.
pub(crate) fn nobody() -> String {
    let random = random_name();
    format!("{}{:08x}{}", here().unwrap_or(&random[..16]), 0, &random[24..])
}

/// Whether the process of this [`process_name`] still runs; `None` if this machine cannot tell.
pub(crate) fn runs(name: &str) -> Option<bool> {
    let rest = name.strip_prefix(here()?)?;
    let id = u32::from_str_radix(rest.get(..8)?, 16).ok()?;
    Some(Path::new("/proc").join(id.to_string()).exists())
}

/// 16 hex digits that identify this machine since its last boot, and the process namespace;
/// `None` if the system does not tell them.
fn here() -> Option<&'static str> {
    static HERE: OnceLock<Option<String>> = OnceLock::new();
    let look = || {
        let boot = fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        // Each container of a machine numbers its processes separately.
        let processes = fs::read_link("/proc/self/ns/pid").ok()?;
        let mut hash = Sha256::new();
        hash.update(boot);
        hash.update(processes.as_os_str().as_encoded_bytes());
        let first = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Some(first)
    };
    HERE.get_or_init(look).as_deref()
}
