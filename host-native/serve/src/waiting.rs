//! Waits for a turn, or refuses a request where too many wait already.

use std::time::Duration;

use super::refusal::{Reason, Refusal};
use super::tokens::Bearer;
use super::turns::{Full, Turn, Turns};

/// How long a client should wait if too many are waiting: about some reads of large objects.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Waits for a turn of the token. A refusal if too many are waiting already.
pub(super) async fn turn(turns: &Turns, bearer: &Bearer) -> Result<Turn, Refusal> {
    turns.take(bearer.digest()).await.map_err(|full| {
        let (reason, message) = match full {
            Full::OfToken => (
                Reason::RateLimited,
                "this token has too many requests waiting; send fewer at the same time",
            ),
            Full::OfServer => {
                (Reason::Unavailable, "too many requests are waiting; send this one again later")
            }
        };
        Refusal::new(reason, message).after(FULL_RETRY_AFTER)
    })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::super::tokens::{Rights, Token, Tokens};
    use super::super::turns::TurnLimits;
    use super::*;

    #[test]
    fn where_too_many_wait_the_answer_says_when_to_come_again() {
        let (token, other) = (Token::new().unwrap(), Token::new().unwrap());
        let line = |token: &Token, tenant| token.line(tenant, Rights::WRITE, &[]).unwrap();
        let lines = [line(&token, 1), line(&other, 2)].join("\n");
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
