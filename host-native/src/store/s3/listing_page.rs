//! One page of a bucket's listing, read from ListObjectsV2's XML.

use std::time::{Duration, SystemTime};

use coldpress_core::listed_time_ms;
use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use crate::store::listed::Listed;

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ListingPage {
    pub(crate) objects: Vec<Listed>,
    /// Folders, if the request had a delimiter; each ends with it.
    pub(crate) folders: Vec<String>,
    /// The continuation token of the next page; `None` on the last page.
    pub(crate) next: Option<String>,
}

/// Why an answer is not a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPage {
    /// It ends in the middle: the next answer may be whole.
    CutOff,
    /// The store does not speak ListObjectsV2.
    Other(&'static str),
}

const ROOT: &str = "ListBucketResult";

impl ListingPage {
    /// Reads the page that was asked for with `prefix`.
    pub(crate) fn read(body: &str, prefix: &str) -> Result<ListingPage, BadPage> {
        if !body.contains("<ListBucketResult") {
            return Err(BadPage::Other(
                "its answer to a listing is not a listing; is the endpoint an S3 store?",
            ));
        }
        if !body.trim_end().ends_with("</ListBucketResult>") {
            return Err(BadPage::CutOff);
        }
        let read = Fields::read(body).ok_or(BadPage::Other("its listing is not valid XML"))?;
        let next = read.next.filter(|token| !token.is_empty());
        if read.truncated && next.is_none() {
            return Err(BadPage::Other(
                "it says that its listing continues, but gives no NextContinuationToken",
            ));
        }
        let as_url = read.encoding.trim() == "url";
        let name = |text: String| if as_url { decoded(&text, prefix) } else { text };
        let object = |raw: RawObject| {
            let listed = Listed {
                name: name(raw.key?),
                bytes: raw.size.trim().parse().ok()?,
                modified: time(raw.modified.trim())?,
                etag: raw.etag.map(|etag| etag.trim().to_owned()),
            };
            Some(listed)
        };
        let objects: Option<Vec<Listed>> = read.objects.into_iter().map(object).collect();
        let objects =
            objects.ok_or(BadPage::Other("it lists an object without key, size or time"))?;
        let folders = read.folders.into_iter().map(name).collect();
        Ok(ListingPage { objects, folders, next: next.filter(|_| read.truncated) })
    }
}

#[derive(Default)]
struct RawObject {
    key: Option<String>,
    size: String,
    modified: String,
    etag: Option<String>,
}

/// The elements of a page as text.
#[derive(Default)]
struct Fields {
    truncated: bool,
    next: Option<String>,
    encoding: String,
    objects: Vec<RawObject>,
    folders: Vec<String>,
}

impl Fields {
    /// `None` if the body is not valid XML.
    fn read(body: &str) -> Option<Fields> {
        let mut reader = Reader::from_str(body);
        let mut fields = Fields::default();
        let mut open: Vec<String> = Vec::new();
        let mut text = String::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => {
                    let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                    if name == "Contents" {
                        fields.objects.push(RawObject::default());
                    }
                    open.push(name);
                    text.clear();
                }
                Event::End(_) => {
                    let path: Vec<&str> = open.iter().map(String::as_str).collect();
                    fields.take(&path, std::mem::take(&mut text));
                    open.pop();
                }
                Event::Text(part) => text.push_str(&part.decode().ok()?),
                Event::CData(part) => text.push_str(&part.decode().ok()?),
                Event::GeneralRef(entity) => text.push(character(&entity)),
                Event::Eof => return open.is_empty().then_some(fields),
                _ => {}
            }
        }
    }

    fn take(&mut self, path: &[&str], text: String) {
        match path {
            [ROOT, "IsTruncated"] => self.truncated = text.trim() == "true",
            [ROOT, "NextContinuationToken"] => self.next = Some(text),
            [ROOT, "EncodingType"] => self.encoding = text,
            [ROOT, "CommonPrefixes", "Prefix"] => self.folders.push(text),
            [ROOT, "Contents", field] => {
                let Some(object) = self.objects.last_mut() else { return };
                match *field {
                    "Key" => object.key = Some(text),
                    "Size" => object.size = text,
                    "LastModified" => object.modified = text,
                    "ETag" => object.etag = Some(text),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The character of an XML entity. An unknown entity cannot be part of a key of ours.
fn character(entity: &BytesRef<'_>) -> char {
    if let Ok(Some(c)) = entity.resolve_char_ref() {
        return c;
    }
    match entity.decode().as_deref() {
        Ok("amp") => '&',
        Ok("lt") => '<',
        Ok("gt") => '>',
        Ok("quot") => '"',
        Ok("apos") => '\'',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Percent-decodes a name. S3 writes a space as `+`, and other stores write a plus as `+`; the
/// prefix of the request shows which one it is.
fn decoded(text: &str, prefix: &str) -> String {
    let as_form = percent_decoded(&text.replace('+', " "));
    if as_form.starts_with(prefix) { as_form } else { percent_decoded(text) }
}

fn percent_decoded(text: &str) -> String {
    // A name that is not UTF-8 is no key of ours. It is shown with replacement characters.
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A time as S3 writes it, to the millisecond.
fn time(text: &str) -> Option<SystemTime> {
    let seconds_ms = listed_time_ms(text)?;
    let fraction: String = text
        .get(20..)?
        .chars()
        .take_while(char::is_ascii_digit)
        .chain("000".chars())
        .take(3)
        .collect();
    let ms = fraction.parse::<u64>().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(seconds_ms + ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(inner: &str) -> Result<ListingPage, BadPage> {
        let root = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
        ListingPage::read(
            &format!("<?xml version=\"1.0\"?>\n{root}{inner}</ListBucketResult>\n"),
            "p/",
        )
    }

    fn object(key: &str) -> String {
        format!(
            "<Contents><Key>{key}</Key><LastModified>1970-01-02T00:00:01.25Z</LastModified>\
             <ETag>&quot;e&quot;</ETag><Size>7</Size><Owner><ID>x</ID></Owner></Contents>"
        )
    }

    #[test]
    fn objects_folders_and_the_token_are_read() {
        let inner = format!(
            "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>{}\
             <CommonPrefixes><Prefix>p/a%0Ab/</Prefix></CommonPrefixes>{}\
             <NextContinuationToken>t&amp;u</NextContinuationToken>",
            object("p/a+b%2Bc%252F"),
            object("p//%00%FF")
        );
        let read = page(&inner).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(86_401_250);
        let etag = Some("\"e\"".to_owned());
        let listed =
            |name: &str| Listed { name: name.to_owned(), bytes: 7, modified, etag: etag.clone() };
        assert_eq!(read.objects, [listed("p/a b+c%2F"), listed("p//\0\u{fffd}")]);
        assert_eq!(
            (&read.folders[..], read.next.as_deref()),
            (&["p/a\nb/".to_owned()][..], Some("t&u"))
        );
    }

    #[test]
    fn a_store_that_does_not_encode_is_read_as_it_writes() {
        let read = page(&(object("p/%2F+&amp;&#x41;&odd;") + &object("p/b"))).unwrap();
        assert_eq!(read.objects[0].name, "p/%2F+&A\u{fffd}");
        assert_eq!(read.objects.len(), 2);
    }

    #[test]
    fn a_plus_in_the_prefix_says_what_a_plus_means() {
        assert_eq!(decoded("a+b/7/x%2B", "a+b/"), "a+b/7/x+");
        assert_eq!(decoded("a+b/7/x%2B", "a b/"), "a b/7/x+");
        assert_eq!(decoded("a%2Bb/%", "a+b/"), "a+b/%");
    }

    #[test]
    fn only_a_whole_page_is_one() {
        assert_eq!(page("").unwrap(), ListingPage::default());
        let more = "<IsTruncated>true</IsTruncated>";
        assert!(matches!(page(more), Err(BadPage::Other(_))));
        assert!(matches!(
            page(&format!("{more}<NextMarker>t</NextMarker>")),
            Err(BadPage::Other(_))
        ));
        let last =
            "<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
        assert_eq!(page(last).unwrap().next, None);
        assert!(matches!(page("<Contents><Key>p/a</Key></Contents>"), Err(BadPage::Other(_))));
        assert!(matches!(page("<Contents><Key>p/a</Contents>"), Err(BadPage::Other(_))));
        assert!(matches!(ListingPage::read("<html></html>", ""), Err(BadPage::Other(_))));
        assert!(matches!(ListingPage::read("", ""), Err(BadPage::Other(_))));
        let cut = "<ListBucketResult><Contents></Contents>";
        assert_eq!(ListingPage::read(cut, ""), Err(BadPage::CutOff));
    }
}
