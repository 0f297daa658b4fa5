//! The JSON form of a grant to read, version 1.

use serde::Serialize;
use serde_json::Value;

use super::fields::{Fields, read_json, write_json};
use super::read::ReadGrant;
use super::request_json::{WrittenRequest, read_request, written};
use crate::{Error, KeyPrefix, ObjectKey, Result};

const VERSION: u64 = 1;

impl ReadGrant {
    /// Reads the JSON form. It ignores fields that it does not know.
    ///
    /// `tenant_id`, `collection`, `min_lsn` and `max_lsn` may be missing, because the key says
    /// them. If they are there, they must agree with the key.
    ///
    /// # Errors
    ///
    /// `Settings` if a field is missing or wrong, or for another version; `Key` for a bad key, or
    /// one that disagrees. The error names the field.
    pub fn from_json(text: &str) -> Result<Self> {
        read_grant(&read_json(text, "the read grant")?, "the read grant")
    }

    /// The JSON form, on one line. It is a secret until the grant expires: whoever has it can read
    /// the object. LSNs and the tenant are strings, because JavaScript rounds large numbers.
    pub fn to_json(&self) -> String {
        write_json(&written_grant(self))
    }
}

/// Reads one grant. `place` names it in errors.
pub(super) fn read_grant(value: &Value, place: &str) -> Result<ReadGrant> {
    let fields = Fields::new(value, place)?;
    let version = fields.number("version")?;
    if version != VERSION {
        return Err(fields.error(format_args!(
            "has version {version}, but this build of Coldpress reads version {VERSION}; update \
             the older of the two"
        )));
    }
    let writes = ["put", "multipart"].iter().any(|name| fields.optional(name).is_some());
    if writes && fields.optional("get").is_none() {
        return Err(fields.error("is a grant to write an object; ask for one to read it"));
    }
    let prefix = KeyPrefix::new(fields.text("prefix")?)?;
    let key = ObjectKey::parse(&prefix, fields.text("key")?)?;
    let get = read_request(&fields.object("get")?)?;
    let etag = fields.optional("etag").map(|_| fields.text("etag")).transpose()?;
    let (bytes, expires_ms) = (fields.number("bytes")?, fields.number("expires_ms")?);
    let etag = etag.map(str::to_owned);
    let grant = ReadGrant::new(prefix, key, bytes, etag, get, expires_ms)?;
    agrees(&fields, &grant)?;
    Ok(grant)
}

/// An error if a field says something else than the key.
fn agrees(fields: &Fields<'_>, grant: &ReadGrant) -> Result<()> {
    let other = |name: &str| {
        Err(Error::key(format!(
            "{} has a {name:?} that is not that of its key {}",
            fields.place(),
            grant.key()
        )))
    };
    let whole = "is not a decimal string such as \"41\", or a number below 2^53";
    for (name, of_key) in [
        ("tenant_id", grant.tenant_id()),
        ("min_lsn", grant.lsns().min()),
        ("max_lsn", grant.lsns().max()),
    ] {
        if fields.optional(name).is_some() && fields.large(name, whole)? != of_key {
            return other(name);
        }
    }
    match fields.optional("collection") {
        Some(_) if fields.text("collection")? != grant.collection() => other("collection"),
        _ => Ok(()),
    }
}

/// The fields in the order in which people read them.
#[derive(Serialize)]
pub(super) struct WrittenReadGrant<'a> {
    version: u64,
    prefix: &'a str,
    key: &'a str,
    tenant_id: String,
    collection: &'a str,
    min_lsn: String,
    max_lsn: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    expires_ms: u64,
    get: WrittenRequest<'a>,
}

pub(super) fn written_grant(grant: &ReadGrant) -> WrittenReadGrant<'_> {
    WrittenReadGrant {
        version: VERSION,
        prefix: grant.prefix.as_str(),
        key: grant.key.as_str(),
        tenant_id: grant.tenant_id.to_string(),
        collection: &grant.collection,
        min_lsn: grant.lsns.min().to_string(),
        max_lsn: grant.lsns.max().to_string(),
        bytes: grant.bytes,
        etag: grant.etag.as_deref(),
        expires_ms: grant.expires_ms,
        get: written(&grant.get),
    }
}
