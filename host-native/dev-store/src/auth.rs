//! Verifies AWS Signature Version 4: in the query (presigned) or in the `Authorization` header.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use chrono::NaiveDateTime;
use coldpress_listen::hex;
use coldpress_listen::percent::{decode, encode};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::error::{S3Error, no_random};
use super::uri::Query;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const CONTENT_SHA256: &str = "x-amz-content-sha256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The most that the signer's clock may differ from ours.
const SKEW_MAX: Duration = Duration::from_secs(15 * 60);
/// S3's own limit for presigned requests: seven days.
const EXPIRES_SECONDS_MAX: u64 = 7 * 24 * 3600;

/// The credentials of the endpoint.
#[derive(Clone)]
pub struct Credentials {
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The region that requests are signed for.
    pub region: String,
}

impl Credentials {
    /// Makes credentials with this access key, this region and a random secret key.
    pub fn random(access_key: &str, region: &str) -> coldpress::Result<Self> {
        Ok(Credentials {
            access_key: access_key.to_owned(),
            secret_key: hex::random::<20>().map_err(no_random)?,
            region: region.to_owned(),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// What the signature says about the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    Unsigned,
    /// The body must have this SHA-256.
    Sha256([u8; 32]),
}

/// The parts of a signature.
struct Signed<'a> {
    /// `YYYYMMDDTHHMMSSZ`.
    time: &'a str,
    scope: Scope<'a>,
    headers: Vec<&'a str>,
    signature: &'a str,
    payload: &'a str,
}

struct Scope<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
}

/// Verifies a request, or says why it is refused. `now` is an argument for the tests.
pub(super) fn verify(
    request: &Parts,
    query: &Query,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<Payload, S3Error> {
    let presigned = query.value("X-Amz-Signature").is_some();
    let signed = match presigned {
        true => from_query(request, query)?,
        false => from_header(request)?,
    };
    let signed_at = parse_time(signed.time)
        .ok_or_else(|| malformed("its time is not written YYYYMMDDTHHMMSSZ"))?;
    if presigned {
        check_expiry(query, signed_at, now)?;
    } else if now.duration_since(signed_at).unwrap_or_else(|early| early.duration()) > SKEW_MAX {
        return Err(skewed());
    }
    check_scope(&signed, credentials)?;
    check_headers(&request.headers, &signed)?;
    let expected = signature(request, query, &signed, credentials)?;
    if !bool::from(expected.as_bytes().ct_eq(signed.signature.as_bytes())) {
        return Err(S3Error::new(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "the signature does not match the request; check the secret key, and send the method, \
             URL and headers exactly as they were signed",
        ));
    }
    match signed.payload {
        UNSIGNED => Ok(Payload::Unsigned),
        hash => hex::decode(hash).map(Payload::Sha256).ok_or_else(|| {
            S3Error::not_implemented(
                "this store does not take bodies signed in chunks; sign UNSIGNED-PAYLOAD or the \
                 SHA-256",
            )
        }),
    }
}

fn from_query<'a>(request: &'a Parts, query: &'a Query) -> Result<Signed<'a>, S3Error> {
    let value = |name: &str| {
        query.value(name).ok_or_else(|| malformed(&format!("its query has no {name}")))
    };
    if value("X-Amz-Algorithm")? != ALGORITHM {
        return Err(malformed("its X-Amz-Algorithm is not AWS4-HMAC-SHA256"));
    }
    let payload = request.headers.get(CONTENT_SHA256).map(text).transpose()?;
    Ok(Signed {
        time: value("X-Amz-Date")?,
        scope: scope(value("X-Amz-Credential")?)?,
        headers: value("X-Amz-SignedHeaders")?.split(';').collect(),
        signature: value("X-Amz-Signature")?,
        payload: payload.unwrap_or(UNSIGNED),
    })
}

fn from_header(request: &Parts) -> Result<Signed<'_>, S3Error> {
    let Some(authorization) = request.headers.get("authorization") else {
        return Err(S3Error::access_denied("the request is not signed"));
    };
    let Some(rest) = text(authorization)?.strip_prefix(ALGORITHM) else {
        return Err(malformed("its Authorization is not AWS4-HMAC-SHA256"));
    };
    let field = |name: &str| {
        let fields = rest.split(',').filter_map(|field| field.trim().split_once('='));
        let found = fields.into_iter().find(|(n, _)| *n == name).map(|(_, value)| value);
        found.ok_or_else(|| malformed(&format!("its Authorization has no {name}")))
    };
    let header = |name: &str| {
        let value = request.headers.get(name);
        value.map(text).transpose()?.ok_or_else(|| malformed(&format!("it has no header {name}")))
    };
    Ok(Signed {
        time: header("x-amz-date")?,
        scope: scope(field("Credential")?)?,
        headers: field("SignedHeaders")?.split(';').collect(),
        signature: field("Signature")?,
        payload: header(CONTENT_SHA256)?,
    })
}

fn scope(credential: &str) -> Result<Scope<'_>, S3Error> {
    match credential.split('/').collect::<Vec<_>>().as_slice() {
        [access_key, date, region, service, "aws4_request"] => {
            Ok(Scope { access_key, date, region, service })
        }
        _ => Err(malformed("its credential is not KEY/DATE/REGION/s3/aws4_request")),
    }
}

fn check_scope(signed: &Signed<'_>, credentials: &Credentials) -> Result<(), S3Error> {
    let scope = &signed.scope;
    if scope.access_key != credentials.access_key {
        let message = "this store does not know the access key";
        return Err(S3Error::new(StatusCode::FORBIDDEN, "InvalidAccessKeyId", message));
    }
    if Some(scope.date) != signed.time.get(..8) {
        return Err(malformed("its credential is for another day than its time"));
    }
    if scope.region != credentials.region || scope.service != "s3" {
        return Err(malformed(&format!(
            "it is for {}/{}, and this store is {}/s3",
            scope.region, scope.service, credentials.region
        )));
    }
    Ok(())
}

fn check_expiry(query: &Query, signed_at: SystemTime, now: SystemTime) -> Result<(), S3Error> {
    let seconds = query.value("X-Amz-Expires").and_then(|text| text.parse::<u64>().ok());
    let Some(seconds) = seconds.filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds))
    else {
        return Err(malformed("its X-Amz-Expires is not a number from 1 to 604800"));
    };
    match now.duration_since(signed_at) {
        Ok(age) if age > Duration::from_secs(seconds) => {
            Err(S3Error::access_denied("Request has expired"))
        }
        Err(early) if early.duration() > SKEW_MAX => Err(skewed()),
        _ => Ok(()),
    }
}

/// The host must be signed, and so must every header that S3 acts on. Each is listed only once: a
/// long header listed many times would make a huge text to sign.
fn check_headers(headers: &HeaderMap, signed: &Signed<'_>) -> Result<(), S3Error> {
    if !signed.headers.is_sorted_by(|a, b| a < b) {
        return Err(malformed("its signed headers are not in alphabetical order, each once"));
    }
    if !signed.headers.contains(&"host") {
        return Err(malformed("its host is not signed"));
    }
    for name in headers.keys().map(|name| name.as_str()) {
        if name.starts_with("x-amz-") && !signed.headers.contains(&name) {
            return Err(S3Error::access_denied(format!(
                "There were headers present in the request which were not signed: {name}"
            )));
        }
    }
    Ok(())
}

fn signature(
    request: &Parts,
    query: &Query,
    signed: &Signed<'_>,
    credentials: &Credentials,
) -> Result<String, S3Error> {
    let path =
        decode(request.uri.path()).ok_or_else(|| malformed("its path is not percent-encoded"))?;
    let mut canonical = format!(
        "{}\n{}\n{}\n",
        request.method,
        encode(&path, true),
        query.canonical("X-Amz-Signature")
    );
    for name in &signed.headers {
        let mut values = Vec::new();
        for value in request.headers.get_all(*name) {
            values.push(text(value)?.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        if values.is_empty() {
            return Err(S3Error::access_denied(format!(
                "the signed header {name} is missing; send it exactly as the grant has it"
            )));
        }
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    canonical.push_str(&format!("\n{}\n{}", signed.headers.join(";"), signed.payload));
    let scope = &signed.scope;
    let to_sign = format!(
        "{ALGORITHM}\n{}\n{}/{}/{}/aws4_request\n{}",
        signed.time,
        scope.date,
        scope.region,
        scope.service,
        hex::encode(&Sha256::digest(canonical.as_bytes()))
    );
    let secret = format!("AWS4{}", credentials.secret_key);
    let key = [scope.date, scope.region, scope.service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| hmac(&key, part));
    Ok(hex::encode(&hmac(&key, &to_sign)))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Parses `YYYYMMDDTHHMMSSZ`.
fn parse_time(text: &str) -> Option<SystemTime> {
    if text.len() != "YYYYMMDDTHHMMSSZ".len() {
        return None;
    }
    let time = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok()?.and_utc();
    let seconds = u64::try_from(time.timestamp()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn text(value: &HeaderValue) -> Result<&str, S3Error> {
    value.to_str().map_err(|_| malformed("one of its headers is not ASCII"))
}

fn malformed(what: &str) -> S3Error {
    S3Error::new(
        StatusCode::BAD_REQUEST,
        "AuthorizationQueryParametersError",
        format!("the signature is not valid: {what}"),
    )
}

fn skewed() -> S3Error {
    S3Error::new(
        StatusCode::FORBIDDEN,
        "RequestTimeTooSkewed",
        "the request was signed more than 15 minutes before or after the time here; set the clock",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    /// The examples in Amazon's documentation, "Authenticating Requests (AWS Signature Version 4)".
    fn amazon() -> Credentials {
        Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    const PRESIGNED: &str = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
        X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&\
        X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&\
        X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

    fn check(request: Request<()>, seconds_later: i64) -> Result<Payload, S3Error> {
        let (parts, ()) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap_or_default()).unwrap();
        let signed_at = parse_time("20130524T000000Z").unwrap();
        let offset = Duration::from_secs(seconds_later.unsigned_abs());
        let now = if seconds_later < 0 { signed_at - offset } else { signed_at + offset };
        verify(&parts, &query, &amazon(), now)
    }

    fn presigned(method: &str, uri: &str) -> Request<()> {
        let builder = Request::builder().method(method).uri(uri);
        builder.header("host", "examplebucket.s3.amazonaws.com").body(()).unwrap()
    }

    #[test]
    fn amazons_presigned_example_holds_for_its_time_and_its_request_alone() {
        assert_eq!(check(presigned("GET", PRESIGNED), 5), Ok(Payload::Unsigned));
        assert_eq!(check(presigned("GET", PRESIGNED), 86_400), Ok(Payload::Unsigned));
        assert_eq!(check(presigned("GET", PRESIGNED), -600), Ok(Payload::Unsigned));
        let code = |request, later| check(request, later).unwrap_err().code;
        assert_eq!(code(presigned("GET", PRESIGNED), 86_401), "AccessDenied");
        assert_eq!(code(presigned("GET", PRESIGNED), -1_000), "RequestTimeTooSkewed");
        assert_eq!(code(presigned("PUT", PRESIGNED), 0), "SignatureDoesNotMatch");
        let other = |from: &str, to: &str| presigned("GET", &PRESIGNED.replace(from, to));
        assert_eq!(code(other("/test.txt", "/test2.txt"), 0), "SignatureDoesNotMatch");
        assert_eq!(code(other("=86400", "=86401"), 0), "SignatureDoesNotMatch");
        assert_eq!(code(other("d404", "d405"), 0), "SignatureDoesNotMatch");
        assert_eq!(code(other("d404", "d404&versionId=1"), 0), "SignatureDoesNotMatch");
        assert_eq!(code(other("AKIAIO", "AKIAIX"), 0), "InvalidAccessKeyId");
        assert_eq!(code(other("us-east-1", "eu-west-1"), 0), "AuthorizationQueryParametersError");
        assert_eq!(code(other("=host", "="), 0), "AuthorizationQueryParametersError");
        assert_eq!(code(other("=86400", "=604801"), 0), "AuthorizationQueryParametersError");
        let mut smuggled = presigned("GET", PRESIGNED);
        smuggled.headers_mut().insert("x-amz-meta-a", "1".parse().unwrap());
        assert_eq!(code(smuggled, 0), "AccessDenied");
        let unsigned = Request::builder().uri("/test.txt").header("host", "h").body(()).unwrap();
        assert_eq!(code(unsigned, 0), "AccessDenied");
    }

    #[test]
    fn a_header_is_signed_once() {
        let many = ["host"; 5_000].join("%3B");
        let uri = PRESIGNED.replace("SignedHeaders=host", &format!("SignedHeaders={many}"));
        let error = check(presigned("GET", &uri), 0).unwrap_err();
        assert!(error.message.contains("each once"), "{}", error.message);
    }

    #[test]
    fn amazons_example_with_a_header_holds() {
        const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
            Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
            SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
            Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        let request = || {
            Request::builder()
                .uri("/test.txt")
                .header("host", "examplebucket.s3.amazonaws.com")
                .header("range", "bytes=0-9")
                .header("x-amz-date", "20130524T000000Z")
                .header("x-amz-content-sha256", EMPTY)
                .header("authorization", AUTHORIZATION)
                .body(())
                .unwrap()
        };
        assert_eq!(check(request(), 0), Ok(Payload::Sha256(hex::decode(EMPTY).unwrap())));
        assert_eq!(check(request(), 1_000).unwrap_err().code, "RequestTimeTooSkewed");
        let mut other = request();
        other.headers_mut().insert("range", "bytes=0-10".parse().unwrap());
        assert_eq!(check(other, 0).unwrap_err().code, "SignatureDoesNotMatch");
        let mut missing = request();
        missing.headers_mut().remove("range");
        assert_eq!(check(missing, 0).unwrap_err().code, "AccessDenied");
    }
}
