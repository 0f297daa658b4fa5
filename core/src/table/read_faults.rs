//! What a reader of a log says when it cannot go on.

use super::name::entry_name;
use super::place::TablePlace;
use crate::{Error, ErrorKind};

pub(super) fn changes_too_fast(place: &TablePlace, times: u32) -> Error {
    let text = format!(
        "the log of {} changed each time while it was read, {times} times; try again",
        place.name()
    );
    Error::new(ErrorKind::Unavailable, text)
}

pub(super) fn too_many_names(place: &TablePlace, most: usize) -> Error {
    let text = format!(
        "the log of {} has more than {most} objects; write a checkpoint, and clean the log up",
        place.name()
    );
    Error::new(ErrorKind::Limit, text)
}

/// An entry is missing between others.
pub(super) fn gap(place: &TablePlace, missing: u64) -> Error {
    Error::corrupt(format!(
        "the log of {} is damaged: the entry {} is missing, and later ones are there; restore it \
         from a backup, or read the table at version {}",
        place.name(),
        entry_name(missing),
        missing.saturating_sub(1)
    ))
}

/// The first entries are gone, and no checkpoint stands for them.
pub(super) fn begins_late(place: &TablePlace, oldest: Option<u64>) -> Error {
    let oldest = match oldest {
        Some(oldest) => format!("its oldest entry is {}", entry_name(oldest)),
        None => "it has no entry".to_owned(),
    };
    Error::corrupt(format!(
        "the log of {} is damaged: {oldest}, and no complete checkpoint stands for what came \
         before; restore the log from a backup, or remove its folder and adopt the files anew",
        place.name()
    ))
}

/// The same, because this checkpoint is no good.
pub(super) fn checkpoint_unusable(place: &TablePlace, version: u64, error: &Error) -> Error {
    let text = format!(
        "the checkpoint of version {version} of {} cannot be used, and the entries before it are \
         gone: {error}",
        place.name()
    );
    Error::new(error.kind(), text)
}

/// The same, because we do not read the form of this checkpoint.
pub(super) fn checkpoint_unread(place: &TablePlace, version: u64) -> Error {
    Error::settings(format!(
        "the checkpoint of version {version} of {} has the form \"v2\", which another engine \
         switched on and we do not read, and the entries before it are gone; set the property \
         delta.checkpointPolicy to \"classic\" with that engine, and write a checkpoint",
        place.name()
    ))
}

pub(super) fn too_old(place: &TablePlace, wanted: u64) -> Error {
    let text = format!(
        "version {wanted} of {} cannot be read any more: the log does not reach back to it; read a \
         later version",
        place.name()
    );
    Error::new(ErrorKind::Missing, text)
}

pub(super) fn too_new(place: &TablePlace, wanted: u64, newest: u64) -> Error {
    let text =
        format!("{} has no version {wanted}: its newest is {newest}; read that one", place.name());
    Error::new(ErrorKind::Missing, text)
}
