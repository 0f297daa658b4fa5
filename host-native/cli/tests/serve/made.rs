//! Files and tokens for the tests of the grant server.

use coldpress_core::{EncodedFile, Encoder, KeyPrefix, LsnRange, Settings, Target};
use coldpress_serve::{Rights, Token};

pub fn encoded(
    prefix: &str,
    tenant: u64,
    collection: &str,
    lsns: (u64, u64),
    rows: &[u8],
) -> EncodedFile {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_json(rows).unwrap();
    let target = Target {
        prefix: KeyPrefix::new(prefix).unwrap(),
        lsns: Some(LsnRange::new(lsns.0, lsns.1).unwrap()),
        ..Target::new(tenant, collection)
    };
    encoder.finish(&target).unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A token that may write, and its line.
pub fn token(tenant: u64, collections: &[&str]) -> (Token, String) {
    token_that_may(Rights::WRITE, tenant, collections)
}

pub fn token_that_may(rights: Rights, tenant: u64, collections: &[&str]) -> (Token, String) {
    let token = Token::new().unwrap();
    let names: Vec<String> = collections.iter().map(|name| (*name).to_owned()).collect();
    let line = token.line(tenant, rights, &names).unwrap();
    (token, line)
}
