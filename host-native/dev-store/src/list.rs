//! Listings: ListObjectsV2.

use axum::http::StatusCode;
use axum::response::Response;
use coldpress_listen::percent::encode;

use super::error::{S3Error, escape, xml};
use super::folder::{Entry, Folder};
use super::objects::iso8601;
use super::uri::Query;

/// S3's own limit for a page.
const PAGE_MAX: usize = 1_000;

/// One page: objects, and folders if a delimiter is given.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    objects: Vec<Entry>,
    folders: Vec<String>,
    /// The last key or folder of this page, if more pages follow.
    next: Option<String>,
}

pub(super) fn list_objects(
    folder: &Folder,
    bucket: &str,
    query: &Query,
) -> Result<Response, S3Error> {
    let prefix = query.value("prefix").unwrap_or_default();
    let delimiter = query.value("delimiter").filter(|delimiter| !delimiter.is_empty());
    let max = match query.value("max-keys").map(str::parse::<usize>) {
        None => PAGE_MAX,
        Some(Ok(max)) => max.min(PAGE_MAX),
        Some(Err(_)) => return Err(S3Error::invalid_argument("max-keys is not a number")),
    };
    let token = query.value("continuation-token");
    let after = match token {
        Some(token) => Some(token.strip_prefix('~').ok_or_else(|| {
            S3Error::invalid_argument("the continuation token is not from this store")
        })?),
        None => query.value("start-after"),
    };
    let as_url = match query.value("encoding-type") {
        None => false,
        Some("url") => true,
        Some(_) => return Err(S3Error::invalid_argument("encoding-type must be url")),
    };
    let page = page(folder.list(prefix)?, prefix, delimiter, after, max);
    let name = |text: &str| if as_url { encode(text, true) } else { escape(text) };
    let mut body = format!(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name>\
         <Prefix>{}</Prefix><MaxKeys>{max}</MaxKeys><KeyCount>{}</KeyCount>\
         <IsTruncated>{}</IsTruncated>",
        escape(bucket),
        name(prefix),
        page.objects.len() + page.folders.len(),
        page.next.is_some()
    );
    let mut element = |element: &str, text: &str| {
        body.push_str(&format!("<{element}>{text}</{element}>"));
    };
    if let Some(delimiter) = delimiter {
        element("Delimiter", &name(delimiter));
    }
    if as_url {
        element("EncodingType", "url");
    }
    if let Some(token) = token {
        element("ContinuationToken", &escape(token));
    }
    if let Some(next) = &page.next {
        element("NextContinuationToken", &escape(&format!("~{next}")));
    }
    for object in &page.objects {
        let text = format!(
            "<Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>\
             <StorageClass>STANDARD</StorageClass>",
            name(&object.key),
            iso8601(object.modified),
            escape(&object.etag()),
            object.bytes
        );
        element("Contents", &text);
    }
    for folder in &page.folders {
        element("CommonPrefixes", &format!("<Prefix>{}</Prefix>", name(folder)));
    }
    body.push_str("</ListBucketResult>");
    Ok(xml(StatusCode::OK, &body))
}

/// Makes a page of `entries`, which are sorted and all begin with `prefix`.
fn page(
    entries: Vec<Entry>,
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<&str>,
    max: usize,
) -> Page {
    let mut page = Page::default();
    let mut last = String::new();
    for entry in entries {
        let rest = &entry.key[prefix.len()..];
        let folder = delimiter.and_then(|delimiter| {
            let end = rest.find(delimiter)? + delimiter.len();
            Some(format!("{prefix}{}", &rest[..end]))
        });
        let name = folder.as_ref().unwrap_or(&entry.key);
        // A folder at the end of an earlier page stands for all its keys.
        if after.is_some_and(|after| name.as_str() <= after) || *name == last {
            continue;
        }
        if page.objects.len() + page.folders.len() == max {
            page.next = (max > 0).then_some(last);
            return page;
        }
        last.clone_from(name);
        match folder {
            Some(folder) => page.folders.push(folder),
            None => page.objects.push(entry),
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const KEYS: [&str; 7] = ["a-1", "a/1", "a/2", "a/b/3", "b", "c/1", "d"];

    fn listed(prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<String> {
        let (mut names, mut after) = (Vec::new(), None::<String>);
        for _ in 0..KEYS.len() + 1 {
            let entries = KEYS.iter().filter(|key| key.starts_with(prefix)).map(|key| Entry {
                key: (*key).to_owned(),
                bytes: 0,
                modified: SystemTime::UNIX_EPOCH,
            });
            let page = page(entries.collect(), prefix, delimiter, after.as_deref(), max);
            let mut found: Vec<String> = page.objects.into_iter().map(|entry| entry.key).collect();
            found.extend(page.folders);
            assert!(found.len() <= max);
            found.sort();
            names.extend(found);
            after = page.next;
            if after.is_none() {
                return names;
            }
        }
        panic!("the listing has no end: {names:?}");
    }

    #[test]
    fn pages_of_every_size_make_the_same_listing() {
        for max in 1..=8 {
            assert_eq!(listed("", None, max), KEYS);
            assert_eq!(listed("", Some("/"), max), ["a-1", "a/", "b", "c/", "d"], "{max}");
            assert_eq!(listed("a/", Some("/"), max), ["a/1", "a/2", "a/b/"]);
            assert_eq!(listed("a", None, max), ["a-1", "a/1", "a/2", "a/b/3"]);
            assert_eq!(listed("x", Some("/"), max), [""; 0]);
        }
    }
}
