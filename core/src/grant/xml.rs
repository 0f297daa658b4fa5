//! The small part of XML that S3 uses in its answers: flat elements of text.

use super::fields::wrong_with_upload_id;
use crate::text::find;
use crate::{Error, ErrorKind, Result};

/// The text of the first element with this name, its entities decoded.
pub(crate) fn element(body: &str, name: &str) -> Option<String> {
    let mut rest = body;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (tag, text) = after.split_once('>')?;
        // Some stores give elements a namespace attribute.
        if tag.split_ascii_whitespace().next() == Some(name) && !tag.ends_with('/') {
            return find(text, "</").map(|end| decoded(&text[..end]));
        }
        rest = after;
    }
}

/// The name of the root element, without a namespace prefix.
pub(crate) fn root(body: &str) -> Option<&str> {
    let mut rest = body;
    loop {
        let (_, after) = rest.split_once('<')?;
        // Skip the declaration and comments.
        if !after.starts_with(['?', '!']) {
            let end = after.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/'))?;
            let name = &after[..end];
            return Some(name.split_once(':').map_or(name, |(_, name)| name));
        }
        (_, rest) = after.split_once('>')?;
    }
}

/// The body of the request that completes a multipart upload. `etags` are those of the parts, in
/// order from the first part.
pub fn complete_multipart_body<'a>(etags: impl IntoIterator<Item = &'a str>) -> String {
    let mut body =
        String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (i, etag) in etags.into_iter().enumerate() {
        let (number, etag) = (i + 1, escaped(etag));
        body.push_str(&format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        ));
    }
    body.push_str("</CompleteMultipartUpload>");
    body
}

/// Text with the characters escaped that an element cannot contain.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').and_then(|(entity, after)| {
            let c = match entity {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => {
                    let number = entity.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((c, after))
        });
        match entity {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Reads the upload id from the body of the answer that begins a multipart upload.
///
/// # Errors
///
/// `Corrupt` if the body has no valid upload id.
pub fn upload_id_in(body: &str) -> Result<String> {
    let id = element(body, "UploadId").unwrap_or_default();
    match wrong_with_upload_id(&id) {
        Some(wrong) => Err(Error::new(
            ErrorKind::Corrupt,
            format!(
                "the store began a multipart upload, but its UploadId {wrong}; check that the \
                 endpoint is that of an S3 store"
            ),
        )),
        None => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_element_is_found_and_decoded() {
        let body = "<?xml version=\"1.0\"?>\n<R \
                    xmlns=\"http://x/\"><A/><UploadId>a&amp;b&#34;&#x2b;&odd;</UploadId><B \
                    a=\"1\"> c </B></R>";
        assert_eq!(element(body, "UploadId").as_deref(), Some("a&b\"+&odd;"));
        assert_eq!(element(body, "B").as_deref(), Some("c"));
        assert_eq!(element(body, "A"), None);
        assert_eq!(element(body, "C"), None);
        assert_eq!(root(body), Some("R"));
        assert_eq!(root("\n <?xml?><!-- a --><s:Error><Code/></s:Error>"), Some("Error"));
        assert_eq!(root("<R/>"), Some("R"));
        for none in ["", "<", "<R", "<?xml", "<?xml?>", "text"] {
            assert_eq!(root(none), None, "{none}");
        }
        assert_eq!(escaped("\"<&>"), "\"&lt;&amp;&gt;");
        for broken in ["", "<", "<A", "<A>", "<A>x", "A>x</A>"] {
            assert_eq!(element(broken, "A"), None, "{broken}");
        }
    }
}
