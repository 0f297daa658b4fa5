//! Rows as they come: plain ones, and every kind that has ever broken a columnar writer.
//!
//! A batch draws its fields from one small pool of keys, each with a shape most rows keep to, so
//! that columns really form and values of other kinds really meet them.

use coldpress_core::Numbers as NumberTypes;
use coldpress_core::{Codec, Encodings, Names, Nulls, Settings, TextTypes};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use crate::instants::{self, Form};
use crate::json::Json;
use crate::scalars::{Numbers, double, fraction, integer, scalar, text};

/// A row with the id it has under `IdSource::Auto`.
pub type Row = (String, Json);

/// Keys that make trouble somewhere, and plain ones.
const KEYS: [&str; 22] = [
    "a",
    "b",
    "c",
    "A",
    "_ID",
    "İ",
    "i\u{307}",
    "É",
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
    (plan, rows, any::<[bool; 4]>())
        .prop_flat_map(move |(plan, rows, [dirty, own_ids, whole, nulls])| {
            let habits = Habits { dirty, whole, nulls, numbers };
            vec((document(&plan, habits), weighted(0.4, own_id())), rows..=rows)
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
        prop_oneof![3 => Just(Nulls::Explicit), 1 => Just(Nulls::Absent)],
        (
            select(&Encodings::ALL[..]),
            prop_oneof![3 => Just(Names::Portable), 1 => Just(Names::Exact)],
            prop_oneof![3 => Just(TextTypes::Infer), 1 => Just(TextTypes::String)],
            prop_oneof![3 => Just(NumberTypes::Exact), 1 => Just(NumberTypes::Float64)],
        ),
    )
        .prop_map(|(codec, row_group_rows_max, columns_max, depth_max, nulls, choices)| {
            let (encodings, names, text_types, numbers) = choices;
            Settings {
                codec,
                encodings,
                row_group_rows_max,
                columns_max,
                depth_max,
                names,
                nulls,
                text_types,
                numbers,
                ..Settings::default()
            }
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

/// What holds for all rows of a batch.
#[derive(Debug, Clone, Copy)]
struct Habits {
    /// Values of other shapes come too.
    dirty: bool,
    /// No planned field is left out: a null is the only way to have no value.
    whole: bool,
    /// Nulls come often.
    nulls: bool,
    numbers: Numbers,
}

/// What most values of a field look like.
#[derive(Debug, Clone)]
enum Shape {
    Bool,
    Int,
    Double,
    /// Integers, and doubles that are not whole.
    Ratio,
    Text,
    Typed(Form),
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
        2 => Just(Shape::Ratio),
        4 => Just(Shape::Text),
        2 => instants::forms().prop_map(Shape::Typed),
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

fn fitting(shape: &Shape, habits: Habits) -> BoxedStrategy<Json> {
    let Habits { dirty, nulls, numbers, .. } = habits;
    let fit = match shape {
        Shape::Bool => any::<bool>().prop_map(Json::Bool).boxed(),
        Shape::Int => integer(),
        Shape::Double => double(numbers),
        Shape::Ratio => prop_oneof![1 => integer(), 2 => fraction()].boxed(),
        Shape::Text => text().prop_map(Json::String).boxed(),
        Shape::Typed(form) => instants::texts(*form).prop_map(Json::String).boxed(),
        Shape::Mixed => any_json(numbers),
        Shape::List(element) => vec(fitting(element, habits), 0..4).prop_map(Json::Array).boxed(),
        Shape::Struct(fields) => object(fields, habits).boxed(),
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
        let present = if nulls { 2 } else { 12 };
        prop_oneof![present => fit, 1 => Just(Json::Null)].boxed()
    }
}

fn object(fields: &[(String, Shape)], habits: Habits) -> impl Strategy<Value = Json> + use<> {
    let members: Vec<_> = fields
        .iter()
        .map(|(key, shape)| {
            let key = key.clone();
            let value = fitting(shape, habits).prop_map(move |value| (key.clone(), value));
            // A probability of 1 is none to proptest.
            weighted(if habits.whole { 0.999_999 } else { 0.85 }, value)
        })
        .collect();
    members.prop_map(|members| distinct(members.into_iter().flatten().collect()))
}

fn document(plan: &[(String, Shape)], habits: Habits) -> BoxedStrategy<Json> {
    let planned = object(plan, habits);
    let strays = vec((top_key(), any_json(habits.numbers)), 0..3);
    (planned, weighted(if habits.dirty { 0.2 } else { 0.02 }, strays), any::<bool>())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Style;
    use crate::law::{Rules, difference};
    use crate::scalars::to_value;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Else a failure of the law could be the generator's own.
        #[test]
        fn rows_of_value_numbers_are_exact_as_values(rows in batches(Numbers::Value)) {
            let rules = Rules { nulls_kept: true, forms_kept: true, signs_kept: true };
            for (_, document) in rows {
                let again = Json::parse(&to_value(&document).unwrap().to_string()).unwrap();
                prop_assert_eq!(difference(&document, &again, rules), None);
            }
        }

        #[test]
        fn rows_of_literals_print_and_read_back(rows in batches(Numbers::Literal)) {
            for (_, document) in rows {
                for style in [Style::Compact, Style::Pretty, Style::Spaced, Style::Escaped] {
                    prop_assert_eq!(&Json::parse(&document.print(style)).unwrap(), &document);
                }
            }
        }
    }
}
