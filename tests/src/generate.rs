//! Rows as they come: plain ones, and every kind that has ever broken a columnar writer.
//!
//! A batch draws its fields from one small pool of keys, each with a shape most rows keep to, so
//! that columns really form and values of other kinds really meet them.

use coldpress_core::{Codec, Nulls, Settings};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::json::{Json, Style};

/// Which numbers may stand in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Those a `serde_json::Value` holds and prints without change.
    Value,
    /// Any literal JSON knows.
    Literal,
}

/// A row with the id it has under `IdSource::Auto`.
pub type Row = (String, Json);

/// Keys that make trouble somewhere, and plain ones.
const KEYS: [&str; 18] = [
    "a",
    "b",
    "c",
    "A",
    "a.b",
    "a.b.c",
    "",
    "_rescued_data",
    "0",
    "1",
    "é",
    "e\u{301}",
    "日本 🎉",
    "a\u{0}b",
    "\"q\\",
    "list",
    "element",
    "coldpress.schema",
];

/// Batches of 1 to 40 rows.
pub fn batches(numbers: Numbers) -> impl Strategy<Value = Vec<Row>> {
    let plan = vec((top_key(), shape()), 1..6);
    let rows = prop_oneof![6 => 1..6usize, 3 => 6..16usize, 1 => 16..=40usize];
    (plan, rows, any::<bool>(), any::<bool>())
        .prop_flat_map(move |(plan, rows, dirty, own_ids)| {
            vec((document(&plan, dirty, numbers), weighted(0.4, own_id())), rows..=rows)
                .prop_map(move |rows| with_ids(rows, own_ids))
        })
        .boxed()
}

/// Settings of every kind except schemas.
pub fn settings() -> impl Strategy<Value = Settings> {
    let codec = prop_oneof![
        4 => Just(Codec::None),
        3 => Just(Codec::Zstd(1)),
        2 => Just(Codec::Snappy),
        2 => Just(Codec::Lz4),
        1 => Just(Codec::Gzip(1)),
        1 => Just(Codec::Brotli(1)),
    ];
    (
        codec,
        prop_oneof![2 => 1..=10usize, 1 => Just(65_536)],
        prop_oneof![1 => 1..=12usize, 2 => Just(1_000)],
        prop_oneof![1 => 1..=6usize, 2 => Just(64)],
        prop_oneof![2 => Just(Nulls::Absent), 1 => Just(Nulls::Preserve)],
    )
        .prop_map(|(codec, row_group_rows_max, columns_max, depth_max, nulls)| Settings {
            codec,
            row_group_rows_max,
            columns_max,
            depth_max,
            nulls,
            ..Settings::default()
        })
}

/// Any value at all, nested to a depth of about five.
pub fn any_json(numbers: Numbers) -> BoxedStrategy<Json> {
    scalar(numbers)
        .prop_recursive(5, 24, 5, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..5).prop_map(Json::Array),
                vec((nested_key(), inner), 0..5).prop_map(distinct),
            ]
        })
        .boxed()
}

/// Any scalar, `null` among them.
pub fn scalar(numbers: Numbers) -> BoxedStrategy<Json> {
    prop_oneof![
        1 => Just(Json::Null),
        2 => any::<bool>().prop_map(Json::Bool),
        4 => integer(),
        4 => double(numbers),
        4 => text().prop_map(Json::String),
    ]
    .boxed()
}

/// An integer, the edges of every type more often than the rest.
pub fn integer() -> BoxedStrategy<Json> {
    let edges = select(vec![
        0,
        1,
        -1,
        127,
        128,
        -128,
        -129,
        255,
        256,
        32_767,
        32_768,
        65_536,
        2_147_483_647,
        2_147_483_648,
        -2_147_483_649,
        4_294_967_295,
        9_007_199_254_740_991,
        9_007_199_254_740_992,
        9_007_199_254_740_993,
        -9_007_199_254_740_993,
        i128::from(i64::MAX),
        i128::from(i64::MIN),
        1 << 63,
        i128::from(u64::MAX),
    ]);
    prop_oneof![
        3 => (-20i64..20).prop_map(i128::from),
        3 => edges,
        1 => any::<i64>().prop_map(i128::from),
        1 => any::<u64>().prop_map(i128::from),
    ]
    .prop_map(|value| Json::Number(value.to_string()))
    .boxed()
}

/// A double, printed as `serde_json` prints it; with `Literal` also what no double holds.
pub fn double(numbers: Numbers) -> BoxedStrategy<Json> {
    let edges = select(vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        25.5,
        1e16,
        1e21,
        1e-7,
        1e308,
        f64::MAX,
        f64::MIN,
        5e-324,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        9_007_199_254_740_992.0,
        9.223_372_036_854_775_8e18,
        1.844_674_407_370_955_2e19,
        3.402_823_466_385_288_6e38,
        0.30000000000000004,
    ]);
    let bits = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite());
    let doubles =
        prop_oneof![3 => edges, 2 => bits, 3 => (-1000i32..1000).prop_map(|x| f64::from(x) / 8.0)]
            .prop_map(|x| Json::Number(Value::from(x).to_string()));
    match numbers {
        Numbers::Value => doubles.boxed(),
        Numbers::Literal => prop_oneof![
            5 => doubles,
            1 => select(&LITERALS[..]).prop_map(|literal| Json::Number(literal.to_owned())),
            1 => "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?"
                .prop_map(Json::Number),
        ]
        .boxed(),
    }
}

/// Strings, those that look like something else more often than the rest.
pub fn text() -> BoxedStrategy<String> {
    let known = select(vec![
        "",
        "5",
        "true",
        "null",
        "25.5",
        "{}",
        "[1]",
        "2024-02-29",
        "2024-02-29T01:02:03.004Z",
        "a",
        "b",
        "line\nend",
        "\u{0}",
        "\u{7f}\u{80}\u{ffff}",
        "é",
        "e\u{301}",
        "😀",
        "\u{feff}x",
        "aGVsbG8=",
        "123e4567-e89b-12d3-a456-426614174000",
        "\u{10ffff}",
        "\"\\/\u{8}\u{c}\r\t",
    ]);
    let long = (0..300usize).prop_map(|n| "long ".repeat(n));
    prop_oneof![8 => known.prop_map(str::to_owned), 4 => ".{0,12}", 1 => long].boxed()
}

const LITERALS: [&str; 24] = [
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "0.10000000000000000555",
    "1e400",
    "-1e400",
    "1e-400",
    "-1e-400",
    "1E2",
    "1e+2",
    "100e-2",
    "-0",
    "-0e0",
    "-0.000",
    "0e99",
    "1.10",
    "9007199254740993.0",
    "9007199254740992.5",
    "1e23",
    "1.7976931348623159e308",
    "2.4703282292062327e-324",
    "4.9e-324",
    "1e99999999999",
    "0.1000000000000000055511151231257827021181583404541015625",
];

/// What most values of a field look like.
#[derive(Debug, Clone)]
enum Shape {
    Bool,
    Int,
    Double,
    Text,
    Mixed,
    List(Box<Shape>),
    Struct(Vec<(String, Shape)>),
    Deep(usize),
}

fn shape() -> BoxedStrategy<Shape> {
    let leaf = prop_oneof![
        2 => Just(Shape::Bool),
        4 => Just(Shape::Int),
        4 => Just(Shape::Double),
        4 => Just(Shape::Text),
        1 => Just(Shape::Mixed),
    ];
    let tree = leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|shape| Shape::List(Box::new(shape))),
            vec((nested_key(), inner), 0..5).prop_map(Shape::Struct),
        ]
    });
    let wide = (5..30usize)
        .prop_map(|n| Shape::Struct((0..n).map(|i| (format!("w{i}"), Shape::Int)).collect()));
    prop_oneof![16 => tree, 1 => wide, 1 => (1..80usize).prop_map(Shape::Deep)].boxed()
}

fn fitting(shape: &Shape, dirty: bool, numbers: Numbers) -> BoxedStrategy<Json> {
    let fit = match shape {
        Shape::Bool => any::<bool>().prop_map(Json::Bool).boxed(),
        Shape::Int => integer(),
        Shape::Double => double(numbers),
        Shape::Text => text().prop_map(Json::String).boxed(),
        Shape::Mixed => any_json(numbers),
        Shape::List(element) => {
            vec(fitting(element, dirty, numbers), 0..4).prop_map(Json::Array).boxed()
        }
        Shape::Struct(fields) => object(fields, dirty, numbers).boxed(),
        Shape::Deep(levels) => {
            let levels = *levels;
            (scalar(numbers), any::<u64>())
                .prop_map(move |(leaf, turns)| deep(leaf, turns, levels))
                .boxed()
        }
    };
    if dirty {
        prop_oneof![
            24 => fit,
            2 => Just(Json::Null),
            3 => scalar(numbers),
            1 => any_json(numbers),
        ]
        .boxed()
    } else {
        prop_oneof![12 => fit, 1 => Just(Json::Null)].boxed()
    }
}

fn object(
    fields: &[(String, Shape)],
    dirty: bool,
    numbers: Numbers,
) -> impl Strategy<Value = Json> + use<> {
    let members: Vec<_> = fields
        .iter()
        .map(|(key, shape)| {
            let key = key.clone();
            weighted(
                0.85,
                fitting(shape, dirty, numbers).prop_map(move |value| (key.clone(), value)),
            )
        })
        .collect();
    members.prop_map(|members| distinct(members.into_iter().flatten().collect()))
}

fn document(plan: &[(String, Shape)], dirty: bool, numbers: Numbers) -> BoxedStrategy<Json> {
    let planned = object(plan, dirty, numbers);
    let strays = vec((top_key(), any_json(numbers)), 0..3);
    (planned, weighted(if dirty { 0.2 } else { 0.02 }, strays), any::<bool>())
        .prop_map(|(planned, strays, strays_first)| {
            let Json::Object(mut planned) = planned else { return planned };
            let mut strays = strays.unwrap_or_default();
            if strays_first {
                strays.append(&mut planned);
                distinct(strays)
            } else {
                planned.append(&mut strays);
                distinct(planned)
            }
        })
        .boxed()
}

fn own_id() -> BoxedStrategy<Json> {
    prop_oneof![
        4 => "[a-z]{1,4}-[0-9]{1,3}".prop_map(Json::String),
        2 => any::<i64>().prop_map(|id| Json::Number(id.to_string())),
        1 => any::<u64>().prop_map(|id| Json::Number(id.to_string())),
        1 => (0..50u32).prop_map(|id| Json::String(id.to_string())),
        1 => text().prop_map(Json::String),
        1 => Just(Json::Null),
    ]
    .boxed()
}

/// Rows with their ids: the document's own where it has one, the row's number otherwise.
fn with_ids(rows: Vec<(Json, Option<Json>)>, own_ids: bool) -> Vec<Row> {
    let mut out = Vec::with_capacity(rows.len());
    for (number, (document, own_id)) in rows.into_iter().enumerate() {
        let Json::Object(mut fields) = document else { continue };
        let id = match own_id.as_ref().filter(|_| own_ids) {
            Some(Json::String(text) | Json::Number(text)) => text.clone(),
            _ => number.to_string(),
        };
        if let Some(own_id) = own_id.filter(|_| own_ids) {
            // Anywhere in the document: nothing says that ids come first.
            let place = id.len() % (fields.len() + 1);
            fields.insert(place, ("_id".to_owned(), own_id));
        }
        out.push((id, Json::Object(fields)));
    }
    out
}

fn deep(leaf: Json, turns: u64, levels: usize) -> Json {
    (0..levels).fold(leaf, |inner, level| {
        if turns >> (level % 64) & 1 == 0 {
            Json::Array(vec![inner])
        } else {
            Json::Object(vec![("d".to_owned(), inner)])
        }
    })
}

fn top_key() -> BoxedStrategy<String> {
    let random = ".{0,6}".prop_filter("ids are given apart", |key| key != "_id");
    prop_oneof![14 => select(&KEYS[..]).prop_map(str::to_owned), 1 => random].boxed()
}

fn nested_key() -> BoxedStrategy<String> {
    prop_oneof![14 => top_key(), 1 => Just("_id".to_owned())].boxed()
}

fn distinct(members: Vec<(String, Json)>) -> Json {
    Json::Object(members).last_wins()
}

/// The value as `serde_json` holds it: exact for documents made with [`Numbers::Value`].
pub fn to_value(json: &Json) -> serde_json::Result<Value> {
    serde_json::from_str(&json.print(Style::Compact))
}
