//! What `--store` names: a folder, or a bucket and a prefix.

use std::ffi::OsStr;

use super::failure::Failure;

/// Schemes that people write before a store. A name with one of them and a colon is far more likely
/// a mistake than a folder.
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

/// Where objects are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    Folder,
    /// The prefix may be empty.
    Bucket {
        bucket: &'a str,
        prefix: &'a str,
    },
}

/// Parses `--store`. Only `s3://BUCKET/PREFIX` is a bucket. Every other URL is refused: nobody
/// wants a folder named `s3:`.
pub fn parse(store: &OsStr) -> Result<Place<'_>, Failure> {
    // A path that is not UTF-8 has no scheme.
    let Some(text) = store.to_str() else { return Ok(Place::Folder) };
    if text.is_empty() {
        return Err(Failure::usage("the store is empty; give a folder or s3://BUCKET/PREFIX"));
    }
    let Some((scheme, rest)) = split_scheme(text) else { return Ok(Place::Folder) };
    // The text is not shown: before the `@` is most likely a password.
    if rest.split('/').find(|part| !part.is_empty()).is_some_and(|host| host.contains('@'))
        || rest.rsplit_once('@').is_some_and(|(before, _)| before.contains(':'))
    {
        return Err(Failure::usage(format_args!(
            "the store has a user name before an `@`; leave that out after {scheme}://, and set \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
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

/// The scheme in lower case, and the text after its colon. None if the text is a path.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if scheme.is_empty() || !scheme.bytes().all(legal) {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    (rest.starts_with("//") || SCHEMES.contains(&scheme.as_str())).then_some((scheme, rest))
}

/// The message that says what to write instead.
fn right_form(scheme: &str, text: &str, location: &str) -> String {
    // A signed URL is a secret.
    let location = location.split(['?', '#']).next().unwrap_or_default();
    match scheme {
        "s3" => format!(
            "the store {text} has no two slashes after its scheme; write s3://{location} (or \
             ./{text} for a folder of that name)"
        ),
        "s3a" | "s3n" => {
            format!("the scheme {scheme}:// is not supported; write --store s3://{location}")
        }
        "file" => format!(
            "the store is a URL, but a folder is given as a path; write --store /{}",
            location.trim_start_matches('/')
        ),
        "http" | "https" => {
            "the store is the URL of a server; write --store s3://BUCKET/PREFIX and --endpoint \
             https://HOST"
                .to_owned()
        }
        "gs" | "gcs" => format!(
            "the scheme {scheme}:// is not supported; Google Cloud Storage supports S3 too: give \
             --store s3://{location} --endpoint https://storage.googleapis.com and an HMAC key"
        ),
        "r2" | "b2" | "oss" | "cos" | "minio" => format!(
            "the scheme {scheme}:// is not supported; give --store s3://{location} and --endpoint \
             with the URL of that server"
        ),
        _ => format!(
            "the scheme {scheme}:// is not supported; give --store a folder or s3://BUCKET/PREFIX"
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
