//! Listings of a bucket, page by page: ListObjectsV2 of our own, because object_store fails at
//! names that its paths cannot hold.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::LISTING;
use super::page::{NoPage, Page};
use crate::grant::now_ms;
use crate::remote::RemoteStore;
use crate::uploads::LIFETIME_MS;
use crate::{Error, ErrorKind, Result};

/// The most pages in a row that list nothing: stores skip what was deleted, but not without end.
const EMPTY_PAGES_MAX: usize = 1_000;
/// The pause before a page is asked for again that came cut off.
const CUT_OFF_PAUSE: Duration = Duration::from_millis(100);

/// Pages of what begins with one prefix, in order.
pub(crate) struct Pages<'s> {
    remote: &'s RemoteStore,
    prefix: &'s str,
    delimiter: Option<&'static str>,
    /// The most time for one page, retries included.
    limit_ms: u64,
    next: Next,
    /// Every token that was used: one that comes again leads in a circle.
    tokens: HashSet<String>,
    empty_pages: usize,
}

enum Next {
    First,
    Token(String),
    End,
}

impl<'s> Pages<'s> {
    /// `delimiter` leaves out what lies in folders below the prefix, and lists these folders.
    pub(crate) fn new(
        remote: &'s RemoteStore,
        prefix: &'s str,
        delimiter: Option<&'static str>,
        limit_ms: u64,
    ) -> Self {
        let (tokens, empty_pages) = (HashSet::new(), 0);
        Pages { remote, prefix, delimiter, limit_ms, next: Next::First, tokens, empty_pages }
    }

    /// The next page; none behind the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>> {
        let token = match &self.next {
            Next::First => None,
            Next::Token(token) => Some(token.clone()),
            Next::End => return Ok(None),
        };
        let limit = Duration::from_millis(self.limit_ms);
        let page = match tokio::time::timeout(limit, self.ask(token.as_deref())).await {
            Ok(page) => page?,
            Err(_) => {
                return Err(self.remote.answers().too_slow(LISTING, self.prefix, self.limit_ms));
            }
        };
        self.next = match page.next.clone() {
            None => Next::End,
            Some(token) if !self.tokens.insert(token.clone()) => {
                let said = "its listing goes round in a circle; it ignores the continuation token";
                return Err(self.wrong(ErrorKind::Settings, said));
            }
            Some(token) => Next::Token(token),
        };
        self.empty_pages = match page.objects.is_empty() && page.folders.is_empty() {
            true => self.empty_pages + 1,
            false => 0,
        };
        if self.empty_pages > EMPTY_PAGES_MAX {
            return Err(self.wrong(ErrorKind::Unavailable, "its listing has pages without end"));
        }
        Ok(Some(page))
    }

    /// One page. One that comes cut off is asked for again, as long as the store's patience lasts.
    async fn ask(&self, token: Option<&str>) -> Result<Page> {
        let (remote, begun) = (self.remote, Instant::now());
        loop {
            let signer = remote.signer();
            let request =
                signer.list_objects(self.prefix, self.delimiter, token, LIFETIME_MS, now_ms())?;
            let patience = remote.patience().saturating_sub(begun.elapsed());
            let answer =
                remote.perform(&request, Bytes::new(), patience, LISTING, self.prefix).await?;
            if answer.status / 100 != 2 {
                return Err(remote.refused(&answer, LISTING, self.prefix));
            }
            match Page::read(&answer.body, self.prefix) {
                Ok(page) => return Ok(page),
                Err(NoPage::Other(said)) => return Err(self.wrong(ErrorKind::Settings, said)),
                Err(NoPage::CutOff) if begun.elapsed() + CUT_OFF_PAUSE > remote.patience() => {
                    let said = "a listing was cut off in the middle";
                    return Err(self.wrong(ErrorKind::Unavailable, said));
                }
                Err(NoPage::CutOff) => tokio::time::sleep(CUT_OFF_PAUSE).await,
            }
        }
    }

    fn wrong(&self, kind: ErrorKind, said: &str) -> Error {
        self.remote.answers().worded(kind, said, LISTING, self.prefix)
    }
}
