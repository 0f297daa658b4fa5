//! A test of numbers that goes by their order: which stretches of the number line it takes.

use crate::sort::sort;

/// The number line, cut into stretches of which each is taken or not.
pub(crate) struct Regions {
    /// Where each stretch begins, in order. Places before the first one are not taken.
    starts: Vec<i64>,
    taken: Vec<bool>,
}

impl Regions {
    /// The stretches that begin at these places. `takes` says whether the one at a place is taken.
    /// `None` if it cannot say it.
    pub(crate) fn new(
        mut starts: Vec<i64>,
        takes: &mut dyn FnMut(i64) -> Option<bool>,
    ) -> Option<Self> {
        sort(&mut starts);
        starts.dedup();
        let taken = starts.iter().map(|start| takes(*start)).collect::<Option<_>>()?;
        Some(Regions { starts, taken })
    }

    /// Whether what lies at this place is taken.
    #[inline]
    pub(crate) fn takes(&self, place: i64) -> bool {
        let behind = self.starts.partition_point(|start| *start <= place);
        behind > 0 && self.taken[behind - 1]
    }
}

/// The place of a double among all of them. The order of places is that of the doubles, and the two
/// zeros have one place.
#[inline]
pub(crate) fn place_of(double: f64) -> i64 {
    turned((double + 0.0).to_bits().cast_signed())
}

/// The double at this place.
pub(crate) fn double_at(place: i64) -> f64 {
    f64::from_bits(turned(place).cast_unsigned())
}

/// Turns the order of negative ones around, as the bits of doubles have it.
fn turned(bits: i64) -> i64 {
    bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_the_order_of_doubles() {
        let mut doubles =
            vec![f64::MIN, -1e300, -2.5, -1.0, -1e-300, 0.0, 5e-324, 0.1, 1.0, 9e15, f64::MAX];
        let places: Vec<i64> = doubles.iter().map(|double| place_of(*double)).collect();
        assert!(places.is_sorted_by(|one, next| one < next), "{places:?}");
        assert_eq!(place_of(-0.0), place_of(0.0));
        assert_eq!(double_at(place_of(1.0) + 1), 1.0_f64.next_up());
        assert_eq!(double_at(place_of(-1.0) + 1), (-1.0_f64).next_up());
        let back: Vec<f64> = places.into_iter().map(double_at).collect();
        doubles.iter_mut().for_each(|double| *double += 0.0);
        assert_eq!(back, doubles);
    }

    #[test]
    fn what_lies_before_the_first_stretch_is_not_taken() {
        let regions = Regions::new(vec![7, 3, 7, 5], &mut |start| Some(start != 5)).unwrap();
        let taken: Vec<i64> = (0..10).filter(|place| regions.takes(*place)).collect();
        assert_eq!(taken, [3, 4, 7, 8, 9]);
        assert!(Regions::new(vec![1], &mut |_| None).is_none());
    }
}
