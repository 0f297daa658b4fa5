//! Reads the small XML answers of S3.

/// The inner text of each element of this name.
pub(crate) fn elements<'b>(body: &'b str, name: &str) -> impl Iterator<Item = &'b str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = body;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(open.as_str())?;
        let (inner, after) = behind.split_once(close.as_str())?;
        rest = after;
        Some(inner)
    })
}

/// The inner text of the first element of this name.
pub(crate) fn element<'b>(body: &'b str, name: &str) -> Option<&'b str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0)
}

/// The text of an element, with its entities decoded.
pub(crate) fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
}
