//! One signed request, which a device without credentials sends.

use std::fmt;

use crate::sort::sort;
use crate::text::find;
use crate::{Error, Result};

/// The longest URL that is accepted. Signed URLs are far shorter, and servers read up to this
/// length.
const URL_BYTES_MAX: usize = 16_384;

/// The methods of signed requests. A grant to write has no `GET`, so nobody can read by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Stores an object or a part of one.
    Put,
    /// Looks at what is stored, without its bytes.
    Head,
    /// Completes (or begins) a multipart upload.
    Post,
    /// Aborts a multipart upload.
    Delete,
    /// Reads an object, or lists.
    Get,
}

impl Method {
    /// The name in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Put => "PUT",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Delete => "DELETE",
            Method::Get => "GET",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A signed request: method, URL, and the headers that the signature covers. Whoever has it can
/// send it.
///
/// The URL is a secret until it expires, so `Debug` leaves its query out.
///
/// # Invariants
///
/// * the URL is absolute, with the scheme `http` or `https` and a host, without user or fragment,
///   and only of visible ASCII
/// * header names are lower-case tokens, sorted, and no name comes twice; values are visible ASCII,
///   with spaces only inside
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SignedRequest {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
}

impl SignedRequest {
    /// The request; an error of kind `Settings` if an invariant does not hold. The message has no
    /// subject: the caller names the request.
    pub fn new(
        method: Method,
        url: impl Into<String>,
        headers: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let url = url.into();
        if let Some(wrong) = wrong_with_url(&url) {
            return Err(Error::settings(format!("has a \"url\" that {wrong}")));
        }
        let mut headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        sort(&mut headers);
        for (i, (name, value)) in headers.iter().enumerate() {
            if let Some(wrong) = wrong_with_header(name, value) {
                return Err(Error::settings(format!("has the header {name:?}, which {wrong}")));
            }
            if i > 0 && headers[i - 1].0 == *name {
                return Err(Error::settings(format!("has the header {name:?} twice")));
            }
        }
        Ok(SignedRequest { method, url, headers })
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The URL with its signature: a secret until it expires.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers, to send exactly as they are. Names are in lower case and sorted.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The value of one header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .field("url", &format_args!("{place}?(hidden)"))
            .field("headers", &self.headers.iter().map(shown).collect::<Vec<_>>())
            .finish()
    }
}

/// A header for `Debug`, without secrets.
fn shown((name, value): &(String, String)) -> (&str, &str) {
    match name.as_str() {
        "authorization" | "x-amz-security-token" => (name, "(hidden)"),
        _ => (name, value),
    }
}

fn wrong_with_url(url: &str) -> Option<&'static str> {
    if url.len() > URL_BYTES_MAX {
        return Some("is longer than 16,384 bytes");
    }
    let scheme_bytes = find(url, "://").unwrap_or(0);
    let scheme = url.get(..scheme_bytes).unwrap_or_default();
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Some("is not http:// or https://");
    }
    // Browsers read a backslash as a slash (WHATWG URL standard), other clients do not (RFC 3986).
    // So they would disagree about the host.
    if !url.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return Some("has a space, a backslash or a character outside ASCII; percent-encode it");
    }
    if url.contains('#') {
        return Some("has a fragment (`#`), which clients do not send; remove it");
    }
    let rest = url.get(scheme_bytes + 3..).unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("has a user or a password before the host; remove it");
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Some("names no host");
    }
    None
}

fn wrong_with_header(name: &str, value: &str) -> Option<&'static str> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Some("is not a valid name of a header");
    }
    if !value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') || value.trim() != value {
        return Some("has a value with characters that HTTP does not allow");
    }
    // The client sets these from the request that it sends. A second value that disagrees makes a
    // server read one request as two (request smuggling, RFC 9112, section 11.2).
    if matches!(name, "host" | "connection" | "transfer-encoding" | "te" | "upgrade" | "trailer") {
        return Some("only the HTTP client may set");
    }
    if name == "content-length" && value.parse::<u64>().is_err() {
        return Some("is not a number of bytes");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn only_absolute_web_addresses_are_taken() {
        for url in ["https://h/k", "http://127.0.0.1:9000/b/k?X=1", "HTTPS://h", "http://[::1]:1/"]
        {
            assert!(SignedRequest::new(Method::Put, url, []).is_ok(), "{url}");
        }
        for url in [
            "",
            "h/k",
            "//h/k",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:,x",
            "ftp://h/",
            "https://",
            "https:///k",
            "https://:80/",
            "https://u:p@h/",
            "https://h/#f",
            "https://h/a b",
            "https://h\\@evil/",
            "https://é/",
            "https://h/\n",
            "xhttps://h/",
            "http:/h",
        ] {
            let error = SignedRequest::new(Method::Put, url, []).unwrap_err();
            assert!(error.to_string().contains("\"url\""), "{url}: {error}");
        }
        let long = format!("https://h/{}", "x".repeat(URL_BYTES_MAX));
        assert!(SignedRequest::new(Method::Put, long, []).is_err());
    }

    #[test]
    fn headers_are_in_order_and_cannot_smuggle() {
        let headers = [header("X-B", "2"), header("a", "1 2")];
        let request = SignedRequest::new(Method::Put, "https://h/", headers).unwrap();
        assert_eq!(request.headers(), [header("a", "1 2"), header("x-b", "2")]);
        assert_eq!(request.header("x-b"), Some("2"));
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("a:", "x"),
            ("a", "x\r\nb: y"),
            ("a", "é"),
            ("a", " x"),
            ("host", "x"),
            ("Transfer-Encoding", "chunked"),
            ("content-length", "-1"),
        ] {
            let made = SignedRequest::new(Method::Put, "https://h/", [header(name, value)]);
            assert!(made.is_err(), "{name}: {value}");
        }
        let twice = [header("a", "1"), header("A", "2")];
        assert!(SignedRequest::new(Method::Put, "https://h/", twice).is_err());
    }

    #[test]
    fn debug_hides_the_signature() {
        let url = "https://h/b/k?X-Amz-Signature=abc";
        let shown = format!("{:?}", SignedRequest::new(Method::Head, url, []).unwrap());
        assert!(shown.contains("https://h/b/k") && !shown.contains("abc"), "{shown}");
        let headers = [header("Authorization", "abc"), header("x-amz-security-token", "abc")];
        let shown =
            format!("{:?}", SignedRequest::new(Method::Put, "https://h/", headers).unwrap());
        assert!(shown.contains("authorization") && !shown.contains("abc"), "{shown}");
    }
}
