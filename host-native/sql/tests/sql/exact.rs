//! Comparisons of columns with constants that are between their values, and casts of files.

use std::fs;

use coldpress::{ColdStorage, ColdStorageConfig, Schema, Settings};
use serde_json::{Value, json};

use crate::made::{Made, TENANT};

/// Stores a file of the collection `c` whose columns are those of `schema`.
async fn put(made: &Made, schema: &str, first: u64, rows: &[Value]) {
    let schema = Some(Schema::from_json(&format!("{{\"columns\":[{schema}]}}")).unwrap());
    let config = ColdStorageConfig {
        local_dir: Some(made.folder.path().to_owned()),
        settings: Settings { schema, row_group_rows_max: 100, ..Settings::default() },
        ..ColdStorageConfig::default()
    };
    let rows: Vec<(String, Value)> =
        rows.iter().zip(first..).map(|(row, lsn)| (lsn.to_string(), row.clone())).collect();
    let last = first + rows.len() as u64 - 1;
    let storage = ColdStorage::new(config).unwrap();
    storage.encode_and_upload("c", TENANT, &rows, first, last).await.unwrap();
}

/// The first columns of the rows that a statement gives.
async fn firsts(made: &Made, sql: &str) -> Vec<Value> {
    let rows = made.ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row[0].clone()).collect()
}

/// Asserts which rows each filter takes, by their ids.
async fn takes(made: &Made, cases: &[(&str, Value)]) {
    for (filter, expected) in cases {
        let sql = format!("select _id from c where {filter} order by 1");
        assert_eq!(json!(firsts(made, &sql).await), *expected, "{filter}");
    }
}

#[tokio::test]
async fn each_decimal_is_found_by_its_digits() {
    let made = Made::new();
    let price = r#"{"name":"price","type":"decimal","precision":18,"scale":2,"form":"text:2"}"#;
    let prices: Vec<String> = (0..900_u64)
        .map(|n| n * 99_991 % 9_000_000)
        .map(|n| format!("{}.{:02}", n / 100, n % 100))
        .collect();
    let rows: Vec<Value> = prices.iter().map(|price| json!({"price": price})).collect();
    put(&made, price, 0, &rows).await;
    for (at, price) in prices.iter().enumerate().step_by(9) {
        for filter in [
            format!("price = {price}"),
            format!("price in ({price}, 0.005)"),
            format!("price between {price} and {price}"),
            format!("not (price < {price} or price > {price})"),
            format!("{price} >= price and price > {price} - 0.001"),
        ] {
            let found = firsts(&made, &format!("select _id from c where {filter}")).await;
            assert_eq!(found, [json!(at.to_string())], "{filter}");
        }
    }
    for (filter, expected) in [
        ("price in (0.00, null)", json!([1])),
        ("price = '0.004' or price = 1e-20", json!([0])),
        ("price > -1e-20", json!([900])),
        ("price in (0, 1e300, null) or price between null and -1", json!([1])),
        ("price not in (0, 0.005)", json!([899])),
        ("price >= cast('0.00' as decimal(18, 2))", json!([900])),
    ] {
        let sql = format!("select count(*) from c where {filter}");
        assert_eq!(json!(firsts(&made, &sql).await), expected, "{filter}");
    }
    let count = async |filter: &str| {
        firsts(&made, &format!("select count(*) from c where {filter}")).await[0].clone()
    };
    assert_eq!(count("price = 0.005 or price is distinct from 0.005").await, json!(900));
    assert_eq!(count("not (price = 0.005)").await, json!(900));
    // A large value beside it is no reason to fail.
    let wide = r#"{"name":"price","type":"decimal","precision":38,"scale":2,"form":"text:2"}"#;
    let large = "999999999999999999999999999999999999.25";
    put(&made, wide, 1_000, &[json!({"price": large}), json!({"price": null})]).await;
    assert_eq!(count("price > 90000.015").await, json!(1));
    assert_eq!(count("price = 0.005").await, json!(0));
    assert_eq!(count("not (price = 0.005)").await, json!(901));
    assert_eq!(count(&format!("price = '{large}'")).await, json!(1));
    assert_eq!(count("price < 1e60").await, json!(901));
    assert_eq!(count("price is distinct from -1e60").await, json!(902));
}

/// Microseconds of the instants around which files have values.
const BASE_US: i64 = 1_767_323_046_000_000;

fn instant(us: i64) -> String {
    let second = us.div_euclid(1_000_000) - BASE_US / 1_000_000;
    format!("2026-01-02T03:04:{:02}.{:06}Z", 6 + second, us.rem_euclid(1_000_000))
}

/// A file of milliseconds, and one of microseconds if `both`.
async fn instants(both: bool) -> (Made, Vec<i64>) {
    let made = Made::new();
    let ms: Vec<i64> = (0..300).map(|n| BASE_US + n % 3 * 1_000).collect();
    let us: Vec<i64> = (0..300).map(|n| BASE_US + n * 7 % 2_500).collect();
    let files = [("ms", ms), ("us", us)];
    let mut all = Vec::new();
    for (unit, values) in files.into_iter().take(1 + usize::from(both)) {
        let rows: Vec<Value> = values.iter().map(|us| json!({"t": instant(*us)})).collect();
        let column = format!(r#"{{"name":"t","type":"timestamp","unit":"{unit}"}}"#);
        put(&made, &column, all.len() as u64, &rows).await;
        all.extend(values);
    }
    (made, all)
}

fn swapped(operator: &str) -> String {
    operator
        .chars()
        .map(|c| {
            if c == '<' {
                '>'
            } else if c == '>' {
                '<'
            } else {
                c
            }
        })
        .collect()
}

#[tokio::test]
async fn instants_between_those_of_a_file_compare_exactly() {
    type Test = fn(&i64, i64) -> bool;
    let operators: [(&str, Test); 6] = [
        ("=", |a, b| *a == b),
        ("!=", |a, b| *a != b),
        ("<", |a, b| *a < b),
        ("<=", |a, b| *a <= b),
        (">", |a, b| *a > b),
        (">=", |a, b| *a >= b),
    ];
    for both in [false, true] {
        let (made, all) = instants(both).await;
        for us in [0, 1, 999, 1_000, 1_400, 2_001, -1].map(|us| BASE_US + us) {
            for (operator, test) in operators {
                let expected = all.iter().filter(|t| test(t, us)).count();
                let text = instant(us);
                for filter in [
                    format!("t {operator} timestamp '{text}'"),
                    format!("t {operator} '{text}'"),
                    format!("not not (t {operator} timestamp '{text}')"),
                    format!("timestamp '{text}' {} t", swapped(operator)),
                ] {
                    let sql = format!("select count(*) from c where {filter}");
                    assert_eq!(firsts(&made, &sql).await, [json!(expected)], "{both} {filter}");
                }
            }
            let text = instant(us);
            let expected = all.iter().filter(|t| **t == us || **t == BASE_US).count();
            let sql = format!(
                "select count(*) from c where t in (timestamp '{text}', timestamp '{}')",
                instant(BASE_US)
            );
            let expected =
                if us == BASE_US { all.iter().filter(|t| **t == us).count() } else { expected };
            assert_eq!(firsts(&made, &sql).await, [json!(expected)], "{both} {sql}");
        }
    }
}

#[tokio::test]
async fn the_first_instants_are_the_first_of_all_files() {
    let (made, mut all) = instants(true).await;
    all.sort_unstable();
    let expected: Vec<i64> = all[..150].iter().map(|us| us - BASE_US).collect();
    // The rule of DataFusion that hands the bound of the rows so far to the reader: each order of
    // files, and a cast of the statement's own.
    for from in [
        "c",
        "(select t from c where _lsn_min = 0 union all select t from c where _lsn_min > 0)",
        "(select arrow_cast(t, 'Timestamp(Nanosecond, Some(\"UTC\"))') as t from c)",
    ] {
        let sql = format!(
            "select (arrow_cast(t, 'Int64') - {BASE_US}) as us from (select arrow_cast(t, \
             'Timestamp(Microsecond, Some(\"UTC\"))') as t from {from} order by t limit 150) \
             order by 1"
        );
        let found: Vec<Value> = firsts(&made, &sql).await;
        assert_eq!(json!(found), json!(expected), "{from}");
    }
}

#[tokio::test]
async fn days_and_instants_far_off_are_compared() {
    let made = Made::new();
    let rows = [
        json!({"t": "9999-12-31T23:59:59.999Z", "day": "9999-12-31"}),
        json!({"t": "2026-01-02T00:00:00.000Z", "day": "2026-01-02"}),
        json!({"t": "1600-01-01T00:00:00.000Z", "day": "1600-01-01"}),
    ];
    let columns = r#"{"name":"t","type":"timestamp","unit":"ms"},{"name":"day","type":"date"}"#;
    put(&made, columns, 0, &rows).await;
    takes(
        &made,
        &[
            ("t = '9999-12-31T23:59:59.999Z'", json!(["0"])),
            ("t > timestamp '9999-12-31T23:59:59.998999Z'", json!(["0"])),
            ("t = date '2026-01-02'", json!(["1"])),
            ("day < timestamp '2026-01-02T00:00:00.001Z'", json!(["1", "2"])),
            ("day >= timestamp '2026-01-02T12:00:00Z'", json!(["0"])),
            ("day = '2026-01-02T10:00:00'", json!([])),
            ("day = '2026-01-02'", json!(["1"])),
            ("t in (null, date '1600-01-01')", json!(["2"])),
            ("t > '2026-01-01T23:59:59.9999999999999Z'", json!(["0", "1"])),
            ("t not between '1600-01-01' and '9999-01-01'", json!(["0"])),
        ],
    )
    .await;
}

#[tokio::test]
async fn integers_and_small_floats_are_not_compared_as_rounded_doubles() {
    let made = Made::new();
    let large = 1_i64 << 53;
    let columns = r#"{"name":"i","type":"int64"},{"name":"f","type":"float32"}"#;
    let rows = [(large, 0.1), (large + 1, 0.5), (3, 0.25)];
    put(&made, columns, 0, &rows.map(|(i, f)| json!({"i": i, "f": f}))).await;
    takes(
        &made,
        &[
            ("i > 9007199254740992.0", json!(["1"])),
            ("i = 9007199254740992.0", json!(["0"])),
            ("i < 3.5", json!(["2"])),
            ("i >= 2.5 and i <= 3.0", json!(["2"])),
            ("i <> 3.5", json!(["0", "1", "2"])),
            ("i > 1e300", json!([])),
            ("not (i > 1e300) and i >= -1e300", json!(["0", "1", "2"])),
            ("f = 0.1", json!(["0"])),
            ("f in (0.1, 0.25)", json!(["0", "2"])),
            ("_lsn_min >= 0.5", json!([])),
            ("i in (0.5, 9007199254740992, null)", json!(["0"])),
            ("i not in (0.5, 9007199254740992)", json!(["1", "2"])),
            ("i between 3.5 and 9007199254740992", json!(["0"])),
            ("i between 3.5 and 9007199254740992 + 0", json!(["0"])),
            ("i = '9007199254740993.0'", json!(["1"])),
            ("i in (3, i - 1, 9007199254740992)", json!(["0", "2"])),
            ("cast(i as double) = 9007199254740992.0", json!(["0", "1"])),
            ("cast(f as double) = 0.1", json!([])),
            ("f in (0.1, 1e39, 5)", json!(["0"])),
            ("f not between -1e300 and 0.1", json!(["1", "2"])),
            ("f < 1e39 and f > -1e39", json!(["0", "1", "2"])),
        ],
    )
    .await;
    let plan = made.text("explain select _id from c where i >= 2.5").await;
    assert!(plan.contains("i@1 > 2") && !plan.contains("CAST"), "{plan}");
}

#[tokio::test]
async fn zeros_of_both_signs_are_in_a_list() {
    let made = Made::new();
    let rows = [json!({"g": -0.0}), json!({"g": 0.0}), json!({"g": 1.5})];
    put(&made, r#"{"name":"g","type":"float64"}"#, 0, &rows).await;
    for list in ["0, 7, 8, 9", "-0.0, 7.5, 8, 9", "0.0", "null, 0, 1e300, 7, 8"] {
        let sql = format!("select _id from c where g in ({list}) order by 1");
        assert_eq!(json!(firsts(&made, &sql).await), json!(["0", "1"]), "{list}");
    }
}

#[tokio::test]
async fn instants_that_no_nanosecond_has_are_compared_with_nanoseconds() {
    let made = Made::new();
    let rows = [json!({"t": "2026-01-02T03:04:05.000000001Z"}), json!({"t": null})];
    put(&made, r#"{"name":"t","type":"timestamp","unit":"ns"}"#, 0, &rows).await;
    takes(
        &made,
        &[
            ("t <> '0001-01-01T00:00:00Z'", json!(["0"])),
            ("t > timestamp '1500-01-01T00:00:00Z' and t < date '9999-01-01'", json!(["0"])),
            ("t is distinct from '9999-01-01'", json!(["0", "1"])),
            ("not (t > '9999-01-01')", json!(["0"])),
            ("t = '2026-01-02T03:04:05.000000001Z'", json!(["0"])),
        ],
    )
    .await;
}

#[tokio::test]
async fn bytes_beside_other_values_are_text_that_is_whole() {
    let made = Made::new();
    let bytes = [json!({"v": "/w=="}), json!({"v": "YWJj"}), json!({"v": null})];
    put(&made, r#"{"name":"v","type":"binary"}"#, 0, &bytes).await;
    put(&made, r#"{"name":"v","type":"string"}"#, 3, &[json!({"v": "é"})]).await;
    put(&made, r#"{"name":"v","type":"int64"}"#, 4, &[json!({"v": 5})]).await;
    let found = firsts(&made, "select v from c order by _lsn_min, _id").await;
    assert_eq!(json!(found), json!(["/w==", "YWJj", null, "é", "5"]));
    let found = firsts(&made, "select upper(v) || length(v) from c where v > '/' order by 1").await;
    assert_eq!(json!(found), json!(["/W==4", "51", "YWJJ4", "É1"]));
    assert_eq!(firsts(&made, "select count(*) from c where v = 'YWJj'").await, [json!(1)]);
    let found =
        firsts(&made, "select count(distinct v) from c group by v like '%==' order by 1").await;
    assert_eq!(json!(found), json!([0, 1, 3]));
}

#[tokio::test]
async fn a_flipped_bit_in_a_page_is_an_error_and_not_another_answer() {
    let made = Made::with(Settings { row_group_rows_max: 100, ..Settings::default() });
    let rows: Vec<Value> = (0..300).map(|n| json!({"d": f64::from(n) / 8.0, "i": n})).collect();
    let key = made.put("c", 0, &rows).await;
    let file = made.folder.path().join(&key);
    let bytes = fs::read(&file).unwrap();
    let sql = "select sum(d), sum(i), max(_id) from c";
    let right = made.ask(sql).await.unwrap();
    let mut errors = 0;
    for at in (4..bytes.len() - 8).step_by(37) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::remove_file(&file).unwrap();
        fs::write(&file, &flipped).unwrap();
        match made.ask(sql).await {
            Ok(answer) => assert_eq!(answer, right, "bit {} of byte {at}", at % 8),
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 10, "{errors}");
}
