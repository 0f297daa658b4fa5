//! Sorts short lists. In WebAssembly, each kind of the standard library's sort is 4 KB of code that
//! a page has to download. All lists that are sorted here share one.

use std::cmp::Ordering;

/// The places `0..count` in this order. Equal ones stay in theirs.
pub(crate) fn places(count: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|one, other| order(*one, *other));
    places
}

/// Sorts the values. Equal ones stay in their order.
pub(crate) fn sort_by<T>(values: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    let places = places(values.len(), &|one, other| order(&values[one], &values[other]));
    let mut targets = vec![0; places.len()];
    for (target, place) in places.into_iter().enumerate() {
        targets[place] = target;
    }
    // Each swap brings one value to its place, so there are fewer swaps than values.
    for at in 0..values.len() {
        while targets[at] != at {
            let target = targets[at];
            values.swap(at, target);
            targets.swap(at, target);
        }
    }
}

/// Sorts the values by themselves.
pub(crate) fn sort<T: Ord>(values: &mut [T]) {
    sort_by(values, T::cmp);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_are_sorted_as_the_standard_library_sorts_them(
            values in prop::collection::vec((0_u8..10, any::<u32>()), 0..100)
        ) {
            let by_first = |one: &(u8, u32), other: &(u8, u32)| one.0.cmp(&other.0);
            let (mut ours, mut theirs) = (values.clone(), values.clone());
            sort_by(&mut ours, by_first);
            theirs.sort_by(by_first);
            prop_assert_eq!(&ours, &theirs);
            sort(&mut ours);
            theirs.sort();
            prop_assert_eq!(ours, theirs);
        }
    }
}
