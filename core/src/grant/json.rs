//! The JSON form of a grant to write, version 1.

use serde::Serialize;

use super::fields::{Fields, read_json, upload_id, write_json};
use super::granted::{Grant, GrantedWrite, MultipartGrant, PARTS_MAX};
use super::request_json::{WrittenRequest, read_request, written};
use crate::{Encodings, KeyPrefix, ObjectKey, Result};

const VERSION: u64 = 1;

impl Grant {
    /// Reads the JSON form. It ignores fields that it does not know.
    ///
    /// # Errors
    ///
    /// `Settings` if a field is missing or wrong, or for another version; `Key` for a bad key. The
    /// error names the field.
    pub fn from_json(text: &str) -> Result<Self> {
        read(text)
    }

    /// The JSON form, on one line. It is a secret until the grant expires: whoever has it can
    /// upload.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

fn read(text: &str) -> Result<Grant> {
    let value = read_json(text, "the grant")?;
    let fields = Fields::new(&value, "the grant")?;
    let version = fields.number("version")?;
    if version != VERSION {
        return Err(fields.error(format_args!(
            "has version {version}, but this build of Coldpress reads version {VERSION}; update \
             the older of the two"
        )));
    }
    let prefix = KeyPrefix::new(fields.text("prefix")?)?;
    let key = ObjectKey::parse(&prefix, fields.text("key")?)?;
    let write = match (fields.optional("put"), fields.optional("multipart")) {
        (Some(_), None) => GrantedWrite::Put(read_request(&fields.object("put")?)?),
        (None, Some(_)) => GrantedWrite::Multipart(read_multipart(&fields.object("multipart")?)?),
        (None, None) if fields.optional("get").is_some() => {
            return Err(fields.error(
                "is a grant to read an object, and cannot store one; ask for a grant to write",
            ));
        }
        (None, None) => {
            return Err(fields.error("has neither \"put\" nor \"multipart\"; it must have one"));
        }
        (Some(_), Some(_)) => {
            return Err(fields.error("has both \"put\" and \"multipart\"; it must have one"));
        }
    };
    let check = read_request(&fields.object("check")?)?;
    let encodings = match fields.optional("encodings") {
        Some(_) => {
            let wrong = |error| fields.error(format_args!("has bad \"encodings\": {error}"));
            Some(fields.text("encodings")?.parse::<Encodings>().map_err(wrong)?)
        }
        None => None,
    };
    let (expires_ms, bytes_max) = (fields.number("expires_ms")?, fields.number("bytes_max")?);
    let grant = Grant::new(prefix, key, write, check, expires_ms, bytes_max)?;
    Ok(grant.with_encodings(encodings))
}

fn read_multipart(fields: &Fields<'_>) -> Result<MultipartGrant> {
    let parts = fields.array("parts")?;
    if parts.len() > PARTS_MAX {
        // Check before the parts are read, so that a hostile list costs no more than its text.
        return Err(fields
            .error(format_args!("has {} \"parts\"; it must have 1 to {PARTS_MAX}", parts.len())));
    }
    let part = |(i, value)| {
        read_request(&Fields::new(value, format!("\"parts\"[{i}] of {}", fields.place()))?)
    };
    Ok(MultipartGrant {
        upload_id: upload_id(fields)?,
        part_bytes: fields.number("part_bytes")?,
        parts: parts.iter().enumerate().map(part).collect::<Result<_>>()?,
        complete: read_request(&fields.object("complete")?)?,
        abort: read_request(&fields.object("abort")?)?,
    })
}

/// The fields in the order in which people read them.
#[derive(Serialize)]
struct WrittenGrant<'a> {
    version: u64,
    prefix: &'a str,
    key: &'a str,
    expires_ms: u64,
    bytes_max: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    encodings: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    put: Option<WrittenRequest<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multipart: Option<WrittenMultipart<'a>>,
    check: WrittenRequest<'a>,
}

#[derive(Serialize)]
struct WrittenMultipart<'a> {
    upload_id: &'a str,
    part_bytes: u64,
    parts: Vec<WrittenRequest<'a>>,
    complete: WrittenRequest<'a>,
    abort: WrittenRequest<'a>,
}

fn write(grant: &Grant) -> String {
    let (put, multipart) = match &grant.write {
        GrantedWrite::Put(put) => (Some(written(put)), None),
        GrantedWrite::Multipart(multipart) => {
            let multipart = WrittenMultipart {
                upload_id: &multipart.upload_id,
                part_bytes: multipart.part_bytes,
                parts: multipart.parts.iter().map(written).collect(),
                complete: written(&multipart.complete),
                abort: written(&multipart.abort),
            };
            (None, Some(multipart))
        }
    };
    write_json(&WrittenGrant {
        version: VERSION,
        prefix: grant.prefix.as_str(),
        key: grant.key.as_str(),
        expires_ms: grant.expires_ms,
        bytes_max: grant.bytes_max,
        encodings: grant.encodings.map(Encodings::name),
        put,
        multipart,
        check: written(&grant.check),
    })
}
