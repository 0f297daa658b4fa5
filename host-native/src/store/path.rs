//! Keys as object_store's paths.

use object_store::path::Path as StorePath;

use crate::error::{Error, ErrorKind, Result};

/// A key as a path. `Path::from` would encode the key's percent signs a second time.
pub(crate) fn store_path(key: &str) -> Result<StorePath> {
    StorePath::parse(key).map_err(|error| {
        let message = format!(
            "this is not the key of an object ({error}); list the objects to see their keys"
        );
        Error::new(ErrorKind::Key, message).at(key)
    })
}
