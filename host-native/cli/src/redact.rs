//! Removes secrets from messages. Errors repeat arguments, and some people give a URL with a
//! password, or a grant, instead of a file name.

/// The marks of a signed URL, in lower case. A grant is a JSON text with such URLs.
const SIGNED: [&str; 3] = ["x-amz-signature", "x-amz-security-token", "x-amz-credential"];

/// `text` without users and passwords in URLs, without signatures and without grants.
pub fn redacted(text: &str) -> String {
    without_users(&without_signatures(text))
}

fn without_signatures(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let Some(first) = SIGNED.iter().filter_map(|mark| lower.find(mark)).min() else {
        return text.to_owned();
    };
    // A grant begins with a brace before its first URL. It is removed up to its end.
    if let Some(start) = text[..first].find('{') {
        let end = text.rfind('}').map_or(text.len(), |end| end + 1).max(first);
        return format!(
            "{}(a grant, not shown){}",
            &text[..start],
            without_signatures(&text[end..])
        );
    }
    let start = text[..first].rfind(ends_url).map_or(0, |at| at + char_length(text, at));
    let end = text[first..].find(ends_url).map_or(text.len(), |at| first + at);
    format!("{}(a signed URL, not shown){}", &text[..start], without_signatures(&text[end..]))
}

fn without_users(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(ends_url).unwrap_or(after.len());
        let url = &after[..end];
        let host_end = url.find('/').unwrap_or(url.len());
        // Secret keys may have slashes, so a colon before the last `@` also means a password.
        let at = url.rfind('@').filter(|at| *at < host_end || url[..*at].contains(':'));
        if at.is_some() {
            shown.push_str("(not shown)");
        }
        shown.push_str(&url[at.unwrap_or(0)..]);
        rest = &after[end..];
    }
    shown.push_str(rest);
    shown
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')
}

fn char_length(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_are_taken_out() {
        for (text, shown) in [
            ("cannot read s3://user:PASS@cold/x: no", "cannot read s3://(not shown)@cold/x: no"),
            ("https://PASS@host", "https://(not shown)@host"),
            (
                "\"https://u:PA/SS@host/a\" and http://h",
                "\"https://(not shown)@host/a\" and http://h",
            ),
            ("s3://cold/a@b: no", "s3://cold/a@b: no"),
            ("a@b ://", "a@b ://"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    #[test]
    fn grants_and_signed_urls_are_taken_out() {
        let url = "https://h/k?a=1&X-Amz-Signature=SECRET";
        assert_eq!(
            redacted(&format!("cannot read {url}: no")),
            "cannot read (a signed URL, not shown) no"
        );
        let grant = format!("{{\"version\": 1,\n \"put\": {{\"url\": \"{url}\"}}}}");
        let line = redacted(&format!("cannot read the grant é{grant}: no such file"));
        assert_eq!(line, "cannot read the grant é(a grant, not shown): no such file");
        let cut = redacted(&format!("{{\"url\": \"{url}"));
        assert!(!cut.contains("SECRET"), "{cut}");
        let lower = redacted(
            "https://h/k?x-amz-security-token=SECRET 'https://h/k?X-Amz-Credential=SECRET'",
        );
        assert!(!lower.contains("SECRET"), "{lower}");
        assert_eq!(redacted("{\"a\": 1} é"), "{\"a\": 1} é");
    }
}
