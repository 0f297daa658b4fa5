//! A request that its signer sends at once. The signature is in its headers, and covers the
//! content.

use super::signer::{ALGORITHM, Signer, timestamp};
use crate::Result;
use crate::grant::digest::Sha256Digest;
use crate::grant::request::{Method, SignedRequest};

impl Signer {
    /// The request that puts a whole object. `sha256` is the digest of its content, and the store
    /// checks it. S3 accepts the request for 15 minutes. With `create_only` it has the header
    /// `If-None-Match: *`.
    ///
    /// Rules: "Authenticating Requests: Using the Authorization Header" of the Amazon S3 API
    /// reference.
    pub fn put_object(
        &self,
        key: &str,
        create_only: bool,
        sha256: Sha256Digest,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let (time, digest) = (timestamp(now_ms)?, sha256.to_string());
        let mut headers = vec![
            ("host", self.endpoint.host.as_str()),
            ("x-amz-content-sha256", digest.as_str()),
            ("x-amz-date", time.as_str()),
        ];
        if create_only {
            headers.insert(1, ("if-none-match", "*"));
        }
        if !self.config.session_token.is_empty() {
            headers.push(("x-amz-security-token", self.config.session_token.as_str()));
        }
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let path = self.path(key);
        let mut canonical = format!("PUT\n{path}\n\n");
        for (name, value) in &headers {
            canonical.push_str(&format!("{name}:{value}\n"));
        }
        canonical.push_str(&format!("\n{names}\n{digest}"));
        let authorization = format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={names}, Signature={}",
            self.config.access_key,
            self.scope(&time),
            self.signature(&time, &canonical)?
        );
        // The signature covers `host`, but the HTTP client sets that header from the URL.
        headers.retain(|(name, _)| *name != "host");
        headers.push(("authorization", &authorization));
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        SignedRequest::new(Method::Put, format!("{}{path}", self.origin()), headers)
    }
}
