//! `POST /v1/receipts`: whether an object is there and is what its key says. Nothing of it is taken
//! from who asks: size, rows and LSNs are read from the store.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use coldpress_core::{Footer, KeyTarget, LsnRange, ObjectKey, ReadLimits, Sha256Digest};
use serde::Deserialize;
use serde_json::json;

use super::Inner;
use super::answer::Asked;
use super::refusal::{Reason, Refusal, json_response};
use super::shown::Shown;
use super::tokens::Bearer;
use super::turns::{Full, Turn, Turns};

/// The longest footer of a reported file: a device's file has some kilobytes, and 8 at a time are
/// read.
const FOOTER_BYTES_MAX: u64 = 8 << 20;

/// How long a client should wait where too many wait already: some reads of large objects.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a client says it has stored.
#[derive(Debug, Deserialize)]
struct Receipt {
    key: String,
    bytes: Option<u64>,
    sha256: Option<String>,
}

/// What the key says of its object.
struct Named {
    tenant_id: u64,
    collection: String,
    lsns: LsnRange,
}

pub(super) async fn confirm(asked: Asked) -> Result<Response, Refusal> {
    let Asked { server, bearer, body } = asked;
    let receipt: Receipt = serde_json::from_slice(&body).map_err(|error| {
        let message =
            format!("the receipt is not JSON with \"key\", \"bytes\" and \"sha256\": {error}");
        Refusal::new(Reason::Malformed, message)
    })?;
    let sha256 = receipt.sha256.as_deref().map(Sha256Digest::from_hex).transpose();
    let sha256 =
        sha256.map_err(|error| Refusal::new(Reason::Malformed, format!("\"sha256\": {error}")))?;
    let named = named(&server, &bearer, &receipt.key)?;
    drop(body);
    let (footer, bytes) = {
        let _turn = turn(&server.footers, &bearer).await?;
        let mut limits = ReadLimits::default();
        limits.footer_bytes_max = FOOTER_BYTES_MAX;
        let stored = server.storage.read_footer_within(&receipt.key, &limits).await;
        stored.map_err(|error| Refusal::of(&error))?
    };
    if receipt.bytes.is_some_and(|said| said != bytes) {
        return Err(differs(format!(
            "the object has {bytes} bytes, not as many as the receipt says"
        )));
    }
    agree(&named, &footer)?;
    let checked = match sha256 {
        Some(said) => check_content(&server, &bearer, &receipt.key, bytes, said).await?,
        None => false,
    };
    server.metrics.confirmed();
    let rows = footer.rows_count();
    tracing::info!(key = %Shown(&receipt.key), bytes, rows, token = bearer.name(), "confirmed");
    let answer = json!({
        "key": receipt.key,
        "bytes": bytes,
        "rows": rows,
        // Strings, as in the grant request: JavaScript would round large numbers.
        "min_lsn": footer.lsns().min().to_string(),
        "max_lsn": footer.lsns().max().to_string(),
        "columns": footer.schema().columns().len(),
        "sha256_checked": checked,
    });
    Ok(json_response(StatusCode::OK, answer.to_string()))
}

/// A key of the token's own tenant and collections, and no other.
fn named(server: &Inner, bearer: &Bearer, key: &str) -> Result<Named, Refusal> {
    let parsed = ObjectKey::parse(server.storage.prefix(), key)
        .map_err(|error| Refusal::new(Reason::Key, error.to_string()))?;
    match parsed.target() {
        KeyTarget::Data { tenant_id, collection, lsns }
            if *tenant_id == bearer.tenant_id() && bearer.may_write(collection) =>
        {
            Ok(Named { tenant_id: *tenant_id, collection: collection.clone(), lsns: *lsns })
        }
        _ => {
            let message = "the token has nothing to do with this key";
            Err(Refusal::new(Reason::Forbidden, message))
        }
    }
}

fn agree(named: &Named, footer: &Footer) -> Result<(), Refusal> {
    let there = (footer.tenant_id(), footer.collection(), footer.lsns());
    if there == (named.tenant_id, named.collection.as_str(), named.lsns) {
        return Ok(());
    }
    Err(differs(format!(
        "the file was made for tenant {}, collection {:?}, LSNs {}, and its key says otherwise; encode the rows for the grant's key",
        there.0, there.1, there.2
    )))
}

/// Compares the content's hash; false where the object is too large to be read again and was stored
/// without one.
async fn check_content(
    server: &Inner,
    bearer: &Bearer,
    key: &str,
    bytes: u64,
    said: Sha256Digest,
) -> Result<bool, Refusal> {
    let refuse = |error| Refusal::of(&error);
    let (content, stored) = server.storage.content_at(key).await.map_err(refuse)?;
    if content.bytes != bytes {
        let message = "the object was replaced while it was read; send the receipt again";
        return Err(differs(message.to_owned()));
    }
    let readable = bytes <= server.settings.hashed_bytes_max;
    let found = match readable {
        true => {
            let read = || async {
                let _turn = turn(&server.contents, bearer).await?;
                server.storage.sha256(&content).await.map_err(refuse)
            };
            Some(server.hashes.get(&content, read).await?)
        }
        false => stored,
    };
    match found {
        Some(found) if found != said => Err(differs(
            "the object has other content: its SHA-256 is not the receipt's".to_owned(),
        )),
        found => Ok(readable && found.is_some()),
    }
}

/// A turn of the token's, or the refusal where too many wait already.
async fn turn(turns: &Turns, bearer: &Bearer) -> Result<Turn, Refusal> {
    turns.take(bearer.digest()).await.map_err(|full| {
        let (reason, message) = match full {
            Full::OfToken => (
                Reason::RateLimited,
                "this token has too many receipts waiting; send fewer at once",
            ),
            Full::OfServer => {
                (Reason::Unavailable, "too many receipts are waiting here; send it again later")
            }
        };
        Refusal::new(reason, message).after(FULL_RETRY_AFTER)
    })
}

fn differs(message: String) -> Refusal {
    Refusal::new(Reason::Conflict, message)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::super::tokens::{Token, Tokens};
    use super::super::turns::TurnLimits;
    use super::*;

    #[test]
    fn where_too_many_wait_the_answer_says_when_to_come_again() {
        let (token, other) = (Token::new().unwrap(), Token::new().unwrap());
        let lines = [token.line(1, &[]).unwrap(), other.line(2, &[]).unwrap()].join("\n");
        let tokens = Tokens::parse(&lines).unwrap();
        let bearer = |token: &Token| tokens.find(token.reveal()).unwrap();
        let (first, second) = (bearer(&token), bearer(&other));
        let limits =
            TurnLimits { at_once: 1, at_once_per_token: 1, waiting: 1, waiting_per_token: 1 };
        let turns = Turns::new(limits);
        let _held = turn(&turns, &first).now_or_never().unwrap().unwrap();
        let mut waits = Box::pin(turn(&turns, &first));
        assert!((&mut waits).now_or_never().is_none());
        for (bearer, reason) in [(&first, Reason::RateLimited), (&second, Reason::Unavailable)] {
            let refusal = turn(&turns, bearer).now_or_never().unwrap().unwrap_err();
            assert_eq!((refusal.reason, refusal.retry_after), (reason, Some(FULL_RETRY_AFTER)));
        }
    }
}
