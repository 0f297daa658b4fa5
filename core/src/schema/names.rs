//! Names that are the same for engines that ignore case.

use std::borrow::Cow;
use std::str::FromStr;

use crate::{Error, Result};

/// Which names of fields become columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Names {
    /// Names that every engine can read. Fields with other names are rescued:
    ///
    /// * of names in one object that differ only in case, all but the first one that has values
    ///   (Spark, Delta, Athena and BigQuery refuse a file that has two of them);
    /// * names with dots that look like the path of another column (ClickHouse and PyIceberg);
    /// * fields of structs that are named `null` (ClickHouse);
    /// * the empty name.
    #[default]
    Portable,
    /// Every name except the empty one, exactly as it is: for engines that respect case.
    Exact,
}

impl Names {
    /// The name, as [`Names::from_str`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Names::Portable => "portable",
            Names::Exact => "exact",
        }
    }
}

impl FromStr for Names {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "portable" => Ok(Names::Portable),
            "exact" => Ok(Names::Exact),
            _ => Err(Error::settings(format!(
                "{text:?} is not a rule for names; choose \"portable\" or \"exact\""
            ))),
        }
    }
}

/// A name that ClickHouse reserves in structs ("Tuple element name 'null' is reserved"). It refuses
/// a file with such a field.
pub(crate) const RESERVED_FIELD: &str = "null";

const DOT_ABOVE: char = '\u{307}';

/// The folded form of a name. Two names have the same form if some engine takes them for one name.
/// Spark compares character by character in one place (`String.equalsIgnoreCase`), and whole
/// lower-cased names in another.
///
/// Each character becomes its simple upper case, and then the simple lower case of that. So `ſ`
/// becomes `s`, and `ς` becomes `σ`. The dot above an `i` is removed, because the lower case of `İ`
/// may have it.
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

/// The one character of a mapping; `None` for a mapping to several, which is not a simple one.
fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
