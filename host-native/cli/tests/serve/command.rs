//! The command: what it refuses to start with, what it prints, how it ends.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::harness::{Served, command, people, put_of, wanted, write_tokens};
use crate::http::{begin, begin_heard, finish, get, send};
use crate::made::token;

/// The one line on standard error of a call that must have ended with this code.
fn fails(folder: &Path, arguments: &[&str], code: i32) -> String {
    let mut command = command(folder, arguments);
    let output =
        command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK").output().unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[test]
fn it_does_not_start_where_anybody_could_ask() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (_, line) = token(7, &[]);
    write_tokens(&at.join("tokens"), std::slice::from_ref(&line));
    std::fs::write(at.join("open"), &line).unwrap();
    write_tokens(&at.join("empty"), &["# nobody".to_owned()]);
    write_tokens(&at.join("secret"), &["7 coldpress_oh_no".to_owned()]);
    let store = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--store",
        "s3://b",
        "--endpoint",
        "http://127.0.0.1:1",
        "--allow-http",
    ];
    let with = |more: &[&str]| fails(at, &[&store, more].concat(), 2);
    assert!(with(&[]).contains("--tokens"));
    assert!(with(&["--tokens", "open"]).contains("chmod 600"));
    assert!(with(&["--tokens", "empty"]).contains("coldpress token"));
    let shown = with(&["--tokens", "secret"]);
    assert!(shown.contains("line 1") && !shown.contains("oh_no"), "{shown}");
    assert!(with(&["--tokens", "tokens", "--allow-origin", "*"]).contains("not the origin"));
    assert!(
        with(&["--tokens", "tokens", "--allow-origin", "https://a.example/"])
            .contains("write https://a.example")
    );
    assert!(with(&["--tokens", "tokens", "--rate", "0"]).contains("rate"));
    assert!(with(&["--tokens", "tokens", "--expires", "15"]).contains("15m"));
    assert!(with(&["--dev"]).contains("folder"));
    assert!(fails(at, &["serve", "--tokens", "tokens"], 2).contains("--dev"));
    assert!(fails(at, &["serve", "--dev", "--listen", "0.0.0.0:0"], 2).contains("127.0.0.1"));
    assert!(
        fails(at, &["serve", "--dev", "--listen", "127.0.0.1:0", "--s3-listen", "0.0.0.0:0"], 2)
            .contains("127.0.0.1")
    );
    assert!(
        fails(at, &["serve", "--dev", "--tokens", "tokens"], 2).contains("cannot be used with")
    );
    assert!(
        fails(at, &["serve", "--dev", "--listen", "127.0.0.1:0", "--www", "none"], 2)
            .contains("none")
    );
    assert!(fails(at, &[&store[..], &["--tokens", "missing"]].concat(), 1).contains("missing"));
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    assert!(fails(at, &["serve", "--dev", "--listen", &taken], 1).contains("another port"));
    drop(held);
}

#[test]
fn a_token_is_shown_once_and_kept_as_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = command(folder.path(), arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run(&["token", "--tenant", "7", "--collection", "a b", "--collection", "people"]);
    let secret = text.lines().find_map(|line| line.strip_prefix("token  ")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("line   ")).unwrap();
    assert!(
        secret.len() > 64 && line.starts_with("7 ") && line.ends_with(" a%20b people"),
        "{text}"
    );
    assert!(!line.contains(&secret["coldpress_".len()..]));

    std::fs::write(folder.path().join("by-hand"), "# mine, without a line break").unwrap();
    let made: serde_json::Value =
        serde_json::from_str(&run(&["token", "--tenant", "1", "--append", "by-hand", "--json"]))
            .unwrap();
    let kept = std::fs::read_to_string(folder.path().join("by-hand")).unwrap();
    assert_eq!(kept, format!("# mine, without a line break\n{}\n", made["line"].as_str().unwrap()));

    for (may, word) in
        [("write", None), ("read", Some("may=read")), ("write,read", Some("may=read,write"))]
    {
        let printed = run(&["token", "--tenant", "1", "--may", may, "--json"]);
        let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(printed["line"].as_str().unwrap().split(' ').nth(2), word, "{may}");
    }
    assert!(
        fails(folder.path(), &["token", "--tenant", "1", "--may", "all"], 2).contains("\"read\"")
    );
    run(&["token", "--tenant", "1", "--append", "new"]);
    run(&["token", "--tenant", "2", "--append", "new"]);
    let kept = std::fs::read_to_string(folder.path().join("new")).unwrap();
    assert_eq!(kept.lines().count(), 2);
    let source = coldpress_serve::TokenSource::file(&folder.path().join("new")).unwrap();
    assert_eq!(source.tokens().count(), 2);
    assert!(fails(folder.path(), &["token"], 2).contains("--tenant"));
    assert!(
        fails(folder.path(), &["token", "--tenant", "1", "--collection", ""], 2).contains("255")
    );
}

#[test]
fn a_person_is_told_where_things_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut child =
        command(folder.path(), &["serve", "--dev", "--listen", "127.0.0.1:0", "--log", "off"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut text = String::new();
    while !text.contains("Ctrl-C") {
        text.push_str(&lines.next().unwrap().unwrap());
        text.push('\n');
    }
    for part in [
        "page ",
        "grants ",
        "token ",
        "S3 store ",
        "objects ",
        "AWS_SECRET_ACCESS_KEY=",
        "coldpress-data",
        "xtask www",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let id = child.id().to_string();
    assert!(
        std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap().success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!folder.path().join("coldpress-data").exists(), "looking leaves no trace");
}

#[test]
fn what_is_under_way_ends_before_the_server_does() {
    let served = Served::dev(&[]);
    let file = people(0, (1, 2));
    let grant = served.grant(served.token(), &wanted("people", (1, 2), &file.bytes));
    let put = put_of(&grant);
    let headers: Vec<_> = put.headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let (half, rest) = file.bytes.split_at(file.bytes.len() / 2);
    let mut upload = begin_heard("PUT", put.url(), &headers, file.bytes.len());
    upload.write_all(half).unwrap();
    let body = json!({ "collection": "c", "min_lsn": 1, "max_lsn": 2 }).to_string();
    let authorization = format!("Bearer {}", served.token());
    let url = format!("{}/v1/grants", served.url());
    let mut asking = begin_heard("POST", &url, &[("authorization", &authorization)], body.len());
    asking.write_all(&body.as_bytes()[..5]).unwrap();
    served.signal("TERM");
    let address = served.url().strip_prefix("http://").unwrap();
    let let_in = || std::net::TcpStream::connect(address).is_ok();
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(300);
    while let_in() {
        assert!(std::time::Instant::now() < limit, "somebody new is let in");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    asking.write_all(&body.as_bytes()[5..]).unwrap();
    upload.write_all(rest).unwrap();
    finish(upload).expect(200);
    // The store is reached by a connection of its own, which is taken no more.
    let status = finish(asking).status;
    assert!(matches!(status, 200 | 503), "{status}");
    assert_eq!(served.wait().code(), Some(0), "{}", served.log());
    assert_eq!(
        std::fs::read(served.path("coldpress-data").join(file.key.as_str())).unwrap(),
        file.bytes
    );
}

#[test]
fn who_never_ends_is_cut_off_in_time() {
    let served = Served::dev(&["--drain", "1"]);
    let url = format!("{}/v1/grants", served.url());
    let authorization = format!("Bearer {}", served.token());
    let stuck = begin_heard("POST", &url, &[("authorization", &authorization)], 100);
    served.signal("TERM");
    let started = std::time::Instant::now();
    assert_eq!(served.wait().code(), Some(1));
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(served.log().contains("--drain"), "{}", served.log());
    drop(stuck);
}

#[test]
fn a_request_that_never_comes_to_its_end_is_given_up() {
    let served = Served::dev(&["--request-timeout", "1"]);
    let url = format!("{}/v1/grants", served.url());
    let authorization = format!("Bearer {}", served.token());
    let stuck = begin("POST", &url, &[("authorization", &authorization)], 100);
    finish(stuck).refused(503, "Unavailable");
    let metrics = get(&format!("{}/metrics", served.url())).text();
    assert!(
        metrics.contains("coldpress_grants_refused_total{reason=\"timed_out\"} 1"),
        "{metrics}"
    );
}

#[test]
fn the_library_serves_within_a_server_of_ones_own() {
    use std::sync::Arc;

    use coldpress::ColdStorage;
    use coldpress_serve::{Connections, GrantServer, ServeSettings, TokenSource, Tokens, listen};
    let store = Served::dev(&[]);
    let (token, line) = token(3, &[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let storage = Arc::new(ColdStorage::new(store.config("mine/")).unwrap());
    let tokens = Arc::new(TokenSource::fixed(Tokens::parse(&line).unwrap()));
    let server = GrantServer::new(storage, tokens, ServeSettings::default()).unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/api/v1/grants", listener.local_addr().unwrap());
    let router = axum::Router::new().nest("/api", server.router());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(async move {
        listen(listener, router, &Connections::default(), async { stopped.await.unwrap() }).await
    });
    let asked = json!({ "collection": "c", "min_lsn": "1", "max_lsn": "2" }).to_string();
    let reply = crate::http::post(&url, token.reveal(), &asked).expect(200);
    let grant = coldpress_core::Grant::from_json(&reply.text()).unwrap();
    assert_eq!(grant.key().as_str(), "mine/3/c/lsn-1-2.parquet");
    send(put_of(&grant), b"anything").expect(200);
    stop.send(()).unwrap();
    assert!(runtime.block_on(serving).unwrap());
}

#[test]
fn the_exposure_of_a_log_is_shown_until_it_is_archived() {
    let server = crate::common::seaweed::Seaweed::shared();
    let log = tempfile::tempdir().unwrap();
    for (name, length) in [("000001.log", 1_000), ("000002.log", 2_000), ("000003.log", 300)] {
        std::fs::write(log.path().join(name), vec![7; length]).unwrap();
    }
    let folder = log.path().to_str().unwrap();
    let (_, line) = token(7, &[]);
    let served =
        Served::over_seaweed("wal-metrics", &[line], &["--wal", folder, "--wal-node", "n"]);
    let url = format!("{}/metrics", served.ready["url"].as_str().unwrap());
    let shows = |wanted: &[&str]| {
        let text = get(&url).text();
        wanted.iter().all(|line| text.lines().any(|found| found == *line))
    };
    let at_risk = [
        "coldpress_wal_status_known 1",
        "coldpress_wal_exposure_bytes 3300",
        "coldpress_wal_waiting_segments 2",
        "coldpress_wal_waiting_bytes 3000",
        "coldpress_wal_archive_segments 0",
    ];
    assert!(shows(&at_risk), "{}", get(&url).text());

    let store = format!("s3://{}/wal-metrics", server.bucket);
    let archive = ["wal", "archive", folder, "--node", "n", "--store", &store, "--endpoint"];
    let archived =
        command(log.path(), &[&archive[..], &[&server.endpoint, "--allow-http"]].concat())
            .env("AWS_ACCESS_KEY_ID", &server.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &server.secret_key)
            .output()
            .unwrap();
    assert!(archived.status.success(), "{}", String::from_utf8_lossy(&archived.stderr));
    let safe = [
        "coldpress_wal_exposure_bytes 300",
        "coldpress_wal_waiting_segments 0",
        "coldpress_wal_archive_segments 2",
        "coldpress_wal_archive_bytes 3000",
    ];
    // A look serves for some seconds.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(300);
    while !shows(&safe) {
        assert!(std::time::Instant::now() < end, "{}", get(&url).text());
        std::thread::sleep(std::time::Duration::from_millis(500));
    }

    std::fs::remove_dir_all(log.path()).unwrap();
    while !shows(&["coldpress_wal_status_known 0"]) {
        assert!(std::time::Instant::now() < end, "{}", get(&url).text());
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}
