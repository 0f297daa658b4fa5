//! What `put` reads: every form of input, and input that is bad.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{MOVIES, Place, Ran, contains_all, first_line, json, same_rows};

const ROWS: &str = "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n{\"b\":[1,{\"c\":null}]}\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

#[test]
fn an_array_and_packed_files_whatever_their_names() {
    let place = Place::new();
    let array = format!("[{}]", ROWS.trim().replace('\n', ",\n"));
    place.write("array.json", &array);
    place.write("packed", gzip(ROWS.as_bytes()));
    place.write("array.gz", gzip(array.as_bytes()));
    place.write("packed.zst", zstd::encode_all(ROWS.as_bytes(), 3).unwrap());
    place.write("not-packed.gz", ROWS);
    let members = [gzip(&ROWS.as_bytes()[..20]), gzip(&ROWS.as_bytes()[20..])].concat();
    place.write("members.gz", members);
    place.write("mark.json", format!("\u{feff}{ROWS}"));
    for name in [
        "array.json",
        "packed",
        "array.gz",
        "packed.zst",
        "not-packed.gz",
        "members.gz",
        "mark.json",
    ] {
        let report = json(&place.ok(&["put", name, "-c", name, "--json"]));
        assert_eq!(report["rows"], 3, "{name}");
        assert!(report["bytes_in"].as_u64().unwrap() >= ROWS.len() as u64, "{name}");
        same_rows(ROWS, &place.ok(&["cat", report["key"].as_str().unwrap()]));
    }
    let shown = place.ok(&["put", "packed", "-c", "shown"]);
    assert!(shown.contains(" compressed)"), "{shown}");
}

#[test]
fn standard_input_with_and_without_a_dash() {
    let place = Place::new();
    for (collection, files) in [("a", &[][..]), ("b", &["-"])] {
        let arguments = [&["put", "-c", collection], files].concat();
        let printed = place.run_with_input(&arguments, &gzip(ROWS.as_bytes())).ok();
        same_rows(ROWS, &place.ok(&["cat", &first_line(&printed)]));
    }
}

#[test]
fn several_inputs_become_one_object_in_order() {
    let place = Place::new();
    place.write("1.json", "\u{feff}{\"n\":1}\n{\"n\":2}");
    place.write("2.json", "[{\"n\":3}, {\"n\":4}]");
    place.write("3.json.gz", gzip(b"{\"n\":5}\n"));
    place.write("4.json", "");
    place.write("6.json", "\u{feff} [ {\"n\":7} ] \n");
    let printed = place
        .run_with_input(
            &["put", "1.json", "2.json", "3.json.gz", "4.json", "-", "6.json", "-c", "c"],
            b"{\"n\":6}",
        )
        .ok();
    let key = first_line(&printed);
    assert_eq!(key, "0/c/lsn-0-6.parquet");
    let rows: String = (1..=7).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    assert_eq!(place.ok(&["cat", &key]), rows);
    assert_eq!(place.stored_files(), [key]);
}

#[test]
fn one_input_cannot_be_continued_by_the_next() {
    let place = Place::new();
    place.write("good.json", "{\"a\":1}\n{\"a\":2}\n");
    place.write("open.json", "{\"a\":1}\n{\"a\":");
    place.write("rest.json", "5}\n");
    let line = place.run(&["put", "good.json", "open.json", "rest.json", "-c", "c"]).fails(1);
    contains_all(&line, &["open.json: line 2", "ends inside a document"]);
    place.write("bad.json", "{\"a\":1}\n{\"a\":2}\n{\"a\" 3}\n");
    let line = place.run(&["put", "good.json", "bad.json", "-c", "c"]).fails(1);
    contains_all(&line, &["bad.json: line 3"]);
    place.write("comma.json", "[{\"a\":1},\n]");
    let line = place.run(&["put", "good.json", "comma.json", "-c", "c"]).fails(1);
    contains_all(&line, &["comma.json: line 2", "not JSON"]);
    assert_eq!(place.stored_files(), [""; 0]);
}

#[test]
fn bad_rows_are_named_by_file_and_line() {
    let place = Place::new();
    for (text, parts) in [
        ("{\"a\":1}\n{\"a\":}\n", &["line 2", "not JSON"][..]),
        ("{\"a\":1}\n\n[1]\n", &["line 3"]),
        ("{\"a\":1}\n5\n", &["line 2"]),
        ("[{\"a\":1},\n{\"a\":2}", &["line 2"]),
        ("[{}]\n{}", &["line 2"]),
        ("{\"a\":1}\n{\"a\":\"\u{1}\"}\n", &["line 2"]),
        ("{\"a\":1}\n{\"a\":\"x", &["line 2"]),
        ("{\"_id\":\"x\"}\n{\"_id\":[1]}\n", &["line 2"]),
        ("", &["no rows"]),
        (" \n\n", &["no rows"]),
        ("[]", &["no rows"]),
    ] {
        place.write("rows.json", text);
        for options in [&[][..], &["--append"]] {
            let arguments = [&["put", "rows.json", "-c", "c"], options].concat();
            let line = place.run(&arguments).fails(1);
            contains_all(&line, &["rows.json"]);
            contains_all(&line, parts);
        }
    }
    place.write("rows.json", b"{\"a\":1}\n{\"a\":\"\xff\"}\n");
    contains_all(&place.run(&["put", "rows.json", "-c", "c"]).fails(1), &["line 2", "UTF-8"]);
    assert_eq!(place.stored_files(), [""; 0]);
}

#[test]
fn packed_input_that_is_cut_short_is_an_error() {
    let place = Place::new();
    let text = ROWS.repeat(10_000);
    let packed =
        [("gzip", gzip(text.as_bytes())), ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap())];
    for (packer, bytes) in packed {
        for end in [8, bytes.len() / 2, bytes.len() - 1] {
            place.write("cut", &bytes[..end]);
            let line = place.run(&["put", "cut", "-c", "c"]).fails(1);
            contains_all(&line, &["cut:", packer, "cut short"]);
        }
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 20].fill(0x55);
        place.write("damaged", damaged);
        let line = place.run(&["put", "damaged", "-c", "c"]).fails(1);
        contains_all(&line, &["damaged:", packer]);
    }
    assert_eq!(place.stored_files(), [""; 0]);
}

#[test]
fn files_that_cannot_be_read_are_named_before_anything_is_stored() {
    let place = Place::new();
    place.write("parquet", b"PAR1....PAR1");
    for (name, part) in [("missing.json", "No such file"), (".", "folder"), ("parquet", "Parquet")]
    {
        let line = place.run(&["put", MOVIES, name, "-c", "c"]).fails(1);
        contains_all(&line, &[name, part]);
    }
    assert_eq!(place.stored_files(), [""; 0]);
}

#[test]
fn a_row_longer_than_every_buffer_is_read() {
    let place = Place::new();
    let long = "x".repeat(5 << 20);
    let rows = format!("{{\"a\":1}}\n{{\"a\":2,\"t\":\"{long}\"}}\n{{\"a\":3}}");
    for options in [&[][..], &["--append"]] {
        let key = place.put(&rows, options);
        same_rows(&rows, &place.ok(&["cat", &key]));
    }
    assert_eq!(place.stored_files(), ["0/c/lsn-0-2.parquet", "0/c/lsn-3-5.parquet"]);
}

#[test]
fn nothing_is_drawn_where_standard_error_is_no_terminal() {
    let place = Place::new();
    let child = place
        .command(&["put", MOVIES, "-c", "movies"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stderr, b"");
    assert!(!output.stdout.contains(&0x1b));
}

/// Runs `put` of what `more` gives again and again, behind `head`, in little memory; it has to end
/// by itself.
fn put_endless(place: &Place, head: &[u8], more: &[u8]) -> Ran {
    // 700 MB of addresses: threads and the binary want most of them.
    let limited = "ulimit -v 700000; exec \"$0\" \"$@\"";
    let binary = env!("CARGO_BIN_EXE_coldpress");
    let mut child = std::process::Command::new("sh")
        .current_dir(place.path(""))
        .args(["-c", limited, binary, "put", "-", "-c", "c", "--row-bytes-max", "16MiB"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (head, more) = (head.to_vec(), more.to_vec());
    let writer = std::thread::spawn(move || {
        let mut written = stdin.write_all(&head);
        // Ends where nobody reads any more.
        while written.is_ok() {
            written = stdin.write_all(&more);
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran::new(output)
}

#[test]
fn a_row_without_end_is_an_error_in_bounded_memory() {
    let head = b"{\"n\":1}\n\n{\"a\":";
    let endless: [(&[u8], &[u8]); 6] = [
        (b"\"", &[b'x'; 1 << 16]),
        (b"\"", &b"\\u0001".repeat(10_000)),
        (b"", &[b' '; 1 << 16]),
        (b"", &[b'['; 1 << 16]),
        (b"1", &[b'1'; 1 << 16]),
        (b"[1", &b",1".repeat(30_000)),
    ];
    for (start, more) in endless {
        let place = Place::new();
        let plain = put_endless(&place, &[head, start].concat(), more);
        // And as a packed bomb: members without end.
        let packed = put_endless(&place, &gzip(&[head, start].concat()), &gzip(more));
        for ran in [plain, packed] {
            assert_eq!(ran.code, Some(1), "{ran:?}");
            let named = ["standard input: line 3, row 1: ", "16777216 bytes", "--row-bytes-max"];
            contains_all(&ran.stderr, &named);
            assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        }
        assert!(place.stored_files().is_empty(), "{:?}", place.stored_files());
    }
}

#[test]
fn the_limit_of_a_row_can_be_chosen() {
    let place = Place::new();
    place.write("rows.json", ROWS);
    let refused = place.run(&["put", "rows.json", "-c", "c", "--row-bytes-max", "10"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("line 1, row 0: the row takes more than 10 bytes"),
        "{refused:?}"
    );
    place.ok(&["put", "rows.json", "-c", "c", "--row-bytes-max", "100B"]);
}

#[test]
fn a_schema_that_is_no_schema_but_large_is_not_read_whole() {
    let place = Place::new();
    place.write("rows.json", ROWS);
    // Of 1 GB, and no byte of it on the disk.
    std::fs::File::create(place.path("schema.json")).unwrap().set_len(1 << 30).unwrap();
    let refused = place.run(&["put", "rows.json", "-c", "c", "--schema", "schema.json"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("larger than"), "{refused:?}");
}

/// What lies in `tests/cases`: small inputs that people have, and were told wrong things of.
#[test]
fn inputs_that_people_have_are_taken_or_named() {
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let place = Place::new();
    let path = |name: &str| cases.join(name).to_str().unwrap().to_owned();
    for (name, more, rows) in [
        ("mongo/export.ndjson", &["--id", "_id.$oid"][..], 2),
        ("gz/zeropad.gz", &[], 1),
        ("gz/skippable.ndjson.zst", &[], 3),
        ("bom/bom-members.gz", &[], 4),
    ] {
        let collection = name.replace('/', "-");
        let file = path(name);
        let put = [&["put", file.as_str(), "-c", &collection, "--json"], more].concat();
        let report = json(&place.ok(&put));
        assert_eq!(report["rows"], rows, "{name}");
        let text = std::fs::read(path(name)).unwrap();
        let printed = place.ok(&["cat", report["key"].as_str().unwrap()]);
        match String::from_utf8(text) {
            Ok(text) => same_rows(&text, &printed),
            Err(_) => assert_eq!(printed.lines().count(), rows, "{name}"),
        }
    }
    for (name, parts) in [
        ("gz/double.gz", &["compressed twice", "gzip within gzip", "decompress it once"][..]),
        ("gz/garbage.gz", &["no gzip data follow its gzip data"]),
        ("bom/bom-mid.ndjson", &["line 2", "byte order mark (U+FEFF)", "files were joined"]),
        ("mongo/export.ndjson", &["row 0", "an object", "_id.$oid"]),
    ] {
        let said = place.run(&["put", &path(name), "-c", "refused"]).fails(1);
        contains_all(&said, parts);
    }
    place.write("empty.ndjson", "");
    let said = place.run(&["put", "empty.ndjson", "-c", "refused"]).fails(1);
    contains_all(&said, &["empty.ndjson: ", "the file has no rows"]);
}
