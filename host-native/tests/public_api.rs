//! A program that depends only on `coldpress`: it names each type of a public signature by its path
//! through `coldpress`.
//!
//! `tests/tests/public_api.rs` scans the signatures, and so finds a type that is missing here.
#![allow(clippy::unwrap_used)] // a test's own way to fail

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use coldpress::bytes::Bytes;
use coldpress::object_store::ObjectStore;
use coldpress::serde_json::{Value, json};
use coldpress::{ColdStorage, ColdStorageConfig, Error, ErrorKind, ObjectKey, Result};

type Rows = Vec<(String, Value)>;

fn storage(folder: &tempfile::TempDir) -> ColdStorage {
    let local_dir = Some(folder.path().to_owned());
    ColdStorage::new(ColdStorageConfig { local_dir, ..ColdStorageConfig::default() }).unwrap()
}

fn rows() -> Rows {
    vec![("a".to_owned(), json!({ "n": 1 })), ("b".to_owned(), json!({ "n": 2 }))]
}

/// Every setting, with its type written out.
fn settings() -> coldpress::Settings {
    let defaults = coldpress::Settings::default();
    let policy: coldpress::Policy = coldpress::Policy::Rescue;
    let nulls: coldpress::Nulls = coldpress::Nulls::Absent;
    let id: coldpress::IdSource = coldpress::IdSource::Auto;
    let names: coldpress::Names = defaults.names;
    let codec: coldpress::ParquetCompression = coldpress::ParquetCompression::Snappy;
    let encodings: coldpress::Encodings = coldpress::Encodings::Compact;
    let text_types: coldpress::TextTypes = coldpress::TextTypes::String;
    let numbers: coldpress::Numbers = coldpress::Numbers::Float64;
    let new_fields: coldpress::NewFields = coldpress::NewFields::Rescue;
    let schema: Option<coldpress::Schema> = None;
    coldpress::Settings {
        policy,
        nulls,
        id,
        names,
        codec,
        encodings,
        text_types,
        numbers,
        new_fields,
        schema,
        ..defaults
    }
}

#[tokio::test]
async fn a_file_of_the_callers_own_is_encoded_put_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(&folder);
    let lsns: coldpress::LsnRange = coldpress::LsnRange::new(1, 2).unwrap();
    let target: coldpress::Target = storage.target(7, "events", Some(lsns));
    let mut encoder: coldpress::Encoder = coldpress::Encoder::new(settings()).unwrap();
    encoder.push_rows(&rows()).unwrap();
    let file: coldpress::EncodedFile = encoder.finish(&target).unwrap();
    let summary: &coldpress::Summary = &file.summary;
    assert_eq!((summary.rows, summary.schema.columns().len()), (2, 1));
    let outcome: coldpress::PutOutcome = storage.put_file(&file).await.unwrap();
    assert_eq!(outcome, coldpress::PutOutcome::Created);

    let (footer, bytes): (coldpress::Footer, u64) = storage.read_footer(&file.key).await.unwrap();
    let schema: &coldpress::Schema = footer.schema();
    let column: &coldpress::Column = &schema.columns()[0];
    let column_type: &coldpress::ColumnType = &column.column_type;
    assert!(matches!(column_type, coldpress::ColumnType::Float64), "{column_type:?}");
    assert_eq!(bytes, file.bytes.len() as u64);
    match file.key.target() {
        coldpress::KeyTarget::Data { tenant_id, .. } => assert_eq!(*tenant_id, 7),
        coldpress::KeyTarget::Wal { .. } => panic!("a data file"),
    }
}

#[tokio::test]
async fn a_key_goes_in_as_a_key_or_as_text_and_comes_out_as_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(&folder);
    let key: ObjectKey = storage.encode_and_upload("events", 7, &rows(), 1, 2).await.unwrap();
    assert_eq!(key, "data/7/events/lsn-1-2.parquet");
    assert_eq!("data/7/events/lsn-1-2.parquet", key);
    assert_eq!(key.to_string(), key);
    let text: String = key.to_string();
    let bytes: Bytes = storage.download_parquet(&key).await.unwrap();
    assert_eq!(storage.download_parquet(&text).await.unwrap(), bytes);
    assert_eq!(storage.download_parquet(text.as_str()).await.unwrap(), bytes);
    assert_eq!(storage.download_parquet(key.clone()).await.unwrap(), bytes);

    // A text that is not a key of this store, and a key of another store.
    let strange = storage.download_parquet("data/7/events/notes.txt").await.unwrap_err();
    let prefix = coldpress::KeyPrefix::new("other/").unwrap();
    let width = coldpress::LsnWidth::Unpadded;
    let other = ObjectKey::data(&prefix, 7, "events", key.lsns().unwrap(), width).unwrap();
    let other = storage.read_footer(&other).await.unwrap_err();
    assert_eq!((strange.kind(), other.kind()), (ErrorKind::Key, ErrorKind::Key));
    storage.delete(&text).await.unwrap();
    assert!(storage.list(7, "events", None).await.unwrap().is_empty());
}

#[tokio::test]
async fn rows_are_taken_borrowed_and_owned() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(&folder);
    let upload =
        |rows: Cow<'static, [(String, Value)]>| storage.encode_and_upload("c", 1, rows, 1, 2);
    let key = upload(Cow::Owned(rows())).await.unwrap();
    assert_eq!(storage.encode_and_upload("c", 1, rows(), 1, 2).await.unwrap(), key);
    assert_eq!(storage.encode_and_upload("c", 1, &rows(), 1, 2).await.unwrap(), key);
    assert_eq!(storage.encode_and_upload("c", 1, &rows()[..], 1, 2).await.unwrap(), key);
    let array: [(String, Value); 2] = rows().try_into().unwrap();
    assert_eq!(storage.encode_and_upload("c", 1, &array, 1, 2).await.unwrap(), key);
    assert_eq!(storage.files_uploaded(), 1);
    let read: Rows = storage.read_rows(&key, &coldpress::Projection::All).await.unwrap();
    assert_eq!(read, rows());
}

/// Types that are hard to make in a test. These lines prove that they have a path by compiling.
#[test]
fn every_other_type_has_a_path() {
    fn named<T: ?Sized>() {}
    named::<dyn ObjectStore>();
    named::<dyn coldpress::Stream<Item = (String, Result<coldpress::VerifiedObject>)>>();
    named::<Result<(), Error>>();
    named::<(coldpress::CoreError, coldpress::CoreErrorKind)>();
    named::<(coldpress::ParquetFile, coldpress::Rows, coldpress::StoredRow, coldpress::Verified)>();
    named::<(coldpress::FileReport, coldpress::RowGroupReport, coldpress::ChunkReport)>();
    named::<(coldpress::Element, coldpress::Form, coldpress::TimeUnit, coldpress::OwnFieldIds)>();
    named::<(coldpress::Grant, coldpress::GrantRequest, coldpress::GrantLimits)>();
    named::<(coldpress::GrantedWrite, coldpress::MultipartGrant, coldpress::SignedRequest)>();
    named::<(coldpress::Method, coldpress::Sha256Digest, coldpress::Document)>();
    named::<(coldpress::UploadOptions, coldpress::UploadSettings, coldpress::Uploaded)>();
    named::<(coldpress::Progress, coldpress::Phase, coldpress::NextTry)>();
    named::<(coldpress::StreamSettings, coldpress::RowStream<'_>, coldpress::StoredFile)>();
    named::<(coldpress::WalArchiver, coldpress::WalSettings, coldpress::WalSummary)>();
    named::<(coldpress::SealedRule, coldpress::SegmentNames, coldpress::SegmentChecksum)>();
    named::<(coldpress::ArchivedNow, coldpress::Gap, coldpress::HeldUp, coldpress::Unfinished)>();
    named::<(coldpress::WalEvent<'_>, coldpress::WalStatus, coldpress::Exposure)>();
    named::<(coldpress::WalRange, coldpress::WalRestored, coldpress::WalRemoval)>();
    named::<(coldpress::WalRemoved, coldpress::SegmentPut, coldpress::SegmentCheck)>();
    named::<(coldpress::SegmentState, coldpress::StoredContent, coldpress::ReadLimits)>();
    named::<(coldpress::Examined, coldpress::DamagedObject, coldpress::Likeness)>();
    named::<(coldpress::Repaired, coldpress::Proof, coldpress::ObjectWriter)>();
    named::<(coldpress::Contents, coldpress::StoredObject, coldpress::ForeignNames)>();
    named::<(coldpress::ForeignName, coldpress::Leftover, coldpress::AwsDefaults)>();
    named::<(coldpress::Credentials, coldpress::CredentialSource, coldpress::Environment)>();
    named::<coldpress::CredentialProvider>();
    fn takes(_: impl coldpress::ToKey) {}
    takes("data/7/events/lsn-1-2.parquet");
}

/// No public structure holds a time as a number of units.
#[test]
fn times_are_durations() {
    let config = ColdStorageConfig::default();
    let times: [Duration; 3] = [config.connect_timeout, config.timeout, config.retry_timeout];
    assert_eq!(times.map(|time| time.as_secs()), [5, 60, 30]);
    let limits: Duration = coldpress::GrantLimits::default().lifetime;
    let options: Duration = coldpress::UploadOptions::default().connect_timeout;
    let settings: Duration = coldpress::UploadSettings::default().timeout;
    let wal: (Option<Duration>, Duration) = {
        let settings = coldpress::WalSettings::default();
        (settings.poll, settings.backoff)
    };
    assert_eq!((limits.as_secs(), options.as_secs(), settings.as_secs()), (900, 5, 120));
    assert_eq!(wal, (None, Duration::from_millis(500)));
    let last: fn(coldpress::WalStatus) -> Option<(String, SystemTime)> = |status| status.last;
    let _ = last;
}
