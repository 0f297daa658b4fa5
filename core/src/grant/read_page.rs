//! What a client asks the grant server for before it reads, and what it gets: the body of
//! `POST /v1/scans`, and its answer.

use serde::Serialize;

use super::fields::{Fields, read_json, write_json};
use super::read::ReadGrant;
use super::read_json::{WrittenReadGrant, read_grant, written_grant};
use crate::{Error, LsnRange, Result};

/// The most read grants of one page.
pub const READ_GRANTS_MAX: usize = 1_000;

/// The longest name of a page, in bytes.
const PAGE_BYTES_MAX: usize = 1_024;

/// What a client asks read grants for: the body of `POST /v1/scans`.
///
/// It names no tenant: the grant server knows the tenant from a bearer token. So no request can
/// reach the folder of another tenant.
///
/// ```
/// use coldpress_core::ReadGrantRequest;
///
/// let asked = ReadGrantRequest::from_json(r#"{"collection":"people","min_lsn":"41"}"#)?;
/// assert_eq!(asked.lsns.map(|lsns| (lsns.min(), lsns.max())), Some((41, u64::MAX)));
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadGrantRequest {
    /// The collection to read.
    pub collection: String,
    /// Only files that hold one of these LSNs; `None` for all.
    pub lsns: Option<LsnRange>,
    /// Where to go on: [`ReadGrantPage::next`] of the page before. `None` for the first page.
    pub page: Option<String>,
}

/// Grants to read files of a collection, in the order of their LSNs: the answer to
/// `POST /v1/scans`.
///
/// # Invariants
///
/// * at most [`READ_GRANTS_MAX`] files, all of one collection of one tenant, in the order of their
///   LSNs, none of them twice
/// * `next` is not empty, and at most 1,024 bytes of visible ASCII
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadGrantPage {
    files: Vec<ReadGrant>,
    next: Option<String>,
}

#[derive(Serialize)]
struct WrittenRequest<'a> {
    collection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_lsn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_lsn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'a str>,
}

#[derive(Serialize)]
struct WrittenPage<'a> {
    files: Vec<WrittenReadGrant<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl ReadGrantRequest {
    /// The first page of all files of a collection.
    pub fn new(collection: impl Into<String>) -> Self {
        ReadGrantRequest { collection: collection.into(), lsns: None, page: None }
    }

    /// Reads the JSON form. It ignores fields that it does not know.
    ///
    /// # Errors
    ///
    /// The error names the field. Its kind is `Settings`, or `Key` if `min_lsn` is above `max_lsn`.
    pub fn from_json(text: &str) -> Result<Self> {
        let value = read_json(text, "the request for read grants")?;
        let fields = Fields::new(&value, "the request for read grants")?;
        Ok(ReadGrantRequest {
            collection: fields.text("collection")?.to_owned(),
            lsns: fields.optional_lsns()?,
            page: page_name(&fields, "page")?,
        })
    }

    /// The JSON form, on one line. LSNs are strings, because JavaScript rounds large numbers.
    pub fn to_json(&self) -> String {
        write_json(&WrittenRequest {
            collection: &self.collection,
            min_lsn: self.lsns.map(|lsns| lsns.min().to_string()),
            max_lsn: self.lsns.map(|lsns| lsns.max().to_string()),
            page: self.page.as_deref(),
        })
    }
}

impl ReadGrantPage {
    /// A page of these grants; an error of kind `Settings` if an invariant does not hold.
    pub fn new(files: Vec<ReadGrant>, next: Option<String>) -> Result<Self> {
        let wrong = |what: String| Err(Error::settings(format!("the page of read grants {what}")));
        if files.len() > READ_GRANTS_MAX {
            return wrong(format!("has {} files; at most {READ_GRANTS_MAX}", files.len()));
        }
        if let Some(name) = &next
            && let Some(what) = wrong_with_page(name)
        {
            return wrong(format!("has a \"next\" that {what}"));
        }
        for pair in files.windows(2) {
            let [one, two] = pair else { continue };
            let place = |grant: &ReadGrant| (grant.tenant_id(), grant.collection().to_owned());
            if place(one) != place(two) || one.prefix() != two.prefix() {
                return wrong(format!(
                    "has files of two collections: {}, {}",
                    one.key(),
                    two.key()
                ));
            }
            let order = |grant: &ReadGrant| (grant.lsns(), grant.key().as_str().to_owned());
            if order(one) >= order(two) {
                return wrong(format!(
                    "has files out of the order of their LSNs: {}, {}",
                    one.key(),
                    two.key()
                ));
            }
        }
        Ok(ReadGrantPage { files, next })
    }

    /// Reads the JSON form. It ignores fields that it does not know.
    ///
    /// # Errors
    ///
    /// As [`ReadGrant::from_json`], with the place of the grant in the page.
    pub fn from_json(text: &str) -> Result<Self> {
        let value = read_json(text, "the page of read grants")?;
        let fields = Fields::new(&value, "the page of read grants")?;
        let files = fields.array("files")?;
        if files.len() > READ_GRANTS_MAX {
            // Check before they are read, so that a hostile list costs no more than its text.
            return Err(fields.error(format_args!(
                "has {} \"files\"; it must have at most {READ_GRANTS_MAX}",
                files.len()
            )));
        }
        let read = |(i, value)| read_grant(value, &format!("\"files\"[{i}] of {}", fields.place()));
        let files = files.iter().enumerate().map(read).collect::<Result<_>>()?;
        ReadGrantPage::new(files, page_name(&fields, "next")?)
    }

    /// The JSON form, on one line. It is a secret until the grants expire.
    pub fn to_json(&self) -> String {
        write_json(&WrittenPage {
            files: self.files.iter().map(written_grant).collect(),
            next: self.next.as_deref(),
        })
    }

    /// The grants, in the order of their files' LSNs.
    pub fn files(&self) -> &[ReadGrant] {
        &self.files
    }

    /// The name of the next page, for [`ReadGrantRequest::page`]; `None` on the last page.
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// The grants alone.
    pub fn into_files(self) -> Vec<ReadGrant> {
        self.files
    }
}

/// The name of a page, if there is one.
fn page_name(fields: &Fields<'_>, name: &str) -> Result<Option<String>> {
    if fields.optional(name).is_none() {
        return Ok(None);
    }
    let page = fields.text(name)?;
    match wrong_with_page(page) {
        Some(what) => Err(fields.wrong(name, what)),
        None => Ok(Some(page.to_owned())),
    }
}

fn wrong_with_page(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("is empty");
    }
    if name.len() > PAGE_BYTES_MAX {
        return Some("is longer than 1,024 bytes");
    }
    (!name.bytes().all(|b| b.is_ascii_graphic()))
        .then_some("has a character that is not visible ASCII")
}
