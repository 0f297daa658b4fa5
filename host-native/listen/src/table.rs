//! The open connections, and the choice of one to close when there are too many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::watch::Watch;

/// The connections of one listener.
#[derive(Debug, Default)]
pub(super) struct Table {
    open: HashMap<u64, Open>,
    next: u64,
}

#[derive(Debug)]
struct Open {
    watch: Arc<Watch>,
    closed: CancellationToken,
}

impl Table {
    /// Closes the least useful connection. False if there is none.
    ///
    /// Connections of strangers are closed before those with a valid token. Among equals, the one
    /// is closed whose last answer, or else whose start, is the longest ago. So a new connection
    /// has the time that it takes to open as many others as the table holds. Tokens protect at most
    /// half of the table, because otherwise one token could keep all other clients out.
    pub(super) fn close_least_useful(&mut self) -> bool {
        let known: Vec<_> =
            self.open.iter().map(|(id, open)| (open.watch.usefulness(), *id)).collect();
        let trusted = known.iter().filter(|((trusted, _), _)| *trusted).count();
        let protects = trusted * 2 <= known.len();
        let least = known.iter().min_by_key(|((trusted, at), id)| (protects && *trusted, *at, *id));
        let Some(open) = least.and_then(|(_, id)| self.open.remove(id)) else { return false };
        open.closed.cancel();
        true
    }

    fn enter(&mut self, count_max: usize, watch: &Arc<Watch>) -> (u64, CancellationToken) {
        while self.open.len() >= count_max.max(1) {
            self.close_least_useful();
        }
        let (id, closed) = (self.next, CancellationToken::new());
        self.next += 1;
        self.open.insert(id, Open { watch: Arc::clone(watch), closed: closed.clone() });
        (id, closed)
    }
}

/// The place of one connection in the table. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    table: Arc<Mutex<Table>>,
    id: u64,
    closed: CancellationToken,
}

impl Slot {
    /// Takes a place. If all `count_max` places are taken, closes another connection.
    pub(super) fn take(table: &Arc<Mutex<Table>>, count_max: usize, watch: &Arc<Watch>) -> Self {
        let (id, closed) =
            table.lock().unwrap_or_else(PoisonError::into_inner).enter(count_max, watch);
        Slot { table: Arc::clone(table), id, closed }
    }

    /// It is cancelled when the connection must close.
    pub(super) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    const COUNT_MAX: usize = 4;

    /// Opens one connection a millisecond and tells which are still open.
    struct Crowd {
        table: Arc<Mutex<Table>>,
        start: Instant,
        all: Vec<(Arc<Watch>, Slot)>,
    }

    impl Crowd {
        fn new() -> Self {
            Crowd { table: Arc::default(), start: Instant::now(), all: Vec::new() }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn comes(&mut self) -> usize {
            let watch = Arc::new(Watch::new(self.at(self.all.len() as u64)));
            self.all.push((Arc::clone(&watch), Slot::take(&self.table, COUNT_MAX, &watch)));
            self.all.len() - 1
        }

        fn open(&self) -> Vec<usize> {
            let open = |(_, (_, slot)): &(usize, &(Arc<Watch>, Slot))| !slot.closed.is_cancelled();
            self.all.iter().enumerate().filter(open).map(|(number, _)| number).collect()
        }
    }

    #[test]
    fn the_one_that_was_of_use_the_longest_ago_goes_first() {
        let mut crowd = Crowd::new();
        for _ in 0..COUNT_MAX {
            crowd.comes();
        }
        assert_eq!(crowd.open(), [0, 1, 2, 3]);
        // The first has just been answered.
        crowd.all[0].0.answered(crowd.at(100));
        crowd.comes();
        crowd.comes();
        assert_eq!(crowd.open(), [0, 3, 4, 5]);
        // A place is free again once its connection ends, and nobody has to go.
        drop(crowd.all.pop());
        crowd.comes();
        assert_eq!(crowd.open(), [0, 3, 4, 5]);
    }

    #[test]
    fn strangers_go_before_those_with_a_token_and_tokens_keep_nobody_out() {
        let mut crowd = Crowd::new();
        for _ in 0..COUNT_MAX {
            crowd.comes();
        }
        crowd.all[0].0.trust();
        crowd.all[1].0.trust();
        for _ in 0..10 {
            let new = crowd.comes();
            let open = crowd.open();
            assert_eq!((open[0], open[1], open.len()), (0, 1, COUNT_MAX));
            assert!(open.contains(&new), "a new one is never the one that goes");
        }
        // A third token: they would hold more than half, so that age alone counts.
        let third = crowd.open()[2];
        crowd.all[third].0.trust();
        let new = crowd.comes();
        assert!(crowd.open() == [1, third, new - 1, new], "{:?}", crowd.open());
    }

    #[test]
    fn an_empty_table_has_nothing_to_close() {
        assert!(!Table::default().close_least_useful());
    }
}
