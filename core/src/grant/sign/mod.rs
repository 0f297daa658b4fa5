//! Signing of requests that others send: AWS Signature Version 4, in the query of the URL.
//!
//! A pure function of credentials, request and time. Rules: "Authenticating Requests: Using Query
//! Parameters" and "Signature Calculations" of the Amazon S3 API reference.

mod endpoint;
mod grants;

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{Method, SignedRequest};
use crate::resolve::timestamp_text;
use crate::{Error, ErrorKind, Result};
use endpoint::Endpoint;

pub use grants::{GrantTerms, Parts, upload_id_in};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The longest that S3 lets a signature hold: seven days.
const LIFETIME_SECONDS_MAX: u64 = 604_800;

/// Where objects lie, and who signs for them: plain data, checked by [`Signer::new`].
///
/// `Debug` shows no secret.
#[derive(Clone, Default)]
pub struct SignerConfig {
    /// The URL of an S3-compatible store: scheme, host, port, and a path where it has one. Buckets
    /// are named in the path (`https://host/bucket/key`), which every such store takes.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The region that is signed for.
    pub region: String,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The session token of temporary credentials, or empty. What is signed by them ends with them.
    pub session_token: String,
}

impl fmt::Debug for SignerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Shown only where it holds no `user:password@`, which `Signer::new` refuses.
        let shown =
            if self.endpoint.contains(['@', '?', '#']) { "(hidden)" } else { &self.endpoint };
        f.debug_struct("SignerConfig")
            .field("endpoint", &shown)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Signs requests for the objects of one bucket. Knows no clock: the time is an argument.
///
/// ```
/// use coldpress_core::{GrantTerms, KeyPrefix, LsnRange, LsnWidth, ObjectKey, Signer, SignerConfig};
///
/// let signer = Signer::new(SignerConfig {
///     endpoint: "https://s3.eu-west-1.amazonaws.com".into(),
///     bucket: "cold".into(),
///     region: "eu-west-1".into(),
///     access_key: "AKIAIOSFODNN7EXAMPLE".into(),
///     secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
///     session_token: String::new(),
/// })?;
/// let prefix = KeyPrefix::new("data/")?;
/// let key = ObjectKey::data(&prefix, 7, "people", LsnRange::new(41, 42)?, LsnWidth::Unpadded)?;
/// let now_ms = 1_763_900_000_000;
/// let grant = signer.grant_put(&prefix, &key, &GrantTerms::default(), now_ms)?;
/// assert_eq!(grant.expires_ms(), now_ms + 15 * 60_000);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    endpoint: Endpoint,
    config: SignerConfig,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.config).finish()
    }
}

/// A request before it is signed.
struct Unsigned<'a> {
    method: Method,
    key: &'a str,
    query: &'a [(&'a str, &'a str)],
    /// Names in lower case.
    headers: &'a [(&'a str, String)],
}

impl Signer {
    /// Checks the configuration; an error of kind `Settings` names the field.
    pub fn new(config: SignerConfig) -> Result<Self> {
        let endpoint = Endpoint::parse(&config.endpoint)?;
        let name = |text: &str| {
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                && !text.trim_matches('.').is_empty()
        };
        for (field, value) in [("bucket", &config.bucket), ("region", &config.region)] {
            if !name(value) {
                return Err(Error::settings(format!(
                    "the {field} {value:?} is none; use letters, digits, `-` and `.`"
                )));
            }
        }
        for (field, value, needed) in [
            ("access_key", &config.access_key, true),
            ("secret_key", &config.secret_key, true),
            ("session_token", &config.session_token, false),
        ] {
            if needed && value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic()) {
                // The value is not shown: it is a secret, if a mistaken one.
                return Err(Error::settings(format!(
                    "{field} is empty, or holds a character that no credential has; copy it again"
                )));
            }
        }
        Ok(Signer { endpoint, config })
    }

    /// Signs for `lifetime_ms` (rounded up to a second) from the second that `now_ms` lies in.
    fn sign(&self, request: &Unsigned<'_>, lifetime_ms: u64, now_ms: u64) -> Result<SignedRequest> {
        let time = timestamp(now_ms)?;
        let day = time.get(..8).unwrap_or_default();
        let seconds = lifetime_seconds(lifetime_ms)?.to_string();
        let scope = format!("{day}/{}/s3/aws4_request", self.config.region);
        let credential = format!("{}/{scope}", self.config.access_key);

        let mut headers: Vec<(&str, &str)> =
            request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("host", &self.endpoint.host));
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");

        let mut query: Vec<(String, String)> = [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", credential.as_str()),
            ("X-Amz-Date", &time),
            ("X-Amz-Expires", &seconds),
            ("X-Amz-SignedHeaders", &names),
        ]
        .iter()
        .chain(request.query)
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
        if !self.config.session_token.is_empty() {
            query.push(("X-Amz-Security-Token".to_owned(), encoded(&self.config.session_token)));
        }
        query.sort_unstable();
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = query.join("&");

        let path =
            format!("{}/{}/{}", self.endpoint.path, self.config.bucket, encoded_path(request.key));
        let mut canonical = format!("{}\n{path}\n{query}\n", request.method);
        for (name, value) in &headers {
            canonical.push_str(&format!("{name}:{value}\n"));
        }
        // Nobody has the bytes yet, so they cannot be part of the signature.
        canonical.push_str(&format!("\n{names}\nUNSIGNED-PAYLOAD"));

        let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let signature = self.signature(day, &text)?;
        let origin = format!("{}://{}", self.endpoint.scheme, self.endpoint.host);
        let url = format!("{origin}{path}?{query}&X-Amz-Signature={signature}");
        let headers =
            request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        SignedRequest::new(request.method, url, headers)
    }

    fn signature(&self, day: &str, text: &str) -> Result<String> {
        let mut key = format!("AWS4{}", self.config.secret_key).into_bytes();
        for part in [day, &self.config.region, "s3", "aws4_request"] {
            key = hmac(&key, part)?;
        }
        Ok(hex(&hmac(&key, text)?))
    }
}

fn hmac(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| Error::misuse("HMAC refused the length of a key; report this"))?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

/// `YYYYMMDDThhmmssZ`.
fn timestamp(now_ms: u64) -> Result<String> {
    let seconds = i64::try_from(now_ms / 1_000).ok();
    let text = seconds.and_then(|seconds| timestamp_text(seconds, 0, 0));
    match text {
        Some(text) => Ok(text.chars().filter(|c| !matches!(c, '-' | ':')).collect()),
        None => Err(Error::misuse(format!(
            "{now_ms} ms since 1970 is past the year 9999; give milliseconds, not microseconds"
        ))),
    }
}

fn lifetime_seconds(lifetime_ms: u64) -> Result<u64> {
    let seconds = lifetime_ms.div_ceil(1_000);
    if seconds == 0 || seconds > LIFETIME_SECONDS_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("a grant can hold from 1 second to 7 days, and not {seconds} seconds"),
        ));
    }
    Ok(seconds)
}

/// Every byte but the unreserved ones of RFC 3986 as `%XX`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// A key as a path: its own percent signs are bytes like any other, and are encoded again.
fn encoded_path(key: &str) -> String {
    key.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
