//! Tables: compaction, vacuum and erasing rows.

use serde_json::Value;

use crate::harness::Place;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A table of three small files.
fn place() -> Place {
    let place = Place::new();
    for first in [0, 10, 20] {
        let row = |n: i32| format!("{{\"_id\":\"r{n}\",\"n\":{n}}}\n");
        let text: String = (first..first + 10).map(row).collect();
        place.put(&text, &["--append"]);
    }
    place.ok(&["table", "adopt", "--collection", "c"]);
    place
}

fn rows(place: &Place) -> usize {
    place.ok(&["cat", "--collection", "c", "--format", "ndjson"]).lines().count()
}

#[test]
fn a_table_is_compacted_and_vacuumed() {
    let place = place();
    let compacted = json(&place.ok(&["table", "compact", "-c", "c", "--json"]));
    assert_eq!(compacted["files"][0]["rows"], 30);
    assert_eq!(compacted["files"][0]["replaced"].as_array().unwrap().len(), 3);
    let again = place.ok(&["table", "compact", "-c", "c", "--sort-by", "n"]);
    assert_eq!(again, "nothing was compacted\n");
    assert_eq!(rows(&place), 30);
    let vacuum = ["table", "vacuum", "-c", "c", "--retain", "0", "--json"];
    let dry = json(&place.ok(&[&vacuum[..], &["--dry-run"]].concat()));
    assert_eq!((&dry["dry_run"], dry["files"].as_array().unwrap().len()), (&true.into(), 3));
    let vacuumed = json(&place.ok(&vacuum));
    assert_eq!(vacuumed["files"], dry["files"]);
    let stored = place.stored_files();
    let data = stored.iter().filter(|name| name.ends_with(".parquet"));
    assert_eq!(data.collect::<Vec<_>>(), ["0/c/lsn-0-29.1.parquet"]);
    assert_eq!(rows(&place), 30);
    let refused = place.run(&["table", "compact", "-c", "d"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("is no table"), "{}", refused.stderr);
}

#[test]
fn rows_are_erased_with_a_proof() {
    let place = place();
    let erase = ["erase", "-c", "c", "--id", "r3", "--id", "r25", "--purge"];
    let dry = place.ok(&erase);
    assert!(dry.ends_with("2 rows in 2 files; nothing was erased; add --yes to erase\n"), "{dry}");
    assert_eq!(rows(&place), 30);
    let erased = json(&place.ok(&[&erase[..], &["--yes", "--json"]].concat()));
    assert_eq!((&erased["collection"], &erased["erased_rows"]), (&"c".into(), &2.into()));
    assert_eq!((&erased["files_rewritten"], &erased["objects_deleted"]), (&2.into(), &2.into()));
    let proof = &erased["proof"];
    assert_eq!((&proof["holds"], &proof["rows_found"]), (&true.into(), &0.into()));
    assert_eq!((&proof["files_searched"], &proof["old_files_searched"]), (&3.into(), &0.into()));
    let kept = place.ok(&["erase", "-c", "c", "--where", "n >= 28", "--yes"]);
    assert!(kept.contains("old versions of the table still hold them"), "{kept}");
    assert_eq!(rows(&place), 26);
    // What cannot be read may hold such rows.
    place.write("coldpress-data/0/c/lsn-500-501.parquet", "no file of ours");
    let failed = place.run(&["erase", "-c", "c", "--id", "r3", "--purge", "--yes", "--json"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert_eq!(json(&failed.stdout)["proof"]["holds"], false);
    assert!(failed.stderr.contains("could not be read"), "{}", failed.stderr);
    assert_eq!(place.run(&["erase", "-c", "c", "--yes"]).code, Some(2));
}
