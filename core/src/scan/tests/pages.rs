//! The same over row groups of several pages, in every encoding that a writer chooses by itself.

use serde_json::{Value, json};

use super::*;
use crate::{Codec, Encoder, Settings, Target};

const ROWS: u64 = 46_000;

fn scatter(at: u64) -> u64 {
    at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

fn document(at: u64) -> Value {
    let random = scatter(at);
    let mut row = json!({
        "climbs": at * 3 + random % 3,
        "few": format!("device-{:02}", random % 40),
        "runs": format!("shift-{}", at / 700),
        // Few at first, and then so many that no dictionary holds them.
        "turns": if at < 9_000 { format!("{}", at % 7) } else { format!("{random:x}{random:x}") },
        "double": (random % 1_000_000) as f64 / 64.0,
        "flag": random.is_multiple_of(3),
        "text": format!("reading {} within {random} us", random % 9),
        "at": format!("2026-01-02T03:{:02}:{:02}Z", at / 60 % 60, at % 60),
        "list": vec![random % 5; (random % 4) as usize],
        "s": {"few": random % 6, "null": null},
    });
    match at % 1_009 {
        1 => row["climbs"] = json!("lost"),
        2 => row["few"] = json!(7),
        3 => row["double"] = Value::Null,
        4 => row["s"] = json!([1]),
        5..200 => row["few"] = Value::Null,
        _ => {}
    }
    row
}

fn file(documents: &[Value], row_group_rows_max: usize) -> Bytes {
    let settings = Settings { codec: Codec::Lz4, row_group_rows_max, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    for (at, document) in documents.iter().enumerate() {
        encoder.push_row(&format!("{at:06}"), document).unwrap();
    }
    encoder.finish(&Target::new(1, "c")).unwrap().bytes
}

#[test]
fn what_is_passed_over_changes_no_row() {
    let documents: Vec<Value> = (0..ROWS).map(document).collect();
    let filters = [
        "few in ('device-01', 'device-30')",
        "few is null and flag = true",
        "few = 7 or climbs = 'lost'",
        "not few < 'device-39' and double < 1e3",
        "runs = 'shift-30'",
        "runs = 'nowhere'",
        "turns = '3' and climbs > 20000",
        "turns like 'ff%'",
        "climbs >= 61400 and climbs < 61500.5",
        "climbs > 137900 or few = 'device-03' and flag = false",
        "double < 64 or double is null",
        "text like 'reading 4 within 1%' and s.few = 2",
        "at = timestamp '2026-01-02T03:04:05Z' and few != 'device-09'",
        "list is null and flag = true and few = 'device-11'",
        "s is not null and s.few is null",
        "s.\"null\" is not null",
        "_id >= '020470' and _id < '020490'",
        "_id in ('000000', '020479', '020480', '045999')",
    ];
    for group_rows in [1 << 20, 21_000] {
        let file = file(&documents, group_rows);
        for text in filters {
            let filter = Filter::parse(text).unwrap();
            let expected: Vec<String> = documents
                .iter()
                .enumerate()
                .filter(|(at, document)| {
                    let mut seen = (*document).clone();
                    seen["_id"] = format!("{at:06}").into();
                    filter.matches(&seen)
                })
                .map(|(at, _)| format!("{at:06}"))
                .collect();
            for (join_gap_bytes, by) in [(128 << 10, true), (0, true), (1 << 30, false)] {
                let (use_statistics, use_page_index) = (by, by);
                let settings = ScanSettings {
                    join_gap_bytes,
                    use_statistics,
                    use_page_index,
                    ..ScanSettings::default()
                };
                let query = ScanQuery { filter: Some(filter.clone()), ..ScanQuery::default() };
                let rows = scan(&file, query, settings).0;
                let ids: Vec<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
                assert_eq!(ids, expected, "{text}");
                for (id, json) in rows {
                    let of_row: usize = id.parse().unwrap();
                    let mut row: Value = serde_json::from_str(&json).unwrap();
                    // A null and an absent field count as the same.
                    row.as_object_mut().unwrap().retain(|_, value| !value.is_null());
                    let mut whole = documents[of_row].clone();
                    whole.as_object_mut().unwrap().retain(|_, value| !value.is_null());
                    assert_eq!(row, whole, "{text}");
                }
            }
        }
    }
}
