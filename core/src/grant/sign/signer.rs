//! What signs requests, and its configuration.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::endpoint::Endpoint;
use crate::grant::request::{Method, SignedRequest};
use crate::text::{hex, percent_encoded};
use crate::time::timestamp_text;
use crate::{Error, ErrorKind, Result};

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The longest time for which S3 accepts a signature: seven days.
pub(super) const LIFETIME_SECONDS_MAX: u64 = 604_800;

/// A bucket, and the credentials that sign for its objects: plain data, checked by [`Signer::new`].
///
/// `Debug` shows no secret.
#[derive(Clone, Default)]
pub struct SignerConfig {
    /// The URL of an S3-compatible store: scheme, host, and if needed port and path. The bucket is
    /// named in the path (`https://host/bucket/key`), which every such store accepts.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The region of the bucket.
    pub region: String,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The session token of temporary credentials, or empty. When the credentials expire,
    /// everything that they signed expires too.
    pub session_token: String,
}

impl fmt::Debug for SignerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The endpoint may contain `user:password@` before `Signer::new` has refused it.
        let shown =
            if self.endpoint.contains(['@', '?', '#']) { "(hidden)" } else { &self.endpoint };
        f.debug_struct("SignerConfig")
            .field("endpoint", &shown)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Signs requests for the objects of one bucket. It has no clock: the time is an argument.
///
/// ```
/// use coldpress_core::{
///     GrantTerms, KeyPrefix, LsnRange, LsnWidth, ObjectKey, Signer, SignerConfig,
/// };
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
    pub(super) endpoint: Endpoint,
    pub(super) config: SignerConfig,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.config).finish()
    }
}

/// A request before it is signed.
pub(super) struct Unsigned<'a> {
    pub(super) method: Method,
    pub(super) key: &'a str,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Names in lower case.
    pub(super) headers: &'a [(&'a str, String)],
}

impl Signer {
    /// A signer with this configuration; an error of kind `Settings` names the field that is wrong.
    pub fn new(config: SignerConfig) -> Result<Self> {
        let endpoint = Endpoint::parse(&config.endpoint)?;
        let name = |text: &str| {
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                && !text.trim_matches('.').is_empty()
        };
        for (field, value) in [("bucket", &config.bucket), ("region", &config.region)] {
            if !name(value) {
                return Err(Error::settings(format!(
                    "the {field} {value:?} is not a valid name; use letters, digits, `-`, `_` and \
                     `.`"
                )));
            }
        }
        for (field, value, needed) in [
            ("access_key", &config.access_key, true),
            ("secret_key", &config.secret_key, true),
            ("session_token", &config.session_token, false),
        ] {
            if needed && value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic()) {
                // Do not show the value: even a mistyped secret is a secret.
                return Err(Error::settings(format!(
                    "{field} is empty, or has a character that no credential has; copy it again"
                )));
            }
        }
        Ok(Signer { endpoint, config })
    }

    /// Signs the request. The signature is valid for `lifetime_ms` (rounded up to a whole second)
    /// from the second in which `now_ms` lies.
    ///
    /// The order of the steps and every byte of the canonical request are S3's rules. The store
    /// builds the same text from the request that it receives, and compares the signatures.
    pub(super) fn sign(
        &self,
        request: &Unsigned<'_>,
        lifetime_ms: u64,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let time = timestamp(now_ms)?;
        let seconds = lifetime_seconds(lifetime_ms)?.to_string();
        let scope = self.scope(&time);
        let credential = format!("{}/{scope}", self.config.access_key);

        let mut headers: Vec<(&str, &str)> =
            request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // S3 demands that the signature covers the host. The client sends that header itself.
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
        // S3 sorts by the encoded names, so sort after encoding.
        query.sort_unstable();
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = query.join("&");

        let path = self.path(request.key);
        let mut canonical = format!("{}\n{path}\n{query}\n", request.method);
        for (name, value) in &headers {
            canonical.push_str(&format!("{name}:{value}\n"));
        }
        // The bytes of the body are not known yet, so the signature cannot cover them. S3 defines
        // this word for that case.
        canonical.push_str(&format!("\n{names}\nUNSIGNED-PAYLOAD"));

        let signature = self.signature(&time, &canonical)?;
        let url = format!("{}{path}?{query}&X-Amz-Signature={signature}", self.origin());
        let headers =
            request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        SignedRequest::new(request.method, url, headers)
    }

    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.endpoint.scheme, self.endpoint.host)
    }

    /// The path of an object in a URL. An empty key stands for the bucket.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}/{}/{}", self.endpoint.path, self.config.bucket, encoded_path(key))
    }

    /// The scope of a signature of this time: day, region and service.
    pub(super) fn scope(&self, time: &str) -> String {
        let day = time.get(..8).unwrap_or_default();
        format!("{day}/{}/s3/aws4_request", self.config.region)
    }

    /// The signature of a canonical request.
    pub(super) fn signature(&self, time: &str, canonical: &str) -> Result<String> {
        let (day, scope) = (time.get(..8).unwrap_or_default(), self.scope(time));
        let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let mut key = format!("AWS4{}", self.config.secret_key).into_bytes();
        for part in [day, &self.config.region, "s3", "aws4_request"] {
            key = hmac(&key, part)?;
        }
        Ok(hex(&hmac(&key, &text)?))
    }
}

pub(super) fn hmac(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| Error::misuse("HMAC refused the length of a key; please report this bug"))?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

/// `YYYYMMDDThhmmssZ`.
pub(super) fn timestamp(now_ms: u64) -> Result<String> {
    let seconds = i64::try_from(now_ms / 1_000).ok();
    let text = seconds.and_then(|seconds| timestamp_text(seconds, 0, Some(0), None));
    match text {
        Some(text) => Ok(text.chars().filter(|c| !matches!(c, '-' | ':')).collect()),
        None => Err(Error::misuse(format!(
            "the time {now_ms} ms since 1970 is after the year 9999; give milliseconds, not \
             microseconds"
        ))),
    }
}

pub(super) fn lifetime_seconds(lifetime_ms: u64) -> Result<u64> {
    let seconds = lifetime_ms.div_ceil(1_000);
    if seconds == 0 || seconds > LIFETIME_SECONDS_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("a grant for {seconds} seconds is not possible; choose 1 second to 7 days"),
        ));
    }
    Ok(seconds)
}

/// The text with every byte as `%XX`, except the unreserved characters of RFC 3986.
pub(super) fn encoded(text: &str) -> String {
    let is_unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    percent_encoded(text, is_unreserved)
}

/// A key as a path. A percent sign in the key is a byte like any other, so it is encoded again.
pub(super) fn encoded_path(key: &str) -> String {
    key.split('/').map(encoded).collect::<Vec<_>>().join("/")
}
