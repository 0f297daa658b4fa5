//! What `--store` names: a folder, or a bucket and a prefix.

use std::ffi::OsStr;

use super::failure::Failure;

/// Schemes that people write before a store. A folder of such a name with a colon is far less
/// likely than a slip.
const SCHEMES: [&str; 24] = [
    "s3",
    "s3a",
    "s3n",
    "s3express",
    "file",
    "http",
    "https",
    "gs",
    "gcs",
    "az",
    "azure",
    "abfs",
    "abfss",
    "adl",
    "wasb",
    "wasbs",
    "r2",
    "b2",
    "oss",
    "cos",
    "minio",
    "hdfs",
    "ftp",
    "sftp",
];

/// Where objects lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    Folder,
    /// The prefix may be empty.
    Bucket {
        bucket: &'a str,
        prefix: &'a str,
    },
}

/// Reads `--store`. Only `s3://BUCKET/PREFIX` is a bucket; what looks like another URL is refused,
/// because a folder named `s3:` helps nobody.
pub fn parse(store: &OsStr) -> Result<Place<'_>, Failure> {
    // A path that is no text has no scheme that anybody can have meant.
    let Some(text) = store.to_str() else { return Ok(Place::Folder) };
    if text.is_empty() {
        return Err(Failure::usage("the store is empty; give a folder or s3://BUCKET/PREFIX"));
    }
    let Some((scheme, rest)) = split_scheme(text) else { return Ok(Place::Folder) };
    // Not shown: what stands before the `@` is most likely a password.
    if rest.split('/').find(|part| !part.is_empty()).is_some_and(|host| host.contains('@'))
        || rest.rsplit_once('@').is_some_and(|(before, _)| before.contains(':'))
    {
        return Err(Failure::usage(format_args!(
            "the store names a user before an `@`; write {scheme}:// without it, and give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )));
    }
    let (location, has_slashes) = match rest.strip_prefix("//") {
        Some(location) => (location, true),
        None => (rest.trim_start_matches('/'), false),
    };
    if scheme == "s3" && has_slashes {
        let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
        if bucket.is_empty() {
            return Err(Failure::usage("the store names no bucket; write s3://BUCKET/PREFIX"));
        }
        return Ok(Place::Bucket { bucket, prefix });
    }
    Err(Failure::usage(right_form(&scheme, text, location)))
}

/// The scheme in lower case, and what follows its colon; none where the text is a path.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if scheme.is_empty() || !scheme.bytes().all(legal) {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    (rest.starts_with("//") || SCHEMES.contains(&scheme.as_str())).then_some((scheme, rest))
}

/// What to write instead.
fn right_form(scheme: &str, text: &str, location: &str) -> String {
    // A signed URL is a secret.
    let location = location.split(['?', '#']).next().unwrap_or_default();
    match scheme {
        "s3" => format!(
            "the store {text} has a scheme and not its two slashes; write s3://{location} (or ./{text} for a folder of that name)"
        ),
        "s3a" | "s3n" => format!("write s3://{location} for the store"),
        "file" => format!("a folder is given as it is: --store /{}", location.trim_start_matches('/')),
        "http" | "https" => {
            "a URL is the server and not the store; write --store s3://BUCKET/PREFIX and --endpoint https://HOST".to_owned()
        }
        "gs" | "gcs" => format!(
            "no store is reached by {scheme}://; Google Cloud Storage speaks S3 too: --store s3://{location} --endpoint https://storage.googleapis.com, with an HMAC key"
        ),
        "r2" | "b2" | "oss" | "cos" | "minio" => format!(
            "no store is reached by {scheme}://; write --store s3://{location} and --endpoint with the URL of that server"
        ),
        _ => format!(
            "no store is reached by {scheme}://; give --store a folder or s3://BUCKET/PREFIX"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_told_apart() {
        for text in
            ["x", "./s3:", "/a/b:c", "a:b", "C:\\data", "s3", "s3/x", "a b:", ":x", "./s3:/cold"]
        {
            assert_eq!(parse(OsStr::new(text)).unwrap(), Place::Folder, "{text}");
        }
        for (text, bucket, prefix) in [
            ("s3://cold/app", "cold", "app"),
            ("S3://cold/app/", "cold", "app/"),
            ("s3://cold", "cold", ""),
            ("s3://cold/a@b", "cold", "a@b"),
        ] {
            assert_eq!(
                parse(OsStr::new(text)).unwrap(),
                Place::Bucket { bucket, prefix },
                "{text}"
            );
        }
    }

    #[test]
    fn what_looks_like_another_url_is_refused_with_the_right_form() {
        for (text, right) in [
            ("s3:/cold/app", "s3://cold/app"),
            ("s3:cold", "s3://cold"),
            ("S3:/cold", "s3://cold"),
            ("s3:", "s3://"),
            ("s3:///cold", "names no bucket"),
            ("s3a://cold/app", "s3://cold/app"),
            ("file:///var/cold", "--store /var/cold"),
            ("file:/var/cold", "--store /var/cold"),
            ("https://s3.example.com/cold?X-Amz-Signature=abc", "--endpoint"),
            ("http:/x", "--endpoint"),
            ("gs://cold/app", "https://storage.googleapis.com"),
            ("az://cold", "a folder or s3://BUCKET/PREFIX"),
            ("hdfs:cold", "a folder or s3://BUCKET/PREFIX"),
            ("nfs4://cold", "a folder or s3://BUCKET/PREFIX"),
            ("", "give a folder"),
        ] {
            let line = parse(OsStr::new(text)).unwrap_err().line().unwrap();
            assert!(line.contains(right) && !line.contains("abc"), "{text}: {line}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "s3://user:PASS@cold/app",
            "s3://PASS@cold",
            "s3:/u:PASS@cold",
            "https://u:PA/PASS@host",
            "s3a://u:PASS/x@cold",
        ] {
            let line = parse(OsStr::new(text)).unwrap_err().line().unwrap();
            assert!(!line.contains("PASS") && line.contains("AWS_ACCESS_KEY_ID"), "{line}");
        }
    }
}
