//! The command line that continues a command that failed half-way, ready to be copied.

use std::ffi::OsString;

const SKIP: &str = "--skip-rows";
const APPEND: &str = "--append";

/// This process's command line, quoted for a shell, as an append that skips `rows` rows.
pub fn skipping(rows: u64) -> String {
    skipping_in(std::env::args_os(), rows)
}

fn skipping_in(arguments: impl IntoIterator<Item = OsString>, rows: u64) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut options_end = None;
    let mut appends = false;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if options_end.is_none() {
            match &*text {
                SKIP => {
                    arguments.next();
                    continue;
                }
                _ if text.starts_with("--skip-rows=") => continue,
                "--" => options_end = Some(words.len()),
                APPEND => appends = true,
                _ => {}
            }
        }
        words.push(quoted(&text));
    }
    let mut more = vec![SKIP.to_owned(), rows.to_string()];
    if !appends {
        more.insert(0, APPEND.to_owned());
    }
    let at = options_end.unwrap_or(words.len());
    words.splice(at..at, more);
    words.join(" ")
}

/// Quotes the word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipping(words: &[&str], rows: u64) -> String {
        skipping_in(words.iter().map(OsString::from), rows)
    }

    #[test]
    fn the_command_continues_behind_the_rows() {
        let plain = ["coldpress", "put", "-", "-c", "events", "--append"];
        assert_eq!(skipping(&plain, 70), "coldpress put - -c events --append --skip-rows 70");
        let again = ["coldpress", "put", "--skip-rows", "9", "--skip-rows=9", "-c", "a b"];
        assert_eq!(skipping(&again, 70), "coldpress put -c 'a b' --append --skip-rows 70");
        let files = ["coldpress", "put", "--append", "-c", "it's", "--", "--skip-rows", ""];
        assert_eq!(
            skipping(&files, 1),
            "coldpress put --append -c 'it'\\''s' --skip-rows 1 -- --skip-rows ''"
        );
    }
}
