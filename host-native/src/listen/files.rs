//! How many files a process may have open: each connection is one.

/// The most files that this process may have open now; none where that is not known.
#[cfg(unix)]
pub(super) fn open_files_max() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok())
}

/// Windows has no such limit.
#[cfg(not(unix))]
pub(super) fn open_files_max() -> Option<usize> {
    None
}
