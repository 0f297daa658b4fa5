//! Patterns of `like`. Only those are allowed that say how a text begins.

/// The start that a pattern asks for, as plain text; or what is wrong with the pattern, and what
/// is allowed.
pub(super) fn prefix_of(pattern: &str) -> Result<String, String> {
    let mut prefix = String::new();
    let mut rest = pattern.chars();
    while let Some(next) = rest.next() {
        match next {
            '%' if rest.as_str().is_empty() => return Ok(prefix),
            '%' => return Err(refusal("a % that is not at its end")),
            '_' => return Err(refusal("a _ for any character")),
            '\\' => match rest.next() {
                Some(literal @ ('%' | '_' | '\\')) => prefix.push(literal),
                _ => return Err(refusal("a \\ before another character than %, _ and \\")),
            },
            plain => prefix.push(plain),
        }
    }
    Err("a pattern of like ends with %; to compare with a whole text, write =".to_owned())
}

fn refusal(what: &str) -> String {
    format!(
        "the pattern has {what}; only a text and then one % are allowed, as in 'The %', and \\%, \
         \\_ and \\\\ stand for the characters themselves"
    )
}

/// The pattern that asks for this start.
pub(super) fn pattern_of(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for next in prefix.chars() {
        if matches!(next, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(next);
    }
    pattern.push('%');
    pattern
}
