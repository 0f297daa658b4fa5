//! The text form, written. It is SQL too, but for backslashes in patterns.

use std::fmt::{self, Write as _};

use super::condition::Condition;
use super::literal::Literal;
use super::pattern::pattern_of;
use crate::json::write_number;

/// Writes a condition whose depth has been checked: it calls itself.
pub(super) fn write(condition: &Condition, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match condition {
        Condition::Compare(column, comparison, value) => {
            write!(f, "{column} {} ", comparison.sign())?;
            write_literal(value, f)
        }
        Condition::In(column, values) => {
            write!(f, "{column} in (")?;
            for (at, value) in values.iter().enumerate() {
                f.write_str(if at > 0 { ", " } else { "" })?;
                write_literal(value, f)?;
            }
            f.write_char(')')
        }
        Condition::Like(column, prefix) => {
            write!(f, "{column} like ")?;
            write_quoted(&pattern_of(prefix), f)
        }
        Condition::IsNull(column) => write!(f, "{column} is null"),
        Condition::IsNotNull(column) => write!(f, "{column} is not null"),
        Condition::And(parts) => write_parts(parts, " and ", f),
        Condition::Or(parts) => write_parts(parts, " or ", f),
        Condition::Not(inner) => {
            f.write_str("not ")?;
            write_part(inner, f)
        }
    }
}

fn write_parts(parts: &[Condition], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        f.write_str(if at > 0 { word } else { "" })?;
        match part {
            // `and` binds closer than `or`, but parentheses save the reader from knowing it.
            Condition::And(_) | Condition::Or(_) => write_part(part, f)?,
            part => write(part, f)?,
        }
    }
    Ok(())
}

fn write_part(part: &Condition, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !matches!(part, Condition::And(_) | Condition::Or(_)) {
        return write(part, f);
    }
    f.write_char('(')?;
    write(part, f)?;
    f.write_char(')')
}

fn write_literal(value: &Literal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Literal::Boolean(value) => write!(f, "{value}"),
        Literal::Number(value) => {
            let mut text = String::new();
            write_number(&mut text, value.number());
            f.write_str(&text)
        }
        Literal::String(text) => write_quoted(text, f),
        Literal::Instant(instant) => write!(f, "timestamp '{}'", instant.text()),
        Literal::Date(date) => write!(f, "date '{}'", date.text()),
    }
}

fn write_quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "'{}'", text.replace('\'', "''"))
}
