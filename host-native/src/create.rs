//! How an object comes to be at a free key, whatever sends it: one put, or the completion of its
//! parts.

use std::time::Duration;

use async_trait::async_trait;
use coldpress_core::Next;

use crate::backoff::Tries;
use crate::{Error, ErrorKind, PutOutcome, Result};

/// What became of one create-only request.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The object is there.
    Created,
    /// It is not, or nobody knows: what the table says next, and the error where that comes to
    /// nothing.
    Not(Next, Error),
}

/// One object that is to be created.
#[async_trait]
pub(crate) trait Creating: Sync {
    /// Sends the one request that creates it, with retries of what passes.
    async fn send(&self) -> Result<Sent>;

    /// Compares what lies at the key: `None` where nothing does, `Conflict` where other content
    /// does.
    async fn look(&self) -> Result<Option<PutOutcome>>;
}

/// Sends until the object is there, or cannot be. It is tried again for as long as `patience`.
pub(crate) async fn create_only(creating: &dyn Creating, patience: Duration) -> Result<PutOutcome> {
    let mut waits = Tries::new(patience);
    loop {
        let (next, error) = match creating.send().await? {
            Sent::Created => return Ok(PutOutcome::Created),
            Sent::Not(next, error) => (next, error),
        };
        let looks = match next {
            Next::LookThenRetry | Next::LookThenBeginAnew | Next::SendPartsAnew => true,
            // The last try got no answer, or one that says nothing of its effect.
            Next::Retry => error.kind() == ErrorKind::Unavailable,
            _ => false,
        };
        if !looks {
            return Err(error);
        }
        match creating.look().await {
            Ok(Some(outcome)) => return Ok(outcome),
            Err(conflict) if conflict.kind() == ErrorKind::Conflict => return Err(conflict),
            // Another put of this key is under way, or its object was deleted just now.
            Ok(None) if next == Next::LookThenRetry && waits.again().await => {}
            // Whether the key is free is not known: that is what to tell.
            Err(unseen) if next == Next::LookThenRetry => return Err(unseen),
            Ok(None) | Err(_) => return Err(error),
        }
    }
}
