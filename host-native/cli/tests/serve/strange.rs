//! What strangers send and leave: long texts in the log, links and pipes in the store's folder.

use coldpress::ColdStorage;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode};
use serde_json::json;

use crate::harness::Served;
use crate::http::{get, request_with};

#[test]
fn what_strangers_send_makes_no_long_lines() {
    let served = Served::dev(&["--log", "debug"]);
    let long = "x".repeat(60_000);
    let wanted = json!({ "collection": long, "min_lsn": 1, "max_lsn": 1 });
    assert_eq!(served.ask(served.token(), &wanted).status, 400);
    for key in [format!("0/{long}/lsn-1-1.parquet"), format!("0/people/{long}"), long.clone()] {
        let reply = served.receipt(served.token(), &json!({ "key": key })).expect(400);
        assert!(reply.body.len() < 5_000, "{} bytes", reply.body.len());
    }
    let path = format!("{}/coldpress/{}", served.s3("endpoint"), &long[..20_000]);
    assert_eq!(request_with("GET", &path, &[("user-agent", &long[..5_000])], b"").status, 403);
    let path = format!("{}/coldpress/a%0Ab%1B%5B2J", served.s3("endpoint"));
    assert_eq!(request_with(&"M".repeat(500), &path, &[], b"").status, 403);
    let log = served.log();
    assert!(log.lines().count() >= 5, "{log}");
    for line in log.lines() {
        assert!(line.len() < 1_500 && !line.contains('\u{1b}'), "{} bytes: {line}", line.len());
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_link_leads_out_of_the_store() {
    use std::os::unix::fs::symlink;

    let served = Served::dev(&[]);
    let (root, outside) = (served.path("coldpress-data"), served.path("outside"));
    std::fs::create_dir_all(outside.join("deep")).unwrap();
    std::fs::create_dir_all(root.join("0/c")).unwrap();
    std::fs::write(root.join("0/c/mine"), "mine").unwrap();
    for name in ["secret", "deep/secret"] {
        std::fs::write(outside.join(name), "secret").unwrap();
    }
    symlink(&outside, root.join("absolute")).unwrap();
    symlink("../../outside", root.join("0/relative")).unwrap();
    symlink("../../../outside/secret", root.join("0/c/file")).unwrap();
    symlink(".", root.join("circle")).unwrap();
    symlink(&outside, root.join(".coldpress-uploads")).unwrap();
    let store = ColdStorage::new(served.config("")).unwrap().object_store();
    for key in ["absolute/secret", "0/relative/secret", "0/relative/deep/secret", "0/c/file"] {
        let path = Path::parse(key).unwrap();
        assert!(store.get(&path).await.is_err(), "read {key}");
        assert!(store.head(&path).await.is_err(), "looked at {key}");
        // S3 says yes to the deletion of what is not there.
        store.delete(&path).await.unwrap();
        assert!(store.put_opts(&path, "evil".into(), PutMode::Create.into()).await.is_err());
    }
    for key in ["absolute/new", "0/relative/deep/new"] {
        assert!(store.put(&Path::parse(key).unwrap(), "evil".into()).await.is_err(), "{key}");
    }
    assert!(store.put_multipart(&Path::parse("0/parts").unwrap()).await.is_err());
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    let mut there: Vec<_> = std::fs::read_dir(&outside)
        .unwrap()
        .chain(std::fs::read_dir(outside.join("deep")).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(there, ["deep", "secret", "secret"]);
    assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "secret");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipes_and_strange_names_in_the_folder_are_passed_over() {
    use std::os::unix::ffi::OsStrExt;

    let served = Served::dev(&[]);
    let folder = served.path("coldpress-data/0/c");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("mine"), "mine").unwrap();
    std::fs::write(folder.join("new\nline"), "x").unwrap();
    std::fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "x").unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap();
    assert!(pipe.success());
    let store = ColdStorage::new(served.config("")).unwrap().object_store();
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    let keys: Vec<_> = listed.iter().map(|object| object.location.as_ref()).collect();
    assert_eq!(keys, ["0/c/mine"]);
    let pipe = Path::parse("0/c/pipe").unwrap();
    assert!(store.get(&pipe).await.is_err() && store.head(&pipe).await.is_err());
    store.delete(&pipe).await.unwrap();
    assert!(store.put(&pipe, "x".into()).await.is_err(), "something has that name");
    get(&format!("{}/healthz", served.url())).expect(200);
}
