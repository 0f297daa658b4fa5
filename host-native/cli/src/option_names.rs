//! The library's messages name the settings of the library. The users of the command know its
//! options and environment variables, so its messages name these.

use std::fmt::Display;

/// Settings of the library, and the options of the command that set them.
const OPTIONS: [(&str, &str); 8] = [
    ("allow_http", "--allow-http"),
    ("allow_unconditional_put", "--allow-unconditional-put"),
    ("file_bytes_max", "--file-size"),
    ("local_dir", "--store"),
    ("new_schema", "--new-schema"),
    ("row_bytes_max", "--row-bytes-max"),
    ("row_group_bytes_max", "--row-group-bytes"),
    ("row_group_rows_max", "--row-group-rows"),
];

/// Phrases of the library whose words are too common to be replaced one by one.
const PHRASES: [(&str, &str); 12] = [
    (" (access_key and secret_key of the configuration)", ""),
    (
        "another profile or credential_source (for the command: --profile, --credentials)",
        "another --profile or --credentials",
    ),
    ("another credential_source (for the command: --credentials)", "another --credentials"),
    ("the option id", "--id"),
    ("append the rows, give a schema,", "append the rows (--append), give a schema (--schema),"),
    ("raise timeout_ms", "raise --timeout"),
    ("raise timeout", "raise --timeout"),
    (
        "access_key and secret_key (for the command: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
         AWS_SESSION_TOKEN)",
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    ),
    ("access_key, secret_key and session_token; for the command: ", ""),
    ("access_key (for the command: AWS_ACCESS_KEY_ID)", "AWS_ACCESS_KEY_ID"),
    ("secret_key (for the command: AWS_SECRET_ACCESS_KEY)", "AWS_SECRET_ACCESS_KEY"),
    ("session_token (for the command: AWS_SESSION_TOKEN)", "AWS_SESSION_TOKEN"),
];

/// A message of the library in the words of the command.
pub fn in_our_words(error: impl Display) -> String {
    let message = PHRASES
        .iter()
        .fold(error.to_string(), |message, (phrase, ours)| message.replace(phrase, ours))
        .replace("(for the command: ", "(");
    let mut text = String::with_capacity(message.len());
    let mut rest = message.as_str();
    // Text in quotes comes from the user: a column may be named `local_dir`.
    let mut is_quoted = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' if is_quoted => rest.chars().take(2).map(char::len_utf8).sum(),
            _ if is_word(first) => {
                let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
                // What ends a clause is not part of the name before it.
                word.trim_end_matches(['.', ':']).len().max(first.len_utf8())
            }
            _ => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        is_quoted ^= piece == "\"";
        let option = OPTIONS.iter().find(|(setting, _)| !is_quoted && *setting == piece);
        text.push_str(option.map_or(piece, |(_, option)| option));
        rest = after;
    }
    text
}

/// Whether the character is part of a setting's name, or of a path or a longer name around it.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '`')
}

#[cfg(test)]
mod tests {
    use coldpress::{ColdStorage, ColdStorageConfig};

    use super::*;

    #[test]
    fn settings_become_options_and_text_of_users_stays() {
        for (message, ours) in [
            ("took longer than 5 ms; raise timeout_ms", "took longer than 5 ms; raise --timeout"),
            (
                "takes more than 9 bytes (row_bytes_max); raise row_bytes_max",
                "takes more than 9 bytes (--row-bytes-max); raise --row-bytes-max",
            ),
            ("the column \"local_dir\" é", "the column \"local_dir\" é"),
            ("\"a\\\" local_dir\" and local_dir", "\"a\\\" local_dir\" and --store"),
            ("cannot read /x/local_dir.json", "cannot read /x/local_dir.json"),
            (
                "set local_dir: it is empty. Use local_dir.",
                "set --store: it is empty. Use --store.",
            ),
            ("give a range (for the command: --past-gap)", "give a range (--past-gap)"),
        ] {
            assert_eq!(in_our_words(message), ours);
        }
    }

    #[test]
    fn credentials_are_named_by_their_variables() {
        let config = |access_key: &str| ColdStorageConfig {
            endpoint: "https://s3.example".to_owned(),
            bucket: "cold".to_owned(),
            access_key: access_key.to_owned(),
            secret_key: "secret".to_owned(),
            ..ColdStorageConfig::default()
        };
        for access_key in ["", "with space"] {
            let error = ColdStorage::new(config(access_key)).unwrap_err();
            let message = in_our_words(&error);
            assert!(
                message.contains("AWS_ACCESS_KEY_ID") && !message.contains("access_key"),
                "{message}"
            );
        }
    }
}
