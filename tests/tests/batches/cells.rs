//! Types and values of columns, and their JSON, printed by others than Coldpress.

use arrow_schema::Field;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveTime};
use coldpress_tests::dice::Dice;
use serde_json::{Map, Value, json};

/// The type of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    Null,
    Boolean,
    /// Bits, and whether there is a sign.
    Int(u8, bool),
    Float32,
    Float64,
    Text,
    Binary,
    Uuid,
    Date,
    /// Digits of a second: 0, 3, 6 or 9; and whether there is a zone.
    Timestamp(u8, bool),
    Time(u8),
    /// Digits in all, and behind the point.
    Decimal(u8, u8),
    List(Box<Type>),
    Struct(Vec<(String, Type)>),
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Boolean(bool),
    /// An integer, and what is stored as one.
    Int(i128),
    Float32(f32),
    Float64(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Cell>),
    Struct(Vec<Cell>),
}

const SECOND_1900: i64 = -2_208_988_800;
const SECOND_LAST: i64 = 253_402_300_799;

impl Type {
    pub fn any(dice: &mut Dice, depth: usize) -> Type {
        let digits = |dice: &mut Dice| [0, 3, 6, 9][dice.below(4)];
        match dice.below(if depth == 0 { 14 } else { 18 }) {
            0 => Type::Boolean,
            1 | 2 => Type::Int([8, 16, 32, 64][dice.below(4)], dice.below(3) > 0),
            3 | 4 => Type::Int(64, true),
            5 => Type::Float32,
            6 => Type::Float64,
            7 | 8 => Type::Text,
            9 => [Type::Binary, Type::Uuid][dice.below(2)].clone(),
            10 => Type::Date,
            11 => Type::Timestamp(digits(dice), dice.below(4) > 0),
            12 => [Type::Time(digits(dice)), Type::Null][dice.below(2)].clone(),
            13 => {
                let precision = 1 + dice.below(38) as u8;
                Type::Decimal(precision, dice.below(usize::from(precision.min(8)) + 1) as u8)
            }
            14 | 15 => Type::List(Box::new(Type::any(dice, depth - 1))),
            _ => {
                let field = |at| (format!("f{at}"), Type::any(dice, depth - 1));
                Type::Struct((0..2).map(field).collect())
            }
        }
    }

    pub fn cell(&self, dice: &mut Dice) -> Cell {
        if dice.below(6) == 0 || *self == Type::Null {
            return Cell::Null;
        }
        match self {
            Type::Null => Cell::Null,
            Type::Boolean => Cell::Boolean(dice.below(2) == 0),
            Type::Int(bits, signed) => Cell::Int(integer(*bits, *signed, dice)),
            Type::Float32 => Cell::Float32(finite32(dice)),
            Type::Float64 => Cell::Float64(finite64(dice)),
            Type::Text => Cell::Text(text(dice)),
            Type::Binary => Cell::Bytes((0..dice.below(5)).map(|_| dice.bits() as u8).collect()),
            Type::Uuid => Cell::Bytes((0..16).map(|_| dice.bits() as u8).collect()),
            // 1582-10-15 to 9999-12-31, and now and then from the year 1 on.
            Type::Date if dice.below(20) == 0 => Cell::Int(dice.between(-719_162, 2_932_896)),
            Type::Date => Cell::Int(dice.between(-141_427, 2_932_896)),
            Type::Timestamp(9, _) => Cell::Int(dice.between(-1_000_000_000, i64::MAX)),
            Type::Timestamp(digits, _) => {
                let first = if dice.below(20) == 0 { -62_135_596_800 } else { SECOND_1900 };
                let second = dice.between(first, SECOND_LAST);
                let per_second = 10_i128.pow(u32::from(*digits));
                Cell::Int(second * per_second + dice.between(0, per_second as i64 - 1))
            }
            Type::Time(digits) => {
                Cell::Int(dice.between(0, 86_400 * 10_i64.pow(u32::from(*digits)) - 1))
            }
            Type::Decimal(precision, _) => {
                // A double prints 15 digits as they were.
                let end = 10_i64.pow(u32::from(*precision).min(15)) - 1;
                Cell::Int(dice.between(-end, end))
            }
            Type::List(element) => {
                Cell::List((0..dice.below(4)).map(|_| element.cell(dice)).collect())
            }
            Type::Struct(fields) => {
                Cell::Struct(fields.iter().map(|(_, field)| field.cell(dice)).collect())
            }
        }
    }

    pub fn json(&self, cell: &Cell) -> Value {
        match (self, cell) {
            (_, Cell::Null) => Value::Null,
            (_, Cell::Boolean(value)) => json!(value),
            (Type::Date, Cell::Int(days)) => {
                let date = NaiveDate::from_epoch_days(*days as i32).unwrap();
                json!(date.format("%Y-%m-%d").to_string())
            }
            (Type::Timestamp(digits, zone), Cell::Int(value)) => {
                let (second, nanos) = split(*value, *digits);
                let time = DateTime::from_timestamp(second, nanos).unwrap();
                let zone = if *zone { "Z" } else { "" };
                json!(format!(
                    "{}{zone}",
                    time.format(&format!("%Y-%m-%dT%H:%M:%S{}", point(*digits)))
                ))
            }
            (Type::Time(digits), Cell::Int(value)) => {
                let (second, nanos) = split(*value, *digits);
                let time = NaiveTime::from_num_seconds_from_midnight_opt(second as u32, nanos);
                json!(time.unwrap().format(&format!("%H:%M:%S{}", point(*digits))).to_string())
            }
            (Type::Decimal(_, scale), Cell::Int(value)) if *scale > 0 => {
                let text = format!("{value}e-{scale}");
                json!(text.parse::<f64>().unwrap())
            }
            (_, Cell::Int(value)) => match i64::try_from(*value) {
                Ok(value) => json!(value),
                Err(_) => json!(u64::try_from(*value).unwrap()),
            },
            (_, Cell::Float32(value)) => {
                // Of two shortest texts, the even one: std's own may be the other.
                json!(serde_json::to_string(value).unwrap().parse::<f64>().unwrap())
            }
            (_, Cell::Float64(value)) => json!(value),
            (_, Cell::Text(text)) => json!(text),
            (Type::Uuid, Cell::Bytes(bytes)) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                json!(parts.join("-"))
            }
            (_, Cell::Bytes(bytes)) => json!(STANDARD.encode(bytes)),
            (Type::List(element), Cell::List(cells)) => {
                cells.iter().map(|cell| element.json(cell)).collect()
            }
            (Type::Struct(fields), Cell::Struct(cells)) => {
                let field = |((name, field), cell): (&(String, Type), &Cell)| {
                    (name.clone(), field.json(cell))
                };
                Value::Object(fields.iter().zip(cells).map(field).collect::<Map<_, _>>())
            }
            other => panic!("{other:?}"),
        }
    }

    /// The field, with what its array does not say of it.
    pub fn mark(&self, field: Field) -> Field {
        match self {
            Type::Uuid => field.with_metadata(
                [("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())].into(),
            ),
            _ => field,
        }
    }
}

fn integer(bits: u8, signed: bool, dice: &mut Dice) -> i128 {
    let random = i128::from(dice.bits()) & ((1 << bits) - 1);
    let small = dice.between(0, 100);
    let value = if dice.below(2) == 0 { random } else { small };
    if signed { value - if dice.below(2) == 0 { 0 } else { 1 << (bits - 1) } } else { value }.clamp(
        if signed { -(1 << (bits - 1)) } else { 0 },
        if signed { (1 << (bits - 1)) - 1 } else { (1 << bits) - 1 },
    )
}

fn finite32(dice: &mut Dice) -> f32 {
    let value = f32::from_bits(dice.bits() as u32);
    let short = dice.below(1_000) as f32 / 8.0;
    if value.is_finite() && dice.below(2) == 0 { value } else { short }
}

fn finite64(dice: &mut Dice) -> f64 {
    let value = f64::from_bits(dice.bits());
    let short = dice.below(1_000) as f64 / 8.0;
    if value.is_finite() && dice.below(2) == 0 { value } else { short }
}

fn text(dice: &mut Dice) -> String {
    let texts = ["", "a", "é\u{1F980}", "2024-02-29", "2024-02-29T01:02:03.5Z", "\"\\\n", "null"];
    match dice.below(9) {
        7 => "long ".repeat(dice.below(9)),
        8 => format!("text {}", dice.below(10)),
        at => texts[at].to_owned(),
    }
}

fn split(value: i128, digits: u8) -> (i64, u32) {
    let per_second = 10_i128.pow(u32::from(digits));
    let nanos = value.rem_euclid(per_second) * 10_i128.pow(9 - u32::from(digits));
    (value.div_euclid(per_second) as i64, nanos as u32)
}

fn point(digits: u8) -> String {
    if digits == 0 { String::new() } else { format!("%.{digits}f") }
}
