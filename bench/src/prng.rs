//! A small pseudo-random generator, so that the same seed gives the same rows everywhere.

/// SplitMix64: one 64-bit state, full period, no platform in it.
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator whose every later value follows from `seed`.
    pub fn new(seed: u64) -> Self {
        SplitMix64(seed)
    }

    /// The next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a 128-bit product is even enough for bounds this small, and has no loop.
        ((u128::from(self.next_bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A whole number near 0 in `-spread..=spread`, the middle likelier than the ends.
    pub fn wobble(&mut self, spread: u32) -> i64 {
        let side = u64::from(spread) + 1;
        self.below(side) as i64 - self.below(side) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_reference_implementation() {
        let mut prng = SplitMix64::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| prng.next_bits()).collect();
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut prng = SplitMix64::new(9);
        for _ in 0..10_000 {
            assert!(prng.below(7) < 7);
            assert!((-3..=3).contains(&prng.wobble(3)));
        }
        assert_eq!(prng.below(0), 0);
    }
}
