//! A grant and an upload: a device without credentials of the store writes one object into it.
//!
//! `cargo run -p coldpress-examples --bin grant_upload`

use coldpress::{
    ColdStorage, ColdStorageConfig, EncodedFile, Encoder, Grant, GrantLimits, GrantRequest,
    LsnRange, Projection, Settings, Sha256Digest, Target, UploadOptions, no_more_grants, upload,
};
use coldpress_examples::{DevStore, Error};

const TENANT: u64 = 7;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let store = DevStore::start(folder.path()).await?;
    let storage = ColdStorage::new(ColdStorageConfig {
        endpoint: store.endpoint,
        bucket: store.bucket,
        prefix: String::new(),
        access_key: store.credentials.access_key,
        secret_key: store.credentials.secret_key,
        region: store.credentials.region,
        allow_http: true,
        ..ColdStorageConfig::default()
    })?;

    // On the device: encode, then ask for a grant for exactly these bytes.
    let file = encoded(b"{\"celsius\":21.5}\n{\"celsius\":22}\n")?;
    let asked = GrantRequest {
        bytes: Some(file.bytes.len() as u64),
        sha256: Some(Sha256Digest::of(&file.bytes)),
        ..GrantRequest::new("readings", lsns()?)
    };

    // On the server, which knows the tenant by the device's token. `coldpress serve` does this
    // over HTTP. The grant holds signed URLs, and no credentials.
    let grant = storage.grant(TENANT, &asked, &GrantLimits::default()).await?.to_json();

    // On the device again: the upload goes to the store itself, with retries.
    let options = UploadOptions { allow_http: true, ..UploadOptions::default() };
    let granted = Some(Grant::from_json(&grant)?);
    let uploaded = upload(&file, granted.clone(), no_more_grants, &options).await?;
    assert!(uploaded.created);
    assert_eq!(uploaded.key.as_str(), "7/readings/lsn-1-2.parquet");
    println!("{} bytes in {}", uploaded.bytes, uploaded.key);

    // The same content again is success, so that a device may repeat what it is unsure of.
    assert!(!upload(&file, granted.clone(), no_more_grants, &options).await?.created);

    // Nothing but these bytes can be stored by this grant.
    let other = encoded(b"{\"celsius\":-40}\n{\"celsius\":-40}\n")?;
    assert!(upload(&other, granted, no_more_grants, &options).await.is_err());

    let rows = storage.read_rows(uploaded.key.as_str(), &Projection::All).await?;
    assert_eq!(rows[0].1["celsius"], 21.5);
    Ok(())
}

fn lsns() -> Result<LsnRange, Error> {
    Ok(LsnRange::new(1, 2)?)
}

fn encoded(ndjson: &[u8]) -> Result<EncodedFile, Error> {
    let mut encoder = Encoder::new(Settings::default())?;
    encoder.push_json(ndjson)?;
    let target = Target { lsns: Some(lsns()?), ..Target::new(TENANT, "readings") };
    Ok(encoder.finish(&target)?)
}
