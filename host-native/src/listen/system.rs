//! What the operating system gives a listener: files, of which each connection is one, and buffers.

use tokio::net::TcpStream;

/// What the system keeps of answers that a client has not read. Systems give up to some megabytes
/// otherwise, and a client that never reads would have that many answers made for it.
#[cfg(unix)]
const SEND_BUFFER_BYTES: usize = 128 << 10;

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

/// Bounds what the system keeps of unread answers.
#[cfg(unix)]
pub(super) fn bound_send_buffer(stream: &TcpStream) {
    // Where it cannot be set, the connection works all the same.
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER_BYTES);
}

/// The buffer is as the system has it.
#[cfg(not(unix))]
pub(super) fn bound_send_buffer(_: &TcpStream) {}
