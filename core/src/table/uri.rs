//! The paths of files as the log writes them: URIs.

use crate::text::{percent_decoded, percent_encoded};

/// A path as a log entry has it. An absolute URI stays as it is.
pub(super) fn encoded_path(path: &str) -> String {
    match is_absolute(path) {
        true => path.to_owned(),
        false => percent_encoded(path, |byte| {
            byte.is_ascii_alphanumeric() || b"-_.~/=!$&'()*+,;@".contains(&byte)
        }),
    }
}

/// The path that an entry names: percent-decoded, if it is relative (Delta protocol, "Add File and
/// Remove File"; RFC 2396). Else what is wrong with it.
pub(super) fn decoded_path(uri: &str) -> Result<String, String> {
    if uri.is_empty() {
        return Err("the path is empty".to_owned());
    }
    if is_absolute(uri) {
        return Ok(uri.to_owned());
    }
    let shown = || uri.chars().take(200).collect::<String>();
    let path = percent_decoded(uri)
        .ok_or_else(|| format!("the path {:?} is not percent-encoded as a URI is", shown()))?;
    match is_absolute(&path) {
        false => Ok(path),
        true => Err(format!("the path {:?} is relative, but reads as a URI", shown())),
    }
}

/// Whether a path begins with a scheme, as `s3://bucket/file` does (RFC 2396, 3.1).
fn is_absolute(path: &str) -> bool {
    let Some((scheme, _)) = path.split_once(':') else { return false };
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_are_decoded_and_absolute_ones_stay() {
        assert_eq!(decoded_path("a%20b/c%25.parquet").unwrap(), "a b/c%.parquet");
        assert_eq!(encoded_path("a b/c%.parquet"), "a%20b/c%25.parquet");
        let absolute = "s3://bucket/a%20b.parquet";
        assert_eq!(decoded_path(absolute).unwrap(), absolute);
        assert_eq!(encoded_path(absolute), absolute);
        assert_eq!(decoded_path("é.parquet").unwrap(), "é.parquet");
        assert_eq!(decoded_path("1:2.parquet").unwrap(), "1:2.parquet");
    }

    #[test]
    fn a_path_that_is_no_uri_is_refused() {
        for bad in ["", "a%2", "a%zz", "%FF", "s3%3A//bucket/x"] {
            assert!(decoded_path(bad).is_err(), "{bad}");
        }
    }
}
