//! The whole command against a real S3 server.

use std::process::Command;

use serde_json::json;

use crate::harness::{MOVIES, Place, Ran, contains_all, first_line, json, same_rows};
use crate::seaweed::Seaweed;

fn with_credentials(mut command: Command, access_key: &str, secret_key: &str) -> Ran {
    command.env("AWS_ACCESS_KEY_ID", access_key).env("AWS_SECRET_ACCESS_KEY", secret_key);
    Ran::new(command.output().unwrap())
}

#[test]
fn every_subcommand_against_a_real_s3_server() {
    let server = Seaweed::start();
    let place = Place::new();
    let store = format!("s3://{}/some/prefix", server.bucket);
    let run = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command
            .env("COLDPRESS_STORE", &store)
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env("AWS_ALLOW_HTTP", "true");
        with_credentials(command, &server.access_key, &server.secret_key)
    };
    assert_eq!(run(&["ls"]).ok(), format!("the store {store} is empty\n"));
    let no_bucket = run(&["verify", "--store", "s3://no-such-bucket/p"]).fails(1);
    contains_all(&no_bucket, &["no bucket \"no-such-bucket\""]);
    let printed = run(&["put", MOVIES, "-c", "movies"]).ok();
    let key = first_line(&printed);
    assert_eq!(key, "some/prefix/0/movies/lsn-0-3200.parquet");
    let again = json(&run(&["put", MOVIES, "-c", "movies", "--json"]).ok());
    assert_eq!((&again["already_there"], &again["store"]), (&json!(true), &json!(store)));
    let line = run(&["put", MOVIES, "-c", "movies", "--codec", "none"]).fails(1);
    contains_all(&line, &[&key, "other content", "--append", "--lsn 3201..6401"]);
    let appended = run(&["put", MOVIES, "-c", "movies", "--append"]).ok();
    assert_eq!(first_line(&appended), "some/prefix/0/movies/lsn-3201-6401.parquet");

    same_rows(&std::fs::read_to_string(MOVIES).unwrap(), &run(&["cat", &key]).ok());
    contains_all(&run(&["inspect", &key]).ok(), &["3,201 in 1 row group"]);
    contains_all(&run(&["verify"]).ok(), &["ok", &key, "2 files, 6,402 rows", "all undamaged"]);
    place.write("seg", "log");
    assert_eq!(run(&["wal", "put", "seg"]).ok(), "some/prefix/wal/seg\n");
    assert_eq!(run(&["get", "some/prefix/wal/seg", "-o", "-"]).ok(), "log");
    assert_eq!(run(&["ls"]).ok().lines().count(), 2 + 3);
    contains_all(&run(&["cat", &key.replace("3200", "9")]).fails(1), &["no object", &store]);
    let other_prefix = run(&["cat", &key, "--store", &format!("s3://{}", server.bucket)]);
    contains_all(&other_prefix.fails(1), &["not a key"]);

    let dry = run(&["rm", "--tenant", "0", "--before", "6401"]).ok();
    contains_all(
        &dry,
        &[&key, "1 file has LSNs on both sides of 6401", "nothing was deleted; add --yes"],
    );
    contains_all(
        &run(&["rm", "--tenant", "0", "--before", "6401", "--yes"]).ok(),
        &[&key, "deleted"],
    );
    let left = run(&["ls"]).ok();
    contains_all(&left, &["lsn-3201-6401", "wal/seg"]);
    assert!(!left.contains(&key), "{left}");

    let given = ["--store", &store, "--endpoint", &server.endpoint, "--allow-http"];
    let wrong = place.command(&[&["put", MOVIES, "-c", "movies"][..], &given].concat());
    let line = with_credentials(wrong, &server.access_key, "wrong-secret").fails(1);
    assert!(line.contains("credentials") && !line.contains("wrong-secret"), "{line}");
}
