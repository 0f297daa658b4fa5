//! Commits of receipts: the files of a collection go into its table together, one entry a second at
//! most, and each receipt is answered after its commit.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coldpress::{ColdStorage, Entered, Error, ErrorKind, ObjectKey, Result};
use tokio::sync::oneshot;

/// How far the entries of one collection are apart. Each entry is an object that every reader of the
/// table fetches, so a thousand devices a second must not make a thousand of them.
const APART: Duration = Duration::from_secs(1);

/// The receipts that wait for a commit.
#[derive(Debug)]
pub(super) struct Commits {
    storage: Arc<ColdStorage>,
    /// By the folder of their collection. A collection is here for as long as a task commits for
    /// it.
    waiting: Mutex<HashMap<String, Vec<Waiting>>>,
}

#[derive(Debug)]
struct Waiting {
    key: ObjectKey,
    answer: oneshot::Sender<Result<Entered>>,
}

impl Commits {
    pub(super) fn new(storage: Arc<ColdStorage>) -> Arc<Self> {
        Arc::new(Commits { storage, waiting: Mutex::default() })
    }

    /// Commits a stored file to the table of its collection, if that is a table. A request that is
    /// given up does not take its file out of the commit.
    pub(super) async fn enter(self: &Arc<Self>, key: ObjectKey) -> Result<Entered> {
        let folder = key.as_str().rfind('/').map_or("", |end| &key.as_str()[..=end]).to_owned();
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { key, answer };
        let is_first = match self.waiting().entry(folder.clone()) {
            Entry::Occupied(mut of_collection) => {
                of_collection.get_mut().push(waiting);
                false
            }
            Entry::Vacant(none) => {
                none.insert(vec![waiting]);
                true
            }
        };
        if is_first {
            tokio::spawn(Arc::clone(self).commit_for(folder));
        }
        answered.await.unwrap_or_else(|_| {
            let message = "the commit of the receipt ended without an answer; send it again";
            Err(Error::new(ErrorKind::Unavailable, message))
        })
    }

    /// Commits for a collection until no receipt waits.
    async fn commit_for(self: Arc<Self>, folder: String) {
        loop {
            let began = Instant::now();
            let (keys, answers): (Vec<_>, Vec<_>) = match self.waiting().entry(folder.clone()) {
                Entry::Occupied(of_collection) if of_collection.get().is_empty() => {
                    of_collection.remove();
                    return;
                }
                Entry::Occupied(mut of_collection) => {
                    let all = std::mem::take(of_collection.get_mut());
                    all.into_iter().map(|waiting| (waiting.key, waiting.answer)).unzip()
                }
                Entry::Vacant(_) => return,
            };
            let entered = self.storage.commit_stored(&keys).await;
            for (answer, entered) in answers.into_iter().zip(entered) {
                // Who gave its request up hears nothing.
                let _ = answer.send(entered);
            }
            tokio::time::sleep(APART.saturating_sub(began.elapsed())).await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Vec<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
