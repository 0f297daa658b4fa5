//! Log entries as JSON lines, one action a line.
//!
//! Reading is lenient where the protocol wants it: actions and fields that we do not know are
//! passed over. Source: the [Delta protocol][protocol], "Delta Log Entries" and "Actions".
//!
//! [protocol]: https://github.com/delta-io/delta/blob/master/PROTOCOL.md

mod json;

use self::json::{Line, write_line};
use super::action::LogAction;
use super::name::entry_name;
use crate::{Error, ErrorKind, Result};

/// The most bytes of one entry.
pub(super) const ENTRY_BYTES_MAX: u64 = 64 << 20;

/// Reads the entry of a version: its actions, in the order of its lines.
///
/// The path of a file comes percent-decoded. An absolute URI stays as it is.
///
/// # Errors
///
/// `Corrupt` if a line is no action; it names the entry and the line. `Limit` if the entry has more
/// than 64 MiB.
pub fn read_entry(version: u64, bytes: &[u8]) -> Result<Vec<LogAction>> {
    let name = entry_name(version);
    if bytes.len() as u64 > ENTRY_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the log entry {name} has {} bytes, more than the {ENTRY_BYTES_MAX} that we read; \
                 commit fewer files at a time",
                bytes.len()
            ),
        ));
    }
    let mut actions = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let action = serde_json::from_slice::<Line>(line).map_err(|error| {
            Error::corrupt(format!(
                "line {} of the log entry {name} is no action of a table: {}; restore the object \
                 from a backup",
                at + 1,
                reason(&error)
            ))
        })?;
        actions.push(action.0);
    }
    Ok(actions)
}

/// An entry of these actions, one JSON object a line, in this order.
///
/// The path of a file is percent-encoded. An absolute URI stays as it is. Two things are not
/// written, because a table that has them is read only: [`LogAction::Other`], whose content is not
/// kept, and deletion vectors.
pub fn write_entry(actions: &[LogAction]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for action in actions {
        write_line(action, &mut bytes);
    }
    bytes
}

/// An action of a JSON value, as a line of an entry has it; else what is wrong with it.
#[cfg(test)]
pub(super) fn action_from_json(value: serde_json::Value) -> Result<LogAction, String> {
    <Line as serde::Deserialize>::deserialize(value)
        .map(|line| line.0)
        .map_err(|error| reason(&error))
}

/// What the parser says, without the place in the line, which would read as a line of the entry.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    // A parser repeats unexpected text, of any length.
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests;
