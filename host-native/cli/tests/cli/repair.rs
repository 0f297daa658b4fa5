//! A damaged file is told from another one, and put right.

use std::fs;
use std::time::{Duration, SystemTime};

use coldpress_core::{ClaimMark, ClaimName, KeyPrefix, LsnRange, ObjectKey};

use crate::harness::{MOVIES, Place, contains_all, json, same_rows};

const ROWS: &str = "{\"a\":1,\"t\":\"x\"}\n{\"a\":2.5}\n{\"a\":\"s\"}\n";
const KEY: &str = "0/c/lsn-0-2.parquet";

/// Flips a bit at this part of the file, from 0 to 100.
fn damage(place: &Place, key: &str, percent: usize) -> Vec<u8> {
    let path = place.path("coldpress-data").join(key);
    let mut bytes = fs::read(&path).unwrap();
    let whole = bytes.clone();
    let at = (bytes.len() - 1) * percent / 100;
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
    whole
}

fn stored(place: &Place, key: &str) -> Vec<u8> {
    fs::read(place.path("coldpress-data").join(key)).unwrap()
}

#[test]
fn a_put_says_that_the_object_there_is_damaged_and_not_to_append() {
    let place = Place::new();
    place.put(ROWS, &[]);
    damage(&place, KEY, 10);
    for rows in [ROWS, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"] {
        place.write("rows.json", rows);
        for options in [&[][..], &["--lsn", "0..2"]] {
            let line = place.run(&[&["put", "rows.json", "-c", "c"], options].concat()).fails(1);
            contains_all(
                &line,
                &[KEY, "is damaged", &format!("coldpress verify {KEY} --repair-from")],
            );
            assert!(!line.contains("--append"), "{line}");
        }
    }
    // A whole one of other rows is told as such.
    place.write("rows.json", ROWS);
    place.ok(&["verify", KEY, "--repair-from", "rows.json"]);
    place.write("rows.json", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    let line = place.run(&["put", "rows.json", "-c", "c"]).fails(1);
    contains_all(&line, &["other content", "--append"]);
}

#[test]
fn the_rows_put_a_damaged_file_right_to_the_byte() {
    let place = Place::new();
    fs::copy(MOVIES, place.path("movies.ndjson")).unwrap();
    let key = "0/movies/lsn-0-3200.parquet";
    for options in [&[][..], &["--codec", "snappy", "--row-group-rows", "1000"]] {
        place.ok(&[&["put", "movies.ndjson", "-c", "movies"], options].concat());
        for percent in [0, 3, 50, 90] {
            let whole = damage(&place, key, percent);
            assert_eq!(place.run(&["verify"]).code, Some(1), "{percent}");
            let said = place.ok(&["verify", key, "--repair-from", "movies.ndjson"]);
            assert_eq!(said, format!("{key} was damaged and has been replaced\n"));
            assert!(stored(&place, key) == whole, "{percent}: not the same bytes");
        }
        place.ok(&["rm", key, "--yes"]);
    }
}

#[test]
fn other_rows_replace_nothing() {
    let place = Place::new();
    place.put(ROWS, &[]);
    damage(&place, KEY, 10);
    let damaged = stored(&place, KEY);
    let run = |rows: &str, options: &[&str]| {
        place.write("other.json", rows);
        place.run(&[&["verify", KEY, "--repair-from", "other.json"], options].concat())
    };
    let other = "{\"a\":1,\"t\":\"y\"}\n{\"a\":2.5}\n{\"a\":\"s\"}\n";
    contains_all(&run(other, &[]).fails(1), &[KEY, "not byte for byte", "--unproven"]);
    for rows in ["{\"a\":1}\n", "", &ROWS.repeat(2)] {
        for options in [&[][..], &["--unproven"]] {
            let ran = run(rows, options);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{rows:?}: {}", ran.stderr);
        }
    }
    assert!(stored(&place, KEY) == damaged);
    // Who knows better says so.
    run(other, &["--unproven"]).ok();
    same_rows(other, &place.ok(&["cat", KEY]));
    place.ok(&["verify"]);

    // An object that is whole stays, whatever is given.
    let whole = stored(&place, KEY);
    let said = run(ROWS, &["--unproven"]).ok();
    assert_eq!(said, format!("{KEY} is undamaged and was not replaced\n"));
    assert!(stored(&place, KEY) == whole);
}

#[test]
fn a_copy_of_the_object_takes_its_place() {
    let place = Place::new();
    place.put(ROWS, &[]);
    place.ok(&["put", "rows.json", "-c", "d"]);
    place.ok(&["get", KEY, "-o", "copy.parquet"]);
    place.ok(&["get", "0/d/lsn-0-2.parquet", "-o", "of-d.parquet"]);
    let whole = damage(&place, KEY, 60);
    let repair = |files: &[&str]| place.run(&[&["verify", KEY, "--repair-from"], files].concat());
    contains_all(&repair(&["of-d.parquet"]).fails(1), &[KEY, "replacement"]);
    contains_all(&repair(&["copy.parquet", "rows.json"]).fails(2), &["copy.parquet", "alone"]);
    place.write("bad.parquet", stored(&place, KEY));
    contains_all(&repair(&["bad.parquet"]).fails(1), &["replacement", "damaged"]);
    repair(&["copy.parquet"]).ok();
    assert!(stored(&place, KEY) == whole);
}

#[test]
fn a_file_without_a_footer_is_replaced_where_the_rows_fit_and_that_is_said() {
    let place = Place::new();
    place.put(ROWS, &[]);
    let whole = stored(&place, KEY);
    let path = place.path("coldpress-data").join(KEY);
    let repair = |rows: &str, options: &[&str]| {
        place.write("from.json", rows);
        place.run(&[&["verify", KEY, "--repair-from", "from.json"], options].concat())
    };
    for left in [&whole[..whole.len() / 2], &[][..]] {
        fs::write(&path, left).unwrap();
        contains_all(&repair("{\"a\":1}\n", &[]).fails(1), &["1 rows", "3 LSNs", "--unproven"]);
        let said = json(&repair(ROWS, &["--json"]).ok());
        assert_eq!((&said["key"], &said["state"]), (&KEY.into(), &"replaced".into()));
        assert_eq!(said["checked"], "rows");
        assert!(stored(&place, KEY) == whole);
        fs::write(&path, left).unwrap();
        contains_all(&repair(ROWS, &[]).ok(), &["no footer could be read", "only the number"]);
    }
    contains_all(&place.ok(&["verify", "--help"]), &["only the number of rows is checked"]);
    let usage = place.run(&["verify", "--repair-from", "from.json"]);
    assert_eq!(usage.code, Some(2), "{}", usage.stderr);
}

#[test]
fn what_is_gone_is_put_back_only_where_a_killed_repair_left_its_claim() {
    let place = Place::new();
    place.put(ROWS, &[]);
    let whole = stored(&place, KEY);
    let data = place.path("coldpress-data");
    fs::remove_file(data.join(KEY)).unwrap();
    let ran = place.run(&["verify", KEY]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 missing"), "{}", ran.stderr);
    assert!(!(ran.stdout + &ran.stderr).contains("--repair-from"));
    for options in [&[][..], &["--unproven"]] {
        let asked = [&["verify", KEY, "--repair-from", "rows.json"], options].concat();
        contains_all(
            &place.run(&asked).fails(1),
            &[KEY, "there is no object at this key", "put --lsn 0..2"],
        );
    }
    assert!(!data.join(KEY).exists());

    // The claim of a process that is long gone.
    let mark = ClaimMark::repair(&ObjectKey::parse(&KeyPrefix::default(), KEY).unwrap());
    let claim = ClaimName::new(LsnRange::new(0, 2).unwrap(), mark, &"0".repeat(32)).unwrap();
    let claim = data.join(claim.path(&KeyPrefix::default(), 0, "c").unwrap());
    fs::create_dir_all(claim.parent().unwrap()).unwrap();
    let file = fs::File::create(&claim).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(2 * 60 * 60)).unwrap();
    let said = json(&place.ok(&["verify", KEY, "--json", "--repair-from", "rows.json"]));
    assert_eq!((&said["state"], &said["checked"]), (&"restored".into(), &"rows".into()));
    assert!(stored(&place, KEY) == whole);
    assert!(!claim.exists());
}
