//! What holds for every filter and every row.

use proptest::prelude::*;

use super::generate::{condition, filter, odd_path, path, row};
use super::judge;
use crate::filter::{ColumnPath, Comparison, Condition, Filter, PickedRow};
use crate::json;

fn negated(condition: &Condition) -> Condition {
    Condition::Not(Box::new(condition.clone()))
}

proptest! {
    #![proptest_config(super::cases(3_000))]

    /// Text, value and JSON say the same.
    #[test]
    fn both_forms_give_the_filter_back(condition in condition(odd_path())) {
        let filter = Filter::new(condition).unwrap();
        let text = filter.to_string();
        let by_text = Filter::parse(&text);
        prop_assert_eq!(by_text.as_ref().ok(), Some(&filter), "{} gave {:?}", text, by_text);
        let json = filter.to_json();
        let by_json = Filter::from_json(&json);
        prop_assert_eq!(by_json.as_ref().ok(), Some(&filter), "{} gave {:?}", json, by_json);
        let once_more = Filter::new(filter.condition().clone());
        prop_assert_eq!(once_more.ok(), Some(filter));
    }

    #[test]
    fn paths_are_read_as_they_are_written(path in odd_path()) {
        prop_assert_eq!(path.to_string().parse::<ColumnPath>().unwrap(), path);
    }

    /// The slow judge agrees, of a whole document and of its picked columns.
    #[test]
    fn a_judge_agrees(filter in filter(), rows in prop::collection::vec(row(), 1..6)) {
        let mut picked = PickedRow::new(filter.columns());
        for row in &rows {
            let wanted = match judge::truth(filter.condition(), row) {
                1 => Some(true),
                0 => None,
                _ => Some(false),
            };
            prop_assert_eq!(filter.truth(row), wanted, "{} of {}", filter, row);
            prop_assert_eq!(filter.matches(row), wanted == Some(true));
            picked.clear();
            json::read(row.to_string().as_bytes(), &mut picked).unwrap();
            prop_assert_eq!(filter.truth(&picked), wanted, "{} of {} as events", filter, row);
        }
    }

    /// The laws of three-valued logic.
    #[test]
    fn logic_has_three_values(
        (one, other) in (condition(path()), condition(path())),
        row in row(),
    ) {
        let truth = |condition: Condition| Filter::new(condition).unwrap().truth(&row);
        let both = || vec![one.clone(), other.clone()];
        let not_both = || vec![negated(&one), negated(&other)];
        prop_assert_eq!(truth(negated(&negated(&one))), truth(one.clone()));
        prop_assert_eq!(truth(negated(&Condition::And(both()))), truth(Condition::Or(not_both())));
        prop_assert_eq!(truth(negated(&Condition::Or(both()))), truth(Condition::And(not_both())));
        let reversed = vec![other.clone(), one.clone()];
        prop_assert_eq!(truth(Condition::And(both())), truth(Condition::And(reversed)));
    }

    /// `not a < 5` is `a >= 5`, and `in` is a chain of `=`, whatever the value is.
    #[test]
    fn comparisons_have_opposites(
        path in path(),
        literals in prop::collection::vec(super::generate::literal(), 1..4),
        row in row(),
    ) {
        let truth = |condition: Condition| Filter::new(condition).unwrap().truth(&row);
        let compare = |comparison, literal: &crate::filter::Literal| {
            Condition::Compare(path.clone(), comparison, literal.clone())
        };
        for comparison in Comparison::ALL {
            let compared = compare(comparison, &literals[0]);
            let opposite = compare(comparison.opposite(), &literals[0]);
            prop_assert_eq!(truth(negated(&compared)), truth(opposite));
        }
        let chain = literals.iter().map(|literal| compare(Comparison::Equal, literal)).collect();
        let list = Condition::In(path.clone(), literals.clone());
        prop_assert_eq!(truth(list), truth(Condition::Or(chain)));
    }
}
