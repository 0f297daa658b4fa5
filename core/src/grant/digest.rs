//! A SHA-256, in the two forms that S3 and its clients write it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Error, Result};

/// The SHA-256 of a file, computed by whoever has its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Digest(pub [u8; 32]);

impl Sha256Digest {
    /// The SHA-256 of these bytes.
    #[cfg(feature = "sign")]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Sha256Digest(sha2::Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits, of either case.
    pub fn from_hex(text: &str) -> Result<Self> {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let mut digest = [0; 32];
        let pairs = text.as_bytes().chunks(2);
        let whole = text.len() == 64
            && digest.iter_mut().zip(pairs).all(|(byte, pair)| {
                match (digit(pair[0]), digit(pair[1])) {
                    (Some(high), Some(low)) => {
                        *byte = (high * 16 + low) as u8;
                        true
                    }
                    _ => false,
                }
            });
        match whole {
            true => Ok(Sha256Digest(digest)),
            false => Err(Error::settings(format!(
                "{:?} is no SHA-256; write its 32 bytes as 64 hexadecimal digits",
                text.chars().take(80).collect::<String>()
            ))),
        }
    }

    /// As the header `x-amz-checksum-sha256` has it.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }
}

impl fmt::Display for Sha256Digest {
    /// 64 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_whole_or_refused() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest = Sha256Digest::from_hex(hex).unwrap();
        assert_eq!(digest.to_string(), hex);
        assert_eq!(Sha256Digest::from_hex(&hex.to_uppercase()).unwrap(), digest);
        assert_eq!(digest.to_base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        for bad in ["", &hex[1..], &format!("{hex}0"), &hex.replace('e', "g"), &"é".repeat(32)] {
            assert!(Sha256Digest::from_hex(bad).is_err(), "{bad}");
        }
    }
}
