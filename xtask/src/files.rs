//! Files and folders, with errors that name them.

use std::fs;
use std::path::Path;

/// Makes a folder, and those above it.
pub fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| at(path, &error))
}

/// What is told of a file that could not be had.
pub fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
