//! The services of AWS that give credentials, and a bucket that checks who signed: all of the
//! tests' own, on this machine.

use super::stub::{Bucket, Reply, Request, Stub};

/// An instant that no test reaches.
pub const NEVER: &str = "2999-01-02T03:04:05Z";

/// The access key, the secret key and the session token of these credentials.
pub fn parts_of(name: &str) -> [String; 3] {
    [
        format!("AK-{name}-in-the-clear"),
        format!("SK-{name}-in-the-clear"),
        format!("ST/{name}+in-the-clear="),
    ]
}

/// Credentials as metadata services and `credential_process` (`token`: `SessionToken`) say them.
pub fn as_json(name: &str, token: &str, expires: &str) -> String {
    let [access_key, secret_key, session_token] = parts_of(name);
    format!(
        "{{\"Version\":1,\"Code\":\"Success\",\"AccessKeyId\":\"{access_key}\",\
         \"SecretAccessKey\":\"{secret_key}\",\"{token}\":\"{session_token}\",\
         \"Expiration\":\"{expires}\"}}"
    )
}

/// The metadata service of an instance, version 2 alone: without its token it answers 401.
pub fn imds(name: &'static str) -> Stub {
    const TOKEN: &str = "IMDS-token-in-the-clear";
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    Stub::start(move |request| {
        let has_token = request.header("x-aws-ec2-metadata-token") == Some(TOKEN);
        match (request.method.as_str(), request.path.as_str()) {
            ("PUT", "/latest/api/token") => {
                match request.header("x-aws-ec2-metadata-token-ttl-seconds") {
                    Some(_) => Reply::ok(TOKEN),
                    None => Reply::Whole { status: 400, body: Vec::new() },
                }
            }
            _ if !has_token => Reply::Whole { status: 401, body: Vec::new() },
            ("GET", ROLES) => Reply::ok("the-role\n"),
            ("GET", path) if path == format!("{ROLES}the-role") => {
                Reply::ok(as_json(name, "Token", NEVER))
            }
            _ => Reply::Whole { status: 404, body: Vec::new() },
        }
    })
}

/// The service of a container, which wants this authorization. `answer` gives the credentials.
pub fn container(
    authorization: &'static str,
    answer: impl Fn() -> String + Send + Sync + 'static,
) -> Stub {
    Stub::start(move |request| match request.header("authorization") {
        Some(given) if given == authorization => Reply::ok(answer()),
        _ => Reply::Whole { status: 401, body: Vec::new() },
    })
}

/// The Security Token Service. A web identity gives the credentials `web`. A role that `base` signs
/// for gives `role`; that of anybody else is refused, and the refusal repeats what was sent.
pub fn sts() -> Stub {
    Stub::start(|request| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let has = |pair: &str| form.split('&').any(|given| given == pair);
        let by_base = request.header("authorization").is_some_and(|given| {
            given.contains("Credential=AK-base-in-the-clear/")
                && given.contains("/sts/aws4_request")
        });
        let token = "WebIdentityToken=JWT-in-the-clear";
        let name = match request.method.as_str() {
            "POST" if has("Action=AssumeRoleWithWebIdentity") && has(token) => "web",
            "POST" if has("Action=AssumeRole") && by_base => "role",
            _ => {
                let said = format!("not for {form} {:?}", request.headers);
                return Reply::error(403, "AccessDenied", &said);
            }
        };
        let [access_key, secret_key, session_token] = parts_of(name);
        Reply::ok(format!(
            "<R><Credentials><AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>{secret_key}\
             </SecretAccessKey><SessionToken>{session_token}</SessionToken><Expiration>{NEVER}\
             </Expiration></Credentials></R>"
        ))
    })
}

/// The access key that signed a request of S3, in its headers or in its URL.
pub fn signer_of(request: &Request) -> String {
    let in_header = request
        .header("authorization")
        .and_then(|given| given.split("Credential=").nth(1)?.split('/').next().map(str::to_owned));
    let in_query = || request.parameter("X-Amz-Credential")?.split('/').next().map(str::to_owned);
    in_header.or_else(in_query).unwrap_or_default()
}

/// A bucket for those whose access key is valid. To all others it says that they have expired, as
/// S3 does.
pub fn bucket_for(
    bucket: &Bucket,
    is_valid: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Stub {
    let bucket = bucket.clone();
    Stub::start(move |request| match is_valid(&signer_of(request)) {
        true => bucket.answer(request),
        false => {
            let said = format!("The provided token has expired: {:?}", request.headers);
            Reply::error(400, "ExpiredToken", &said)
        }
    })
}
