//! Multipart uploads: parts are kept in a hidden folder, and become an object at once or not at
//! all.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use cap_std::fs::Dir;
use coldpress_listen::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::auth::Payload;
use super::body::{Received, blocking};
use super::error::{S3Error, escape, no_random, xml};
use super::folder::{Folder, SafeKey, copy, disk_error, missing};
use super::objects::{Demands, iso8601, meta_sha256, only_new, publish, refuse_unknown};
use super::uri::Query;
use super::{beneath, body};

/// S3's own limits.
const PARTS_MAX: u32 = 10_000;
const PART_BYTES_MIN: u64 = 5 << 20;

/// The hidden folder of all uploads.
const UPLOADS: &str = ".coldpress-uploads";
/// The suffix of an upload's folder while it is being completed. No other request finds it then.
const COMPLETING: &str = ".completing";
const ABOUT: &str = "upload.json";
/// More than the size of that file: a key and a hash.
const ABOUT_BYTES_MAX: u64 = 16 << 10;
/// The longest list of parts: 10,000 parts of about 200 bytes.
const LIST_BYTES_MAX: usize = 4 << 20;

/// The record of an upload. It is stored beside the parts.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    key: String,
    /// The SHA-256 that the whole object must have, if the client gave it.
    sha256: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PartList {
    #[serde(rename = "Part", default)]
    parts: Vec<ListedPart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedPart {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
}

/// A stored part. Its name has the number and the hash, so it needs no record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: String,
    hash: String,
    bytes: u64,
}

/// Restores uploads that a crash interrupted while they were being completed.
pub(super) fn recover(folder: &Folder) -> io::Result<()> {
    let uploads = match folder.root().folder([UPLOADS]) {
        Ok(uploads) => uploads,
        Err(error) if missing(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for (name, _) in beneath::entries(&uploads)? {
        if let Some(id) = name.strip_suffix(COMPLETING) {
            uploads.rename(&name, &uploads, id)?;
        }
    }
    Ok(())
}

pub(super) async fn create(
    folder: Arc<Folder>,
    bucket: &str,
    key: SafeKey,
    request: &Parts,
) -> Result<Response, S3Error> {
    refuse_unknown(&request.headers)?;
    let sha256 = meta_sha256(&request.headers)?.map(|hash| hex::encode(&hash));
    let about = About { key: key.as_str().to_owned(), sha256 };
    let id = hex::random::<16>().map_err(no_random)?;
    let name = id.clone();
    blocking(move || {
        let text = serde_json::to_vec(&about).unwrap_or_default();
        let made = folder.root().make_folder([UPLOADS, &name]);
        made.and_then(|upload| upload.write(ABOUT, text)).map_err(failed)
    })
    .await?;
    let body = format!(
        "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
         </InitiateMultipartUploadResult>",
        escape(bucket),
        escape(key.as_str())
    );
    Ok(xml(StatusCode::OK, &body))
}

pub(super) async fn put_part(
    folder: Arc<Folder>,
    key: SafeKey,
    request: &Parts,
    query: &Query,
    payload: Payload,
    body: &mut Option<Body>,
) -> Result<Response, S3Error> {
    let number = query.value("partNumber").and_then(|number| number.parse::<u32>().ok());
    let Some(number) = number.filter(|number| (1..=PARTS_MAX).contains(number)) else {
        let message = "the part number is not from 1 to 10000";
        return Err(S3Error::invalid_argument(message));
    };
    let demands = Demands::of(&request.headers, payload)?;
    let id = query.value("uploadId").unwrap_or_default().to_owned();
    let staging = Arc::clone(&folder);
    let (upload, staged) = blocking(move || {
        let upload = open(&staging, &id, &key)?.0;
        let staged = staging.root().stage([UPLOADS, &id]).map_err(failed)?;
        Ok((upload, staged))
    })
    .await?;
    let received = body::receive(body.take().unwrap_or_default(), staged).await?;
    demands.check(&received.sha256)?;
    let hash = hex::encode(&received.sha256);
    let etag = format!("\"{hash}\"");
    blocking(move || keep_part(&upload, number, &hash, &received)).await?;
    Ok((StatusCode::OK, [(header::ETAG, etag)]).into_response())
}

fn keep_part(upload: &Dir, number: u32, hash: &str, received: &Received) -> Result<(), S3Error> {
    let name = part_name(number, hash);
    // If the same part came before, it is there already. If the upload was completed or aborted
    // meanwhile, its folder takes no new names.
    received.staged.publish(upload, &name).map_err(|error| match missing(&error) {
        true => S3Error::no_such_upload(),
        false => failed(error),
    })?;
    // The part that came last counts, as in S3.
    for (other, part) in all_parts(upload)? {
        if other.0 == number && part.hash != hash {
            match upload.remove_file(&part.name) {
                Err(error) if !missing(&error) => return Err(failed(error)),
                _ => {}
            }
        }
    }
    Ok(())
}

pub(super) async fn complete(
    folder: Arc<Folder>,
    bucket: &str,
    key: SafeKey,
    request: &Parts,
    query: &Query,
    payload: Payload,
    body: &mut Option<Body>,
) -> Result<Response, S3Error> {
    refuse_unknown(&request.headers)?;
    let only_new = only_new(&request.headers)?;
    let listed = read_list(body.take().unwrap_or_default(), payload).await?;
    let id = query.value("uploadId").unwrap_or_default().to_owned();
    let name = key.clone();
    let entry = blocking(move || {
        let (upload, about) = open(&folder, &id, &name)?;
        let uploads = folder.root().folder([UPLOADS]).map_err(failed)?;
        // From now on no other request finds this upload.
        let claimed = format!("{id}{COMPLETING}");
        uploads.rename(&id, &uploads, &claimed).map_err(|_| S3Error::no_such_upload())?;
        match assemble(&folder, &name, &upload, &about, &listed, only_new) {
            Ok(entry) => {
                remove_upload(&folder, &uploads, &claimed)?;
                Ok(entry)
            }
            Err(error) => {
                uploads.rename(&claimed, &uploads, &id).map_err(failed)?;
                Err(error)
            }
        }
    });
    let body = format!(
        "<CompleteMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag>\
         </CompleteMultipartUploadResult>",
        escape(bucket),
        escape(key.as_str()),
        escape(&entry.await?.etag())
    );
    Ok(xml(StatusCode::OK, &body))
}

fn assemble(
    folder: &Folder,
    key: &SafeKey,
    upload: &Dir,
    about: &About,
    listed: &PartList,
    only_new: bool,
) -> Result<super::folder::Entry, S3Error> {
    let parts = chosen(&all_parts(upload)?, listed)?;
    let mut staged = folder.stage()?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    for part in parts {
        let mut file = beneath::open(upload, &part.name).map_err(failed)?.0;
        let write = |piece: &[u8]| {
            hash.update(piece);
            bytes += piece.len() as u64;
            staged.write(piece)
        };
        copy(&mut file, write).map_err(failed)?;
    }
    let sha256: [u8; 32] = hash.finalize().into();
    let wanted = about.sha256.as_deref().and_then(hex::decode::<32>);
    let demands = Demands::content(wanted, only_new);
    publish(folder, key, Received { staged, bytes, sha256 }, &demands)
}

/// The parts in the list, which must be in the order of their numbers.
fn chosen(there: &BTreeMap<(u32, String), Part>, listed: &PartList) -> Result<Vec<Part>, S3Error> {
    let wrong = |code, message: &str| S3Error::new(StatusCode::BAD_REQUEST, code, message);
    if listed.parts.is_empty() {
        return Err(wrong("MalformedXML", "the list names no part"));
    }
    if !listed.parts.is_sorted_by(|a, b| a.part_number < b.part_number) {
        return Err(wrong("InvalidPartOrder", "the parts are not in the order of their numbers"));
    }
    let mut parts = Vec::with_capacity(listed.parts.len());
    for part in &listed.parts {
        let hash = part.etag.trim().trim_matches('"').to_owned();
        let Some(part) = there.get(&(part.part_number, hash)) else {
            let message = format!("there is no part {} with this ETag", part.part_number);
            return Err(wrong("InvalidPart", &message));
        };
        parts.push(part.clone());
    }
    let all_but_last = &parts[..parts.len() - 1];
    if all_but_last.iter().any(|part| part.bytes < PART_BYTES_MIN) {
        let message = "every part but the last must have at least 5 MiB";
        return Err(wrong("EntityTooSmall", message));
    }
    Ok(parts)
}

pub(super) async fn abort(
    folder: Arc<Folder>,
    key: SafeKey,
    query: &Query,
) -> Result<Response, S3Error> {
    let id = query.value("uploadId").unwrap_or_default().to_owned();
    blocking(move || {
        open(&folder, &id, &key)?;
        let uploads = folder.root().folder([UPLOADS]).map_err(failed)?;
        remove_upload(&folder, &uploads, &id)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// ListMultipartUploads, all in one page.
pub(super) async fn list_uploads(
    folder: Arc<Folder>,
    bucket: &str,
    query: &Query,
) -> Result<Response, S3Error> {
    let prefix = query.value("prefix").unwrap_or_default().to_owned();
    let listing = blocking(move || {
        let mut uploads = BTreeMap::new();
        let there = match folder.root().folder([UPLOADS]) {
            Ok(there) => there,
            Err(error) if missing(&error) => return Ok(uploads),
            Err(error) => return Err(failed(error)),
        };
        for (id, _) in beneath::entries(&there).map_err(failed)? {
            // An upload that ends just now is skipped.
            let Ok((about, begun)) = beneath::enter(&there, &id).and_then(|at| read_about(&at))
            else {
                continue;
            };
            if about.key.starts_with(&prefix) {
                uploads.insert((about.key, id), begun);
            }
        }
        Ok(uploads)
    });
    let mut body = format!(
        "<ListMultipartUploadsResult><Bucket>{}</Bucket><IsTruncated>false</IsTruncated>",
        escape(bucket)
    );
    let listed: BTreeMap<(String, String), SystemTime> = listing.await?;
    for ((key, id), begun) in listed {
        body.push_str(&format!(
            "<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{}</Initiated></Upload>",
            escape(&key),
            escape(id.trim_end_matches(COMPLETING)),
            iso8601(begun)
        ));
    }
    body.push_str("</ListMultipartUploadsResult>");
    Ok(xml(StatusCode::OK, &body))
}

async fn read_list(body: Body, payload: Payload) -> Result<PartList, S3Error> {
    let wrong = |message| S3Error::new(StatusCode::BAD_REQUEST, "MalformedXML", message);
    let bytes = axum::body::to_bytes(body, LIST_BYTES_MAX)
        .await
        .map_err(|_| wrong("the list of parts is too long or incomplete".to_owned()))?;
    if let Payload::Sha256(hash) = payload {
        Demands::content(Some(hash), false).check(&Sha256::digest(&bytes).into())?;
    }
    quick_xml::de::from_reader(&bytes[..]).map_err(|error| {
        wrong(format!("the list of parts is not valid XML of CompleteMultipartUpload: {error}"))
    })
}

/// Opens the folder of an upload for this key.
fn open(folder: &Folder, id: &str, key: &SafeKey) -> Result<(Dir, About), S3Error> {
    // An id of ours is hexadecimal, so it cannot be another path.
    hex::decode::<16>(id).ok_or_else(S3Error::no_such_upload)?;
    let found = folder.root().folder([UPLOADS, id]).and_then(|upload| {
        let (about, _) = read_about(&upload)?;
        Ok((upload, about))
    });
    match found {
        Ok((upload, about)) if about.key == key.as_str() => Ok((upload, about)),
        _ => Err(S3Error::no_such_upload()),
    }
}

/// The record of an upload, and the time when it was begun.
fn read_about(upload: &Dir) -> io::Result<(About, SystemTime)> {
    let (file, facts) = beneath::open(upload, ABOUT)?;
    let mut text = Vec::new();
    file.take(ABOUT_BYTES_MAX).read_to_end(&mut text)?;
    let begun = facts.modified().map_or(SystemTime::UNIX_EPOCH, |at| at.into_std());
    Ok((serde_json::from_slice(&text)?, begun))
}

/// The `#0` hides it from the listings of object_store.
fn part_name(number: u32, hash: &str) -> String {
    format!("{number:05}-{hash}#0")
}

fn all_parts(upload: &Dir) -> Result<BTreeMap<(u32, String), Part>, S3Error> {
    let mut parts = BTreeMap::new();
    for (name, entry) in beneath::entries(upload).map_err(failed)? {
        let split = name.strip_suffix("#0").and_then(|name| name.split_once('-'));
        let Some((number, hash)) = split else { continue };
        let (Ok(number), Some(_)) = (number.parse::<u32>(), hex::decode::<32>(hash)) else {
            continue;
        };
        let hash = hash.to_owned();
        let Ok(facts) = entry.metadata() else { continue };
        parts.insert((number, hash.clone()), Part { name, hash, bytes: facts.len() });
    }
    Ok(parts)
}

/// Deletes an upload, also if a part is being written, and then the folder above if it is empty.
fn remove_upload(folder: &Folder, uploads: &Dir, name: &str) -> Result<(), S3Error> {
    uploads.remove_dir_all(name).map_err(failed)?;
    if let Ok(root) = folder.root().folder([]) {
        // If other uploads are running, the folder is not empty and stays.
        let _ = root.remove_dir(UPLOADS);
    }
    Ok(())
}

fn failed(error: io::Error) -> S3Error {
    disk_error(&error, "keep the parts of an upload")
}
