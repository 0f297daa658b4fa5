use std::sync::Arc;

use arrow_array::builder::{ListBuilder, MapBuilder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::*;
use arrow_schema::{DataType, Field, Fields, Schema as ArrowSchema};
use serde_json::{Value, json};

use crate::{
    Encoder, ErrorKind, IdSource, NewFields, ParquetFile, Projection, Schema, Settings, Target,
};

type Columns = Vec<(&'static str, ArrayRef)>;

pub(super) fn batch(columns: Columns) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
        .unwrap()
}

pub(super) fn encode(
    settings: Settings,
    batches: &[RecordBatch],
) -> crate::Result<crate::EncodedFile> {
    let mut encoder = Encoder::new(settings)?;
    for batch in batches {
        encoder.push_batch(batch)?;
    }
    encoder.finish(&Target::new(0, "c"))
}

pub(super) fn rows(bytes: bytes::Bytes) -> Vec<Value> {
    let file = ParquetFile::open(bytes).unwrap();
    let rows = file.rows(&Projection::All).unwrap();
    rows.map(|row| row.unwrap().to_value().unwrap()).collect()
}

pub(super) fn columns(schema: &Schema) -> Vec<String> {
    schema.columns().iter().map(|column| column.column_type.to_string()).collect()
}

/// One column: its type, its values as JSON, and the same bytes from these rows as JSON with the
/// schema of the file.
#[track_caller]
fn is(array: ArrayRef, column_type: &str, values: Value) {
    let batch = batch(vec![("v", Arc::clone(&array))]);
    let file = encode(Settings::default(), std::slice::from_ref(&batch)).unwrap();
    assert_eq!(columns(&file.summary.schema), [column_type]);
    assert!(file.summary.rescued.is_empty(), "{:?}", file.summary.rescued);
    let back: Vec<Value> = rows(file.bytes.clone()).iter().map(|row| row["v"].clone()).collect();
    assert_eq!(Value::from(back), values);
    let settings = Settings {
        schema: Some(file.summary.schema.clone()),
        new_fields: NewFields::Column,
        ..Settings::default()
    };
    let mut json = Encoder::new(settings).unwrap();
    for value in values.as_array().unwrap() {
        json.push_json(json!({ "v": value }).to_string().as_bytes()).unwrap();
    }
    assert_eq!(json.finish(&Target::new(0, "c")).unwrap().bytes, file.bytes, "{column_type}");
    // A slice of longer arrays is the same.
    let longer = batch.slice(0, 1);
    let whole = encode(Settings::default(), &[longer, batch.slice(1, batch.num_rows() - 1)]);
    assert_eq!(whole.unwrap().bytes, file.bytes, "{column_type}");
}

#[test]
fn each_type_of_arrow_keeps_its_type() {
    is(Arc::new(BooleanArray::from(vec![Some(true), None])), "boolean", json!([true, null]));
    is(Arc::new(Int8Array::from(vec![Some(-128), None])), "int8", json!([-128, null]));
    is(Arc::new(Int16Array::from(vec![Some(-5), None])), "int16", json!([-5, null]));
    is(Arc::new(Int32Array::from(vec![Some(1 << 30), None])), "int32", json!([1 << 30, null]));
    is(Arc::new(Int64Array::from(vec![i64::MIN, 7])), "int64", json!([i64::MIN, 7]));
    is(Arc::new(UInt8Array::from(vec![Some(255), None])), "uint8", json!([255, null]));
    is(Arc::new(UInt16Array::from(vec![Some(65_535), None])), "uint16", json!([65_535, null]));
    is(Arc::new(UInt32Array::from(vec![Some(u32::MAX), None])), "uint32", json!([u32::MAX, null]));
    let all = json!([u64::MAX, 0, null]);
    is(Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(0), None])), "decimal(20,0)", all);
    is(Arc::new(Float32Array::from(vec![Some(0.1), None])), "float32", json!([0.1, null]));
    is(Arc::new(Float64Array::from(vec![Some(18.0), None])), "float64", json!([18.0, null]));
    is(Arc::new(StringArray::from(vec![Some("é"), None])), "string", json!(["é", null]));
    is(Arc::new(LargeStringArray::from(vec!["a", "b"])), "string", json!(["a", "b"]));
    let views = StringViewArray::from(vec!["short", "a text that lies outside of its view"]);
    let texts = json!(["short", "a text that lies outside of its view"]);
    is(Arc::new(views), "string", texts);
    is(Arc::new(BinaryArray::from_vec(vec![b"\x00\xff", b""])), "binary", json!(["AP8=", ""]));
    is(Arc::new(BinaryViewArray::from_iter([Some(b"ab"), None])), "binary", json!(["YWI=", null]));
    let fixed = FixedSizeBinaryArray::try_from_iter([[1_u8, 2], [3, 4]].into_iter()).unwrap();
    is(Arc::new(fixed), "binary", json!(["AQI=", "AwQ="]));
    is(Arc::new(Date32Array::from(vec![Some(0), None])), "date", json!(["1970-01-01", null]));
    let days = json!(["1970-01-02", "9999-12-31"]);
    is(Arc::new(Date64Array::from(vec![86_400_000, 253_402_214_400_000])), "date", days);
    is(Arc::new(NullArray::new(2)), "null", json!([null, null]));
}

#[test]
fn instants_and_decimals_keep_their_units() {
    let seconds = TimestampSecondArray::from(vec![Some(1), None]).with_timezone("Europe/Berlin");
    is(Arc::new(seconds), "timestamp(ms)", json!(["1970-01-01T00:00:01Z", null]));
    let ms = TimestampMillisecondArray::from(vec![1, -1]).with_timezone("UTC");
    let texts = json!(["1970-01-01T00:00:00.001Z", "1969-12-31T23:59:59.999Z"]);
    is(Arc::new(ms), "timestamp(ms)", texts);
    let us = TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("+02:00");
    let texts = json!(["1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000002Z"]);
    is(Arc::new(us), "timestamp(us)", texts);
    let ns = TimestampNanosecondArray::from(vec![1, i64::MAX]).with_timezone("UTC");
    let texts = json!(["1970-01-01T00:00:00.000000001Z", "2262-04-11T23:47:16.854775807Z"]);
    is(Arc::new(ns), "timestamp(ns)", texts);
    // Without a zone it is no instant.
    let local = TimestampMillisecondArray::from(vec![Some(1), None]);
    is(Arc::new(local), "string", json!(["1970-01-01T00:00:00.001", null]));
    let time = Time32SecondArray::from(vec![Some(3_661), None]);
    is(Arc::new(time), "string", json!(["01:01:01", null]));
    let time = Time64MicrosecondArray::from(vec![Some(1), None]);
    is(Arc::new(time), "string", json!(["00:00:00.000001", null]));

    let decimal = |array: Decimal128Array, precision, scale| -> ArrayRef {
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
    };
    let cents = Decimal128Array::from(vec![Some(150), Some(-1), None]);
    is(decimal(cents, 9, 2), "decimal(9,2)", json!([1.50, -0.01, null]));
    let wide = Decimal128Array::from(vec![Some(i128::from(i64::MAX)), None]);
    is(decimal(wide, 30, 0), "decimal(30,0)", json!([i64::MAX, null]));
    let two = json!([1_234_567_890.123, 0.5]);
    let middle = Decimal64Array::from(vec![1_234_567_890_123, 500]);
    let middle = middle.with_precision_and_scale(18, 3).unwrap();
    is(Arc::new(middle), "decimal(18,3)", two);
    let small = Decimal32Array::from(vec![5, -5]).with_precision_and_scale(4, 1).unwrap();
    is(Arc::new(small), "decimal(4,1)", json!([0.5, -0.5]));
}

#[test]
fn nested_arrays_are_nested_columns() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None]);
    lists.append_null();
    lists.append_value::<[Option<&str>; 0], _>([]);
    is(Arc::new(lists.finish()), "list<string>", json!([["a", null], null, []]));

    let fields = Fields::from(vec![
        Field::new("x", DataType::Int32, true),
        Field::new("y", DataType::Boolean, true),
    ]);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])),
        Arc::new(BooleanArray::from(vec![None, Some(true), Some(true)])),
    ];
    let nulls = vec![true, false, true].into();
    let structs = StructArray::new(fields, arrays, Some(nulls));
    let values = json!([{"x": 1, "y": null}, null, {"x": 3, "y": true}]);
    is(Arc::new(structs), "struct<x: int32, y: boolean>", values);

    let fixed = FixedSizeListArray::from_iter_primitive::<Int64Type, _, _>(
        vec![Some(vec![Some(1), None]), None, Some(vec![Some(3), Some(4)])],
        2,
    );
    is(Arc::new(fixed), "list<int64>", json!([[1, null], null, [3, 4]]));
    let views = ListViewArray::from_iter_primitive::<Int64Type, _, _>(vec![
        Some(vec![Some(1)]),
        None,
        Some(vec![Some(3), Some(4)]),
    ]);
    is(Arc::new(views), "list<int64>", json!([[1], null, [3, 4]]));

    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Array::builder(2));
    map.keys().append_value("k");
    map.values().append_value(1);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let entries = json!([[{"keys": "k", "values": 1}], null]);
    is(Arc::new(map.finish()), "list<struct<keys: string, values: int64>>", entries);
}

#[test]
fn values_that_lie_elsewhere_are_found() {
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    for value in [Some("a"), Some("b"), None, Some("a")] {
        dictionary.append_option(value);
    }
    is(Arc::new(dictionary.finish()), "string", json!(["a", "b", null, "a"]));
    // A null among the values, and a dictionary of none.
    let keys = Int32Array::from(vec![Some(1), Some(0), None]);
    let values = Arc::new(Date32Array::from(vec![None, Some(1)]));
    let dictionary = DictionaryArray::new(keys, values);
    is(Arc::new(dictionary), "date", json!(["1970-01-02", null, null]));
    let keys = Int32Array::from(vec![None, None]);
    let empty = DictionaryArray::new(keys, Arc::new(Int16Array::from(Vec::<i16>::new())));
    is(Arc::new(empty), "int16", json!([null, null]));
    let ends = Int32Array::from(vec![2, 3]);
    let runs = RunArray::<Int32Type>::try_new(&ends, &StringArray::from(vec![Some("x"), None]));
    is(Arc::new(runs.unwrap()), "string", json!(["x", "x", null]));
    // Lists in a dictionary, as slices of longer arrays.
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(9)]),
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let keys = Int32Array::from(vec![0, 1, 3, 2, 1, 0]).slice(1, 4);
    let dictionary = DictionaryArray::new(keys, Arc::new(lists));
    let values = json!([[1, null], [], null, [1, null]]);
    is(Arc::new(dictionary), "list<int32>", values);
}

#[test]
fn columns_without_values_have_their_types() {
    let none: Columns = vec![
        ("a", Arc::new(Int64Array::new_null(2))),
        ("b", Arc::new(StringArray::new_null(2))),
        ("c", Arc::new(Date32Array::new_null(2))),
        (
            "d",
            Arc::new(ListArray::new_null(Arc::new(Field::new("item", DataType::Float32, true)), 2)),
        ),
    ];
    let file = encode(Settings::default(), &[batch(none)]).unwrap();
    let types = ["int64", "string", "date", "list<float32>"];
    assert_eq!(columns(&file.summary.schema), types);
    let null = json!({"a": null, "b": null, "c": null, "d": null});
    assert_eq!(rows(file.bytes), [null.clone(), null]);
}

#[test]
fn ids_are_found_as_in_rows() {
    let id = |name: &'static str, array: ArrayRef, source: IdSource| {
        let columns = vec![(name, array), ("v", Arc::new(Int64Array::from(vec![1, 2])) as _)];
        encode(Settings { id: source, ..Settings::default() }, &[batch(columns)])
    };
    let ids = |file: crate::EncodedFile| -> Vec<String> {
        let file = ParquetFile::open(file.bytes).unwrap();
        let rows = file.rows(&Projection::All).unwrap();
        rows.map(|row| row.unwrap().id().to_owned()).collect()
    };
    let named = |name: &str| IdSource::Field(name.to_owned());
    let texts = || Arc::new(StringArray::from(vec!["x", "y"])) as ArrayRef;
    assert_eq!(ids(id("_id", texts(), IdSource::Auto).unwrap()), ["x", "y"]);
    assert_eq!(ids(id("other", texts(), IdSource::Auto).unwrap()), ["0", "1"]);
    assert_eq!(ids(id("key", texts(), named("key")).unwrap()), ["x", "y"]);
    let ints = || Arc::new(Int32Array::from(vec![Some(7), None])) as ArrayRef;
    let file = id("_id", ints(), IdSource::Auto).unwrap();
    assert_eq!(ids(file), ["7", "1"]);
    let big = Arc::new(UInt64Array::from(vec![u64::MAX, 1])) as ArrayRef;
    assert_eq!(ids(id("_id", big, IdSource::Auto).unwrap()), [u64::MAX.to_string(), "1".into()]);
    let dates = Arc::new(Date32Array::from(vec![0, 1])) as ArrayRef;
    let file = id("day", dates, named("day")).unwrap();
    assert_eq!(file.summary.schema.columns()[0].column_type.to_string(), "date");
    assert_eq!(ids(file), ["1970-01-01", "1970-01-02"]);
    let uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
    for (name, source) in [("_id", IdSource::Auto), ("key", named("key"))] {
        let bytes: Vec<u8> = (0..16).collect();
        let array = FixedSizeBinaryArray::try_from_iter([&bytes].into_iter()).unwrap();
        let marks = [("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())];
        let field = Field::new(name, DataType::FixedSizeBinary(16), true);
        let schema = ArrowSchema::new(vec![field.with_metadata(marks.into())]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(array)]).unwrap();
        let file = encode(Settings { id: source, ..Settings::default() }, &[batch]).unwrap();
        assert_eq!(ids(file), [uuid], "{name}");
    }
    let error = id("key", ints(), named("key")).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Row, Some(1)), "{error}");
    let error = id("key", texts(), named("gone")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Row, "{error}");
    let doubles = Arc::new(Float64Array::from(vec![1.0, 2.5])) as ArrayRef;
    assert_eq!(id("_id", doubles, IdSource::Auto).unwrap_err().kind(), ErrorKind::Row);
}

#[test]
fn what_has_no_place_in_a_row_is_refused() {
    let refused = |array: ArrayRef, kind: ErrorKind, says: &str| {
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        let error = encoder.push_batch(&batch(vec![("v", array)])).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says) && error.to_string().contains('v'), "{error}");
        assert_eq!(encoder.push_json(b"{}").unwrap_err().kind(), ErrorKind::Misuse);
    };
    let row = ErrorKind::Row;
    refused(Arc::new(Float64Array::from(vec![1.0, f64::NAN])), row, "row 1");
    refused(Arc::new(Float32Array::from(vec![f32::INFINITY])), row, "inf");
    refused(Arc::new(Date32Array::from(vec![i32::MAX])), row, "9999");
    refused(Arc::new(Date64Array::from(vec![1])), row, "whole days");
    let late = TimestampSecondArray::from(vec![i64::MAX]).with_timezone("UTC");
    refused(Arc::new(late), row, "9999");
    let wide = Decimal128Array::from(vec![1_000]).with_precision_and_scale(3, 0);
    refused(Arc::new(wide.unwrap()), row, "3 digits");
    let spans = DurationSecondArray::from(vec![1]);
    refused(Arc::new(spans), ErrorKind::Settings, "Duration");
    let negative = Decimal128Array::from(vec![1]).with_precision_and_scale(3, -1).unwrap();
    refused(Arc::new(negative), ErrorKind::Settings, "scale");

    let fields = vec![Field::new("a", DataType::Int8, true), Field::new("a", DataType::Int8, true)];
    let column: ArrayRef = Arc::new(Int8Array::from(vec![1]));
    let twice =
        RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), vec![Arc::clone(&column), column]);
    let error = encode(Settings::default(), &[twice.unwrap()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");

    let mut deep: ArrayRef = Arc::new(Int8Array::from(vec![1]));
    let nest = |inner: ArrayRef| -> ArrayRef {
        let field = Field::new("f", inner.data_type().clone(), true);
        Arc::new(StructArray::new(Fields::from(vec![field]), vec![inner], None))
    };
    for _ in 0..63 {
        deep = nest(deep);
    }
    // The rows themselves are the 64th level.
    assert!(encode(Settings::default(), &[batch(vec![("v", Arc::clone(&deep))])]).is_ok());
    refused(nest(deep), ErrorKind::Limit, "64 levels");

    let long = Arc::new(StringArray::from(vec!["x".repeat(200)])) as ArrayRef;
    let small = Settings { row_bytes_max: 100, ..Settings::default() };
    let error = encode(small, &[batch(vec![("v", long)])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    // Views that name the same elements again and again.
    let values = Arc::new(Int8Array::from(vec![1; 1_000]));
    let field = Arc::new(Field::new("item", DataType::Int8, true));
    let views =
        ListViewArray::new(field, vec![0; 500].into(), vec![1_000; 500].into(), values, None);
    let outer = Arc::new(Field::new("item", views.data_type().clone(), true));
    let nested = LargeListViewArray::new(
        outer,
        vec![0; 500].into(),
        vec![500; 500].into(),
        Arc::new(views),
        None,
    );
    let small = Settings { row_bytes_max: 10_000, ..Settings::default() };
    let error = encode(small, &[batch(vec![("v", Arc::new(nested))])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[test]
fn batches_and_rows_take_turns() {
    let days = |days: Vec<i32>| batch(vec![("d", Arc::new(Date32Array::from(days)) as ArrayRef)]);
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_batch(&days(vec![1, 2])).unwrap();
    encoder.push_json(br#"{"d":"1970-01-04"} {"d":5} {"d":"soon"}"#).unwrap();
    encoder.end_json().unwrap();
    encoder.push_batch(&days(vec![5])).unwrap();
    let file = encoder.finish(&Target::new(0, "c")).unwrap();
    assert_eq!(columns(&file.summary.schema), ["date"]);
    assert_eq!(file.summary.rescued[0].count, 2);
    let back: Vec<Value> = rows(file.bytes).iter().map(|row| row["d"].clone()).collect();
    let values = ["1970-01-02", "1970-01-03", "1970-01-04", "", "soon", "1970-01-06"];
    assert_eq!(back[3], json!(5));
    for (at, value) in values.iter().enumerate().filter(|(at, _)| *at != 3) {
        assert_eq!(back[at], json!(value));
    }
}

#[test]
fn days_that_spark_refuses_are_rescued_unless_a_schema_asks() {
    let old = || batch(vec![("d", Arc::new(Date32Array::from(vec![-200_000, 0])) as ArrayRef)]);
    let file = encode(Settings::default(), &[old()]).unwrap();
    assert_eq!(file.summary.rescued[0].count, 1);
    assert_eq!(rows(file.bytes)[0]["d"], "1422-06-03");
    let schema = Schema::from_json(r#"{"columns":[{"name":"d","type":"date"}]}"#).unwrap();
    let given = Settings { schema: Some(schema), ..Settings::default() };
    assert!(encode(given, &[old()]).unwrap().summary.rescued.is_empty());
}

#[test]
fn a_given_schema_takes_what_fits() {
    let text = r#"{"columns":[
        {"name":"a","type":"timestamp","unit":"ms"},
        {"name":"b","type":"string"},
        {"name":"c","type":"float64"},
        {"name":"d","type":"decimal","precision":12,"scale":4}
    ]}"#;
    let settings =
        Settings { schema: Some(Schema::from_json(text).unwrap()), ..Settings::default() };
    let us = TimestampMicrosecondArray::from(vec![1_000, 1]).with_timezone("UTC");
    let cents = Decimal128Array::from(vec![150, 1]).with_precision_and_scale(9, 2).unwrap();
    let columns: Columns = vec![
        ("a", Arc::new(us)),
        ("b", Arc::new(Date32Array::from(vec![0, 1]))),
        ("c", Arc::new(UInt64Array::from(vec![u64::MAX, 7]))),
        ("d", Arc::new(cents)),
    ];
    let file = encode(settings, &[batch(columns)]).unwrap();
    let rescued: Vec<(&str, u64)> =
        file.summary.rescued.iter().map(|of| (of.path.as_str(), of.count)).collect();
    // A microsecond, and an integer that no double holds.
    assert_eq!(rescued, [("a", 1), ("c", 1)]);
    let back = rows(file.bytes);
    assert_eq!(back[1]["a"], "1970-01-01T00:00:00.000001Z");
    assert_eq!(back[0]["c"], u64::MAX);
    assert_eq!((&back[0]["b"], &back[0]["d"]), (&json!("1970-01-01"), &json!(1.5)));
}
