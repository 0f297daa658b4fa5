//! Whether a request that reads is sent again, and when.

use std::time::Duration;

use coldpress_core::{
    Backoff, ErrorKind, Meaning, Next, Random, Retry, SignedBy, StoreAnswer, StoreStep,
    UploadSettings, Verdict, judge,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::code_of;

/// What core's table says of an answer.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawVerdict {
    verdict: Verdict,
    kind: ErrorKind,
}

/// Judges the answer to a request that reads. `has_expired` says whether its grant has, by our
/// clock; it is false if there is no grant. `body` is empty if it holds the bytes of the file.
#[wasm_bindgen(js_name = judgeRead)]
pub fn judge_read(
    status: u16,
    retry_after: Option<String>,
    body: &[u8],
    has_grant: bool,
    has_expired: bool,
    now_ms: f64,
) -> RawVerdict {
    let answer = StoreAnswer { status, retry_after: retry_after.as_deref(), body };
    // The URL may be a signed one, though nobody called it a grant.
    let signed_by = SignedBy::Grant { has_expired };
    let verdict = judge(StoreStep::Read, signed_by, answer, now_ms as u64);
    let kind = match verdict.meaning {
        // The condition of the request was that the file is still the same.
        Meaning::Exists => ErrorKind::Conflict,
        // Servers that are no store give no code to what they do not have.
        Meaning::NothingSaid if !has_grant => ErrorKind::Missing,
        _ => verdict.kind,
    };
    RawVerdict { verdict, kind }
}

#[wasm_bindgen]
impl RawVerdict {
    /// What to do: `done`, `retry`, `renew` (ask for another grant) or `stop`.
    pub fn next(&self) -> String {
        let next = match self.verdict.next {
            Next::Done => "done",
            Next::Retry => "retry",
            Next::Renew => "renew",
            _ => "stop",
        };
        next.to_owned()
    }

    /// The code of the error, if what comes next fails.
    pub fn code(&self) -> String {
        code_of(self.kind).to_owned()
    }

    /// Status, code and message of the answer, without secrets.
    pub fn said(&self) -> String {
        self.verdict.said()
    }

    /// Whether the file is shorter than the range that was asked for.
    #[wasm_bindgen(js_name = isShorter)]
    pub fn is_shorter(&self) -> bool {
        self.verdict.meaning == Meaning::Shorter
    }

    /// The pause that the server asked for.
    #[wasm_bindgen(js_name = retryAfterMs)]
    pub fn retry_after_ms(&self) -> Option<f64> {
        self.verdict.retry_after_ms.map(|ms| ms as f64)
    }
}

/// When to send a request again after so many failures in a row, in milliseconds since 1970;
/// undefined: not again. The pauses are those of an upload. `retries` is how many there may be; by
/// default as many as an upload has. `retry_after_ms` is the pause that the server asked for.
#[wasm_bindgen(js_name = nextTry)]
pub fn next_try(
    failures: u32,
    retries: Option<u32>,
    retry_after_ms: Option<f64>,
    seed: u64,
    now_ms: f64,
) -> Option<f64> {
    let settings = UploadSettings::default();
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let backoff = Backoff {
        first_ms: ms(settings.backoff),
        longest_ms: ms(settings.backoff_max),
        retries_max: retries.unwrap_or(settings.retries_max),
        patience_ms: None,
        retry_after_max_ms: ms(settings.retry_after_max),
    };
    let mut retry = Retry::from(0);
    retry.failures = failures.saturating_sub(1);
    let retry_after_ms = retry_after_ms.map(|ms| ms as u64);
    let mut random = Random::new(seed);
    let again = retry.after_failure(&backoff, &mut random, retry_after_ms, now_ms as u64);
    again.then_some(retry.not_before_ms as f64)
}
