//! The law of rows, judged from outside: an equality over JSON as it was written.
//!
//! Independent of `serde_json` and of core on purpose: a judge must not share the rounding of
//! those it judges. The fuzz targets include this file by path, so it depends on `std` alone.

use std::collections::{HashMap, HashSet};

use crate::json::{Json, Style};

/// What two rows must share beyond the law's least.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// An explicit null in an object and an absent field are two things (`nulls = "explicit"`).
    pub nulls_kept: bool,
    /// A whole number comes back with a fraction or an exponent if it was written so, and without
    /// if it was not.
    pub forms_kept: bool,
    /// The sign of a zero written as a double (`-0.0`, `-0e1`) must come back too.
    pub signs_kept: bool,
}

/// Where two values part under the law, with the path to it; none where they are equal.
pub fn difference(source: &Json, found: &Json, rules: Rules) -> Option<String> {
    let mut path = String::from("$");
    compare(source, found, rules, &mut path).err().map(|what| format!("at {path}: {what}"))
}

/// Whether one path of these documents has whole numbers of both forms, `18` and `18.0`. All
/// elements of a list are at one path.
pub fn mixes_forms<'r>(documents: impl IntoIterator<Item = &'r Json>) -> bool {
    let (mut integers, mut others) = (HashSet::new(), HashSet::new());
    let mut pending: Vec<(String, &Json)> =
        documents.into_iter().map(|document| (String::new(), document)).collect();
    while let Some((path, value)) = pending.pop() {
        match value {
            Json::Number(literal) if !has_form(literal) => {}
            Json::Number(literal) if is_integer(literal) => drop(integers.insert(path)),
            Json::Number(_) => drop(others.insert(path)),
            Json::Array(elements) => {
                pending.extend(elements.iter().map(|element| (format!("{path}\n[]"), element)));
            }
            Json::Object(fields) => {
                let below = fields.iter().map(|(key, value)| (format!("{path}\n.{key}"), value));
                pending.extend(below);
            }
            Json::Null | Json::Bool(_) | Json::String(_) => {}
        }
    }
    !integers.is_disjoint(&others)
}

/// Whether two number literals have exactly the same value.
pub fn same_number(a: &str, b: &str) -> bool {
    a == b || Decimal::read(a) == Decimal::read(b)
}

/// JSON text without the white space outside its strings.
pub fn without_white_space(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keeps = |c: &char| {
        let kept = in_string || !c.is_ascii_whitespace();
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        kept
    };
    text.chars().filter(keeps).collect()
}

fn compare(source: &Json, found: &Json, rules: Rules, path: &mut String) -> Result<(), String> {
    match (source, found) {
        (Json::Number(a), Json::Number(b)) => {
            if !same_number(a, b) {
                return Err(format!("the number {a} came back as {b}"));
            }
            if rules.forms_kept && has_form(a) && is_integer(a) != is_integer(b) {
                return Err(format!("the number {a} changed its form: {b}"));
            }
            if rules.signs_kept && is_negative_double_zero(a) && !b.starts_with('-') {
                return Err(format!("the number {a} lost its sign: {b}"));
            }
            Ok(())
        }
        (Json::Array(a), Json::Array(b)) => {
            if a.len() != b.len() {
                return Err(format!("an array of {} came back with {}", a.len(), b.len()));
            }
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                within(path, &format!("[{i}]"), |path| compare(a, b, rules, path))?;
            }
            Ok(())
        }
        (Json::Object(a), Json::Object(b)) => compare_objects(a, b, rules, path),
        _ if source == found => Ok(()),
        _ => Err(format!("{} came back as {}", shown(source), shown(found))),
    }
}

fn compare_objects(
    source: &[(String, Json)],
    found: &[(String, Json)],
    rules: Rules,
    path: &mut String,
) -> Result<(), String> {
    // Collecting keeps the last of equal keys, as reading does.
    let index = |fields| -> HashMap<&str, &Json> { fields_of(fields).collect() };
    let (source_by_key, found_by_key) = (index(source), index(found));
    let absent = |value: Option<&Json>| match value {
        None => true,
        Some(Json::Null) => !rules.nulls_kept,
        Some(_) => false,
    };
    for (key, _) in source {
        let a = source_by_key[key.as_str()];
        within(path, &format!("[{key:?}]"), |path| match found_by_key.get(key.as_str()) {
            Some(b) if !(absent(Some(a)) && absent(Some(b))) => compare(a, b, rules, path),
            None if !absent(Some(a)) => Err(format!("{} is lost", shown(a))),
            _ => Ok(()),
        })?;
    }
    for (key, b) in found {
        if !source_by_key.contains_key(key.as_str()) && !absent(Some(b)) {
            return Err(format!("the field {key:?} came from nowhere: {}", shown(b)));
        }
    }
    Ok(())
}

fn fields_of(fields: &[(String, Json)]) -> impl Iterator<Item = (&str, &Json)> {
    fields.iter().map(|(key, value)| (key.as_str(), value))
}

fn within(
    path: &mut String,
    step: &str,
    body: impl FnOnce(&mut String) -> Result<(), String>,
) -> Result<(), String> {
    let length = path.len();
    path.push_str(step);
    body(path)?;
    path.truncate(length);
    Ok(())
}

fn shown(value: &Json) -> String {
    let text = value.print(Style::Compact);
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Whether a number is written as an integer.
fn is_integer(literal: &str) -> bool {
    !literal.contains(['.', 'e', 'E'])
}

/// Whether a number could be written in either form: it is whole. A minus zero is no integer of any
/// machine, so its form says nothing.
fn has_form(literal: &str) -> bool {
    let value = Decimal::read(literal);
    match value.digits.is_empty() {
        true => !literal.starts_with('-'),
        false => value.exponent >= 0 && value.huge.is_none(),
    }
}

fn is_negative_double_zero(literal: &str) -> bool {
    literal.starts_with('-')
        && literal.contains(['.', 'e', 'E'])
        && Decimal::read(literal).digits.is_empty()
}

/// A number as its digits without outer zeros and a power of ten: equal fields, equal value.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i128,
    /// The exponent's text where it is past all arithmetic; such literals are equal as text only.
    huge: Option<String>,
}

impl Decimal {
    fn read(literal: &str) -> Decimal {
        let (negative, unsigned) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let leading = all.trim_start_matches('0');
        let digits = leading.trim_end_matches('0');
        if digits.is_empty() {
            return Decimal { negative: false, digits: String::new(), exponent: 0, huge: None };
        }
        let shift = (leading.len() - digits.len()) as i128 - fraction.len() as i128;
        let (exponent, huge) = match exponent.parse::<i64>() {
            Ok(exponent) => (i128::from(exponent) + shift, None),
            Err(_) => (shift, Some(exponent.trim_start_matches('+').to_owned())),
        };
        Decimal { negative, digits: digits.to_owned(), exponent, huge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_exact_value() {
        for (a, b) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("1E+2", "100.000"),
            ("0.001", "1e-3"),
            ("-0", "0.0"),
            ("0e999999999999999999999", "0"),
            ("120e-1", "12"),
            ("1e400", "10e399"),
            ("1e99999999999999999999", "1E+99999999999999999999"),
        ] {
            assert!(same_number(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("9007199254740993", "9007199254740992"),
            ("1e400", "1e401"),
            ("0.1", "0.10000000000000000555"),
            ("12", "1.20"),
            ("1e-400", "0"),
            ("10", "1"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ] {
            assert!(!same_number(a, b), "{a} {b}");
        }
    }

    #[test]
    fn the_law_holds_what_it_says_and_no_more() {
        let differ = |a: &str, b: &str, nulls_kept, signs_kept| {
            let rules = Rules { nulls_kept, signs_kept, ..Rules::default() };
            difference(&Json::parse(a).unwrap(), &Json::parse(b).unwrap(), rules).is_some()
        };
        for (a, b) in [
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":1,"b":2}"#, r#"{"b":2.0,"a":1e0}"#),
            (r#"[{"a":{"b":null}}]"#, r#"[{"a":{}}]"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            ("-0.0", "0"),
            (r#""\u00e9\ud83d\ude00""#, "\"é😀\""),
        ] {
            assert!(!differ(a, b, false, false), "{a} {b}");
            assert!(!differ(b, a, false, false), "{b} {a}");
        }
        for (a, b) in [
            ("[null]", "[]"),
            (r#"{"a":{}}"#, "{}"),
            (r#"{"a":[]}"#, "{}"),
            ("5", "\"5\""),
            ("true", "\"true\""),
            ("[1,2]", "[2,1]"),
            ("1", "[1]"),
            ("\"é\"", "\"e\u{301}\""),
            (r#"{"a":false}"#, "{}"),
            (r#"{"":0}"#, "{}"),
        ] {
            assert!(differ(a, b, false, false), "{a} {b}");
            assert!(differ(b, a, false, false), "{b} {a}");
        }
        assert!(differ(r#"{"a":null}"#, "{}", true, false));
        assert!(differ("{}", r#"{"a":null}"#, true, false));
        assert!(differ("-0.0", "0", false, true));
        assert!(!differ("-0", "0", false, true));
    }

    #[test]
    fn a_form_is_that_of_whole_numbers_alone() {
        let rules = Rules { forms_kept: true, ..Rules::default() };
        let json = |text: &str| Json::parse(text).unwrap();
        for (a, b) in [("18", "18.0"), ("1e2", "100"), ("0", "0.0"), ("18.00", "18")] {
            assert!(difference(&json(a), &json(b), rules).is_some(), "{a} {b}");
            assert!(difference(&json(b), &json(a), rules).is_some(), "{b} {a}");
        }
        for (a, b) in [("1e2", "100.0"), ("-0", "-0.0"), ("1.5", "15e-1"), ("7", "7")] {
            assert_eq!(difference(&json(a), &json(b), rules), None, "{a} {b}");
        }
        let mixes = |text: &str| mixes_forms(&Json::parse_rows(text).unwrap());
        assert!(mixes(r#"{"a":[1,{"b":2}]}{"a":[{"b":2.0}]}"#));
        assert!(mixes(r#"{"a":[[1],[1e3]]}"#));
        assert!(!mixes(r#"{"a":1,"b":2.0,"c":[1,-0.0,0.5]}{"a.b":1.0,"c":{"d":1.0}}"#));
    }

    #[test]
    fn white_space_in_strings_stays() {
        let text = "{ \"a \\\" b\" :\t[1, \" \\\\\" , 2 ]\n}\n";
        assert_eq!(without_white_space(text), "{\"a \\\" b\":[1,\" \\\\\",2]}");
    }
}
