//! What the operating system gives a listener: file handles, one for each connection, and buffers.

use tokio::net::TcpStream;

/// The size of a socket's send buffer. By default it is up to some megabytes, so answers of that
/// size would be made for a client that never reads.
#[cfg(unix)]
const SEND_BUFFER_BYTES: usize = 128 << 10;

/// The most files that this process may have open, if that is known.
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

/// Limits the socket's send buffer.
#[cfg(unix)]
pub(super) fn bound_send_buffer(stream: &TcpStream) {
    // If this fails, the connection works all the same.
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER_BYTES);
}

/// The buffer keeps the system's size.
#[cfg(not(unix))]
pub(super) fn bound_send_buffer(_: &TcpStream) {}
