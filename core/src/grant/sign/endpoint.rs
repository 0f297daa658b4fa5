//! The address of a store, in the form that a signature needs.

use crate::{Error, Result};

/// `scheme://host[:port][/path]`, in the one form that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) scheme: &'static str,
    /// The `Host` header that clients send. It has a port only if that is not the default port of
    /// the scheme: clients leave that one out, and the signature covers this header.
    pub(super) host: String,
    /// Empty, or begins with `/` and does not end with it.
    pub(super) path: String,
}

impl Endpoint {
    pub(super) fn parse(url: &str) -> Result<Self> {
        Self::read(url).ok_or_else(|| {
            // It may contain a password, so do not show it then.
            let shown = if url.contains(['@', '?', '#']) { "given" } else { url };
            Error::settings(format!(
                "the endpoint {shown:?} is not the URL of a host; write https://host or \
                 https://host:port, without user, query or fragment"
            ))
        })
    }

    fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (scheme, own_port) = match scheme.to_ascii_lowercase().as_str() {
            "https" => ("https", "443"),
            "http" => ("http", "80"),
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // A colon within [] belongs to an IPv6 address.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let legal = match v6 {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
            }
        };
        let digits = |port: &str| {
            port.bytes().all(|b| b.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        };
        let path = path.trim_end_matches('/');
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-_.~/".contains(&b);
        let steps = path.split('/').any(|part| part == "." || part == "..");
        if !legal || !port.is_none_or(digits) || !path.bytes().all(unreserved) || steps {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let host = match port.map(|port| port.trim_start_matches('0')) {
            Some(port) if port != own_port => format!("{host}:{port}"),
            _ => host,
        };
        Some(Endpoint { scheme, host, path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_in_one_form() {
        for (url, scheme, host, path) in [
            ("https://S3.example.com", "https", "s3.example.com", ""),
            ("https://h:443/", "https", "h", ""),
            ("http://h:80", "http", "h", ""),
            ("http://h:443", "http", "h:443", ""),
            ("HTTP://127.0.0.1:9000/", "http", "127.0.0.1:9000", ""),
            ("https://h/a/b//", "https", "h", "/a/b"),
            ("http://[::1]:90", "http", "[::1]:90", ""),
            ("http://[::1]", "http", "[::1]", ""),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((endpoint.scheme, &*endpoint.host, &*endpoint.path), (scheme, host, path));
        }
    }

    #[test]
    fn others_are_refused_and_passwords_not_shown() {
        for url in [
            "",
            "h",
            "//h",
            "ftp://h",
            "https://",
            "https:///x",
            "https://:1",
            "https://h:0",
            "https://h:99999",
            "https://h:",
            "https://h:x",
            "https://u:secret@h",
            "https://h?secret",
            "https://h#secret",
            "https://h/a b",
            "https://h/../x",
            "https://é",
            "https://[::1",
            "https://[x]",
        ] {
            let error = Endpoint::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
