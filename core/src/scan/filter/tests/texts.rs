//! The text form and the JSON form: what is read, and what is refused.

use crate::ErrorKind;
use crate::filter::{DEPTH_MAX, Filter, ITEMS_MAX, TEXT_BYTES_MAX};

#[test]
fn one_filter_has_many_texts_and_one_that_is_printed() {
    for (text, printed) in [
        ("a=1", "a = 1"),
        ("a<>1", "a != 1"),
        ("a >= -1.50", "a >= -1.5"),
        ("A . b IS NOT NULL AND c Is Null", "A.b is not null and c is null"),
        ("((a = 1))", "a = 1"),
        ("a = 1 or b = 2 and not c = 3", "a = 1 or (b = 2 and not c = 3)"),
        ("(a = 1 or b = 2) and c = 3", "(a = 1 or b = 2) and c = 3"),
        ("a = 1 and (b = 2 and c = 3)", "a = 1 and b = 2 and c = 3"),
        ("not (a = 1 and b = 2)", "not (a = 1 and b = 2)"),
        ("not not a = 1", "not not a = 1"),
        ("a not in (1,2) and b not like 'x%'", "not a in (1, 2) and not b like 'x%'"),
        ("a in (2, 1, 1.0, 10, 1)", "a in (1, 2, 10)"),
        ("a in ('x', \"y\", true, date '2024-02-29')", "a in (true, 'x', 'y', date '2024-02-29')"),
        ("a = 'it''s' or a = \"it's\"", "a = 'it''s' or a = 'it''s'"),
        ("\"a.b\".`c d`.\"q\"\"q\" = 1", "\"a.b\".\"c d\".\"q\"\"q\" = 1"),
        ("date = date '2024-02-29'", "date = date '2024-02-29'"),
        ("\"and\" = 1 and timestamp = 2", "\"and\" = 1 and timestamp = 2"),
        ("t > timestamp '2024-02-29t01:00:00.500+01:00'", "t > timestamp '2024-02-29T00:00:00.5Z'"),
        ("a = 9007199254740993", "a = 9007199254740993"),
        ("a = 0.10000000000000000555", "a = 0.10000000000000000555"),
        (r"a like '100\%\_\\%'", r"a like '100\%\_\\%'"),
        ("a like '%'", "a like '%'"),
        ("größe > 1", "größe > 1"),
        ("a\n=\t'\n'", "a = '\n'"),
    ] {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.to_string(), printed, "{text}");
    }
}

#[test]
fn a_fault_of_a_text_has_a_place_and_a_remedy() {
    for (text, place, remedy) in [
        ("", "at its end", "expected the name of a column"),
        ("a", "at its end", "expected =, !="),
        ("a = ", "at its end", "expected a value"),
        ("a == 1", "at character 3", "one sign ="),
        ("a ! 1", "at character 3", "expected !="),
        ("a = b", "at character 5, before \"b\"", "two columns cannot be compared"),
        ("5 < a", "at character 1", "stands on the left"),
        ("'a' = 5", "at character 1", "single quotes are for strings"),
        ("a = null", "at character 5", "write is null"),
        ("a != NULL", "at character 6", "write is null"),
        ("a in ()", "at character 7", "expected a value"),
        ("a in 1", "at character 6", "expected ( after in"),
        ("a in (1 2)", "at character 9", "expected , or )"),
        ("a like '%man'", "at character 8", "a % that is not at its end"),
        ("a like 'm_n%'", "at character 8", "a _ for any character"),
        ("a like 'man'", "at character 8", "write ="),
        (r"a like 'm\n%'", "at character 8", r"a \ before another character"),
        ("a like 5", "at character 8", "expected a pattern"),
        ("a is 5", "at character 6", "expected null or not null"),
        ("a between 1 and 2", "at character 3", "x >= 1 and x <= 9"),
        ("and = 1", "at character 1", "write \"and\""),
        ("a. = 1", "at character 4", "expected the name of a column"),
        ("a.5 = 1", "at character 3", "begins with a digit, stands in double quotes"),
        ("a b = 1", "at character 3", "expected =, !="),
        ("(a = 1", "at its end", "expected )"),
        ("a = 1)", "at character 6", "closes nothing"),
        ("a = 1 b = 2", "at character 7", "join two with and, or or"),
        ("a = 'x", "at character 5", "has no ' at its end"),
        ("a = 1x", "at character 6", "a number ends here"),
        ("a = 01", "at character 5", "needless 0"),
        ("a = +1", "at character 5", "no meaning here"),
        ("a = timestamp 5", "at character 15", "expected a text in quotes"),
        ("a = timestamp '2024-02-29'", "at character 15", "2026-01-02T03:04:05Z"),
        ("a = date '2023-02-29'", "at character 10", "2026-01-02"),
        ("ä = 1 ; ü", "at character 7, before \"; ü\"", "no meaning here"),
    ] {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Settings);
        let message = error.to_string();
        assert!(message.contains(place), "{text}: {message}");
        assert!(message.contains(remedy), "{text}: {message}");
    }
}

#[test]
fn a_fault_of_json_has_a_place_and_a_remedy() {
    for (json, place, remedy) in [
        ("", "line 1", "not JSON"),
        ("5", "at its top", "expected an object with one key"),
        ("{}", "at its top", "expected an object with one key"),
        (r#"{"=":["a",1],"<":["a",1]}"#, "at its top", "join conditions"),
        (r#"{"=":["a",1],"=":["a",2]}"#, "at its top", "join conditions"),
        (r#"{"eq":["a",1]}"#, "at its top", "there is no \"eq\""),
        (r#"{"and":[{"=":["a",1]},{"=":["a"]}]}"#, "at /and/1/=", "array of a column and"),
        (r#"{"and":{"=":["a",1]}}"#, "at /and", "expected an array of conditions"),
        (r#"{"and":[]}"#, "", "give at least one"),
        (r#"{"in":["a",[]]}"#, "for a", "give at least one"),
        (r#"{"in":["a",1]}"#, "at /in", "array of values"),
        (r#"{"=":["a",null]}"#, "at /=", "use is_null"),
        (r#"{"=":["a",[1]]}"#, "at /=", "expected a value"),
        (r#"{"=":["a",{"time":"x"}]}"#, "at /=", "expected a value"),
        (r#"{"=":["a",{"date":"x"}]}"#, "at /=", "2026-01-02"),
        (r#"{"=":["a b",1]}"#, "at /=", "double quotes"),
        (r#"{"=":[[],1]}"#, "", "give at least one"),
        (r#"{"=":[[1],1]}"#, "at /=", "expected a column"),
        (r#"{"is_null":5}"#, "at /is_null", "expected a column"),
        (r#"{"like":["a","%x"]}"#, "at /like", "not at its end"),
        (r#"{"like":["a",5]}"#, "at /like", "expected a pattern"),
        (r#"{"not":[]}"#, "at /not", "expected an object with one key"),
    ] {
        let error = Filter::from_json(json).expect_err(json);
        assert_eq!(error.kind(), ErrorKind::Settings, "{json}");
        let message = error.to_string();
        assert!(message.contains(place), "{json}: {message}");
        assert!(message.contains(remedy), "{json}: {message}");
    }
}

#[test]
fn json_names_columns_by_text_or_by_names() {
    let by_text = Filter::from_json(r#"{"is_null":"\"a.b\".null"}"#).unwrap();
    let by_names = Filter::from_json(r#"{"is_null":["a.b","null"]}"#).unwrap();
    assert_eq!(by_text, by_names);
    assert_eq!(by_text.to_json(), r#"{"is_null":"\"a.b\".\"null\""}"#);
    assert_eq!(by_text.columns()[0].names(), ["a.b", "null"]);
}

#[test]
fn columns_are_sorted_and_named_once() {
    let filter = Filter::parse("b = 1 or (a.c = 2 and not b is null) or a in (1)").unwrap();
    let columns: Vec<String> = filter.columns().iter().map(ToString::to_string).collect();
    assert_eq!(columns, ["a", "a.c", "b"]);
}

#[test]
fn what_is_too_large_is_refused_before_it_does_harm() {
    let limit = |result: crate::Result<Filter>| result.unwrap_err().kind() == ErrorKind::Limit;
    let many = 100_000;
    assert!(limit(Filter::parse(&format!("{}a = 1{}", "(".repeat(many), ")".repeat(many)))));
    assert!(limit(Filter::parse(&format!("{}a = 1", "not ".repeat(many)))));
    assert!(limit(Filter::parse(&"a = 1 or ".repeat(many))));
    assert!(limit(Filter::parse(&format!("a in ({}1)", "1,".repeat(many)))));
    assert!(limit(Filter::parse(&" ".repeat(TEXT_BYTES_MAX + 1))));
    assert!(limit(Filter::from_json(&format!("{}{}", "[".repeat(many), "]".repeat(many)))));
    let nots = |count| {
        format!("{}{}{}", r#"{"not":"#.repeat(count), r#"{"is_null":"a"}"#, "}".repeat(count))
    };
    assert!(Filter::from_json(&nots(DEPTH_MAX - 1)).is_ok());
    assert!(limit(Filter::from_json(&nots(DEPTH_MAX))));
    assert!(limit(Filter::from_json(&format!(r#"{{"in":["a",[{}1]]}}"#, "1,".repeat(many)))));
    let largest = format!("a in ({}1)", "1,".repeat(ITEMS_MAX - 2));
    let filter = Filter::parse(&largest).unwrap();
    assert_eq!(Filter::from_json(&filter.to_json()).unwrap(), filter);
    assert!(limit(Filter::parse(&format!("{largest} or b is null"))));
}

/// The deepest filters of each form, and back by the other.
#[test]
fn the_deepest_filters_are_read_and_printed() {
    for (open, close) in [("(a = 1 or b = 2 and ", ")"), ("not ", ""), ("not (a = 1 and ", ")")] {
        let deepest = (1..=DEPTH_MAX).rev().find_map(|depth| {
            let text =
                format!("{}c in (date '2024-02-29'){}", open.repeat(depth), close.repeat(depth));
            Filter::parse(&text).ok()
        });
        let filter = deepest.unwrap();
        assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
        assert_eq!(Filter::from_json(&filter.to_json()).unwrap(), filter);
    }
}
