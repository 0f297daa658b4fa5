//! The request for a grant, which a client sends to the grant server.

use serde::Serialize;

use super::digest::Sha256Digest;
use super::fields::{Fields, read_json, upload_id, write_json};
use crate::{LsnRange, Result};

/// What a client asks a [`Grant`](super::Grant) for: the body of `POST /v1/grants`.
///
/// It names no tenant and no key. The grant server knows the tenant from a bearer token, and
/// computes the key itself. So no request can reach the folder of another tenant.
///
/// ```
/// use coldpress_core::GrantRequest;
///
/// let asked = GrantRequest::from_json(r#"{"collection":"people","min_lsn":"41","max_lsn":42}"#)?;
/// assert_eq!((asked.lsns.min(), asked.lsns.max()), (41, 42));
/// assert_eq!(asked.to_json(), r#"{"collection":"people","min_lsn":"41","max_lsn":"42"}"#);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRequest {
    /// The collection the rows belong to.
    pub collection: String,
    /// The LSNs of the rows.
    pub lsns: LsnRange,
    /// The size of the file, if it is known. Then the store itself refuses every other size.
    pub bytes: Option<u64>,
    /// The SHA-256 of the file, if it is known. Then the store itself refuses other content. And an
    /// upload whose answer was lost can tell its own object from another writer's.
    pub sha256: Option<Sha256Digest>,
    /// The multipart upload to continue, after its grant expired.
    pub upload_id: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    collection: &'a str,
    min_lsn: String,
    max_lsn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_id: Option<&'a str>,
}

impl GrantRequest {
    /// A request that names neither size nor content.
    pub fn new(collection: impl Into<String>, lsns: LsnRange) -> Self {
        GrantRequest {
            collection: collection.into(),
            lsns,
            bytes: None,
            sha256: None,
            upload_id: None,
        }
    }

    /// Reads the JSON form. It ignores fields that it does not know.
    ///
    /// # Errors
    ///
    /// The error names the field. Its kind is `Settings`, or `Key` if `min_lsn` is above `max_lsn`.
    pub fn from_json(text: &str) -> Result<Self> {
        let value = read_json(text, "the grant request")?;
        let fields = Fields::new(&value, "the grant request")?;
        let sha256 = match fields.optional("sha256") {
            Some(_) => Some(
                Sha256Digest::from_hex(fields.text("sha256")?)
                    .map_err(|error| fields.error(format_args!("has a bad \"sha256\": {error}")))?,
            ),
            None => None,
        };
        Ok(GrantRequest {
            collection: fields.text("collection")?.to_owned(),
            lsns: fields.lsns()?,
            bytes: fields.optional("bytes").map(|_| fields.number("bytes")).transpose()?,
            sha256,
            upload_id: match fields.optional("upload_id") {
                Some(_) => Some(upload_id(&fields)?),
                None => None,
            },
        })
    }

    /// The JSON form, on one line. LSNs are strings, because JavaScript rounds large numbers.
    pub fn to_json(&self) -> String {
        let written = Written {
            collection: &self.collection,
            min_lsn: self.lsns.min().to_string(),
            max_lsn: self.lsns.max().to_string(),
            bytes: self.bytes,
            sha256: self.sha256.map(|digest| digest.to_string()),
            upload_id: self.upload_id.as_deref(),
        };
        write_json(&written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn what_is_written_is_read_back() {
        let asked = GrantRequest {
            bytes: Some(1234),
            sha256: Some(Sha256Digest([7; 32])),
            upload_id: Some("id+/=".to_owned()),
            ..GrantRequest::new("a/b \"é", LsnRange::new(1, u64::MAX).unwrap())
        };
        let text = asked.to_json();
        assert!(text.contains("\"max_lsn\":\"18446744073709551615\""), "{text}");
        assert_eq!(GrantRequest::from_json(&text).unwrap(), asked);
        let extended = text.replacen('{', "{\"later\":[1],", 1);
        assert_eq!(GrantRequest::from_json(&extended).unwrap(), asked);
        let nulls = r#"{"collection":"c","min_lsn":"1","max_lsn":"2",
            "bytes":null,"sha256":null,"upload_id":null}"#;
        let read = GrantRequest::from_json(nulls).unwrap();
        assert_eq!(read, GrantRequest::new("c", LsnRange::new(1, 2).unwrap()));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("{", "not JSON"),
            ("[]", "not a JSON object"),
            ("{}", "no \"collection\""),
            (r#"{"collection":7}"#, "\"collection\" that is not a string"),
            (r#"{"collection":"c"}"#, "no \"min_lsn\""),
            (r#"{"collection":"c","min_lsn":"x","max_lsn":"1"}"#, "\"min_lsn\" that is not an LSN"),
            (r#"{"collection":"c","min_lsn":"","max_lsn":"1"}"#, "\"min_lsn\" that is not an LSN"),
            (
                r#"{"collection":"c","min_lsn":"+1","max_lsn":"1"}"#,
                "\"min_lsn\" that is not an LSN",
            ),
            (r#"{"collection":"c","min_lsn":0,"max_lsn":9007199254740992}"#, "\"max_lsn\""),
            (r#"{"collection":"c","min_lsn":1.5,"max_lsn":2}"#, "\"min_lsn\""),
            (r#"{"collection":"c","min_lsn":0,"max_lsn":"18446744073709551616"}"#, "\"max_lsn\""),
            (r#"{"collection":"c","min_lsn":"1","max_lsn":"1","bytes":-1}"#, "\"bytes\""),
            (r#"{"collection":"c","min_lsn":"1","max_lsn":"1","sha256":"ab"}"#, "\"sha256\""),
            (r#"{"collection":"c","min_lsn":"1","max_lsn":"1","upload_id":""}"#, "\"upload_id\""),
            (
                r#"{"collection":"c","min_lsn":"1","max_lsn":"1","upload_id":"a\nb"}"#,
                "\"upload_id\"",
            ),
        ] {
            let error = GrantRequest::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Settings, "{text}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
        let reversed = r#"{"collection":"c","min_lsn":"2","max_lsn":"1"}"#;
        assert_eq!(GrantRequest::from_json(reversed).unwrap_err().kind(), ErrorKind::Key);
    }
}
