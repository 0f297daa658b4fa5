//! Names of fields that some engine may trip over.

use std::fmt::Write;

use super::source::Source;

/// Names of fields, and what is odd about them.
pub const NAMES: &[(&str, &str)] = &[
    ("a dot", "a.b"),
    ("a blank", "a b"),
    ("blanks around", " a "),
    ("a comma", "a,b"),
    ("a semicolon", "a;b"),
    ("an equals sign", "a=b"),
    ("brackets", "a(b)[c]{d}<e>"),
    ("a double quote", "a\"b"),
    ("a single quote", "a'b"),
    ("a backtick", "a`b"),
    ("a backslash", "a\\b"),
    ("a slash", "a/b"),
    ("a percent sign", "a%20b"),
    ("`$`, `#`, `@`, `*`, `?`", "a$b#c@d*e?"),
    ("a tab", "a\tb"),
    ("a line feed", "a\nb"),
    ("a zero byte", "a\0b"),
    ("an accent, composed", "é"),
    ("an accent, decomposed", "e\u{301}"),
    ("Japanese", "名前"),
    ("an emoji", "😀"),
    ("a right-to-left script", "שם"),
    ("a digit first", "1a"),
    ("a digit alone", "0"),
    ("an underscore first", "_a"),
    ("a word of SQL", "select"),
    ("`element`", "element"),
    ("`list`", "list"),
    ("200 characters", LONG),
];
const LONG: &str = "ten of 200 ten of 200 ten of 200 ten of 200 ten of 200 ten of 200 ten of 200 \
    ten of 200 ten of 200 ten of 200 ten of 200 ten of 200 ten of 200 ten of 200 ten of 200 ten \
    of 200 ten of 200 200 character";

/// The name at the top and in a struct, and in a struct of a list where `in_list`.
pub fn named(what: &str, name: &str, in_list: bool) -> Source {
    let name = serde_json::to_string(name).unwrap();
    let mut ndjson = String::new();
    for row in 0..3 {
        let of = format!(r#"{{{name}:{row},"x":"y"}}"#);
        let list = if in_list { format!(r#","l":[{of}]"#) } else { String::new() };
        writeln!(ndjson, r#"{{{name}:{row},"s":{of}{list}}}"#).unwrap();
    }
    Source::new(format!("name {what}"), ndjson)
}
