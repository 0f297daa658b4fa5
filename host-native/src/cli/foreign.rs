//! Names in the store that are not ours: counted, and shown where that is asked for.

use std::io::{self, Write};

use coldpress::ForeignNames;
use serde_json::{Value, json};

use super::failure::one_line;
use super::text::counted;

/// One line with their count, or with `verbose` a line for each.
pub fn write_text(names: &ForeignNames, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    if names.count == 0 {
        return Ok(());
    }
    let (count, are, them) = match names.count {
        1 => ("1 name".to_owned(), "is", "it"),
        count => (counted(count, "name"), "are", "them"),
    };
    if !verbose {
        return writeln!(out, "passed over {count} that {are} not ours; -v lists {them}");
    }
    for name in &names.names {
        let what = name.what.map(|what| format!(" ({what})")).unwrap_or_default();
        writeln!(out, "not ours: {}{what}", one_line(&name.name))?;
    }
    let more = names.count - names.names.len() as u64;
    if more > 0 {
        writeln!(out, "not ours: {} more", counted(more, "name"))?;
    }
    writeln!(out, "passed over {count} that {are} not ours")
}

/// A JSON object for each.
pub fn to_json(names: &ForeignNames) -> impl Iterator<Item = Value> {
    names.names.iter().map(|name| json!({ "foreign": name.name, "what": name.what }))
}
