//! Arguments: what is refused, in one line and with exit code 2, before anything is touched.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::{MOVIES, Place, contains_all};

#[test]
fn wrong_arguments_are_one_line_and_exit_code_2() {
    let place = Place::new();
    for (arguments, part) in [
        (&[][..], "no command given"),
        (&["frob"], "frob"),
        (&["wal"], "no command given"),
        (&["put", MOVIES], "--collection"),
        (&["put", MOVIES, "-c", ""], "collection is empty"),
        (&["put", MOVIES, "-c", "c", "--lsn", "7"], "MIN..MAX"),
        (&["put", MOVIES, "-c", "c", "--lsn", "9..1"], "9..1"),
        (&["put", MOVIES, "-c", "c", "--lsn", "0..1", "--append"], "--append"),
        (&["put", MOVIES, "-c", "c", "--codec", "lzo"], "lzo"),
        (&["put", MOVIES, "-c", "c", "--codec", "zstd:20"], "from 1 to 19"),
        (&["put", MOVIES, "-c", "c", "--policy", "lax"], "lax"),
        (&["put", MOVIES, "-c", "c", "--policy", "strict"], "schema"),
        (&["put", MOVIES, "-c", "c", "--nulls", "drop"], "drop"),
        (&["put", MOVIES, "-c", "c", "--row-group-rows", "0"], "--row-group-rows"),
        (&["put", MOVIES, "-c", "c", "--tenant", "-1"], "-1"),
        (&["put", "-", "-", "-c", "c"], "twice"),
        (&["ls", "--lsn", "x..y"], "\"x\""),
        (&["ls", "--store", "gs://bucket"], "gs://"),
        (&["ls", "--store", ""], "store"),
        (&["ls", "--store", "s3://"], "bucket"),
        (&["ls", "--store", "s3://bucket/a//b"], "empty part"),
        (&["ls", "--store", "s3://bucket"], "AWS_ACCESS_KEY_ID is not set"),
        (&["ls", "--store", "s3://bucket", "--credentials", "env"], "AWS_ACCESS_KEY_ID is not set"),
        (&["ls", "--store", "s3://bucket", "--credentials", "sso"], "[possible values: auto, env"),
        (&["ls", "--store", "s3://b", "--credentials", "env", "--profile", "x"], "one of them"),
        (&["ls", "--profile", "x"], "--store s3://"),
        (&["ls", "--credentials", "auto"], "--store s3://"),
        (&["ls", "--endpoint", "http://127.0.0.1:1"], "--store s3://"),
        (&["cat"], "<KEY|--collection <NAME>>"),
        (&["cat", "k", "--limit", "many"], "many"),
        (&["verify", "0/c/lsn-0-0.parquet", "--tenant", "1"], "--tenant"),
        (&["verify", "-c", ""], "collection is empty"),
        (&["verify", "--parallel", "0"], "--parallel"),
        (&["rm"], "--tenant <N>"),
        (&["rm", "--collection", "c"], "--tenant <N>"),
        (&["rm", "--tenant", "1", "-c", ""], "collection is empty"),
        (&["rm", "--tenant", "1", "--before", "-1"], "-1"),
    ] {
        let line = place.run(arguments).fails(2);
        assert!(line.contains(part), "{arguments:?}: {line}");
    }
    assert_eq!(place.stored_files(), [""; 0]);
}

#[test]
fn help_and_version_are_no_errors() {
    let place = Place::new();
    contains_all(
        &place.ok(&["--help"]),
        &["put", "cat", "ls", "get", "inspect", "verify", "rm", "wal", "--store"],
    );
    contains_all(&place.ok(&["put", "--help"]), &["--append", "--codec", "--schema", "0..rows-1]"]);
    assert_eq!(place.ok(&["--version"]), concat!("coldpress ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn the_store_may_be_named_before_or_after_the_command_or_by_the_environment() {
    let place = Place::new();
    place.write("rows.json", "{}");
    place.ok(&["--store", "one", "put", "rows.json", "-c", "c"]);
    place.ok(&["put", "rows.json", "-c", "c", "--store", "two"]);
    let mut command = place.command(&["put", "rows.json", "-c", "c"]);
    assert!(command.env("COLDPRESS_STORE", "three").output().unwrap().status.success());
    for store in ["one", "two", "three"] {
        assert!(place.path(store).join("0/c/lsn-0-0.parquet").is_file(), "{store}");
    }
    place.write("file", "");
    contains_all(&place.run(&["ls", "--store", "file"]).fails(2), &["file", "folder"]);
}

#[test]
fn an_s3_store_says_what_it_misses_and_never_a_secret() {
    let place = Place::new();
    let secret = "wJalrXUtnFEMI-very-secret";
    let run = |arguments: &[&str]| {
        let output = place
            .command(arguments)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains(secret), "{stderr}");
        (output.status.code(), stderr)
    };
    let (code, line) = run(&["ls", "--store", "s3://b/p", "--endpoint", "http://127.0.0.1:9"]);
    assert_eq!(code, Some(2));
    contains_all(&line, &["not encrypted", "--allow-http"]);
    let (code, line) = run(&["ls", "--store", "s3://b/a//b"]);
    assert_eq!(code, Some(2));
    contains_all(&line, &["empty part"]);

    // A port that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let started = Instant::now();
    std::thread::scope(|scope| {
        let list = scope
            .spawn(|| run(&["ls", "--store", "s3://b", "--endpoint", &endpoint, "--allow-http"]));
        let arguments = [
            "put",
            MOVIES,
            "-c",
            "c",
            "--store",
            "s3://b/p",
            "--endpoint",
            &endpoint,
            "--allow-http",
        ];
        let (code, line) = run(&arguments);
        assert_eq!((code, line.lines().count()), (Some(1), 1), "{line}");
        contains_all(&line, &["error: p/0/c/: could not list", &endpoint]);
        let (code, line) = list.join().unwrap();
        assert_eq!((code, line.lines().count()), (Some(1), 1), "{line}");
        contains_all(&line, &["error: could not list", &endpoint]);
    });
    assert!(started.elapsed() < Duration::from_secs(100));
}
