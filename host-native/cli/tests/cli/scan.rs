//! `cat` over a collection: filters, ids, LSNs, formats, and what it says of its work.

use std::fmt::Write as _;

use crate::harness::{Place, contains_all};

/// Three files of a hundred rows, with LSNs 0 to 299.
fn stored() -> Place {
    let place = Place::new();
    for file in 0..3 {
        let mut rows = String::new();
        for n in file * 100..file * 100 + 100 {
            let year = 1900 + n;
            let genre = ["Drama", "Comedy"][n % 2];
            writeln!(
                rows,
                r#"{{"_id":"film-{n}","title":"The film {n}","year":{year},"genre":"{genre}","at":{{"lat":{n}.5}}}}"#
            )
            .unwrap();
        }
        place.write("rows.ndjson", rows);
        place.ok(&["put", "rows.ndjson", "-c", "films", "--append"]);
    }
    place
}

#[test]
fn a_filter_chooses_rows_of_all_files() {
    let place = stored();
    let filter = "year >= 1999 and year < 2003 and genre in ('Drama', 'Noir') or at.lat = 250.5";
    let found = place.ok(&["cat", "-c", "films", "--where", filter, "--columns", "year,at.lat"]);
    let rows = "{\"year\":2000,\"at\":{\"lat\":100.5}}\n{\"year\":2002,\"at\":{\"lat\":102.5}}\n\
        {\"year\":2150,\"at\":{\"lat\":250.5}}\n";
    assert_eq!(found, rows);
    let by_id = place.ok(&["cat", "-c", "films", "--id", "film-217", "--columns", "year"]);
    assert_eq!(by_id, "{\"year\":2117}\n");
    let same = place.ok(&["cat", "-c", "films", "--where", "_id = 'film-217'"]);
    assert_eq!(same, place.ok(&["cat", "-c", "films", "--id", "film-217"]));
    assert_eq!(place.ok(&["cat", "-c", "films", "--id", "nobody"]), "");
}

#[test]
fn lsns_and_a_limit_bound_what_is_read() {
    let place = stored();
    let explained = |arguments: &[&str]| {
        let run = place.run(&[&["cat", "-c", "films", "--explain"], arguments].concat());
        (run.stdout.lines().count(), run.stderr)
    };
    let (rows, said) = explained(&["--lsn", "150..160"]);
    assert_eq!(rows, 100);
    contains_all(&said, &["files", "3: 2 left out by LSNs, 1 opened, 1 read", "requests", "bytes"]);
    let (rows, said) = explained(&["--limit", "10"]);
    assert_eq!(rows, 10);
    contains_all(&said, &["3: 1 opened, 1 read"]);
    let (rows, said) = explained(&["--where", "year = 2150"]);
    assert_eq!(rows, 1);
    contains_all(&said, &["3: 2 left out by statistics, 1 read", "1 of 100 rows"]);
}

#[test]
fn rows_are_printed_as_csv_or_as_a_table() {
    let place = stored();
    let rows = "{\"a\":\"x, \\\"y\\\"\",\"n\":1}\n{\"n\":2.5,\"list\":[1,{\"k\":null}]}\n{}\n";
    place.write("odd.ndjson", rows);
    place.ok(&["put", "odd.ndjson", "-c", "odd"]);
    let csv = place.ok(&["cat", "-c", "odd", "--format", "csv"]);
    let wanted = "a,n,list\r\n\"x, \"\"y\"\"\",1,\r\n,2.5,\"[1,{\"\"k\"\":null}]\"\r\n,,\r\n";
    assert_eq!(csv, wanted);
    let one = place.ok(&["cat", "-c", "odd", "--format", "csv", "--columns", "a"]);
    assert_eq!(one, "a\r\n\"x, \"\"y\"\"\"\r\n\"\"\r\n\"\"\r\n");
    let table = place.ok(&["cat", "-c", "odd", "--format", "table", "--with-id"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    contains_all(lines[0], &["_id", "a", "n", "list"]);
    contains_all(lines[2], &["0", "x, \"y\"", "1"]);
    // A rescued field is no column, and is not lost without a word.
    place.write("odd.ndjson", "{\"a\":1,\"A\":2}\n");
    place.ok(&["put", "odd.ndjson", "-c", "case"]);
    let run = place.run(&["cat", "-c", "case", "--format", "csv"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), "a\r\n"));
    contains_all(&run.stderr, &["\"A\"", "--columns"]);
    let both = place.run(&["cat", "-c", "case", "--format", "csv", "--columns", "a,A"]);
    assert_eq!((both.code, both.stdout.as_str()), (Some(0), "a,A\r\n1,2\r\n"));
    contains_all(&both.stderr, &["note: no file that was read has a column A"]);
}

#[test]
fn a_name_that_is_no_column_is_not_passed_over() {
    let place = Place::new();
    place.write("plain.ndjson", "{\"Title\":\"x\"}\n");
    place.ok(&["put", "plain.ndjson", "-c", "plain"]);
    place.write("rescued.ndjson", "{\"Title\":\"x\"}\n{\"Title\":\"y\",\"title\":{\"a\":1}}\n");
    place.ok(&["put", "rescued.ndjson", "-c", "rescued"]);
    let plain = place.run(&["cat", "-c", "plain", "--columns", "title"]);
    assert_eq!((plain.code, plain.stdout.as_str()), (Some(0), "{}\n"));
    contains_all(&plain.stderr, &["warning", "has a column title; the case of a name matters"]);
    let one = place.run(&["cat", "0/plain/lsn-0-0.parquet", "--columns", "title"]);
    assert_eq!((one.code, one.stdout.as_str()), (Some(1), ""));
    contains_all(&one.stderr, &["no column title", "inspect"]);
    // The rows may have it: it is printed, from one file too.
    for of in [["-c", "rescued"].as_slice(), &["0/rescued/lsn-0-1.parquet"]] {
        let path = place.run(&[&["cat"], of, &["--columns", "title.a"]].concat());
        assert_eq!((path.code, path.stdout.as_str()), (Some(0), "{}\n{\"title\":{\"a\":1}}\n"));
        contains_all(&path.stderr, &["note: ", "title.a", "among their rescued values"]);
    }
    let bare = place.run(&["cat", "plain"]);
    contains_all(&bare.stderr, &["neither a key nor a file", "--collection plain"]);
    let nothing = place.run(&["cat"]);
    contains_all(&nothing.stderr, &["<KEY|--collection <NAME>>"]);
    let empty = place.run(&["cat", "-c", "plain", "--columns", "Title,"]);
    contains_all(&empty.stderr, &["--columns has an empty name"]);
    let open = place.run(&["cat", "-c", "plain", "--columns", "\"Title"]);
    contains_all(&open.stderr, &["the path of the column is wrong at character 1"]);
}

#[test]
fn a_sheet_has_every_digit_of_a_number_and_plain_names() {
    let place = Place::new();
    let row = "{\"big number\":18446744073709551616,\"o\":{\"b\":1e400,\"a\":\"\\n\"},\
               \"null\":0.10000000000000000555}";
    place.put(row, &[]);
    let csv = |arguments: &[&str]| {
        place.ok(&[&["cat", "-c", "c", "--format", "csv"], arguments].concat())
    };
    assert_eq!(
        csv(&[]),
        "big number,o,null\r\n18446744073709551616,\"{\"\"b\"\":1e400,\"\"a\"\":\"\"\\n\"\"}\",\
         0.10000000000000000555\r\n"
    );
    assert_eq!(csv(&["--columns", "o.b,o.a"]), "o.b,o.a\r\n1e400,\"\n\"\r\n");
    let absent = place.run(&["cat", "-c", "c", "--format", "csv", "--columns", "o.a,o.x"]);
    assert_eq!(absent.stdout, "o.a,o.x\r\n\"\n\",\r\n");
    contains_all(&absent.stderr, &["note: ", "o.x"]);
    let table = place.ok(&["cat", "-c", "c", "--format", "table"]);
    contains_all(&table, &["big number", "18446744073709551616"]);
}

#[test]
fn a_filter_has_its_text_form_or_its_json_form() {
    let place = stored();
    let of =
        |filter: &str| place.ok(&["cat", "-c", "films", "--where", filter, "--columns", "year"]);
    assert_eq!(of(" {\"=\":[\"year\",2150]}"), of("year = 2150"));
    assert_eq!(of("year = 2150"), "{\"year\":2150}\n");
    let error = place.run(&["cat", "-c", "films", "--where", "{\"=\":[\"year\"]}"]).fails(2);
    contains_all(&error, &["--where", "expected"]);
}

#[test]
fn wrong_calls_say_what_to_do() {
    let place = stored();
    let error = place.run(&["cat", "-c", "films", "--where", "year >"]).fails(2);
    contains_all(&error, &["--where", "expected a value"]);
    let error = place.run(&["cat", "-c", "film"]).fails(1);
    contains_all(&error, &["film", "films"]);
    place.run(&["cat"]).fails(2);
    for of_a_collection in [["-c", "films"], ["--tenant", "9"], ["--lsn", "1..2"]] {
        place.run(&[&["cat", "x.parquet"], &of_a_collection[..]].concat()).fails(2);
    }
    place.ok(&["cat", "-c", "films", "--id", "-1"]);
    let run = place.run(&["cat", "-c", "films", "--where", "yaer > 1", "--limit", "1"]);
    contains_all(&run.stderr, &["warning", "yaer"]);
    let run = place.run(&["cat", "-c", "films", "--where", "_rescued_data is not null"]);
    contains_all(&run.stderr, &["warning", "_rescued_data", "coldpress sql"]);
    assert_eq!(run.stdout, "");
}
