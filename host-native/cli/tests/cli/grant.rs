//! `coldpress grant` and `coldpress put --grant`, against a real S3 server.

use std::process::Command;

use serde_json::json;

use crate::harness::{MOVIES, Place, Ran, contains_all, first_line, json, same_rows};
use crate::seaweed::Seaweed;

/// Runs the command with the credentials of the store.
fn as_owner(place: &Place, server: &Seaweed, store: &str, arguments: &[&str]) -> Ran {
    let mut command = place.command(arguments);
    command
        .env("COLDPRESS_STORE", store)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", &server.access_key)
        .env("AWS_SECRET_ACCESS_KEY", &server.secret_key);
    Ran::new(command.output().unwrap())
}

#[test]
fn rows_go_up_by_a_grant_without_credentials() {
    let server = Seaweed::shared();
    let place = Place::new();
    let store = format!("s3://{}/granted", server.bucket);
    let owner = |arguments: &[&str]| as_owner(&place, server, &store, arguments);
    let device = |arguments: &[&str]| -> Command { place.command(arguments) };
    let ran = |mut command: Command| Ran::new(command.output().unwrap());

    let options = ["--tenant", "7", "-c", "movies", "--lsn", "0..3200", "--expires", "5m"];
    let grant = owner(&[&["grant"], &options[..]].concat()).ok();
    let shown = json(&grant);
    assert_eq!(
        (&shown["version"], &shown["key"]),
        (&json!(1), &json!("granted/7/movies/lsn-0-3200.parquet"))
    );
    place.write("grant.json", &grant);

    let put = ["put", MOVIES, "--grant", "grant.json"];
    let line = ran(device(&put)).fails(1);
    contains_all(&line, &["without encryption", "--allow-http"]);
    let put = [&put[..], &["--allow-http"]].concat();
    let printed = ran(device(&put)).ok();
    assert_eq!(first_line(&printed), "granted/7/movies/lsn-0-3200.parquet");
    contains_all(&printed, &["3,201", &server.endpoint]);
    assert!(!printed.contains("X-Amz"), "{printed}");
    let source = std::fs::read_to_string(MOVIES).unwrap();
    same_rows(&source, &owner(&["cat", "granted/7/movies/lsn-0-3200.parquet"]).ok());

    // The grant names no content, so that the same again cannot be told from other content of that
    // size.
    let line = ran(device(&put)).fails(1);
    contains_all(&line, &["already", "coldpress-sha256"]);
    place.write("other.ndjson", "{\"a\":1}\n");
    let other = ["put", "other.ndjson", "--grant", "grant.json", "--allow-http"];
    contains_all(&ran(device(&other)).fails(1), &["other content", "LSN range"]);

    // In parts, more than the file needs, in the encodings that the owner's engines read.
    let parts = ["--parts", "2", "--part-size", "5MiB", "--encodings", "legacy"];
    let grant = owner(&[&["grant", "-c", "parts", "--lsn", "0..3200"], &parts[..]].concat()).ok();
    place.write("parts.json", &grant);
    let printed =
        ran(device(&["put", MOVIES, "--grant", "parts.json", "--allow-http", "--json"])).ok();
    assert_eq!(json(&printed)["key"], json!("granted/0/parts/lsn-0-3200.parquet"));
    same_rows(&source, &owner(&["cat", "granted/0/parts/lsn-0-3200.parquet"]).ok());
    let facts = json(&owner(&["inspect", "granted/0/parts/lsn-0-3200.parquet", "--json"]).ok());
    for column in facts["row_groups"][0]["columns"].as_array().unwrap() {
        let encodings: Vec<&str> =
            column["encodings"].as_array().unwrap().iter().map(|of| of.as_str().unwrap()).collect();
        let legacy = |name: &&str| ["PLAIN", "RLE", "RLE_DICTIONARY"].contains(name);
        assert!(encodings.iter().all(legacy), "{column}");
    }
}

#[test]
fn an_object_is_read_by_a_grant_without_credentials() {
    let server = Seaweed::shared();
    let place = Place::new();
    let store = format!("s3://{}/lent", server.bucket);
    let owner = |arguments: &[&str]| as_owner(&place, server, &store, arguments);
    let printed = json(&owner(&["put", MOVIES, "-c", "movies", "--tenant", "7", "--json"]).ok());
    let key = "lent/7/movies/lsn-0-3200.parquet";
    assert_eq!(printed["key"], json!(key));
    for named in [key, "7/movies/lsn-0-3200.parquet"] {
        let shown = json(&owner(&["grant", "--read", named, "--expires", "5m"]).ok());
        assert_eq!((&shown["version"], &shown["key"]), (&json!(1), &json!(key)));
        assert_eq!((&shown["min_lsn"], &shown["max_lsn"]), (&json!("0"), &json!("3200")));
        assert_eq!((&shown["tenant_id"], &shown["collection"]), (&json!("7"), &json!("movies")));
        assert_eq!(
            (&shown["get"]["method"], &shown["get"]["headers"]),
            (&json!("GET"), &json!({}))
        );
        let url = shown["get"]["url"].as_str().unwrap();
        assert!(url.contains("X-Amz-Expires=300&X-Amz-SignedHeaders=host&"), "{url}");
        // It is a plain URL: whoever has it reads, without a key.
        let (status, body) = get(url);
        assert_eq!(status, 200);
        assert!(body.starts_with(b"PAR1") && body.ends_with(b"PAR1"));
        assert_eq!(json!(body.len()), shown["bytes"]);
        // The other way round it grants nothing.
        place.write("read.json", shown.to_string());
        let put = place.run(&["put", MOVIES, "--grant", "read.json"]).fails(1);
        contains_all(&put, &["a grant to read"]);
    }
    let absent = owner(&["grant", "--read", "7/movies/lsn-5-6.parquet"]).fails(1);
    contains_all(&absent, &["no object lent/7/movies/lsn-5-6.parquet", &store, "coldpress ls"]);
    let foreign = owner(&["grant", "--read", "7/movies/notes.txt"]).fails(1);
    contains_all(&foreign, &["is not a key of this store"]);
    contains_all(&owner(&["grant", "--read", "wal/1"]).fails(1), &["a segment of a log"]);
    contains_all(&owner(&["grant", "--read", key, "--expires", "8d"]).fails(2), &["7 days"]);
}

/// The status and the body of a GET, by the plainest of all clients.
fn get(url: &str) -> (u16, Vec<u8>) {
    use std::io::{Read, Write};
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let head = format!("GET {path} HTTP/1.0\r\nhost: {host}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let status = std::str::from_utf8(&bytes[9..12]).unwrap().parse().unwrap();
    (status, bytes.split_off(end))
}

#[test]
fn what_makes_no_grant_is_named() {
    let place = Place::new();
    let line = place.run(&["grant", "--read", "0/c/lsn-0-9.parquet"]).fails(1);
    contains_all(&line, &["no grants", "s3://"]);
    let line = place.run(&["grant", "-c", "c", "--lsn", "0..9"]).fails(1);
    contains_all(&line, &["no grants", "s3://"]);
    assert!(place.stored_files().is_empty());
    for (arguments, part) in [
        (&["grant", "-c", "c"][..], "--lsn <MIN..MAX>"),
        (&["grant", "--lsn", "0..9"], "--collection <NAME>"),
        (&["grant", "--read", "k", "-c", "c"], "cannot be used with"),
        (&["grant", "--read", "k", "--lsn", "0..9"], "cannot be used with"),
        (&["grant", "--read", "k", "--tenant", "7"], "cannot be used with"),
        (&["grant", "--read", "k", "--part-size", "1MiB"], "cannot be used with"),
        (&["grant", "-c", "c", "--lsn", "0..9", "--expires", "15"], "15m"),
        (&["grant", "-c", "c", "--lsn", "0..9", "--bytes", "1MB"], "16MiB"),
        (&["grant", "-c", "c", "--lsn", "0..9", "--sha256", "ab"], "64 hexadecimal digits"),
        (&["put", "x", "-c", "c", "--grant", "g.json"], "cannot be used with"),
        (&["put", "x", "--lsn", "0..1", "--grant", "g.json"], "cannot be used with"),
    ] {
        contains_all(&place.run(arguments).fails(2), &[part]);
    }
    place.write("rows.json", "{\"a\":1}\n");
    contains_all(
        &place.run(&["put", "rows.json", "--grant", "none.json"]).fails(1),
        &["cannot read the grant"],
    );
    place.write("bad.json", "{\"version\":2}");
    contains_all(
        &place.run(&["put", "rows.json", "--grant", "bad.json"]).fails(1),
        &["bad.json", "has version 2"],
    );
}
