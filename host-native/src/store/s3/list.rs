//! Listings of a bucket, page by page. We send ListObjectsV2 ourselves, because object_store's
//! listing fails at names that its paths cannot hold.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{Signer, StoreStep};

use crate::backoff::Tries;
use crate::error::{Error, ErrorKind, Result};
use crate::store::listed::Listed;
use crate::store::s3::client::{LIFETIME_MS, S3Store};
use crate::store::s3::listing_page::{BadPage, ListingPage};
use crate::threads::blocking;
use crate::time::now_ms;

/// Completes "could not …".
pub(crate) const LISTING: &str = "list the objects";

/// The most empty pages in a row. A store may skip deleted objects page by page, but must end.
const EMPTY_PAGES_MAX: usize = 1_000;

/// The pages of all names that begin with one prefix, in order.
pub(crate) struct ListingPages<'s> {
    s3: &'s S3Store,
    prefix: &'s str,
    delimiter: Option<&'static str>,
    /// The longest time for one page, retries included.
    limit_ms: u64,
    next: Next,
    /// All tokens so far: a token that comes again would repeat pages for ever.
    tokens: HashSet<String>,
    empty_pages: usize,
}

enum Next {
    First,
    Token(String),
    End,
}

impl<'s> ListingPages<'s> {
    /// With a `delimiter`, lists the folders below the prefix instead of what is in them.
    pub(crate) fn new(s3: &'s S3Store, prefix: &'s str, delimiter: Option<&'static str>) -> Self {
        let (tokens, empty_pages, limit_ms) = (HashSet::new(), 0, s3.limit_ms);
        ListingPages { s3, prefix, delimiter, limit_ms, next: Next::First, tokens, empty_pages }
    }

    /// The next page; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<ListingPage>> {
        let token = match &self.next {
            Next::First => None,
            Next::Token(token) => Some(token.clone()),
            Next::End => return Ok(None),
        };
        let limit = Duration::from_millis(self.limit_ms);
        let page = match tokio::time::timeout(limit, self.ask(token.as_deref())).await {
            Ok(page) => page?,
            Err(_) => {
                return Err(self.s3.errors().too_slow(LISTING, self.prefix, self.limit_ms));
            }
        };
        self.next = match page.next.clone() {
            None => Next::End,
            Some(token) if !self.tokens.insert(token.clone()) => {
                let said = "its listing repeats a page; it ignores the continuation token";
                return Err(self.wrong(ErrorKind::Settings, said));
            }
            Some(token) => Next::Token(token),
        };
        self.empty_pages = match page.objects.is_empty() && page.folders.is_empty() {
            true => self.empty_pages + 1,
            false => 0,
        };
        if self.empty_pages > EMPTY_PAGES_MAX {
            let said = "its listing has too many empty pages in a row";
            return Err(self.wrong(ErrorKind::Unavailable, said));
        }
        Ok(Some(page))
    }

    /// One page. A page that is cut off is asked for again, for as long as the store's patience
    /// lasts.
    async fn ask(&self, token: Option<&str>) -> Result<ListingPage> {
        let s3 = self.s3;
        let mut waits = Tries::new(s3.patience());
        loop {
            let sign = |signer: &Signer| {
                signer.list_objects(self.prefix, self.delimiter, token, LIFETIME_MS, now_ms())
            };
            let (step, patience) = (StoreStep::List, s3.patience());
            let what = (LISTING, self.prefix);
            let judged = s3.perform_own(step, sign, Bytes::new(), patience, what).await?;
            let answer = s3.expect_done(judged, LISTING, self.prefix)?;
            let prefix = self.prefix.to_owned();
            // A page is up to a megabyte of XML.
            match blocking(move || Ok(ListingPage::read(&answer.body, &prefix))).await? {
                Ok(page) => return Ok(page),
                Err(BadPage::Other(said)) => return Err(self.wrong(ErrorKind::Settings, said)),
                Err(BadPage::CutOff) if waits.again().await => {}
                Err(BadPage::CutOff) => {
                    let said = "a listing was cut off in the middle";
                    return Err(self.wrong(ErrorKind::Unavailable, said));
                }
            }
        }
    }

    fn wrong(&self, kind: ErrorKind, said: &str) -> Error {
        self.s3.errors().worded(kind, said, LISTING, self.prefix)
    }
}

/// Every object whose name begins with `prefix`; with a `delimiter`, none in folders below it.
pub(crate) async fn objects(
    s3: &S3Store,
    prefix: &str,
    delimiter: Option<&'static str>,
) -> Result<Vec<Listed>> {
    let mut pages = ListingPages::new(s3, prefix, delimiter);
    let mut found = Vec::new();
    while let Some(page) = pages.next().await? {
        found.extend(page.objects);
    }
    Ok(found)
}
