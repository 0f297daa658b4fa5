//! Checks the signature in a request's headers (AWS Signature Version 4), by code of the tests' own.

use sha2::{Digest, Sha256};

use super::s3::{hex, hmac};
use super::stub::Request;

/// Whether this secret key made the signature; `None` if the headers hold no signature.
pub fn is_signed_by(request: &Request, secret_key: &str) -> Option<bool> {
    let authorization = request.header("authorization")?;
    let field = |name: &str| {
        let after = authorization.split(&format!("{name}=")).nth(1).expect("a signature");
        after.split([',', ' ']).next().unwrap_or_default()
    };
    let (credential, names, signature) =
        (field("Credential"), field("SignedHeaders"), field("Signature"));
    let (_, scope) = credential.split_once('/').expect("a scope");
    let header = |name: &str| request.header(name).unwrap_or_default();
    let mut query: Vec<String> = request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    query.sort_unstable();
    let signed: String =
        names.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{signed}\n{names}\n{}",
        request.method,
        request.path,
        query.join("&"),
        header("x-amz-content-sha256")
    );
    let hash = hex(&Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", header("x-amz-date"));
    let mut key = format!("AWS4{secret_key}").into_bytes();
    for part in scope.split('/') {
        key = hmac(&key, part.as_bytes());
    }
    Some(hex(&hmac(&key, text.as_bytes())) == signature)
}
