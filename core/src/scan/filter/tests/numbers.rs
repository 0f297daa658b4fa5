//! Numbers by their exact value.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::generate::number_text;
use super::judge::compare_decimals;
use crate::filter::{Literal, NumberLiteral};

fn number(text: &str) -> Literal {
    Literal::Number(NumberLiteral::read(text).unwrap())
}

#[test]
fn numbers_that_doubles_would_mix_up_are_apart() {
    for (smaller, larger) in [
        ("9007199254740992", "9007199254740993"),
        ("9007199254740992.0", "9007199254740993"),
        ("18446744073709551615", "18446744073709551616"),
        ("-18446744073709551616", "-9223372036854775808"),
        ("1e400", "1.0000000000000000000000001e400"),
        ("1e-500", "1e-499"),
        ("-1e-499", "1e-9999999999999999999999999999999999999999"),
        (
            "1e9999999999999999999999999999999999999999",
            "11e9999999999999999999999999999999999999999",
        ),
        (
            "9e9999999999999999999999999999999999999999",
            "1e10000000000000000000000000000000000000000",
        ),
        (
            "1e-10000000000000000000000000000000000000001",
            "1e-10000000000000000000000000000000000000000",
        ),
        (
            "-1e10000000000000000000000000000000000000000",
            "1e-10000000000000000000000000000000000000000",
        ),
    ] {
        assert_eq!(number(smaller).compare(&number(larger)), Some(Ordering::Less), "{smaller}");
        assert_eq!(number(larger).compare(&number(smaller)), Some(Ordering::Greater), "{smaller}");
    }
}

#[test]
fn equal_numbers_have_many_forms() {
    for same in [
        &["1", "1.0", "1e0", "10e-1", "0.0001e+4", "1.00000000000000000000000000"][..],
        &["0", "-0", "0.0", "-0e5", "0e-99999999999999999999999999"],
        &["9223372036854775808", "9223372036854775808.0", "9223372036854775808000e-3"],
        &[
            "1e10000000000000000000000000000000000000000",
            "10e9999999999999999999999999999999999999999",
            "0.01e+0010000000000000000000000000000000000000002",
        ],
    ] {
        for text in same {
            assert_eq!(number(text).compare(&number(same[0])), Some(Ordering::Equal), "{text}");
        }
    }
}

#[test]
fn what_is_not_a_number_is_refused() {
    for text in ["", "1.", ".5", "+1", "01", "1e", "NaN", "Infinity", "0x1", "1 ", "1_000"] {
        assert!(NumberLiteral::read(text).is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(super::cases(5_000))]

    #[test]
    fn a_judge_of_decimal_texts_agrees(one in number_text(), other in number_text()) {
        let wanted = compare_decimals(&one, &other);
        prop_assert_eq!(number(&one).compare(&number(&other)), Some(wanted), "{} {}", one, other);
    }
}
