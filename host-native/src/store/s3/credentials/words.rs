//! Splits a command into words as a POSIX shell does: quotes and backslashes, and nothing else. No
//! variable, `~` or `*` is replaced, and no shell is started. The AWS CLI does the same.

/// The words of a command; an error in words if a quote is not closed.
pub(super) fn split(command: &str) -> Result<Vec<String>, &'static str> {
    // On Windows a backslash separates folders.
    split_with(command, !cfg!(windows))
}

fn split_with(command: &str, has_escapes: bool) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = command.chars();
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' if has_escapes => {
                let (inner, after) =
                    rest.as_str().split_once('\'').ok_or("a quote is not closed")?;
                word.get_or_insert_default().push_str(inner);
                rest = after.chars();
            }
            '"' => quoted(&mut rest, word.get_or_insert_default(), has_escapes)?,
            '\\' if has_escapes => match rest.next() {
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("a backslash at the end has nothing to stand before"),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads on to the closing double quote.
fn quoted(
    rest: &mut std::str::Chars<'_>,
    word: &mut String,
    has_escapes: bool,
) -> Result<(), &'static str> {
    loop {
        match rest.next() {
            Some('"') => return Ok(()),
            Some('\\') => match rest.clone().next() {
                Some(c) if c == '"' || c == '\\' && has_escapes => {
                    rest.next();
                    word.push(c);
                }
                _ => word.push('\\'),
            },
            Some(c) => word.push(c),
            None => return Err("a quote is not closed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would_and_nothing_is_replaced() {
        for (command, words) in [
            ("a b\tc", &["a", "b", "c"][..]),
            ("  '/opt/my tool' --x=\"y z\" ", &["/opt/my tool", "--x=y z"]),
            (r#"a\ b "c\"d" "\n\\" '\'"#, &["a b", "c\"d", "\\n\\", "\\"]),
            ("'' \"\"", &["", ""]),
            (
                "$HOME ~ * ; rm & | `x` $(y)",
                &["$HOME", "~", "*", ";", "rm", "&", "|", "`x`", "$(y)"],
            ),
            ("", &[]),
        ] {
            assert_eq!(split_with(command, true).unwrap(), words, "{command}");
        }
        for open in ["'a", "\"a", "a\\", "\"a\\\""] {
            assert!(split_with(open, true).is_err(), "{open}");
        }
        let windows = r#"C:\tools\x.exe "C:\my folder\y" 'z'"#;
        let words = ["C:\\tools\\x.exe", "C:\\my folder\\y", "'z'"];
        assert_eq!(split_with(windows, false).unwrap(), words);
    }
}
