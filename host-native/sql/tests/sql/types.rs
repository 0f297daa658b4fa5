//! Columns whose types differ by file.

use coldpress::{Schema, Settings};
use serde_json::{Value, json};

use crate::made::Made;

/// The type of a column of the table, and its values in the order of the rows.
async fn column(made: &Made, name: &str) -> (String, Value) {
    let table = made.session().table("c").await.unwrap();
    let field = table.schema().field_with_unqualified_name(name).unwrap().data_type().to_string();
    let rows = made.ask(&format!("select \"{name}\" from c order by _lsn_min")).await.unwrap();
    (field, rows.iter().map(|row| row[0].clone()).collect())
}

/// A collection with a file for each of these rows.
async fn files_of(rows: &[Value]) -> Made {
    let made = Made::new();
    for (row, lsn) in rows.iter().zip(0..) {
        made.put("c", lsn, std::slice::from_ref(row)).await;
    }
    made
}

#[tokio::test]
async fn integers_beside_doubles_are_doubles_where_each_is_exact() {
    let exact = files_of(&[json!({"v": 1_i64 << 53}), json!({"v": 0.5})]).await;
    let (kind, values) = column(&exact, "v").await;
    assert_eq!((kind.as_str(), values), ("Float64", json!([9007199254740992.0, 0.5])));
    let rounded = files_of(&[json!({"v": (1_i64 << 53) + 1}), json!({"v": 0.5})]).await;
    let (kind, values) = column(&rounded, "v").await;
    assert_eq!((kind.as_str(), values), ("Utf8View", json!(["9007199254740993", "0.5"])));
}

#[tokio::test]
async fn what_clashes_is_text_and_strings_stay_as_they_are() {
    let rows = [
        json!({"v": 5}),
        json!({"v": "a \"b\""}),
        json!({"v": true}),
        json!({"v": {"x": 1, "y": [1, null, 2.5]}}),
        json!({"v": [{"k": "é"}]}),
        json!({"v": "2026-01-02T03:04:05.678Z"}),
        json!({"v": "2026-01-02"}),
        json!({"w": 1}),
    ];
    let made = files_of(&rows).await;
    let (kind, values) = column(&made, "v").await;
    assert_eq!(kind, "Utf8View");
    assert_eq!(
        values,
        json!([
            "5",
            "a \"b\"",
            "true",
            "{\"x\":1,\"y\":[1.0,null,2.5]}",
            "[{\"k\":\"é\"}]",
            "2026-01-02T03:04:05.678Z",
            "2026-01-02",
            null
        ])
    );
    // A filter there is no filter of the reader, and takes the right rows.
    let ask = async |sql: &str| json!(made.ask(sql).await.unwrap());
    assert_eq!(ask("select _lsn_min from c where v like '{%'").await, json!([[3]]));
    assert_eq!(ask("select count(*) from c where v = '5' or v is null").await, json!([[2]]));
}

#[tokio::test]
async fn parts_of_structs_and_lists_differ_too() {
    let rows = [
        json!({"s": {"a": 1, "b": {"x": "one"}}, "l": [{"p": 1}]}),
        json!({"s": {"b": {"x": 2, "y": true}, "c": "new"}, "l": [{"q": "z", "p": 0.5}, null]}),
        json!({"s": null, "l": null}),
    ];
    let made = files_of(&rows).await;
    let (_, values) = column(&made, "s").await;
    assert_eq!(
        values,
        json!([{"a": 1, "b": {"x": "one"}}, {"b": {"x": "2", "y": true}, "c": "new"}, null])
    );
    let (_, values) = column(&made, "l").await;
    assert_eq!(values[0], json!([{"p": 1.0}]));
    assert_eq!(values[1], json!([{"p": 0.5, "q": "z"}, null]));
    let ask = async |sql: &str| json!(made.ask(sql).await.unwrap());
    assert_eq!(ask("select _lsn_min from c where s['b']['x'] = '2'").await, json!([[1]]));
    assert_eq!(ask("select _lsn_min from c where s['a'] is null").await, json!([[1], [2]]));
    assert_eq!(ask("select count(*) from c where l is not null").await, json!([[2]]));
}

#[tokio::test]
async fn given_types_widen() {
    let made = Made::new();
    let files = [
        (r#""int8""#, r#""decimal","precision":8,"scale":2"#, r#""timestamp","unit":"ms""#),
        (r#""int32""#, r#""decimal","precision":9,"scale":4"#, r#""timestamp","unit":"us""#),
    ];
    for ((small, price, at), lsn) in files.iter().zip(0..) {
        let schema = format!(
            r#"{{"columns":[{{"name":"n","type":{small}}},{{"name":"price","type":{price}}},
            {{"name":"at","type":{at}}},{{"name":"raw","type":"binary"}},
            {{"name":"trace","type":"uuid"}}]}}"#
        );
        let schema = Some(Schema::from_json(&schema).unwrap());
        let config = coldpress::ColdStorageConfig {
            local_dir: Some(made.folder.path().to_owned()),
            settings: Settings { schema, ..Settings::default() },
            ..Default::default()
        };
        let row = json!({"n": 7, "price": "12.50", "at": "2026-01-02T03:04:05.678Z", "raw": "AAEC",
            "trace": "01234567-89ab-cdef-0123-456789abcdef"});
        let storage = coldpress::ColdStorage::new(config).unwrap();
        let rows = [("id".to_owned(), row)];
        storage.encode_and_upload("c", crate::made::TENANT, &rows, lsn, lsn).await.unwrap();
    }
    for (name, kind, values) in [
        ("n", "Int32", json!([7, 7])),
        ("price", "Decimal128(10, 4)", json!([12.5, 12.5])),
        (
            "at",
            "Timestamp(µs, \"UTC\")",
            json!(["2026-01-02T03:04:05.678000Z", "2026-01-02T03:04:05.678000Z"]),
        ),
        ("raw", "BinaryView", json!(["AAEC", "AAEC"])),
        (
            "trace",
            "FixedSizeBinary(16)",
            json!(["01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"]),
        ),
    ] {
        assert_eq!(column(&made, name).await, (kind.to_owned(), values), "{name}");
    }
    let ask = async |sql: &str| json!(made.ask(sql).await.unwrap());
    let sql = "select count(*) from c where at = timestamp '2026-01-02T03:04:05.678Z' \
        and price = 12.5 and n = 7";
    assert_eq!(ask(sql).await, json!([[2]]));
}
