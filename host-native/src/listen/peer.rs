//! What a handler may say of the connection that its request came on.

use std::sync::Arc;

use super::watch::Watch;

/// The connection of a request, among the request's extensions.
#[derive(Debug, Clone)]
pub struct Peer(Arc<Watch>);

impl Peer {
    pub(super) fn new(watch: Arc<Watch>) -> Self {
        Peer(watch)
    }

    /// Says that the client has shown who it is: strangers' connections are closed before its own.
    pub fn trust(&self) {
        self.0.trust();
    }
}
