//! The wrong place is an error, strangers' names are none, and no argument is echoed that may be a
//! secret.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::harness::{Place, Ran, contains_all, json};

const KEY: &str = "7/c/lsn-0-1.parquet";

fn filled() -> Place {
    let place = Place::new();
    place.put("{\"a\":1}\n{\"a\":2}\n", &["--tenant", "7"]);
    place.ok(&["put", "rows.json", "-c", "d", "--tenant", "8"]);
    place
}

#[test]
fn a_store_that_is_not_there_is_an_error_everywhere_and_an_empty_one_is_not() {
    let place = filled();
    let commands: [&[&str]; 8] = [
        &["verify"],
        &["verify", KEY],
        &["ls"],
        &["ls", "--tenant", "7"],
        &["cat", KEY],
        &["inspect", KEY],
        &["get", KEY],
        &["rm", "--tenant", "7", "--yes"],
    ];
    for command in commands.iter().chain([&["rm", KEY][..]].iter()) {
        let line = place.run(&[command, &["--store", "nowhere"][..]].concat()).fails(1);
        contains_all(&line, &["nowhere", "no such folder"]);
    }
    assert!(!place.path("nowhere").exists());

    fs::create_dir(place.path("empty")).unwrap();
    let empty = |command: &[&str]| place.run(&[command, &["--store", "empty"]].concat());
    assert_eq!(empty(&["ls"]).ok(), "the store empty is empty\n");
    assert_eq!(empty(&["verify"]).ok(), "0 files, 0 rows, 0 B: there are no data files\n");
    let ran = empty(&["verify", "--require-some"]);
    assert_eq!(ran.code, Some(1));
    contains_all(&ran.stderr, &["empty has no data files", "--require-some"]);
    contains_all(&empty(&["ls", "--tenant", "7"]).fails(1), &["holds no data at all"]);
    assert!(place.ok(&["verify", "--require-some"]).ends_with(": all undamaged\n"));
    // A put makes its folder.
    place.ok(&["put", "rows.json", "-c", "c", "--store", "made/here"]);
}

#[test]
fn what_was_named_and_is_not_there_is_told_with_what_is() {
    let place = filled();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["verify", "--tenant", "9"], &["no data of tenant 9", "of the tenants 7, 8"]),
        (
            &["verify", "--tenant", "7", "-c", "x"],
            &["in collection x", "tenant 7 has the collection c"],
        ),
        (&["verify", "-c", "x"], &["no data in collection x", "the collections c, d"]),
        (&["ls", "--tenant", "9"], &["no data of tenant 9", "7, 8"]),
        (&["ls", "--tenant", "9", "-c", "c"], &["of tenant 9 in collection c", "of the tenant 7"]),
        (&["ls", "-c", "x"], &["no data in collection x"]),
        (&["rm", "--tenant", "9"], &["no data of tenant 9"]),
        (&["rm", "--tenant", "7", "-c", "x", "--yes"], &["tenant 7 has the collection c"]),
        (
            &["cat", "7/c/lsn-5-6.parquet"],
            &["no object 7/c/lsn-5-6.parquet", "collection c holds the LSN range 0..1"],
        ),
    ];
    for (command, parts) in cases {
        contains_all(&place.run(command).fails(1), parts);
    }
    // Nothing below an LSN is nothing to do, where the collection is there.
    let none = place.ok(&["rm", "--tenant", "7", "--before", "0", "--yes"]);
    assert_eq!(none, "no such files; nothing was deleted\n");
    assert_eq!(place.stored_files(), [KEY, "8/d/lsn-0-1.parquet"]);
}

#[test]
fn no_folder_is_made_for_what_looks_like_a_url() {
    let place = filled();
    for (store, right) in [
        ("s3:/cold/app", "s3://cold/app"),
        ("s3:cold", "s3://cold"),
        ("file:///tmp/x", "--store /tmp/x"),
        ("https://s3.example.com/cold", "--endpoint"),
        ("gs://cold", "storage.googleapis.com"),
    ] {
        for command in [&["put", "rows.json", "-c", "c"][..], &["verify"]] {
            let line = place.run(&[command, &["--store", store]].concat()).fails(2);
            contains_all(&line, &[right]);
        }
    }
    let mut names: Vec<_> = fs::read_dir(place.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["coldpress-data", "rows.json"]);
}

#[test]
fn secrets_given_in_the_wrong_place_are_not_echoed() {
    let place = filled();
    let grant = "{\"put\": {\"url\": \"https://h/k?X-Amz-Credential=HUSH&X-Amz-Signature=HUSH\"}}";
    let url = "https://user:HUSH@host/rows.json";
    let cases: [&[&str]; 11] = [
        &["put", grant, "-c", "c"],
        &["put", "rows.json", "--grant", grant],
        &["cat", grant],
        &["get", grant],
        &["verify", grant],
        &["ls", "--store", grant],
        &["put", url, "-c", "c"],
        &["cat", url],
        &["ls", "--store", "s3://user:HUSH@cold/app"],
        &["ls", "--store", "s3:/user:HUSH@cold/app"],
        &["ls", "--store", "s3://cold", "--endpoint", url],
    ];
    for arguments in cases {
        let mut command = place.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
        let ran = Ran::new(command.output().unwrap());
        assert!(ran.code == Some(1) || ran.code == Some(2), "{arguments:?}: {ran:?}");
        assert!(!format!("{ran:?}").contains("HUSH"), "{arguments:?}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn names_of_strangers_are_counted_and_shown_when_asked_for() {
    let place = filled();
    let store = place.path("coldpress-data");
    fs::write(store.join("7/c/new\nline"), "x").unwrap();
    fs::create_dir_all(store.join("photos/2020")).unwrap();
    fs::write(store.join("photos/2020/a.jpg"), "x").unwrap();
    symlink("..", store.join("7/loop")).unwrap();
    fs::create_dir_all(store.join("7/c/_claims")).unwrap();
    fs::write(store.join("7/c/_claims/0"), "x").unwrap();

    let last = |text: String| text.lines().last().unwrap().to_owned();
    assert_eq!(
        last(place.ok(&["ls"])),
        "ignored 3 names that are not Coldpress objects; -v lists them"
    );
    let named = place.ok(&["ls", "-v"]);
    contains_all(
        &named,
        &[
            "not a Coldpress object: 7/c/new\\nline\n",
            "not a Coldpress object: 7/loop (a symbolic link)\n",
            "not a Coldpress object: photos/\n",
        ],
    );
    let objects = json(&place.ok(&["ls", "--json", "-v"]));
    assert_eq!(objects.as_array().unwrap().len(), 2 + 3 + 1);
    assert_eq!(objects[5]["foreign_names"], 3);
    contains_all(&place.ok(&["verify"]), &["ignored 3 names", "2 files, 4 rows"]);
    place.ok(&["put", "rows.json", "-c", "c", "--tenant", "7", "--append"]);
    place.ok(&["rm", "--tenant", "7", "--yes"]);
    assert!(store.join("7/c/new\nline").exists() && store.join("7/loop").is_symlink());
}

#[test]
fn a_folder_of_root_beside_the_data_stops_nobody() {
    let place = filled();
    let copy = place.path("coldpress");
    // By another process: a file that this one writes stays open in the children that other tests
    // start meanwhile, and then it cannot be run.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_coldpress")).arg(&copy).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(place.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let run = |arguments: &[&str]| {
        // As root nothing is refused, so root steps down.
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
            command
        } else {
            Command::new(&copy)
        };
        let command = command.args(arguments).args(["--store", "coldpress-data"]);
        Ran::new(command.current_dir(place.path(".")).output().unwrap())
    };
    let closed = |name: &str| {
        let path = place.path("coldpress-data").join(name);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        path
    };
    let lost = closed("lost+found");
    contains_all(&run(&["ls"]).ok(), &[KEY, "ignored 1 name"]);
    contains_all(
        &run(&["verify", "-v"]).ok(),
        &["all", "not a Coldpress object: lost+found/", "2 files, 4 rows"],
    );
    // A folder that can hold data is another matter.
    let data = closed("9/x");
    for command in ["ls", "verify"] {
        let line = run(&[command]).fails(1);
        contains_all(&line, &["coldpress-data/9/x", "Permission denied"]);
    }
    for path in [lost, data] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn rm_takes_exact_keys_and_says_which_are_not_there() {
    let place = filled();
    let other = "8/d/lsn-0-1.parquet";
    let dry = place.ok(&["rm", KEY]);
    contains_all(&dry, &[KEY, "1 file, ", "nothing was deleted; add --yes"]);
    for wrong in [&["rm", KEY, "--tenant", "7"][..], &["rm"]] {
        assert_eq!(place.run(wrong).code, Some(2));
    }
    contains_all(&place.run(&["rm", "7/c/notes.txt"]).fails(1), &["not a key"]);
    place.ok(&["wal", "put", "rows.json", "--name", "01"]);
    contains_all(&place.run(&["rm", KEY, "wal/01", "--yes"]).fails(1), &["segment of a log"]);
    assert!(place.stored_files().contains(&KEY.to_owned()), "all keys are looked at first");

    // A damaged one goes like any other.
    fs::write(place.path("coldpress-data").join(KEY), "damaged").unwrap();
    let missing = "7/c/lsn-5-5.parquet";
    let ran = place.run(&["rm", KEY, missing, KEY, "--yes"]);
    assert_eq!(ran.code, Some(1));
    contains_all(&ran.stdout, &[KEY, "no object: 7/c/lsn-5-5.parquet", "1 file, 7 B: deleted"]);
    contains_all(&ran.stderr, &["1 has no object: 7/c/lsn-5-5.parquet"]);
    assert!(!place.path("coldpress-data").join(KEY).exists());
    let text = place.ok(&["rm", other, "--yes", "--json"]);
    let lines: Vec<_> = text.lines().map(json).collect();
    assert_eq!((&lines[0]["key"], &lines[0]["deleted"]), (&other.into(), &true.into()));
}

#[test]
fn a_pipe_at_a_key_blocks_nothing() {
    let place = filled();
    let path = place.path("coldpress-data").join(KEY);
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let put = ["put", "rows.json", "-c", "c", "--tenant", "7"];
    for command in [&["cat", KEY][..], &["inspect", KEY], &["get", KEY], &put] {
        contains_all(&place.run(command).fails(1), &["lsn-0-1.parquet", "named pipe"]);
    }
    let printed = place.ok(&["verify", "-v"]);
    contains_all(
        &printed,
        &["not a Coldpress object: 7/c/lsn-0-1.parquet (a named pipe)", "1 file, 2 rows"],
    );
}

#[test]
fn a_panic_that_was_caught_prints_one_line() {
    let place = filled();
    let key = "0/s/lsn-0-399.parquet";
    let path = place.path("coldpress-data").join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let case = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/cases/hostile/caught_panic_footer.parquet"
    );
    fs::copy(case, path).unwrap();
    let mut command = place.command(&["verify", key]);
    let ran = Ran::new(command.env("RUST_BACKTRACE", "1").output().unwrap());
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(1), 1), "{}", ran.stderr);
    contains_all(&ran.stdout, &["damaged", key]);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}
