//! Tokens: who is let in, how often, and what the log says of it.

use serde_json::json;

use crate::harness::{Served, put_of, write_tokens};
use crate::http::{get, request_with};
use crate::made::token;

fn asked() -> serde_json::Value {
    json!({ "collection": "people", "min_lsn": "1", "max_lsn": "2" })
}

#[test]
fn only_who_holds_a_token_is_let_in_and_no_further_than_it_goes() {
    let (any, first) = token(7, &[]);
    let (some, second) = token(8, &["people", "a b"]);
    let served = Served::over_seaweed("access", &[first, second], &[]);
    assert!(served.grant(any.reveal(), &asked()).key().as_str().starts_with("access/7/"));
    assert!(served.grant(some.reveal(), &asked()).key().as_str().starts_with("access/8/"));
    let mut spaced = asked();
    spaced["collection"] = json!("a b");
    served.grant(some.reveal(), &spaced);
    for collection in ["secret", "People", "people ", "a%20b"] {
        let mut other = asked();
        other["collection"] = json!(collection);
        served.ask(some.reveal(), &other).refused(403, "Denied");
    }
    let url = format!("{}/v1/grants", served.url());
    let body = asked().to_string();
    let with = |authorization: &str| {
        request_with("POST", &url, &[("authorization", authorization)], body.as_bytes())
    };
    with(&format!("bearer   {}", any.reveal())).expect(200);
    for authorization in [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic eDp5",
        any.reveal(),
        &format!("Token {}", any.reveal()),
        &format!("Bearer {}x", any.reveal()),
        &format!("Bearer {}", &any.reveal()[..20]),
        &format!("Bearer {}", any.reveal().to_uppercase()),
    ] {
        let reply = with(authorization);
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
        reply.refused(401, "Denied");
    }
    request_with("POST", &url, &[], body.as_bytes()).refused(401, "Denied");
    // Before a token is known, not even the body is looked at.
    request_with("POST", &url, &[], &vec![b'['; 100_000]).refused(401, "Denied");
    let metrics = get(&format!("{}/metrics", served.url())).text();
    assert!(
        metrics.contains("coldpress_grants_refused_total{reason=\"unauthorized\"} 11"),
        "{metrics}"
    );
    assert!(
        metrics.contains("coldpress_grants_refused_total{reason=\"forbidden\"} 4"),
        "{metrics}"
    );
}

#[test]
fn a_token_that_asks_too_often_waits_and_the_others_do_not() {
    let (busy, first) = token(7, &[]);
    let (calm, second) = token(7, &[]);
    let served = Served::over_seaweed("rate", &[first, second], &["--rate", "0.2", "--burst", "3"]);
    for _ in 0..3 {
        served.ask(busy.reveal(), &asked()).expect(200);
    }
    let reply = served.ask(busy.reveal(), &asked());
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&seconds), "{seconds}");
    reply.refused(429, "Unavailable");
    served.ask(calm.reveal(), &asked()).expect(200);
    let metrics = get(&format!("{}/metrics", served.url())).text();
    assert!(
        metrics.contains("coldpress_grants_refused_total{reason=\"rate_limited\"} 1"),
        "{metrics}"
    );
}

#[test]
fn tokens_come_and_go_while_the_server_runs() {
    let (old, first) = token(7, &[]);
    let (new, second) = token(8, &[]);
    let served = Served::over_seaweed("reload", &[first], &[]);
    served.ask(old.reveal(), &asked()).expect(200);
    served.ask(new.reveal(), &asked()).expect(401);
    let until = |token: &str, status: u16| {
        served.until(&status.to_string(), || served.ask(token, &asked()).status == status);
    };
    // Of itself, as the file changes.
    write_tokens(&served.path("tokens"), std::slice::from_ref(&second));
    until(new.reveal(), 200);
    served.ask(old.reveal(), &asked()).expect(401);
    // A file that cannot be taken changes nothing, and is said.
    write_tokens(&served.path("tokens"), &["7 garbage".to_owned()]);
    served.signal("HUP");
    for _ in 0..3_000 {
        if served.log().contains("the old tokens stay valid") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(served.log().contains("line 1"), "{}", served.log());
    served.ask(new.reveal(), &asked()).expect(200);
    // Revoked at once, when told.
    write_tokens(&served.path("tokens"), &[]);
    served.signal("HUP");
    until(new.reveal(), 401);
}

#[test]
fn the_log_tells_who_asked_and_gives_nothing_away() {
    let (token, line) = token(7, &[]);
    let hash = line.split(' ').nth(1).unwrap().to_owned();
    let served = Served::over_seaweed("log", &[line], &["--log", "debug"]);
    let grant = served.grant(token.reveal(), &asked());
    served.ask("coldpress_of_somebody_else", &asked()).expect(401);
    served.receipt(token.reveal(), &json!({ "key": grant.key().as_str() })).expect(404);
    let log = served.log();
    for part in [grant.key().as_str(), &hash[..8], "tenant=7", "unauthorized", "not_found"] {
        assert!(log.contains(part), "no {part:?} in\n{log}");
    }
    let (_, signature) = put_of(&grant).url().split_once("X-Amz-Signature=").unwrap();
    let signature = signature.split('&').next().unwrap();
    let server = crate::common::seaweed::Seaweed::shared();
    for secret in
        [token.reveal(), "somebody_else", signature, "X-Amz-Signature", &server.secret_key, &hash]
    {
        assert!(!log.contains(secret), "{secret:?} in\n{log}");
    }
}
