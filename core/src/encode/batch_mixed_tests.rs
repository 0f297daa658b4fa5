use std::sync::Arc;

use arrow_array::*;

use super::tests::{batch, columns, encode, rows};
use crate::{Encoder, NewFields, Schema, Settings, Target};

/// The type of a column of these arrays, one in each batch. Its rows as JSON give the same bytes
/// with the schema of the file.
#[track_caller]
fn mixed(schema: Option<&str>, arrays: Vec<ArrayRef>) -> (String, u64) {
    let schema = schema.map(|text| Schema::from_json(text).unwrap());
    let settings = Settings { schema, ..Settings::default() };
    let batches: Vec<RecordBatch> =
        arrays.into_iter().map(|array| batch(vec![("v", array)])).collect();
    let file = encode(settings.clone(), &batches).unwrap();
    let given = Settings {
        schema: Some(file.summary.schema.clone()),
        new_fields: if settings.schema.is_some() { NewFields::Rescue } else { NewFields::Column },
        ..Settings::default()
    };
    let mut json = Encoder::new(given).unwrap();
    for row in rows(file.bytes.clone()) {
        json.push_json(row.to_string().as_bytes()).unwrap();
    }
    let from_json = json.finish(&Target::new(0, "c")).unwrap();
    assert_eq!(rows(from_json.bytes.clone()), rows(file.bytes.clone()));
    assert!(from_json.bytes == file.bytes, "other bytes from JSON");
    let rescued = file.summary.rescued.iter().map(|of| of.count).sum();
    (columns(&file.summary.schema).join(" "), rescued)
}

#[test]
fn batches_of_other_types_share_a_column() {
    let int8 = || Arc::new(Int8Array::from(vec![-1, 2])) as ArrayRef;
    let int16 = || Arc::new(Int16Array::from(vec![Some(300), None])) as ArrayRef;
    let uint32 = || Arc::new(UInt32Array::from(vec![u32::MAX])) as ArrayRef;
    let int64 = || Arc::new(Int64Array::from(vec![1 << 40])) as ArrayRef;
    let floats = || Arc::new(Float32Array::from(vec![0.1, 2.0])) as ArrayRef;
    let doubles = || Arc::new(Float64Array::from(vec![0.25])) as ArrayRef;
    let is = |arrays: Vec<ArrayRef>, column: &str, rescued: u64| {
        assert_eq!(mixed(None, arrays), (column.to_owned(), rescued));
    };
    is(vec![int8(), int16()], "int16", 0);
    is(vec![int8(), uint32()], "int64", 0);
    is(vec![Arc::new(Int32Array::from(vec![1, 2, 3])), int64()], "int64", 0);
    is(vec![floats(), doubles()], "float64", 0);
    is(vec![int64(), doubles()], "float64", 0);
    is(vec![int8(), floats()], "float64", 0);
    let big = Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef;
    is(vec![int64(), big], "decimal(20,0)", 0);

    let ms = || Arc::new(TimestampMillisecondArray::from(vec![1]).with_timezone("UTC")) as ArrayRef;
    let us = || Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC")) as ArrayRef;
    let days = || Arc::new(Date32Array::from(vec![1])) as ArrayRef;
    assert_eq!(mixed(None, vec![ms(), days()]).0, "timestamp(ms)");
    let file = encode(Settings::default(), &[batch(vec![("v", ms())]), batch(vec![("v", us())])]);
    let file = file.unwrap();
    assert_eq!(columns(&file.summary.schema), ["timestamp(us)"]);
    assert!(file.summary.rescued.is_empty());

    let given = |column: &str, arrays: Vec<ArrayRef>, rescued: u64| {
        let text = format!(r#"{{"columns":[{{"name":"v",{column}}}]}}"#);
        assert_eq!(mixed(Some(&text), arrays).1, rescued, "{column}");
    };
    given(r#""type":"int64""#, vec![int8(), int16()], 0);
    given(r#""type":"int32""#, vec![int8(), days()], 1);
    given(r#""type":"float64""#, vec![int8()], 0);
    given(r#""type":"timestamp","unit":"ms""#, vec![days()], 1);
    given(r#""type":"decimal","precision":12,"scale":4,"form":"text:4""#, vec![int8()], 2);
    let decimals = |precision, scale| {
        let array = Decimal128Array::from(vec![1_990]);
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap()) as ArrayRef
    };
    given(r#""type":"decimal","precision":20,"scale":4"#, vec![decimals(5, 2), decimals(7, 4)], 0);
    given(r#""type":"decimal","precision":20,"scale":0"#, vec![decimals(5, 2)], 1);
}

#[test]
fn no_whole_number_keeps_the_sign_of_a_minus_zero() {
    for column in [
        r#""type":"int8""#,
        r#""type":"int64""#,
        r#""type":"decimal","precision":5,"scale":1"#,
        r#""type":"timestamp","unit":"ms""#,
    ] {
        let text = format!(r#"{{"columns":[{{"name":"v",{column}}}]}}"#);
        let schema = Schema::from_json(&text).unwrap();
        let settings = Settings { schema: Some(schema), ..Settings::default() };
        let zeros = Arc::new(Float64Array::from(vec![-0.0, 0.0])) as ArrayRef;
        let file = encode(settings, &[batch(vec![("v", zeros)])]).unwrap();
        assert_eq!(file.summary.rescued[0].count, 1, "{column}");
        let back = &rows(file.bytes)[0]["v"];
        assert!(back.as_f64().is_some_and(f64::is_sign_negative), "{column}: {back}");
    }
}
