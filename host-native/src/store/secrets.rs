//! The credentials that no message may show, and where they come from.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::ColdStorageConfig;
use crate::credentials::Credentials;

/// What a signed URL encodes in a session token.
const IN_QUERY: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The most values that are kept. The oldest of so many have expired long ago: credentials live
/// for 15 minutes at least, and no session of AWS lives longer than 36 hours.
const SECRETS_MAX: usize = 1_024;

/// The values that no message may show: every credential that this store has used, the refreshed
/// ones too. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<RwLock<VecDeque<String>>>);

impl Secrets {
    pub(crate) fn of(config: &ColdStorageConfig) -> Self {
        let secrets = Secrets::default();
        for value in [&config.secret_key, &config.session_token, &config.access_key] {
            secrets.add(value);
        }
        secrets
    }

    /// No message shows this value from now on, as it is or percent-encoded.
    pub(crate) fn add(&self, value: &str) {
        let in_url = utf8_percent_encode(value, &IN_QUERY).to_string();
        let mut values = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for value in [value.to_owned(), in_url] {
            if value.is_empty() || values.contains(&value) {
                continue;
            }
            if values.len() >= SECRETS_MAX {
                values.pop_front();
            }
            values.push_back(value);
        }
    }

    pub(crate) fn add_all(&self, credentials: &Credentials) {
        self.add(&credentials.secret_key);
        self.add(&credentials.session_token);
        self.add(&credentials.access_key);
    }

    pub(crate) fn scrub(&self, text: &str) -> String {
        let values = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<&String> = values.iter().filter(|v| text.contains(v.as_str())).collect();
        // A value may be part of a longer one, and the rest of that would stay.
        found.sort_by_key(|value| std::cmp::Reverse(value.len()));
        found.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "(hidden)"))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(hidden)")
    }
}

/// Where the credentials in use come from, as shown to people. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin(Arc<RwLock<String>>);

impl Origin {
    pub(crate) fn set(&self, origin: &str) {
        origin.clone_into(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// `None` if the configuration itself holds them.
    pub(crate) fn get(&self) -> Option<String> {
        let origin = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(origin.clone()).filter(|origin| !origin.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ever_a_secret_is_hidden_also_in_a_url_and_in_a_longer_one() {
        let secrets = Secrets::default();
        let later = secrets.clone();
        later.add("AK");
        later.add("AK/in+a=token");
        later.add("");
        let shown = secrets.scrub("AK AK/in+a=token AK%2Fin%2Ba%3Dtoken");
        assert_eq!(shown, "(hidden) (hidden) (hidden)");
        for number in 0..SECRETS_MAX * 2 {
            later.add(&format!("secret-{number}-"));
        }
        assert!(secrets.0.read().unwrap().len() <= SECRETS_MAX);
        assert_eq!(secrets.scrub(&format!("secret-{}-", SECRETS_MAX * 2 - 1)), "(hidden)");
    }
}
