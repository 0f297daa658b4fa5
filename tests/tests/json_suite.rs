//! Acceptance 6: JSON as RFC 8259 has it, in named cases after the manner of the public
//! JSONTestSuite: `y_` must be taken, `n_` must be refused, `i_` is ours to choose and stated here.
//!
//! The cases are written from the RFC's grammar; each runs bare, and as a field of a row on its
//! way through a file and back.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use coldpress_core::{Encoder, ErrorKind, Settings, json};
use coldpress_tests::json::Json;
use coldpress_tests::law::Rules;
use coldpress_tests::roundtrip::{encode_text, holds_rows, target};

#[path = "json_suite/accepted.rs"]
mod accepted;
#[path = "json_suite/either.rs"]
mod either;
#[path = "json_suite/refused.rs"]
mod refused;

/// A name and the text it stands for.
type Case = (&'static str, &'static [u8]);

/// What we do where the RFC leaves a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
}

#[test]
fn y_cases_are_taken_and_come_back() {
    all(accepted::CASES, taken);
}

#[test]
fn n_cases_are_refused_with_line_and_reason() {
    all(refused::CASES, refused);
}

#[test]
fn i_cases_do_what_is_stated() {
    let of = |verdict| -> Vec<Case> {
        let cases = either::CASES.iter().filter(|(_, stated, _)| *stated == verdict);
        cases.map(|(name, _, text)| (*name, *text)).collect()
    };
    all(&of(Verdict::Taken), taken);
    all(&of(Verdict::Refused), refused);
}

#[test]
fn i_structure_500_nested_arrays() {
    let nested = "[".repeat(500) + &"]".repeat(500);
    taken(nested.as_bytes()).unwrap();
    let nested = "{\"a\":".repeat(500) + "1" + &"}".repeat(500);
    taken(nested.as_bytes()).unwrap();
}

#[test]
fn n_structure_100000_opened() {
    for opening in ["[", "{\"\":", "[{\"\":"] {
        refused(opening.repeat(100_000).as_bytes()).unwrap();
    }
}

/// Closed properly it is JSON: whether taken or refused as too deep, it must not end the process.
#[test]
fn i_structure_100000_nested() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = open.repeat(100_000) + "1" + &close.repeat(100_000);
        let row = format!("{{\"v\":{nested}}}");
        for result in [
            json::validate(nested.as_bytes()),
            encode_text(&Settings::default(), row.as_bytes()).map(drop),
        ] {
            if let Err(error) = result {
                assert!(matches!(error.kind(), ErrorKind::Limit | ErrorKind::Row), "{error}");
                assert!(error.to_string().contains("deep"), "{error}");
            }
        }
    }
}

#[test]
fn i_structure_utf8_bom() {
    let marked = either::BYTE_ORDER_MARK;
    let row = ("0".to_owned(), Json::parse("{\"v\":1}").unwrap());
    let file = encode_text(&Settings::default(), marked).unwrap();
    holds_rows(&file, &[row], Rules::default()).unwrap();
    assert_eq!(json::validate(marked).unwrap_err().line(), Some(1));
    let twice = encode_text(&Settings::default(), &[marked, marked].concat());
    assert_eq!(twice.unwrap_err().line(), Some(2));
}

#[test]
fn the_cases_are_many_and_their_names_say_which_is_which() {
    let mut names = BTreeSet::new();
    for (names_of, prefix) in [
        (accepted::CASES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "y_"),
        (refused::CASES.iter().map(|(name, _)| *name).collect(), "n_"),
        (either::CASES.iter().map(|(name, _, _)| *name).collect(), "i_"),
    ] {
        for name in names_of {
            assert!(name.starts_with(prefix), "{name}");
            assert!(names.insert(name), "{name} stands twice");
        }
    }
    assert!(names.len() >= 300, "{}", names.len());
}

/// The tables themselves, held against the tests' own reader.
#[test]
fn the_cases_are_what_their_names_say() {
    let judge = |text: &[u8]| {
        let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
        Json::parse(text)?;
        Json::parse_rows(&format!("{{\"v\":{text}}}\n")).map(drop)
    };
    all(accepted::CASES, judge);
    all(refused::CASES, |text| match judge(text) {
        Ok(()) => Err("it is JSON".to_owned()),
        Err(_) => Ok(()),
    });
    all(refused::CASES, |text| {
        let row = [b"{\"v\":", text, b"}\n"].concat();
        match std::str::from_utf8(&row).map(Json::parse_rows) {
            Ok(Ok(_)) => Err("it is JSON as a field".to_owned()),
            _ => Ok(()),
        }
    });
}

/// Runs every case and names all that fail, a panic among them.
fn all(cases: &[Case], check: impl Fn(&[u8]) -> Result<(), String>) {
    let mut failed = Vec::new();
    for (name, text) in cases {
        match catch_unwind(AssertUnwindSafe(|| check(text))) {
            Ok(Ok(())) => {}
            Ok(Err(what)) => failed.push(format!("{name}: {what}")),
            Err(_) => failed.push(format!("{name}: panicked")),
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} failed:\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}

fn taken(text: &[u8]) -> Result<(), String> {
    json::validate(text).map_err(|error| format!("bare: {error}"))?;
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let rows = format!("{{\"before\":1}}\n{{\"v\":{text}}}\n{{\"after\":2}}\n");
    let source = Json::parse_rows(&rows)?.into_iter().enumerate();
    let source: Vec<_> = source.map(|(number, row)| (number.to_string(), row)).collect();
    let file = encode_text(&Settings::default(), rows.as_bytes())
        .map_err(|error| format!("as a field: {error}"))?;
    holds_rows(&file, &source, Rules::default())
}

fn refused(text: &[u8]) -> Result<(), String> {
    let newlines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    let Err(error) = json::validate(text) else { return Err("taken bare".to_owned()) };
    let lines = 1..=1 + newlines;
    if !error.line().is_some_and(|line| lines.contains(&line)) || error.kind() != ErrorKind::Row {
        return Err(format!("bare: {:?} at line {:?}: {error}", error.kind(), error.line()));
    }

    // A row before it, so that the line is no constant; none after it, which an open string or
    // bracket would swallow.
    let rows = [b"{\"before\":1}\n{\"v\":", text, b"}\n"].concat();
    let mut encoder = Encoder::new(Settings::default()).map_err(|error| error.to_string())?;
    let error = match encoder.push_json(&rows) {
        Err(error) => error,
        Ok(()) => match encoder.finish(&target()) {
            Err(error) => error,
            Ok(_) => return Err("taken as a field".to_owned()),
        },
    };
    let lines = 2..=3 + newlines;
    if !error.line().is_some_and(|line| lines.contains(&line))
        || error.kind() != ErrorKind::Row
        || !error.to_string().contains("line ")
    {
        return Err(format!("as a field: {:?} at line {:?}: {error}", error.kind(), error.line()));
    }
    Ok(())
}
