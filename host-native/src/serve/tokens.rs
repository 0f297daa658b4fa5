//! Who may ask: bearer tokens, each bound to one tenant, of which only hashes are kept.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use coldpress_core::SEGMENT_BYTES_MAX;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::percent::{decode, encode};
use crate::{Error, ErrorKind, Result};

/// Random bytes in a token: more than anybody can try.
const TOKEN_BYTES: usize = 32;

/// What every token begins with, so that a scanner for leaked secrets can know one.
const TOKEN_MARK: &str = "coldpress_";

/// The SHA-256 of a token.
pub(crate) type TokenDigest = [u8; 32];

/// A new token: shown once, and never kept. Its [`Debug`](fmt::Debug) does not show it.
pub struct Token(String);

impl Token {
    /// A token nobody can guess, from the operating system's randomness.
    pub fn new() -> Result<Self> {
        Ok(Token(format!("{TOKEN_MARK}{}", random_hex::<TOKEN_BYTES>()?)))
    }

    /// The secret itself: for the client alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The line of a token file that lets this token act for `tenant_id`, in any collection or in
    /// the named ones.
    pub fn line(&self, tenant_id: u64, collections: &[String]) -> Result<String> {
        let mut line = format!("{tenant_id} {}", hex(&digest(&self.0)));
        for collection in collections {
            check_collection(collection)?;
            line.push(' ');
            line.push_str(&encode(collection, false));
        }
        Ok(line)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    tenant_id: u64,
    /// None: any collection.
    collections: Option<BTreeSet<String>>,
    digest: TokenDigest,
}

impl Bearer {
    /// The one tenant it may write for.
    pub fn tenant_id(&self) -> u64 {
        self.tenant_id
    }

    /// Whether it may write into that collection.
    pub fn may_write(&self, collection: &str) -> bool {
        self.collections.as_ref().is_none_or(|allowed| allowed.contains(collection))
    }

    /// What the log calls it: enough to find its line in the token file, and no help in guessing it.
    pub fn name(&self) -> String {
        hex(&self.digest[..4])
    }

    pub(crate) fn digest(&self) -> TokenDigest {
        self.digest
    }
}

/// All tokens that are valid now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens(HashMap<TokenDigest, Arc<Bearer>>);

impl Tokens {
    /// Reads a token file: a line `TENANT SHA256 [COLLECTION…]` for each token, where the hash is in
    /// hexadecimal and a collection's bytes outside `A-Z a-z 0-9 _ - .` are percent-encoded, as in
    /// keys. Empty lines and what follows a `#` do not count.
    pub fn parse(text: &str) -> Result<Self> {
        let mut bearers = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
            if line.is_empty() {
                continue;
            }
            let bearer = parse_line(line)
                .map_err(|reason| Error::settings(format!("line {number}: {reason}")))?;
            if bearers.insert(bearer.digest, Arc::new(bearer)).is_some() {
                return Err(Error::settings(format!(
                    "line {number}: this token stands in the file already; a token is for one tenant, so make another one with `coldpress token`"
                )));
            }
        }
        Ok(Tokens(bearers))
    }

    /// Whom the token stands for. It is found by its hash, at the same cost however many tokens
    /// there are; what time could tell of the hash of a guess helps nobody to guess a token.
    pub fn find(&self, token: &str) -> Option<Arc<Bearer>> {
        let asked = digest(token);
        self.0.get(&asked).filter(|bearer| bool::from(bearer.digest.ct_eq(&asked))).cloned()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains(&self, digest: &TokenDigest) -> bool {
        self.0.contains_key(digest)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `N` random bytes as hexadecimal.
pub(crate) fn random_hex<const N: usize>() -> Result<String> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = format!("the operating system gives no randomness ({error}); try again");
        Error::new(ErrorKind::Unavailable, message)
    })?;
    Ok(hex(&bytes))
}

pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0_u8; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |d: u8| char::from(d).to_digit(16);
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(bytes)
}

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

fn parse_line(line: &str) -> std::result::Result<Bearer, String> {
    let mut words = line.split_whitespace();
    let (tenant, hash) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let digits = !tenant.is_empty() && tenant.bytes().all(|b| b.is_ascii_digit());
    let Some(tenant_id) = digits.then(|| tenant.parse().ok()).flatten() else {
        return Err(
            "it does not begin with a tenant's number; write TENANT SHA256 [COLLECTION…], as `coldpress token` prints it".to_owned(),
        );
    };
    // Not shown: somebody may have put the token itself here.
    let digest = unhex(hash).ok_or(
        "the second word is not the SHA-256 of a token in 64 hexadecimal digits; take the line that `coldpress token` prints",
    )?;
    let mut collections = BTreeSet::new();
    for word in words {
        let name = decode(word).ok_or_else(|| {
            format!("{word:?} is no percent-encoded collection; write %20 for a space, %25 for a percent sign")
        })?;
        check_collection(&name).map_err(|error| error.to_string())?;
        collections.insert(name);
    }
    let collections = (!collections.is_empty()).then_some(collections);
    Ok(Bearer { tenant_id, collections, digest })
}

fn check_collection(name: &str) -> Result<()> {
    if name.is_empty() || encode(name, false).len() > SEGMENT_BYTES_MAX {
        let message = format!(
            "a collection is from 1 to {SEGMENT_BYTES_MAX} bytes long once percent-encoded; correct its name"
        );
        return Err(Error::new(ErrorKind::Key, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_is_found_by_its_line() {
        let (token, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert_ne!(token.reveal(), other.reveal());
        assert!(token.reveal().len() == TOKEN_MARK.len() + 64, "{}", token.reveal());
        assert!(!format!("{token:?}").contains(token.reveal()));
        let named = token.line(7, &["people".to_owned(), "a b%/é".to_owned()]).unwrap();
        assert!(!named.contains(token.reveal()));
        assert!(named.ends_with(" people a%20b%25%2F%C3%A9"), "{named}");
        let text = format!("# mine\n\n  {named}  # laptop\n{}\n", other.line(8, &[]).unwrap());
        let tokens = Tokens::parse(&text).unwrap();
        assert_eq!(tokens.count(), 2);
        let bearer = tokens.find(token.reveal()).unwrap();
        assert_eq!(bearer.tenant_id(), 7);
        assert!(bearer.may_write("people") && bearer.may_write("a b%/é"));
        assert!(!bearer.may_write("People") && !bearer.may_write(""));
        let any = tokens.find(other.reveal()).unwrap();
        assert!(any.tenant_id() == 8 && any.may_write("whatever"));
        for wrong in ["", "x", &token.reveal()[1..], &format!("{} ", token.reveal()), &any.name()] {
            assert_eq!(tokens.find(wrong), None);
        }
    }

    #[test]
    fn bad_lines_are_named_and_their_secrets_not_shown() {
        let good = Token::new().unwrap().line(1, &[]).unwrap();
        for (line, part) in [
            ("x", "line 2: it does not begin with a tenant's number"),
            ("-1 00", "tenant's number"),
            ("18446744073709551616 00", "tenant's number"),
            ("7", "not the SHA-256"),
            ("7 coldpress_secret", "not the SHA-256"),
            (good.as_str(), "stands in the file already"),
            (&format!("7 {} a%2", "ab".repeat(32)), "percent-encoded"),
            (&format!("7 {} %FF", "ab".repeat(32)), "percent-encoded"),
            (&format!("7 {} {}", "ab".repeat(32), "x".repeat(256)), "from 1 to 255 bytes"),
        ] {
            let error = Tokens::parse(&format!("{good}\n{line}\n")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Settings);
            let message = error.to_string();
            assert!(message.contains(part) && !message.contains("secret"), "{message}");
        }
    }
}
