use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;

use super::*;

/// An hour.
const HOUR_MS: u64 = 3_600_000;

/// A provider of a caller's own with a clock that the test moves. It gives what `answer` says of
/// the number of the call.
struct World {
    now_ms: Arc<AtomicU64>,
    calls: Arc<AtomicUsize>,
    /// One permit for each call that may go on.
    gate: Arc<Semaphore>,
    secrets: Secrets,
    provider: Arc<Provider>,
}

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

/// The credentials of the call of this number, until this time.
fn given(call: usize, expires_ms: u64) -> Credentials {
    Credentials {
        access_key: format!("AK-{call}-in-the-clear"),
        secret_key: format!("SK-{call}-in-the-clear"),
        session_token: format!("ST/{call}-in-the-clear"),
        expires: Some(at(expires_ms)),
    }
}

fn world(answer: impl Fn(usize, u64) -> Result<Credentials> + Send + Sync + 'static) -> World {
    let now_ms = Arc::new(AtomicU64::new(1_000_000));
    let (calls, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1_000)));
    let (clock, count, opens) = (Arc::clone(&now_ms), Arc::clone(&calls), Arc::clone(&gate));
    let asked = Arc::new(answer);
    let provider = CredentialProvider::new(move || {
        let (now_ms, gate) = (clock.load(Ordering::SeqCst), Arc::clone(&opens));
        let (call, asked) = (count.fetch_add(1, Ordering::SeqCst), Arc::clone(&asked));
        async move {
            gate.acquire().await.unwrap().forget();
            asked(call, now_ms)
        }
    });
    let clock = Arc::clone(&now_ms);
    let config = ColdStorageConfig {
        credential_provider: Some(provider),
        clock: TimeOfDay::new(move || at(clock.load(Ordering::SeqCst))),
        ..ColdStorageConfig::default()
    };
    let secrets = Secrets::default();
    let provider = Arc::new(Provider::new(&config, &secrets, &Origin::default()));
    World { now_ms, calls, gate, secrets, provider }
}

/// Credentials that live for an hour.
fn hourly() -> World {
    world(|call, now_ms| Ok(given(call, now_ms + HOUR_MS)))
}

impl World {
    fn pass(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    async fn key(&self) -> String {
        self.provider.current().await.unwrap().access_key.clone()
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn credentials_are_kept_and_refreshed_before_they_expire() {
    let world = hourly();
    for (passed_ms, key) in [
        (0, "AK-0-in-the-clear"),
        (HOUR_MS - MARGIN_MS - 1, "AK-0-in-the-clear"),
        (1, "AK-1-in-the-clear"),
        (HOUR_MS - MARGIN_MS - 1, "AK-1-in-the-clear"),
        // Asleep for a day.
        (24 * HOUR_MS, "AK-2-in-the-clear"),
    ] {
        world.pass(passed_ms);
        assert_eq!(world.key().await, key);
    }
    assert_eq!(world.calls(), 3);
    // Whatever was used is a secret for ever, also in a URL.
    let echo = "SK-0-in-the-clear ST%2F1-in-the-clear ST/2-in-the-clear AK-1-in-the-clear";
    assert_eq!(world.secrets.scrub(echo), "(hidden) (hidden) (hidden) (hidden)");
}

#[tokio::test]
async fn a_hundred_requests_at_once_cause_one_fetch() {
    let world = hourly();
    world.gate.forget_permits(1_000);
    let wants: Vec<_> = (0..100)
        .map(|_| {
            let provider = Arc::clone(&world.provider);
            tokio::spawn(async move { provider.current().await.unwrap().access_key.clone() })
        })
        .collect();
    world.gate.add_permits(1_000);
    for want in wants {
        assert_eq!(want.await.unwrap(), "AK-0-in-the-clear");
    }
    assert_eq!(world.calls(), 1);

    // While one request refreshes them, the others do not wait.
    world.pass(HOUR_MS - MARGIN_MS);
    world.gate.forget_permits(1_000);
    let provider = Arc::clone(&world.provider);
    let refreshing = tokio::spawn(async move { provider.current().await.unwrap() });
    while world.calls() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.key().await, "AK-0-in-the-clear");
    world.gate.add_permits(1);
    assert_eq!(refreshing.await.unwrap().access_key, "AK-1-in-the-clear");
    assert_eq!((world.key().await.as_str(), world.calls()), ("AK-1-in-the-clear", 2));
}

#[tokio::test]
async fn requests_that_wait_for_a_fetch_that_fails_fail_with_it() {
    let world = world(|_, _| Err(Error::new(ErrorKind::Denied, "signed out")));
    world.gate.forget_permits(1_000);
    let wants: Vec<_> = (0..10)
        .map(|_| {
            let provider = Arc::clone(&world.provider);
            tokio::spawn(async move { provider.current().await.unwrap_err() })
        })
        .collect();
    while world.calls() < 1 || world.provider.flight.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    // All of them have come to the lock: each yields once to the others.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    world.gate.add_permits(1_000);
    for want in wants {
        let error = want.await.unwrap();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Denied, "signed out"));
    }
    assert_eq!(world.calls(), 1);
    // A later request tries again.
    world.provider.current().await.unwrap_err();
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_old_ones_as_long_as_they_are_valid() {
    let world = world(|call, now_ms| match call {
        0 | 4 => Ok(given(call, now_ms + HOUR_MS)),
        _ => Err(Error::new(ErrorKind::Denied, "no SK-0-in-the-clear today")),
    });
    world.key().await;
    world.pass(HOUR_MS - MARGIN_MS);
    for _ in 0..5 {
        assert_eq!(world.key().await, "AK-0-in-the-clear");
    }
    assert_eq!(world.calls(), 2, "asked again at once");
    world.pass(PAUSE_MS);
    assert_eq!((world.key().await.as_str(), world.calls()), ("AK-0-in-the-clear", 3));
    world.pass(MARGIN_MS - PAUSE_MS - LEAST_MS);
    let error = world.provider.current().await.unwrap_err();
    // It worked before, so that it may work again.
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "no (hidden) today"));
    assert_eq!(world.key().await, "AK-4-in-the-clear");
}

#[tokio::test]
async fn the_store_may_call_them_expired_earlier() {
    let world = hourly();
    let first = world.provider.current().await.unwrap();
    let instead = world.provider.instead_of(&first.access_key, &first.session_token);
    let second = instead.await.unwrap().unwrap();
    assert_eq!(second.access_key, "AK-1-in-the-clear");
    // Another request learned the same a little later.
    let instead = world.provider.instead_of(&first.access_key, &first.session_token);
    assert_eq!(instead.await.unwrap().unwrap(), second);
    assert_eq!(world.calls(), 2);

    let same = self::world(|_, now_ms| Ok(given(0, now_ms + HOUR_MS)));
    let first = same.provider.current().await.unwrap();
    let instead = same.provider.instead_of(&first.access_key, &first.session_token);
    assert_eq!(instead.await.unwrap(), None);

    let config = ColdStorageConfig {
        access_key: "AK".to_owned(),
        secret_key: "SK".to_owned(),
        ..ColdStorageConfig::default()
    };
    let fixed = Provider::new(&config, &Secrets::default(), &Origin::default());
    assert_eq!(fixed.current().await.unwrap().access_key, "AK");
    assert_eq!(fixed.instead_of("AK", "").await.unwrap(), None);
}

#[tokio::test]
async fn credentials_of_no_use_are_an_error() {
    let expired = world(|call, now_ms| Ok(given(call, now_ms - 1)));
    let error = expired.provider.current().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("expired already"), "{error}");
    let wrong = world(|call, now_ms| {
        let line = "SK-in-the-clear\nx-evil: 1".to_owned();
        Ok(Credentials { secret_key: line, ..given(call, now_ms + HOUR_MS) })
    });
    let error = wrong.provider.current().await.unwrap_err();
    assert!(!error.to_string().contains("in-the-clear"), "{error}");
    assert!(error.to_string().contains("character"), "{error}");
    // Those that do not expire are never fetched again.
    let lasting = world(|call, _| Ok(Credentials { expires: None, ..given(call, 0) }));
    lasting.key().await;
    lasting.pass(1_000 * HOUR_MS);
    assert_eq!((lasting.key().await.as_str(), lasting.calls()), ("AK-0-in-the-clear", 1));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_is_an_error_in_bounded_time() {
    let world = hourly();
    world.gate.forget_permits(1_000);
    let error = world.provider.current().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("60 s"), "{error}");
}
