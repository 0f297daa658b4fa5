//! What probes left behind whose process was killed in the middle of them.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use coldpress_core::{KeyPrefix, LsnRange, LsnWidth, ObjectKey};
use futures_util::{StreamExt, TryStreamExt, future, stream};
use sha2::{Digest, Sha256};

use crate::answer::Answers;
use crate::grant::now_ms;
use crate::random::random_name;
use crate::remote::{RemoteStore, store_path};
use crate::{Error, Result, uploads};

/// A living process is long done with its probe by then.
const AGE: Duration = Duration::from_secs(10 * 60);
/// The sweep stops after this time. The next process goes on with the rest.
const PATIENCE: Duration = Duration::from_secs(60);
/// Listings are not read beyond a page: there is a next time.
const PAGE: usize = 1_000;

/// A name for a probe that nobody else has, below `prefix`: 16 digits of where this process runs, 8 of which it is
/// there, and 8 random ones.
pub(crate) fn probe_name(prefix: &KeyPrefix) -> String {
    format!("{}probe-{}", folder(prefix), process_name())
}

/// 32 hex digits that nobody else has: 16 of where this process runs, 8 of which it is there, and 8
/// random ones.
pub(crate) fn process_name() -> String {
    let random = random_name();
    let (place, last) = (here().unwrap_or(&random[..16]), &random[24..]);
    format!("{place}{:08x}{last}", std::process::id())
}

/// A [`process_name`] of here of no process: none has the number 0.
pub(crate) fn nobody() -> String {
    let random = random_name();
    format!("{}{:08x}{}", here().unwrap_or(&random[..16]), 0, &random[24..])
}

/// Whether the process of this [`process_name`] still runs; none where that cannot be seen from
/// here.
pub(crate) fn runs(name: &str) -> Option<bool> {
    let rest = name.strip_prefix(here()?)?;
    let id = u32::from_str_radix(rest.get(..8)?, 16).ok()?;
    Some(Path::new("/proc").join(id.to_string()).exists())
}

/// What tells this machine, since it was started, and its processes as this one sees them, from all others; none where
/// the system does not say.
fn here() -> Option<&'static str> {
    static HERE: OnceLock<Option<String>> = OnceLock::new();
    let look = || {
        let boot = fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        // Containers of one machine number their processes apart.
        let processes = fs::read_link("/proc/self/ns/pid").ok()?;
        let mut hash = Sha256::new();
        hash.update(boot);
        hash.update(processes.as_os_str().as_encoded_bytes());
        let first = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Some(first)
    };
    HERE.get_or_init(look).as_deref()
}

/// Whether the process that made this probe ran here, and runs no more. No need to wait until it is old, then.
fn is_orphan(prefix: &KeyPrefix, name: &str) -> bool {
    let digits = name.strip_prefix(&folder(prefix)).and_then(|name| name.strip_prefix("probe-"));
    digits.and_then(runs) == Some(false)
}

/// The key at which the probe of that name tries a multipart upload, and the prefix it is granted below.
pub(crate) fn parts_key(name: &str) -> Result<(KeyPrefix, ObjectKey)> {
    let prefix = KeyPrefix::new(name)?;
    let key = ObjectKey::data(&prefix, 0, "probe", LsnRange::new(0, 0)?, LsnWidth::default())?;
    Ok((prefix, key))
}

/// Deletes old probes, found by two listings; `own` is the probe under way now. Only the end of the
/// process waits for it, and not long. A store that may not be listed or
/// deleted from is no error: whoever may only put still may put.
pub(crate) async fn sweep(remote: &RemoteStore, own: &str) {
    let both = future::join(sweep_objects(remote, own), sweep_uploads(remote));
    let (objects, uploads) = match tokio::time::timeout(PATIENCE, both).await {
        Ok(swept) => swept,
        Err(_) => return tracing::debug!("no time to take away what other probes left"),
    };
    for error in [objects.err(), uploads.err()].into_iter().flatten() {
        tracing::debug!(%error, "what other probes left may stay in the store");
    }
}

async fn sweep_objects(remote: &RemoteStore, own: &str) -> Result<()> {
    let (store, folder) = (remote.object_store(), folder(remote.prefix()));
    let path = store_path(&folder)?;
    let failed = |error| answer(remote.answers(), &error, &folder);
    let page: Vec<_> = store.list(Some(&path)).take(PAGE).try_collect().await.map_err(failed)?;
    let old: Vec<_> = page
        .into_iter()
        .filter(|meta| {
            let name = meta.location.as_ref();
            name != own
                && is_probe(remote.prefix(), name)
                && (is_old(meta.last_modified.into(), SystemTime::now())
                    || is_orphan(remote.prefix(), name))
        })
        .map(|meta| Ok(meta.location))
        .collect();
    if old.is_empty() {
        return Ok(());
    }
    let mut deleted = store.delete_stream(stream::iter(old).boxed());
    while let Some(path) = deleted.try_next().await.map_err(failed)? {
        tracing::info!(key = %path, "deleted a probe that a killed process left");
    }
    Ok(())
}

async fn sweep_uploads(remote: &RemoteStore) -> Result<()> {
    // Asked once: it is not worth waiting for.
    let open = uploads::list(remote, &folder(remote.prefix()), Duration::ZERO).await?;
    for upload in open {
        let begun = upload.begun_ms.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms());
        let old = begun.is_some_and(|begun| is_old(begun, now));
        if is_probe(remote.prefix(), &upload.key)
            && (old || is_orphan(remote.prefix(), &upload.key))
        {
            uploads::abort(remote, &upload.key, &upload.id, Duration::ZERO).await?;
            tracing::info!(key = upload.key, "aborted a probe's upload that a killed process left");
        }
    }
    Ok(())
}

fn answer(answers: &Answers, error: &object_store::Error, folder: &str) -> Error {
    answers.error(error, "take away what other probes left", folder)
}

fn folder(prefix: &KeyPrefix) -> String {
    format!("{}_coldpress/", prefix.as_str())
}

/// Whether a name is one that [`probe_name`] or [`parts_key`] makes: nothing else is ours to take away.
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
    fn an_orphan_is_a_probe_whose_process_was_here_and_is_gone() {
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
    fn old_is_what_lies_back_more_than_the_age() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert!(!is_old(now, now) && !is_old(now - AGE, now));
        assert!(is_old(now - AGE - Duration::from_secs(1), now));
        // By a clock that is ahead of ours.
        assert!(!is_old(now + AGE * 2, now));
    }
}
