//! Bearer tokens. Each is for one tenant. Only their hashes are stored.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use coldpress::{Error, ErrorKind, Result};
use coldpress_core::SEGMENT_BYTES_MAX;
use coldpress_listen::hex;
use coldpress_listen::percent::{decode, encode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// The random bytes in a token: far too many to guess.
const TOKEN_BYTES: usize = 32;

/// The start of every token, so that scanners for leaked secrets can recognize one.
const TOKEN_MARK: &str = "coldpress_";

/// The start of the word that says what a token may do. The names of collections have no `=`,
/// because it is percent-encoded in them.
const RIGHTS_MARK: &str = "may=";

/// The SHA-256 of a token.
pub(crate) type TokenDigest = [u8; 32];

/// A new token. It is shown once and never stored. Its [`Debug`](fmt::Debug) does not show it.
pub struct Token(String);

impl Token {
    /// Makes a token from the operating system's randomness.
    pub fn new() -> Result<Self> {
        let random = hex::random::<TOKEN_BYTES>()
            .map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))?;
        Ok(Token(format!("{TOKEN_MARK}{random}")))
    }

    /// The secret, for the client only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The line of a token file for this token: what it may do for `tenant_id`, with any
    /// collection or only with the named ones.
    pub fn line(&self, tenant_id: u64, rights: Rights, collections: &[String]) -> Result<String> {
        let mut line = format!("{tenant_id} {}", hex::encode(&digest(&self.0)));
        if rights != Rights::WRITE {
            line.push_str(&format!(" {RIGHTS_MARK}{rights}"));
        }
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

/// What a token may do: write, read, or both. Its text is `write`, `read` or `read,write`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    read: bool,
    write: bool,
}

impl Rights {
    /// To store objects: what a token may do whose line says nothing.
    pub const WRITE: Rights = Rights { read: false, write: true };
    /// To read objects.
    pub const READ: Rights = Rights { read: true, write: false };
    /// Both.
    pub const READ_AND_WRITE: Rights = Rights { read: true, write: true };
}

impl FromStr for Rights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "write" => Ok(Rights::WRITE),
            "read" => Ok(Rights::READ),
            "read,write" | "write,read" => Ok(Rights::READ_AND_WRITE),
            _ => Err(Error::settings(format!(
                "{text:?} is not what a token may do; write \"read\", \"write\" or \"read,write\""
            ))),
        }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.read, self.write) {
            (true, true) => "read,write",
            (true, false) => "read",
            (false, _) => "write",
        })
    }
}

/// The rights of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    tenant_id: u64,
    rights: Rights,
    /// None means any collection.
    collections: Option<BTreeSet<String>>,
    digest: TokenDigest,
}

impl Bearer {
    /// The tenant whose objects it may write or read.
    pub fn tenant_id(&self) -> u64 {
        self.tenant_id
    }

    /// Whether it may write to that collection.
    pub fn may_write(&self, collection: &str) -> bool {
        self.rights.write && self.is_for(collection)
    }

    /// Whether it may read that collection.
    pub fn may_read(&self, collection: &str) -> bool {
        self.rights.read && self.is_for(collection)
    }

    fn is_for(&self, collection: &str) -> bool {
        self.collections.as_ref().is_none_or(|allowed| allowed.contains(collection))
    }

    /// Its name in the log: enough to find its line in the token file, and no help in guessing it.
    pub fn name(&self) -> String {
        hex::encode(&self.digest[..4])
    }

    pub(crate) fn digest(&self) -> TokenDigest {
        self.digest
    }
}

/// All valid tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens(HashMap<TokenDigest, Arc<Bearer>>);

impl Tokens {
    /// Parses a token file. Each line is `TENANT SHA256 [may=RIGHTS] [COLLECTION…]`: the hash in
    /// hexadecimal digits, the [`Rights`] of the token (`write` where the line names none), and the
    /// collections' bytes outside `A-Z a-z 0-9 _ - .` percent-encoded, as in keys. Empty lines, and
    /// text after a `#`, are ignored.
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
                    "line {number}: this token is in the file already, and a token is for one \
                     tenant; make another one with `coldpress token`"
                )));
            }
        }
        Ok(Tokens(bearers))
    }

    /// The rights of the token. The lookup by hash takes the same time for any number of tokens.
    /// Its timing may reveal something about the hash of a guess, which does not help to guess a
    /// token.
    pub fn find(&self, token: &str) -> Option<Arc<Bearer>> {
        let asked = digest(token);
        self.0.get(&asked).filter(|bearer| bool::from(bearer.digest.ct_eq(&asked))).cloned()
    }

    /// The number of tokens.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains(&self, digest: &TokenDigest) -> bool {
        self.0.contains_key(digest)
    }
}

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

fn parse_line(line: &str) -> std::result::Result<Bearer, String> {
    let mut words = line.split_whitespace().peekable();
    let (tenant, hash) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let digits = !tenant.is_empty() && tenant.bytes().all(|b| b.is_ascii_digit());
    let Some(tenant_id) = digits.then(|| tenant.parse().ok()).flatten() else {
        return Err("it does not begin with a tenant's number; write TENANT SHA256 [may=RIGHTS] \
             [COLLECTION…], as `coldpress token` prints it"
            .to_owned());
    };
    // The word is not shown: it may be the token itself.
    let digest = hex::decode(hash).ok_or(
        "the second word is not the SHA-256 of a token in 64 hexadecimal digits; take the line \
         that `coldpress token` prints",
    )?;
    let rights = words.next_if(|word| word.starts_with(RIGHTS_MARK));
    let rights = match rights.and_then(|word| word.strip_prefix(RIGHTS_MARK)) {
        Some(rights) => rights.parse::<Rights>().map_err(|error| error.to_string())?,
        None => Rights::WRITE,
    };
    let mut collections = BTreeSet::new();
    for word in words {
        if word.starts_with(RIGHTS_MARK) {
            return Err(format!("{word:?} must be the third word, and there can be one such word"));
        }
        let name = decode(word).ok_or_else(|| {
            format!(
                "{word:?} is no percent-encoded collection; write %20 for a space and %25 for \
                     a percent sign"
            )
        })?;
        check_collection(&name).map_err(|error| error.to_string())?;
        collections.insert(name);
    }
    let collections = (!collections.is_empty()).then_some(collections);
    Ok(Bearer { tenant_id, rights, collections, digest })
}

fn check_collection(name: &str) -> Result<()> {
    if name.is_empty() || encode(name, false).len() > SEGMENT_BYTES_MAX {
        let message = format!(
            "the name of a collection has from 1 to {SEGMENT_BYTES_MAX} bytes when it is \
             percent-encoded; give another name"
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
        let named =
            token.line(7, Rights::WRITE, &["people".to_owned(), "a b%/é".to_owned()]).unwrap();
        assert!(!named.contains(token.reveal()));
        assert!(named.ends_with(" people a%20b%25%2F%C3%A9"), "{named}");
        let text = format!(
            "# mine\n\n  {named}  # laptop\n{}\n",
            other.line(8, Rights::WRITE, &[]).unwrap()
        );
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
    fn a_token_may_do_what_its_line_says_and_reading_only_where_it_is_said() {
        let (names, secret) = (vec!["a".to_owned()], Token::new().unwrap());
        for (rights, word, writes, reads) in [
            (Rights::WRITE, None, true, false),
            (Rights::READ, Some("may=read"), false, true),
            (Rights::READ_AND_WRITE, Some("may=read,write"), true, true),
        ] {
            let line = secret.line(7, rights, &names).unwrap();
            assert_eq!(line.split(' ').nth(2), word.or(Some("a")), "{line}");
            let bearer = Tokens::parse(&line).unwrap().find(secret.reveal()).unwrap();
            assert_eq!((bearer.may_write("a"), bearer.may_read("a")), (writes, reads), "{line}");
            assert!(!bearer.may_write("b") && !bearer.may_read("b"));
            assert_eq!(rights.to_string().parse::<Rights>().unwrap(), rights);
        }
        // A collection of this name is percent-encoded, and so no right.
        let line = secret.line(7, Rights::WRITE, &["may=read".to_owned()]).unwrap();
        let bearer = Tokens::parse(&line).unwrap().find(secret.reveal()).unwrap();
        assert!(bearer.may_write("may=read") && !bearer.may_read("may=read"), "{line}");
    }

    #[test]
    fn bad_lines_are_named_and_their_secrets_not_shown() {
        let good = Token::new().unwrap().line(1, Rights::WRITE, &[]).unwrap();
        for (line, part) in [
            ("x", "line 2: it does not begin with a tenant's number"),
            ("-1 00", "tenant's number"),
            ("18446744073709551616 00", "tenant's number"),
            ("7", "not the SHA-256"),
            ("7 coldpress_secret", "not the SHA-256"),
            (good.as_str(), "is in the file already"),
            (&format!("7 {} a%2", "ab".repeat(32)), "percent-encoded"),
            (&format!("7 {} may=", "ab".repeat(32)), "\"\" is not what a token may do"),
            (&format!("7 {} may=READ", "ab".repeat(32)), "\"read,write\""),
            (&format!("7 {} people may=read", "ab".repeat(32)), "must be the third word"),
            (&format!("7 {} may=read may=write", "ab".repeat(32)), "must be the third word"),
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
