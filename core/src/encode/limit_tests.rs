//! What one row may be: the limit comes before its memory, whatever the row is made of and however
//! it comes.

use serde_json::json;

use super::*;
use crate::json::{Events, Number};
use crate::{ErrorKind, Rescued, StreamEncoder, StreamSettings};

const MAX: usize = 1_000;

fn limited() -> Settings {
    Settings { row_bytes_max: MAX, ..Settings::default() }
}

fn encoder() -> Encoder {
    Encoder::new(limited()).unwrap()
}

/// A row that begins so and repeats this for ever.
const ENDLESS: [(&str, &str); 13] = [
    ("{\"a\":\"", "xyz"),
    ("{\"a\":\"", "\\u00e9"),
    ("{\"a\":\"", "é"),
    ("{\"", "name"),
    ("{\"a\":1", "234"),
    ("{\"a\":0.", "001"),
    ("{\"a\":1e", "9"),
    ("{\"a\":", " \t"),
    ("{\"a\":", "[["),
    ("{\"a\":", "{\"a\":"),
    ("{\"a\":[0", ",1"),
    ("{\"a\":[0", ",{}"),
    ("{\"a\":0", ",\"a\":0"),
];

#[test]
fn a_row_without_end_is_an_error_soon_after_the_limit() {
    for (start, again) in ENDLESS {
        for slice in [1, 7, 300, 5_000] {
            for array in [false, true] {
                let head = if array { "[{\"n\":1},\n\n" } else { "{\"n\":1}\n\n" };
                let mut encoder = encoder();
                encoder.push_json(head.as_bytes()).unwrap();
                let text = start.to_owned() + &again.repeat(20_000 / again.len());
                let mut pushed = 0;
                let error = text.as_bytes().chunks(slice).find_map(|slice| {
                    pushed += slice.len();
                    encoder.push_json(slice).err()
                });
                let error = error.unwrap_or_else(|| panic!("{start}{again}… was taken"));
                assert_eq!(error.kind(), ErrorKind::Limit, "{start}{again}…: {error}");
                assert_eq!((error.row(), error.line()), (Some(1), Some(3)), "{start}{again}…");
                assert!(error.to_string().contains("row_bytes_max"), "{error}");
                assert!(pushed <= MAX + slice + 4, "{start}{again}…: after {pushed} bytes");
            }
        }
    }
}

#[test]
fn a_row_may_have_as_many_bytes_as_the_limit_says() {
    let row = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    // What the row takes beside its text is its object and the text's end.
    let text_max = MAX - 2;
    for slice in [1, 10, 999, 1_000, 5_000] {
        let push = |text: &str| {
            let mut encoder = encoder();
            text.as_bytes().chunks(slice).try_for_each(|slice| encoder.push_json(slice))?;
            encoder.end_json().map(|()| encoder.rows())
        };
        assert_eq!(push(&row(text_max).repeat(3)).unwrap(), 3, "{slice}");
        assert_eq!(push(&format!("{}\n   ", row(MAX - 2))).unwrap(), 1, "{slice}");
        let spaces = format!("{{\"a\":{}1}}", " ".repeat(MAX - 7));
        assert_eq!((spaces.len(), push(&spaces).unwrap()), (MAX, 1), "{slice}");
        let error = push(&spaces.replacen(' ', "  ", 1)).unwrap_err();
        assert_eq!((error.kind(), error.row()), (ErrorKind::Limit, Some(0)), "{slice}");
    }
}

#[test]
fn space_between_rows_is_not_a_rows() {
    let mut encoder = encoder();
    for _ in 0..5 {
        encoder.push_json(" \n".repeat(10 * MAX).as_bytes()).unwrap();
        encoder.push_json(b"{}").unwrap();
    }
    assert_eq!(encoder.rows(), 5);
}

#[test]
fn values_and_documents_are_bounded_by_the_memory_they_take() {
    let large = [
        json!({"a": "x".repeat(MAX)}),
        json!({"a": vec![1; MAX / 9]}),
        json!({"a": vec![json!({}); MAX]}),
        json!({"a": vec![json!([]); MAX / 9]}),
        json!({ "x".repeat(5_000): 1 }),
    ];
    for document in large {
        let error = encoder().push_row("id", &document).unwrap_err();
        assert_eq!((error.kind(), error.row()), (ErrorKind::Limit, Some(0)), "{document}");
        let mut stream =
            StreamEncoder::new(limited(), StreamSettings::default(), Target::new(0, "c")).unwrap();
        assert_eq!(stream.push_row("id", &document).unwrap_err().kind(), ErrorKind::Limit);
    }
    assert_eq!(
        encoder().push_row(&"x".repeat(MAX), &json!({})).unwrap_err().kind(),
        ErrorKind::Limit
    );
    encoder().push_row(&"x".repeat(MAX / 2), &json!({"a": vec![1; MAX / 20]})).unwrap();

    let error = encoder()
        .push_document(|document| {
            document.open_object();
            document.key("a");
            document.open_array();
            (0..MAX).for_each(|_| document.number(Number::Int(7)));
            document.close_array();
            document.close_object();
            Ok(())
        })
        .unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Limit, Some(0)));
}

#[test]
fn rows_before_and_gaps_are_not_charged_to_a_row() {
    let mut encoder = encoder();
    encoder.push_json(b"{\"rare\":1}\n").unwrap();
    (0..5 * MAX).for_each(|_| encoder.push_json(b"{\"a\":1}\n").unwrap());
    encoder.push_json(b"{\"rare\":1}\n").unwrap();
    assert_eq!(encoder.rows() as usize, 5 * MAX + 2);
}

#[test]
fn what_nests_too_deep_is_bounded_by_the_memory_of_its_objects() {
    let settings = Settings { row_bytes_max: 100_000, depth_max: 1, ..Settings::default() };
    let deep = |levels: usize| "{\"\":".repeat(levels) + "1" + &"}".repeat(levels);
    let push = |levels| {
        let mut encoder = Encoder::new(settings.clone()).unwrap();
        encoder.push_json(deep(levels).as_bytes())
    };
    push(1_000).unwrap();
    // 25,000 bytes of text, but 160,000 of objects that are open.
    assert_eq!(push(5_000).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn long_names_become_no_columns() {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    let (longest, longer) = ("n".repeat(4_096), "n".repeat(4_097));
    encoder.push_row("0", &json!({&longest: 1, &longer: 2, "a": {&longer: 3}})).unwrap();
    let file = encoder.finish(&Target::new(0, "c")).unwrap();
    let names: Vec<&str> = file.summary.schema.columns().iter().map(|c| &*c.name).collect();
    assert_eq!(names, ["a", &longest]);
    assert_eq!(file.summary.rescued, [Rescued { path: longer, count: 1, other_form: 0 }]);
}

#[test]
fn keys_that_stand_often_cost_no_more_than_a_row_may() {
    // Each `{}` replaces an object before it, whose thousand fields must be looked at.
    let fields: Vec<String> = (0..1_000).map(|at| format!("\"f{at}\":1")).collect();
    let mut text = format!("{{\"a\":{{{}}}", fields.join(","));
    text += &",\"a\":{}".repeat(300_000);
    text.push('}');
    let settings = Settings { row_bytes_max: 10_000_000, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    let work = crate::work::of(|| {
        assert_eq!(encoder.push_json(text.as_bytes()).unwrap_err().kind(), ErrorKind::Limit);
    });
    assert!(work < 50_000_000, "{work}");
    let mut few = Encoder::new(Settings::default()).unwrap();
    few.push_json(
        b"{\"a\":{\"x\":1},\"a\":{\"x\":[1,{\"y\":2}]},\"a\":{\"x\":3,\"z\":[4]},\"b\":0}",
    )
    .unwrap();
    let file = few.finish(&Target::new(0, "c")).unwrap();
    assert_eq!(file.summary.duplicate_keys, 2);
}

#[test]
fn a_key_that_replaces_one_is_counted_once() {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_json(b"{\"a\":[{},{},{\"x\":1}],\"a\":[{\"x\":2}]}").unwrap();
    assert_eq!(encoder.finish(&Target::new(0, "c")).unwrap().summary.duplicate_keys, 1);
}
