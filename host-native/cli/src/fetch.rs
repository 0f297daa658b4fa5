//! Gets the file that `cat` and `inspect` show.

use std::path::Path;

use bytes::Bytes;
use coldpress::ErrorKind;
use coldpress_core::{LsnWidth, ObjectKey};

use super::failure::Failure;
use super::store::{Store, StoreArgs};
use super::{absent, store};

/// The file that `name` names: the object with that key, or a local file if the store has no such
/// object.
pub fn fetch(args: &StoreArgs, name: &str) -> Result<Bytes, Failure> {
    let path = Path::new(name);
    // No object has such a key, so no store is needed: a local file needs no credentials.
    let is_key = ends_like_key(name);
    if !is_key && path.is_file() {
        return read_local(path);
    }
    let store = Store::open(args, LsnWidth::default())?;
    match store.run(store.storage().download_parquet(name))? {
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Key) && path.is_file() =>
        {
            read_local(path)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(absent::object(&store, name)),
        result => result.map_err(|error| store::failed(&error)),
    }
}

/// Whether `name` ends with a data file's key, after any prefix.
pub fn ends_like_key(name: &str) -> bool {
    let mut slashes = name.rmatch_indices('/').map(|(at, _)| at + 1);
    let start = slashes.nth(2).unwrap_or(0);
    ObjectKey::parse(&coldpress_core::KeyPrefix::default(), &name[start..]).is_ok()
}

fn read_local(path: &Path) -> Result<Bytes, Failure> {
    std::fs::read(path)
        .map(Bytes::from)
        .map_err(|error| Failure::run(format_args!("cannot read {}: {error}", path.display())))
}
