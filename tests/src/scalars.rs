//! Scalars, the edges of every type more often than the rest.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::json::Json;
use crate::law::same_number;

/// Which numbers may stand in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Those a `serde_json::Value` holds and prints without change.
    Value,
    /// Any literal JSON knows.
    Literal,
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

/// A double that is not whole.
pub fn fraction() -> BoxedStrategy<Json> {
    (-1000i32..1000).prop_map(|x| Json::Number((f64::from(x) + 0.5).to_string())).boxed()
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
        9.223_372_036_854_776e18,
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

/// The value as `serde_json` holds it: exact for documents made with [`Numbers::Value`], an error
/// where a number is none it can hold. `serde_json`'s own reader would not do: it may be off by the
/// last bit of a double.
pub fn to_value(json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(literal) => number(literal)?,
        Json::String(text) => Value::String(text.clone()),
        Json::Array(elements) => {
            Value::Array(elements.iter().map(to_value).collect::<Result<_, _>>()?)
        }
        Json::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| Ok((key.clone(), to_value(value)?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}

fn number(literal: &str) -> Result<Value, String> {
    let signed = literal.parse::<i64>().map(Value::from);
    let integer = signed.or_else(|_| literal.parse::<u64>().map(Value::from));
    let value = match integer {
        Ok(value) if literal != "-0" => value,
        _ => Value::from(literal.parse::<f64>().map_err(|error| format!("{literal}: {error}"))?),
    };
    if !same_number(literal, &value.to_string()) {
        return Err(format!("{literal} is none a `Value` can hold"));
    }
    Ok(value)
}
