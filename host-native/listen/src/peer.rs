//! What a handler may tell the connection of its request.

use std::sync::Arc;

use super::watch::Watch;

/// The connection of a request. It is one of the request's extensions.
#[derive(Debug, Clone)]
pub struct Peer(Arc<Watch>);

impl Peer {
    pub(super) fn new(watch: Arc<Watch>) -> Self {
        Peer(watch)
    }

    /// Marks the client as authenticated: connections of strangers are closed before this one.
    pub fn trust(&self) {
        self.0.trust();
    }
}
