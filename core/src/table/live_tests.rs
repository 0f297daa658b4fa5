use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;
use crate::table::{NewFile, TablePlace};
use crate::{
    Encoder, IdSource, KeyPrefix, LsnRange, ObjectKey, ParquetFile, Projection, Schema, Settings,
    Target,
};

fn place_of_table() -> TablePlace {
    TablePlace::new(&KeyPrefix::default(), 7, "people").unwrap()
}

/// A file of these rows, and its rows with their ids as a filter sees them.
fn file_of(settings: Settings, rows: &[Value]) -> Result<(NewFile, Vec<(String, Value)>), String> {
    let mut encoder = Encoder::new(settings).map_err(|error| error.to_string())?;
    for row in rows {
        encoder.push_json(row.to_string().as_bytes()).map_err(|error| error.to_string())?;
    }
    let lsns = Some(LsnRange::new(0, rows.len() as u64 - 1).unwrap());
    let target = Target { lsns, ..Target::new(7, "people") };
    let file = encoder.finish(&target).map_err(|error| error.to_string())?;
    let (key, bytes) = (ObjectKey::parse(&KeyPrefix::default(), file.key.as_str()), file.bytes);
    let size = bytes.len() as u64;
    let new = NewFile::read(&place_of_table(), &key.unwrap(), &bytes, size, 5).unwrap();
    let stored = ParquetFile::open(bytes).unwrap();
    let rows = stored.rows(&Projection::All).unwrap().map(|row| {
        let (row, mut text) = (row.unwrap(), Vec::new());
        row.write_json(&mut text);
        let mut document: Value = serde_json::from_slice(&text).unwrap();
        let fields = document.as_object_mut().unwrap();
        if fields.get(ID_COLUMN).is_none_or(Value::is_null) {
            fields.insert(ID_COLUMN.to_owned(), row.id().into());
        }
        (row.id().to_owned(), document)
    });
    Ok((new, rows.collect()))
}

fn inferred(rows: &[Value]) -> NewFile {
    file_of(Settings::default(), rows).unwrap().0
}

fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap()
}

#[test]
fn a_file_is_left_out_where_its_statistics_rule_a_row_out() {
    let file = inferred(&[
        json!({"_id":"k1","n":1,"t":"abc","d":"2026-01-02","at":"2026-01-02T03:04:05.678Z",
            "x":1.5,"s":{"v":7}}),
        json!({"_id":"k5","n":9,"t":"abd","d":"2026-01-03","at":"2026-01-02T03:04:06.000Z",
            "x":2.5,"s":{"v":8}}),
    ]);
    let columns = TableColumns::of_file(&file).unwrap();
    let add = file.to_add(&columns, true);
    for (taken, text) in [
        (true, "n = 5"),
        (false, "n = 10"),
        (false, "n = 'x'"),
        (false, "t < 'abc'"),
        (true, "t like 'ab%'"),
        (false, "t like 'b%'"),
        (false, "d = date '2026-01-04'"),
        (false, "at < timestamp '2026-01-02T03:04:05.677Z'"),
        (true, "at = timestamp '2026-01-02T03:04:05.678Z'"),
        (false, "at > timestamp '2026-01-02T03:04:06.002Z'"),
        (false, "x > 2.5"),
        (false, "s.v = 9"),
        (true, "s.v = 8"),
        (false, "n is null"),
        (false, "gone is not null"),
        (true, "gone is null"),
        (false, "n.below = 1"),
        (false, "_id = 'k6'"),
        (true, "_id = 'k3'"),
        (false, "_rescued_data is not null"),
    ] {
        assert_eq!(can_match(&columns, &add, &filter(text)), taken, "{text}");
    }
    assert!(can_have_id(&columns, &add, "k3") && !can_have_id(&columns, &add, "k6"));
    for stats in [None, Some("{}"), Some("{\"numRecords\":2}"), Some("[[["), Some("\"x\"")] {
        let unknown = Add { stats: stats.map(str::to_owned), ..add.clone() };
        assert!(can_match(&columns, &unknown, &filter("n = 10")), "{stats:?}");
        assert!(can_have_id(&columns, &unknown, "k6"), "{stats:?}");
    }
}

#[test]
fn a_rescued_value_keeps_its_file() {
    let rows: Vec<Value> = (0..200).map(|n| json!({ "n": n })).collect();
    let mut strayed = rows.clone();
    strayed.push(json!({"n":"stray"}));
    let columns = TableColumns::of_file(&inferred(&rows)).unwrap();
    let file = inferred(&strayed);
    assert!(columns.with_file(&file).unwrap().is_none());
    let add = file.to_add(&columns, true);
    assert!(can_match(&columns, &add, &filter("n = 'stray'")));
    let add = inferred(&rows).to_add(&columns, true);
    assert!(!can_match(&columns, &add, &filter("n = 'stray'")));
}

#[test]
fn a_file_of_another_writer_is_trusted_less() {
    let rows = [json!({"n":1,"x":1.5,"at":"2026-01-02T03:04:05.678Z","more":1})];
    let file = inferred(&rows);
    let columns = TableColumns::of_file(&file).unwrap();
    let theirs = Add { tags: Default::default(), ..file.to_add(&columns, true) };
    let taken = |text: &str| can_match(&columns, &theirs, &filter(text));
    assert!(!taken("n = 2"));
    assert!(taken("x = 2"), "it may leave out what is not a number");
    assert!(taken("at = 5"), "nobody knows the form of its rows");
    assert!(taken("unknown = 2"), "it may have more columns than the table");
    let rounded = theirs.stats.as_ref().unwrap().replace("\"n\":1", "\"n\":1.0");
    let rounded = Add { stats: Some(rounded), ..theirs.clone() };
    assert!(can_match(&columns, &rounded, &filter("n = 2")));
}

/// Types of a column, and texts of values that fit.
fn types() -> Vec<(&'static str, &'static [&'static str])> {
    const INSTANTS: &[&str] = &[
        "\"2026-01-02T03:04:05.678Z\"",
        "\"2026-01-02T03:04:05.679Z\"",
        "\"1931-01-02T03:04:05.001Z\"",
    ];
    vec![
        ("", &["1", "2", "-3", "9007199254740993", "9223372036854775807"]),
        ("", &["1.5", "-0.0", "0.0", "1e300", "2.0", "-7.25"]),
        ("", &["\"a\"", "\"b\"", "\"\"", "\"é\"", "\"a\u{10FFFF}\""]),
        ("", INSTANTS),
        ("", &["\"2026-01-02T03:04:05.000001Z\"", "\"2026-01-02T03:04:05.999999Z\""]),
        ("", &["\"2026-01-02\"", "\"2026-02-01\""]),
        ("", &["true", "false"]),
        ("", &["18446744073709551615", "18446744073709551614", "1"]),
        ("", &["{\"a\":1}", "[1]", "7", "\"a\""]),
        (r#""type":"json""#, &["1", "\"a\"", "null", "{\"a\":1}", "true"]),
        (r#""type":"uint8""#, &["0", "255", "7"]),
        (r#""type":"uint32""#, &["0", "4294967295", "2147483648"]),
        (r#""type":"float32""#, &["0.1", "-0.0", "16777216"]),
        (r#""type":"binary""#, &["\"AQ==\"", "\"/w==\"", "\"\""]),
        (r#""type":"decimal","precision":20,"scale":2"#, &["1.25", "-3", "99999999999999999.01"]),
        (r#""type":"decimal","precision":5,"scale":1"#, &["\"1.5\"", "\"10.0\"", "\"9.5\""]),
        (r#""type":"timestamp","unit":"us""#, &["1767323045678901", "0", "-1"]),
        (r#""type":"timestamp","unit":"ms""#, &["1767323045678", "-1"]),
        (r#""type":"timestamp","unit":"ms""#, INSTANTS),
        (r#""type":"timestamp","unit":"ms","form":"number""#, INSTANTS),
    ]
}

/// A literal of a filter for the text of a value, and some that are near.
fn literals() -> Vec<Literal> {
    let mut all = vec![Literal::Boolean(true), Literal::Boolean(false)];
    let texts = types().into_iter().flat_map(|(_, texts)| texts.iter().copied());
    for text in texts.chain(["3", "1.25", "\"b\\u0000\"", "0", "1767323045679", "0.1"]) {
        let value: Value = serde_json::from_str(text).unwrap();
        match &value {
            Value::Number(_) => all.push(Literal::Number(NumberLiteral::read(text).unwrap())),
            Value::String(string) => {
                all.push(Literal::String(string.clone()));
                all.extend(InstantLiteral::read(string).map(Literal::Instant));
                all.extend(DateLiteral::read(string).map(Literal::Date));
            }
            _ => {}
        }
    }
    all
}

fn path() -> impl Strategy<Value = ColumnPath> {
    let paths = [vec!["a"], vec!["b"], vec!["s", "c"], vec!["s"], vec!["a", "a"], vec!["_id"]];
    select(paths.to_vec()).prop_map(|names| ColumnPath::new(names).unwrap())
}

fn condition() -> impl Strategy<Value = Condition> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let comparison = select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]);
    let leaf = prop_oneof![
        6 => (path(), comparison, select(literals()))
            .prop_map(|(path, comparison, value)| Condition::Compare(path, comparison, value)),
        1 => (path(), prop::collection::vec(select(literals()), 1..3))
            .prop_map(|(path, values)| Condition::In(path, values)),
        1 => (path(), "[ab2]{0,2}").prop_map(|(path, text)| Condition::Like(path, text)),
        1 => path().prop_map(Condition::IsNull),
        1 => path().prop_map(Condition::IsNotNull),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Condition::And),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

/// How the files are made: the type of each column, and the values of each row of two files.
#[derive(Debug, Clone)]
struct Case {
    types: [usize; 3],
    rows: [Vec<[usize; 4]>; 2],
    ids: usize,
    group_rows: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let row = || prop::array::uniform4(0..40_usize);
    let rows = move || prop::collection::vec(row(), 1..5);
    let kinds = prop::array::uniform3(0..types().len());
    (kinds, rows(), rows(), 0..4_usize, 1..4_usize).prop_map(
        |(types, one, other, ids, group_rows)| Case { types, rows: [one, other], ids, group_rows },
    )
}

impl Case {
    fn settings(&self) -> Settings {
        let kinds = types();
        let column = |(name, kind): (&str, &usize)| {
            let (column_type, _) = kinds.get(*kind)?;
            let column = format!("{{\"name\":\"{name}\",{column_type}}}");
            (!column_type.is_empty()).then(|| match name {
                "c" => format!(r#"{{"name":"s","type":"struct","fields":[{column}]}}"#),
                _ => column,
            })
        };
        let columns: Vec<String> =
            ["a", "b", "c"].into_iter().zip(&self.types).filter_map(column).collect();
        let schema = format!("{{\"columns\":[{}]}}", columns.join(","));
        let schema = Some(Schema::from_json(&schema).unwrap()).filter(|_| !columns.is_empty());
        let id = if self.ids == 3 { IdSource::Field("k".to_owned()) } else { IdSource::Auto };
        Settings { id, schema, row_group_rows_max: self.group_rows, ..Settings::default() }
    }

    fn rows(&self, file: usize) -> Vec<Value> {
        let kinds = types();
        let value = |kind: usize, at: usize| -> Option<Value> {
            let (_, texts) = kinds[kind];
            match at {
                // No field, an explicit null, or a value that fits no column.
                0..3 => None,
                3..5 => Some(Value::Null),
                5 => Some(json!("stray")),
                at => Some(serde_json::from_str(texts[at % texts.len()]).unwrap()),
            }
        };
        let row = |(at, row): (usize, &[usize; 4])| {
            let mut fields = serde_json::Map::new();
            let mut put = |name: &str, value: Option<Value>| {
                value.map(|value| fields.insert(name.to_owned(), value));
            };
            put("a", value(self.types[0], row[0]));
            put("b", value(self.types[1], row[1]));
            let inner = value(self.types[2], row[2]).map(|value| json!({ "c": value }));
            put("s", inner.or_else(|| (row[2] == 0).then(|| json!({}))));
            match self.ids {
                1 => put("_id", Some(json!(format!("{}-{at}", row[3])))),
                2 => put("_id", Some(json!(row[3] * 10 + at))),
                3 => put("k", Some(json!(row[3] * 10 + at))),
                _ => {}
            }
            Value::Object(fields)
        };
        self.rows[file].iter().enumerate().map(row).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever files fixed the columns of the table, a file with a row of the query is read.
    #[test]
    fn no_file_with_a_row_of_the_query_is_left_out(
        case in case(),
        filters in prop::collection::vec(condition(), 1..8),
        both in any::<bool>(),
    ) {
        let (Ok((first, _)), Ok((second, rows))) =
            (file_of(case.settings(), &case.rows(0)), file_of(case.settings(), &case.rows(1)))
        else {
            return Ok(());
        };
        let of = if both { &first } else { &second };
        let Ok(columns) = TableColumns::of_file(of) else { return Ok(()) };
        // Through the log, as every later reader has them.
        let columns = TableColumns::from_metadata(&columns.to_metadata(String::new(), 0)).unwrap();
        let Ok(joined) = columns.with_file(&second) else { return Ok(()) };
        let columns = joined.unwrap_or(columns);
        let columns = TableColumns::from_metadata(&columns.to_metadata(String::new(), 0)).unwrap();
        let add = second.to_add(&columns, true);
        for condition in filters {
            let filter = Filter::new(condition).unwrap();
            if rows.iter().any(|(_, row)| filter.matches(row)) {
                prop_assert!(can_match(&columns, &add, &filter), "{} {:?}", filter, add.stats);
                let theirs = Add { tags: Default::default(), ..add.clone() };
                prop_assert!(can_match(&columns, &theirs, &filter), "{} {:?}", filter, add.stats);
            }
        }
        for (id, _) in &rows {
            prop_assert!(can_have_id(&columns, &add, id), "{} {:?}", id, add.stats);
        }
    }
}
