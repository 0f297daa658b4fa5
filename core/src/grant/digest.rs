//! A SHA-256, in the two forms that S3 and its clients use: hexadecimal and base64.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::text::{from_hex, hex};
use crate::{Error, Result};

/// The SHA-256 of a file.
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
        match from_hex(text).and_then(|bytes| bytes.try_into().ok()) {
            Some(digest) => Ok(Sha256Digest(digest)),
            None => Err(Error::settings(format!(
                "{:?} is not a SHA-256; write its 32 bytes as 64 hexadecimal digits",
                text.chars().take(80).collect::<String>()
            ))),
        }
    }

    /// The form of the header `x-amz-checksum-sha256`.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }
}

impl fmt::Display for Sha256Digest {
    /// 64 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
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
