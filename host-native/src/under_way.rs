//! The running actions of a machine of the core, side by side.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::{AbortHandle, Aborted, abortable};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::time::Clock;

type Work<'a, E> = Pin<Box<dyn Future<Output = Result<(u64, E), Aborted>> + Send + 'a>>;

/// Running work, by the ids that the machine gave it. All of it is aborted when dropped.
pub(crate) struct UnderWay<'a, E> {
    works: FuturesUnordered<Work<'a, E>>,
    handles: HashMap<u64, AbortHandle>,
}

impl<'a, E: 'a> UnderWay<'a, E> {
    pub(crate) fn new() -> Self {
        UnderWay { works: FuturesUnordered::new(), handles: HashMap::new() }
    }

    pub(crate) fn start(&mut self, id: u64, work: impl Future<Output = E> + Send + 'a) {
        let (work, handle) = abortable(async move { (id, work.await) });
        self.handles.insert(id, handle);
        self.works.push(Box::pin(work));
    }

    /// Aborts this work if it still runs.
    pub(crate) fn cancel(&mut self, id: u64) {
        if let Some(handle) = self.handles.remove(&id) {
            handle.abort();
        }
    }

    /// Waits for the next work that ends; its id and its result. Waits for ever if none runs.
    pub(crate) async fn ended(&mut self) -> (u64, E) {
        loop {
            match self.works.next().await {
                Some(Ok((id, event))) => {
                    self.handles.remove(&id);
                    return (id, event);
                }
                Some(Err(Aborted)) => {}
                None => pending().await,
            }
        }
    }
}

/// Waits until a machine wants to be polled again. Waits for ever if it names no time.
pub(crate) async fn until(next_timeout: Option<u64>, clock: &Clock) {
    match next_timeout {
        // One millisecond more: the clock is rounded down, and a poll that comes too early does
        // nothing.
        Some(at_ms) => {
            let wait_ms = at_ms.saturating_sub(clock.now_ms()).saturating_add(1);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        None => pending().await,
    }
}
