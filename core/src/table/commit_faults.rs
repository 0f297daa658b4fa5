//! What a commit says when it cannot go on.

use super::name::entry_name;
use super::place::TablePlace;
use crate::{Error, ErrorKind};

pub(super) fn no_clear_answer(place: &TablePlace, version: u64, times: u32) -> Error {
    let text = format!(
        "the entry {} of {} could not be stored: the store gave no clear answer {times} times; \
         commit again, which finds out what was stored",
        entry_name(version),
        place.name()
    );
    Error::new(ErrorKind::Unavailable, text)
}

pub(super) fn too_slow(place: &TablePlace) -> Error {
    let text = format!(
        "a commit to {} took longer than a day, so it is not certain what the log has of it; see \
         that its files are still there, and commit again, which finds out what was stored",
        place.name()
    );
    Error::new(ErrorKind::Unavailable, text)
}
