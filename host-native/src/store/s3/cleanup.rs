//! Cleans up probes that crashed processes left behind.

use std::time::{Duration, SystemTime};

use coldpress_core::{KeyPrefix, LsnRange, LsnWidth, ObjectKey};
use futures_util::{StreamExt, TryStreamExt, future, stream};

use crate::error::{Error, Result};
use crate::process;
use crate::store::error::StoreErrors;
use crate::store::path::store_path;
use crate::store::s3::client::S3Store;
use crate::store::s3::multipart;

/// A probe of this age is old: a running process has finished its own long before.
const AGE: Duration = Duration::from_secs(10 * 60);
/// The cleanup stops after this time. The next process continues.
const PATIENCE: Duration = Duration::from_secs(60);
/// Only the first page of a listing is read. The next process continues.
const PAGE: usize = 1_000;

/// A unique name for a probe, below `prefix`. It ends with this process's
/// [`process_name`](process::process_name).
pub(crate) fn probe_name(prefix: &KeyPrefix) -> String {
    format!("{}probe-{}", folder(prefix), process::process_name())
}

/// Whether the process that made this probe ran on this machine and has ended. Then there is no
/// need to wait until the probe is old.
fn is_orphan(prefix: &KeyPrefix, name: &str) -> bool {
    let digits = name.strip_prefix(&folder(prefix)).and_then(|name| name.strip_prefix("probe-"));
    digits.and_then(process::runs) == Some(false)
}

/// The key at which the probe of this name tries a multipart upload, and the prefix of its grant.
pub(crate) fn parts_key(name: &str) -> Result<(KeyPrefix, ObjectKey)> {
    let prefix = KeyPrefix::new(name)?;
    let key = ObjectKey::data(&prefix, 0, "probe", LsnRange::new(0, 0)?, LsnWidth::default())?;
    Ok((prefix, key))
}

/// Deletes old probes, and aborts their uploads. `own` is the probe that runs now. Runs in the
/// background; only the end of the process waits for it, for a short time. A missing permission to
/// list or delete is no error: puts do not need it.
pub(crate) async fn delete_old_probes(s3: &S3Store, own: &str) {
    let both = future::join(delete_old_objects(s3, own), abort_old_uploads(s3));
    let (objects, uploads) = match tokio::time::timeout(PATIENCE, both).await {
        Ok(swept) => swept,
        Err(_) => {
            return tracing::debug!("the cleanup of old probes took too long and was stopped");
        }
    };
    for error in [objects.err(), uploads.err()].into_iter().flatten() {
        tracing::debug!(%error, "could not clean up old probes");
    }
}

async fn delete_old_objects(s3: &S3Store, own: &str) -> Result<()> {
    let (store, folder) = (s3.object_store(), folder(s3.prefix()));
    let path = store_path(&folder)?;
    let failed = |error| failed_to(s3.errors(), &error, &folder);
    let page: Vec<_> = store.list(Some(&path)).take(PAGE).try_collect().await.map_err(failed)?;
    let old: Vec<_> = page
        .into_iter()
        .filter(|meta| {
            let name = meta.location.as_ref();
            name != own
                && is_probe(s3.prefix(), name)
                && (is_old(meta.last_modified.into(), s3.clock.now())
                    || is_orphan(s3.prefix(), name))
        })
        .map(|meta| Ok(meta.location))
        .collect();
    if old.is_empty() {
        return Ok(());
    }
    let mut deleted = store.delete_stream(stream::iter(old).boxed());
    while let Some(path) = deleted.try_next().await.map_err(failed)? {
        tracing::info!(key = %path, "deleted a probe that a crashed process left");
    }
    Ok(())
}

async fn abort_old_uploads(s3: &S3Store) -> Result<()> {
    // Without retries: the next process asks again.
    let open = multipart::list(s3, &folder(s3.prefix()), Duration::ZERO).await?;
    for upload in open {
        let begun = upload.begun_ms.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
        let old = begun.is_some_and(|begun| is_old(begun, s3.clock.now()));
        if is_probe(s3.prefix(), &upload.key) && (old || is_orphan(s3.prefix(), &upload.key)) {
            multipart::abort(s3, &upload.key, &upload.id, Duration::ZERO).await?;
            tracing::info!(
                key = upload.key,
                "aborted a probe's upload that a crashed process left"
            );
        }
    }
    Ok(())
}

fn failed_to(errors: &StoreErrors, error: &object_store::Error, folder: &str) -> Error {
    errors.error(error, "clean up old probes", folder)
}

fn folder(prefix: &KeyPrefix) -> String {
    format!("{}_coldpress/", prefix.as_str())
}

/// Whether [`probe_name`] or [`parts_key`] makes such a name. Nothing else is ours to delete.
fn is_probe(prefix: &KeyPrefix, name: &str) -> bool {
    let rest = name.strip_prefix(&folder(prefix)).and_then(|name| name.strip_prefix("probe-"));
    let Some((random, below)) = rest.and_then(|rest| rest.split_at_checked(32)) else {
        return false;
    };
    let digits = random.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    digits && matches!(below, "" | "/0/probe/lsn-0-0.parquet")
}

fn is_old(time: SystemTime, now: SystemTime) -> bool {
    now.duration_since(time).is_ok_and(|age| age > AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_probes_are_taken_for_probes() {
        let prefix = KeyPrefix::new("p/").unwrap();
        let name = probe_name(&prefix);
        assert!(is_probe(&prefix, &name), "{name}");
        let (_, key) = parts_key(&name).unwrap();
        assert!(is_probe(&prefix, key.as_str()), "{key}");
        assert!(!is_probe(&KeyPrefix::new("q/").unwrap(), &name));
        assert!(!is_probe(&prefix, &format!("{name}0")));
        assert!(!is_probe(&prefix, &format!("{name}/1/c/lsn-0-0.parquet")));
        assert!(!is_probe(&prefix, &name[..name.len() - 1]));
        assert!(!is_probe(&prefix, &format!("x{name}")));
        assert!(!is_probe(&prefix, "p/_coldpress/probe-by-hand-of-thirty-two-characters"));
        assert!(!is_probe(&prefix, "p/_coldpress/"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_orphan_is_a_probe_of_an_ended_process_of_this_machine() {
        let prefix = KeyPrefix::new("p/").unwrap();
        let own = probe_name(&prefix);
        assert!(!is_orphan(&prefix, &own), "we live: {own}");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let id = child.id();
        child.wait().unwrap();
        let of_child =
            own.replacen(&format!("{:08x}", std::process::id()), &format!("{id:08x}"), 1);
        assert!(is_orphan(&prefix, &of_child), "{of_child}");
        let (_, key) = parts_key(&of_child).unwrap();
        assert!(is_orphan(&prefix, key.as_str()));
        let elsewhere = format!("p/_coldpress/probe-{}{id:08x}00000000", "0".repeat(16));
        assert!(is_probe(&prefix, &elsewhere) && !is_orphan(&prefix, &elsewhere));
    }

    #[test]
    fn only_what_is_older_than_the_age_is_old() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert!(!is_old(now, now) && !is_old(now - AGE, now));
        assert!(is_old(now - AGE - Duration::from_secs(1), now));
        // By a clock that is ahead of ours.
        assert!(!is_old(now + AGE * 2, now));
    }
}
