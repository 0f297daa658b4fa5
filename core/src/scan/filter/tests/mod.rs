//! Tests of filters.

use proptest::prelude::ProptestConfig;

mod examples;
pub(in crate::scan) mod generate;
mod hostile;
mod judge;
mod laws;
mod numbers;
mod pruning;
mod texts;

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}
