//! A schema as JSON that people read and edit: a line for each column.

use coldpress_core::Schema;

/// The JSON form of the schema, with line breaks, and without one at its end.
pub fn pretty(schema: &Schema) -> String {
    let mut out = String::new();
    // What is open, from the outside in.
    let mut open: Vec<char> = Vec::new();
    let (mut is_text, mut is_escaped) = (false, false);
    let json = schema.to_json();
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        if is_text {
            is_text = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
            out.push(c);
            continue;
        }
        // The schema itself and lists of columns have a line for each of their parts.
        let breaks = |open: &[char]| open.len() == 1 || open.last() == Some(&'[');
        match c {
            '{' | '[' => {
                open.push(c);
                out.push(c);
                let is_empty = rest.peek() == Some(&']');
                if breaks(&open) && !is_empty {
                    new_line(&open, &mut out);
                }
            }
            '}' | ']' => {
                let had_lines = breaks(&open) && !out.ends_with('[');
                open.pop();
                if had_lines {
                    new_line(&open, &mut out);
                }
                out.push(c);
            }
            ',' if breaks(&open) => {
                out.push(c);
                new_line(&open, &mut out);
            }
            ',' | ':' => out.extend([c, ' ']),
            _ => {
                is_text = c == '"';
                out.push(c);
            }
        }
    }
    out
}

fn new_line(open: &[char], out: &mut String) {
    // A column stands in one line, so only what has lines of its own counts.
    let depth = open.iter().enumerate().filter(|(at, c)| *at == 0 || **c == '[').count();
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_line() {
        let text = concat!(
            r#"{"columns":[{"name":"a,\"[{","type":"int64"},{"name":"b","type":"struct","#,
            r#""fields":[{"name":"c","type":"list","element":{"type":"string"}},"#,
            r#"{"name":"\\","type":"json"}]}],"inferred":true}"#,
        );
        let wanted = r#"{
  "columns": [
    {"name": "a,\"[{", "type": "int64"},
    {"name": "b", "type": "struct", "fields": [
      {"name": "c", "type": "list", "element": {"type": "string"}},
      {"name": "\\", "type": "json"}
    ]}
  ],
  "inferred": true
}"#;
        let schema = Schema::from_json(text).unwrap();
        assert_eq!(pretty(&schema), wanted);
        assert_eq!(Schema::from_json(wanted).unwrap(), schema);
        assert_eq!(pretty(&Schema::default()), "{\n  \"columns\": []\n}");
    }
}
