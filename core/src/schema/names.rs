//! Names that are one and the same to engines that do not tell upper case from lower.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Column, ColumnType, ID_COLUMN, RESCUED_COLUMN, dots};
use crate::{Error, Names, Result};

/// The field of a struct that ClickHouse has another use for ("Tuple element name 'null' is
/// reserved"): it refuses a file with one.
pub(crate) const RESERVED_FIELD: &str = "null";

const DOT_ABOVE: char = '\u{307}';

/// The form that two names share where an engine takes them for one. Spark compares character by
/// character in one place (`String.equalsIgnoreCase`), and whole lower-cased names in another.
///
/// Each character becomes its simple upper case, and that its simple lower case: so `ſ` is an `s`,
/// and `ς` a `σ`. The dot above an `i` is left out, because the lower case of `İ` may have it.
pub(crate) fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(name);
    }
    let mut folded = String::with_capacity(name.len());
    for char in name.chars().map(fold) {
        if !(char == DOT_ABOVE && folded.ends_with('i')) {
            folded.push(char);
        }
    }
    Cow::Owned(folded)
}

fn fold(char: char) -> char {
    match single(char.to_uppercase()).unwrap_or(char) {
        'İ' => 'i',
        upper => single(upper.to_lowercase()).unwrap_or(upper),
    }
}

/// The only character; a mapping to several is not a simple one.
fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

/// Checks that engines can read columns of these names: the columns of a given schema.
pub(super) fn check(columns: &[Column], names: Names) -> Result<()> {
    let own = [ID_COLUMN, RESCUED_COLUMN];
    check_fields(columns, "the schema", names, &own)?;
    if names == Names::Portable
        && let Some(name) = dots::twins(columns).first().and_then(|path| path.last())
    {
        return Err(Error::settings(format!(
            "column {name:?} of the schema reads as the path of another column, and ClickHouse and \
             PyIceberg refuse such a file; leave one out, or choose names = \"exact\""
        )));
    }
    Ok(())
}

fn check_fields(fields: &[Column], place: &str, names: Names, taken: &[&str]) -> Result<()> {
    let mut seen: BTreeMap<_, _> = taken.iter().map(|name| (folded(name), *name)).collect();
    // A column of nulls is in the schema, and not in the file.
    for field in fields.iter().filter(|field| field.column_type != ColumnType::Null) {
        if field.name.is_empty() {
            return Err(Error::settings(format!(
                "{place} has a column without a name, which some engines cannot read; \
                 name it, or leave it out: its values are then rescued"
            )));
        }
        if names == Names::Portable && taken.is_empty() && field.name == RESERVED_FIELD {
            return Err(Error::settings(format!(
                "{place} has a field named \"null\", and ClickHouse refuses such a file; name it \
                 otherwise, or choose names = \"exact\""
            )));
        }
        let other = seen.insert(folded(&field.name), &field.name);
        if let (Names::Portable, Some(other)) = (names, other) {
            return Err(Error::settings(format!(
                "{place} names {other:?} and {:?}, which are one name to Spark, Delta, Athena and \
                 BigQuery; leave one out, or choose names = \"exact\"",
                field.name
            )));
        }
        check_type(&field.column_type, &field.name, names)?;
    }
    Ok(())
}

fn check_type(column_type: &ColumnType, name: &str, names: Names) -> Result<()> {
    match column_type {
        ColumnType::Struct(fields) => check_fields(fields, &format!("column {name:?}"), names, &[]),
        ColumnType::List(element) => check_type(&element.column_type, name, names),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Schema, Settings};

    #[test]
    fn names_that_engines_take_for_one_have_one_form() {
        for same in [
            &["id", "ID", "Id", "iD", "ıd", "İd", "i\u{307}d", "I\u{307}D"][..],
            &["ÉTÉ", "été", "Été"],
            &["σίσυφος", "ΣΊΣΥΦΟΣ", "σίσυφοσ"],
            &["straße", "STRAẞE"],
            &["ſ", "s", "S"],
            &["K", "k", "\u{212a}"],
            &["ᾀ", "ᾈ"],
            &["ǆ", "ǅ", "Ǆ"],
            &["𐐀", "𐐨"],
        ] {
            for name in same {
                assert_eq!(folded(name), folded(same[0]), "{name} of {same:?}");
            }
        }
        for (one, other) in [("a", "b"), ("ss", "ß"), ("e", "é"), ("", " "), ("\u{307}", "")] {
            assert_ne!(folded(one), folded(other));
        }
    }

    #[test]
    fn every_character_has_the_form_of_its_upper_and_lower_case() {
        for char in (0..=0x10_ffff).filter_map(char::from_u32) {
            let form = folded(char.encode_utf8(&mut [0; 4])).into_owned();
            let mappings = [single(char.to_uppercase()), single(char.to_lowercase())];
            for mapped in mappings.into_iter().flatten() {
                assert_eq!(folded(mapped.encode_utf8(&mut [0; 4])), form, "{char:?} {mapped:?}");
            }
        }
    }

    #[test]
    fn a_schema_whose_names_engines_refuse_is_refused_unless_they_are_to_be_exact() {
        let check = |text: &str, names| {
            let schema = Some(Schema::from_json(text).unwrap());
            Settings { schema, names, ..Settings::default() }.check()
        };
        for text in [
            r#"{"columns":[{"name":"Id","type":"string"},{"name":"ID","type":"int64"}]}"#,
            r#"{"columns":[{"name":"_ID","type":"string"}]}"#,
            r#"{"columns":[{"name":"_Rescued_Data","type":"string"}]}"#,
            r#"{"columns":[{"name":"s","type":"list","element":{"type":"struct","fields":[
                {"name":"a","type":"string"},{"name":"A","type":"string"}]}}]}"#,
        ] {
            let error = check(text, Names::Portable).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Settings);
            assert!(error.to_string().contains("one name to Spark"), "{error}");
            check(text, Names::Exact).unwrap();
        }
        let unnamed = r#"{"columns":[{"name":"","type":"string"}]}"#;
        for names in [Names::Portable, Names::Exact] {
            assert!(check(unnamed, names).unwrap_err().to_string().contains("without a name"));
        }
        let dotted = r#"{"columns":[{"name":"a.b","type":"string"},{"name":"a","type":"struct",
            "fields":[{"name":"b","type":"string"}]}]}"#;
        let error = check(dotted, Names::Portable).unwrap_err();
        assert!(error.to_string().contains("\"a.b\" of the schema reads as the path"), "{error}");
        check(dotted, Names::Exact).unwrap();
        let reserved = r#"{"columns":[{"name":"null","type":"string"},{"name":"a","type":"struct",
            "fields":[{"name":"null","type":"string"}]}]}"#;
        let error = check(reserved, Names::Portable).unwrap_err();
        assert!(error.to_string().contains("column \"a\" has a field named \"null\""), "{error}");
        check(reserved, Names::Exact).unwrap();
        let nulls = r#"{"columns":[{"name":"A","type":"null"},{"name":"a","type":"string"}]}"#;
        check(nulls, Names::Portable).unwrap();
    }
}
