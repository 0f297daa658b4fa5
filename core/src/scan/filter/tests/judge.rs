//! A slow judge of filters, which shares no code with them: numbers as padded decimal texts, days
//! counted one by one, and truth as 1, 0 or -1 (false, unknown).

use std::cmp::Ordering;

use serde_json::Value;

use crate::filter::{Comparison, Condition, Literal};
use crate::json::write_number;

/// 1 for true, 0 for unknown, -1 for false.
pub(super) fn truth(condition: &Condition, row: &Value) -> i8 {
    match condition {
        Condition::And(parts) => parts.iter().map(|part| truth(part, row)).min().unwrap(),
        Condition::Or(parts) => parts.iter().map(|part| truth(part, row)).max().unwrap(),
        Condition::Not(inner) => -truth(inner, row),
        Condition::IsNull(path) => {
            if at(row, path.names()).is_null() {
                1
            } else {
                -1
            }
        }
        Condition::IsNotNull(path) => {
            if at(row, path.names()).is_null() {
                -1
            } else {
                1
            }
        }
        Condition::Like(path, prefix) => match at(row, path.names()) {
            Value::Null => 0,
            Value::String(text) if text.as_bytes().starts_with(prefix.as_bytes()) => 1,
            _ => -1,
        },
        Condition::In(path, values) => values
            .iter()
            .map(|value| compared(&at(row, path.names()), Comparison::Equal, value))
            .max()
            .unwrap(),
        Condition::Compare(path, comparison, value) => {
            compared(&at(row, path.names()), *comparison, value)
        }
    }
}

fn at(row: &Value, names: &[String]) -> Value {
    let mut value = row.clone();
    for name in names {
        value = value.as_object().and_then(|fields| fields.get(name)).cloned().unwrap_or_default();
    }
    value
}

fn compared(value: &Value, comparison: Comparison, literal: &Literal) -> i8 {
    if value.is_null() {
        return 0;
    }
    let order = match (value, literal) {
        (Value::Bool(value), Literal::Boolean(literal)) => Some(value.cmp(literal)),
        (Value::Number(value), Literal::Number(literal)) => {
            let mut text = String::new();
            write_number(&mut text, literal.number());
            Some(compare_decimals(&value.to_string(), &text))
        }
        (Value::String(value), Literal::String(literal)) => {
            Some(value.as_bytes().cmp(literal.as_bytes()))
        }
        (Value::String(value), Literal::Instant(literal)) => {
            instant(value).map(|value| value.cmp(&instant(&literal.text()).unwrap()))
        }
        (Value::String(value), Literal::Date(literal)) => {
            day(value).map(|value| value.cmp(&day(&literal.text()).unwrap()))
        }
        _ => None,
    };
    let holds = match (order, comparison) {
        (Some(order), Comparison::Equal) => order == Ordering::Equal,
        (Some(order), Comparison::NotEqual) => order != Ordering::Equal,
        (Some(order), Comparison::Less) => order == Ordering::Less,
        (Some(order), Comparison::LessOrEqual) => order != Ordering::Greater,
        (Some(order), Comparison::Greater) => order == Ordering::Greater,
        (Some(order), Comparison::GreaterOrEqual) => order != Ordering::Less,
        (None, Comparison::Equal) => false,
        (None, Comparison::NotEqual) => true,
        (None, _) => return 0,
    };
    if holds { 1 } else { -1 }
}

/// Compares two literals whose exponents are small.
pub(super) fn compare_decimals(one: &str, other: &str) -> Ordering {
    let (one, other) = (padded(one), padded(other));
    match (one.0, other.0) {
        (1, 1) => one.1.cmp(&other.1),
        (-1, -1) => other.1.cmp(&one.1),
        (one, other) => one.cmp(&other),
    }
}

/// The sign, and 1,000 digits with the point in their middle.
fn padded(literal: &str) -> (i8, String) {
    const HALF: usize = 500;
    let lower = literal.to_lowercase();
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or((1, mantissa), |rest| (-1, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.chars().all(|digit| digit == '0') {
        return (0, String::new());
    }
    let point = whole.len() as i64 + exponent.parse::<i64>().unwrap();
    let zeros = usize::try_from(HALF as i64 - point).unwrap();
    let mut text = "0".repeat(zeros) + &digits;
    text.push_str(&"0".repeat((2 * HALF).saturating_sub(text.len())));
    (sign, text)
}

/// The day of `YYYY-MM-DD`, counted from the year 1.
fn day(text: &str) -> Option<i128> {
    let digits: Vec<char> = text.chars().collect();
    let form_fits = digits.len() == 10
        && digits.iter().enumerate().all(|(at, c)| match at {
            4 | 7 => *c == '-',
            _ => c.is_ascii_digit(),
        });
    if !form_fits {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<i128>().unwrap();
    let (year, month, of_month) = (number(0..4), number(5..7), number(8..10));
    let leap = |year: i128| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |month: i128| match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if year == 0 || !(1..=12).contains(&month) || of_month == 0 || of_month > length(month) {
        return None;
    }
    let years: i128 = (1..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    Some(years + (1..month).map(length).sum::<i128>() + of_month - 1)
}

/// Units of 10^-18 seconds since the year 1.
fn instant(text: &str) -> Option<i128> {
    if !text.is_ascii() || text.len() < 20 {
        return None;
    }
    let text = text.to_ascii_uppercase().replace(' ', "T");
    let (date, clock) = text.split_once('T')?;
    let zone_at = clock.find(['Z', '+', '-'])?;
    let (clock, zone) = clock.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let parts: Vec<i128> = clock.split(':').map(|part| part.parse().unwrap_or(99)).collect();
    let [hour, minute, second] = parts[..] else { return None };
    let ahead = match zone {
        "Z" => 0,
        zone => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let size = hours.parse::<i128>().ok()? * 60 + minutes.parse::<i128>().ok()?;
            if zone.starts_with('-') { -size } else { size }
        }
    };
    let seconds = day(date)? * 86_400 + hour * 3_600 + minute * 60 + second - ahead * 60;
    let last = (day("9999-12-31")? + 1) * 86_400;
    let fraction: i128 = format!("{fraction:0<18}").parse().ok()?;
    (0..last).contains(&seconds).then_some(seconds * 1_000_000_000_000_000_000 + fraction)
}
