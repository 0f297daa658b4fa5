//! Keeps the ends of data files: their footers, indexes and bloom filters. Objects never change, so
//! what was read once need not be read again.

mod folder;
mod tail;

use std::path::PathBuf;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::tails::folder::TailFolder;
pub(crate) use crate::tails::tail::Tail;
use crate::threads::blocking;

/// One end may take at most one part in this many of the memory.
const PART_MAX: u64 = 4;

/// The ends of the files of one store: in memory, and in a folder if there is one. Both are
/// bounded, and nothing is lost with them.
#[derive(Debug)]
pub(crate) struct Tails {
    memory: Cache<(String, u64), Tail, Weight>,
    bytes_max: u64,
    folder: Option<Arc<TailFolder>>,
}

#[derive(Debug, Clone)]
struct Weight;

impl Weighter<(String, u64), Tail> for Weight {
    fn weight(&self, key: &(String, u64), tail: &Tail) -> u64 {
        (key.0.len() + tail.bytes.len() + tail.etag.as_ref().map_or(0, String::len) + 64) as u64
    }
}

impl Tails {
    /// At most `bytes_max` in memory, and at most `folder_bytes_max` in the folder. `store` names
    /// the store: two stores can share one folder.
    pub(crate) fn new(
        bytes_max: u64,
        folder: Option<PathBuf>,
        folder_bytes_max: u64,
        store: &str,
    ) -> Self {
        // A guess of how many there will be: it decides only how much room the table has.
        let items = usize::try_from(bytes_max / (16 << 10)).unwrap_or(usize::MAX).min(1 << 16);
        Tails {
            memory: Cache::with_weighter(items, bytes_max, Weight),
            bytes_max,
            folder: folder.map(|folder| Arc::new(TailFolder::new(folder, folder_bytes_max, store))),
        }
    }

    /// The end of the file with this key and this size, if it is kept.
    pub(crate) async fn get(&self, key: &str, file_bytes: u64) -> Option<Tail> {
        let name = (key.to_owned(), file_bytes);
        if let Some(tail) = self.memory.get(&name) {
            return Some(tail);
        }
        let (folder, key) = (Arc::clone(self.folder.as_ref()?), name.0.clone());
        let tail = blocking(move || Ok(folder.get(&key, file_bytes))).await.ok()??;
        self.memory.insert(name, tail.clone());
        Some(tail)
    }

    /// Keeps the end of a file. That it cannot be kept is no error.
    pub(crate) async fn put(&self, key: &str, file_bytes: u64, tail: Tail) {
        if tail.bytes.len() as u64 > self.bytes_max / PART_MAX {
            return;
        }
        self.memory.insert((key.to_owned(), file_bytes), tail.clone());
        if let Some(folder) = self.folder.clone() {
            let name = key.to_owned();
            let put = blocking(move || {
                folder.put(&name, file_bytes, &tail);
                Ok(())
            });
            if let Err(error) = put.await {
                tracing::debug!(key, %error, "could not keep the end of a file");
            }
        }
    }

    /// Forgets the end of a file that turned out to be another one.
    pub(crate) async fn remove(&self, key: &str, file_bytes: u64) {
        self.memory.remove(&(key.to_owned(), file_bytes));
        if let Some(folder) = self.folder.clone() {
            let key = key.to_owned();
            let removed = blocking(move || {
                folder.remove(&key, file_bytes);
                Ok(())
            });
            let _ = removed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn tail(length: usize, etag: Option<&str>) -> Tail {
        Tail { bytes: Bytes::from(vec![7; length]), etag: etag.map(str::to_owned) }
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let tails = Tails::new(100_000, None, 0, "store");
        for at in 0..1_000_u64 {
            tails.put(&format!("key {at}"), at, tail(1_000, None)).await;
        }
        assert!(tails.memory.weight() <= 100_000);
        tails.put("large", 1, tail(25_001, None)).await;
        assert_eq!(tails.get("large", 1).await, None);
        tails.put("fits", 1, tail(25_000, Some("e"))).await;
        assert_eq!(tails.get("fits", 1).await, Some(tail(25_000, Some("e"))));
        assert_eq!(tails.get("fits", 2).await, None, "another size is another file");
        tails.remove("fits", 1).await;
        assert_eq!(tails.get("fits", 1).await, None);
    }

    #[tokio::test]
    async fn a_folder_outlives_the_process_and_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let open = |store| Tails::new(1 << 20, Some(folder.path().to_owned()), 50_000, store);
        open("a").put("key", 5, tail(1_000, Some("e"))).await;
        assert_eq!(open("a").get("key", 5).await, Some(tail(1_000, Some("e"))));
        assert_eq!(open("b").get("key", 5).await, None, "another store");
        let tails = open("a");
        for at in 0..200_u64 {
            tails.put(&format!("key {at}"), at, tail(1_000, None)).await;
        }
        let files = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let bytes: u64 = files.map(|file| file.metadata().unwrap().len()).sum();
        assert!(bytes <= 50_000 && bytes > 20_000, "{bytes}");
    }

    #[tokio::test]
    async fn a_damaged_file_of_the_folder_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Tails::new(1 << 20, Some(folder.path().to_owned()), 50_000, "a");
        open().put("key", 5, tail(1_000, Some("e"))).await;
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read(&file).unwrap();
        for length in [0, 3, 11, whole.len() - 1] {
            std::fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(open().get("key", 5).await, None);
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&file, &damaged).unwrap();
            assert_eq!(open().get("key", 5).await, None, "byte {at}");
        }
    }
}
