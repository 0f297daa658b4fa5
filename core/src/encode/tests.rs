use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::ErrorKind;

fn encoder() -> Encoder {
    Encoder::new(Settings::default()).unwrap()
}

fn bytes(encoder: Encoder) -> Bytes {
    encoder.finish(&Target::new(0, "c")).unwrap().bytes
}

#[test]
fn rows_at_once_are_rows_one_by_one() {
    let rows: Vec<(String, Value)> =
        (0..50).map(|n| (format!("id-{n}"), json!({"n": n, "t": format!("text {n}")}))).collect();
    let mut one_by_one = encoder();
    for (id, document) in &rows {
        one_by_one.push_row(id, document).unwrap();
    }
    let mut at_once = encoder();
    at_once.push_rows(&rows).unwrap();
    assert_eq!(bytes(one_by_one), bytes(at_once));
}

#[test]
fn each_text_is_lines_or_an_array_of_its_own() {
    let mut texts = encoder();
    for text in ["{\"a\":1}", "[{\"a\":2},\n{\"a\":3}]", "", "\u{feff}{\"a\":4}\n"] {
        texts.push_json(text.as_bytes()).unwrap();
        texts.end_json().unwrap();
    }
    assert_eq!(texts.rows(), 4);
    let error = texts.push_json(b"\n\n{\"a\":}").unwrap_err();
    assert_eq!(
        (error.line(), error.row()),
        (Some(3), Some(4)),
        "lines count within a text, rows over all"
    );
    assert_eq!(texts.end_json().unwrap_err().kind(), ErrorKind::Misuse);
}

#[test]
fn a_text_that_is_cut_off_has_no_end() {
    for text in ["{\"a\":1}{", "[{\"a\":1}", "[{\"a\":1},", "[", "{\"a\":\"\u{e9}"] {
        let mut cut = encoder();
        cut.push_json(text.as_bytes()).unwrap();
        assert_eq!(cut.end_json().unwrap_err().kind(), ErrorKind::Row, "{text}");
    }
    let mut within_a_character = encoder();
    within_a_character.push_json(b"{\"a\":\"\xc3").unwrap();
    within_a_character.push_json(b"\xa9\"}").unwrap();
    within_a_character.end_json().unwrap();
    assert_eq!(within_a_character.rows(), 1);
}

#[test]
fn utf_16_is_named_with_and_without_a_byte_order_mark() {
    let units = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    };
    for text in ["{\"a\":1}", "[{\"a\":\"\u{e9}\"}]", "\u{feff}{\"a\":\"\u{20ac}\"}\n"] {
        for (bytes, name) in [
            (units(text, u16::to_le_bytes), "iconv -f UTF-16LE -t UTF-8"),
            (units(text, u16::to_be_bytes), "iconv -f UTF-16BE -t UTF-8"),
        ] {
            // Whole, and unit by unit.
            for size in [bytes.len(), 2] {
                let mut encoder = encoder();
                let pushed = bytes.chunks(size).try_for_each(|slice| encoder.push_json(slice));
                let error = pushed.and_then(|()| encoder.end_json()).unwrap_err();
                assert_eq!((error.kind(), error.line()), (ErrorKind::Row, Some(1)), "{error}");
                assert!(error.to_string().contains(name), "{text:?} {size}: {error}");
            }
        }
    }
    let error = encoder().push_json(b"{\"a\":1}\n\0\0\0\0").unwrap_err().to_string();
    assert!(!error.contains("UTF-16"), "{error}");
}

#[test]
fn a_number_that_cannot_be_an_id_is_shown_as_it_is() {
    for number in ["1.0", "-0.0", "18446744073709551616", "-9223372036854775809"] {
        let text = format!("{{\"_id\":{number}}}");
        let error = encoder().push_json(text.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.row()), (ErrorKind::Row, Some(0)));
        let error = error.to_string();
        assert!(error.contains(&format!("is the number {number}; a number can be")), "{error}");
    }
}

#[test]
fn a_row_does_not_slip_into_a_text() {
    let mut mixed = encoder();
    mixed.push_json(b"{\"a\":1}\n").unwrap();
    mixed.push_row("x", &json!({"a": 2})).unwrap();
    mixed.push_json(b"{\"a\":").unwrap();
    let error = mixed.push_row("y", &json!({"a": 3})).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
}

#[test]
fn no_rows_and_no_key_are_errors() {
    assert_eq!(encoder().finish(&Target::new(0, "c")).unwrap_err().kind(), ErrorKind::Row);
    let mut one = encoder();
    one.push_json(b"{}").unwrap();
    assert_eq!(one.finish(&Target::new(0, "")).unwrap_err().kind(), ErrorKind::Key);
}

#[test]
fn a_value_nested_past_every_stack_is_an_error() {
    let mut deep = json!(1);
    for _ in 0..1_100 {
        deep = json!([deep]);
    }
    let error = encoder().push_row("x", &json!({ "a": deep })).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Limit, Some(0)));
}
