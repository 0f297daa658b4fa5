//! Rows of several files into one file.

mod rewriter;
mod settings;
mod sorted;

pub use rewriter::{RewriteOutput, RewriteSource, Rewriter};
pub use settings::{RewriteOrder, RewriteSettings};

#[cfg(test)]
mod law_tests;
#[cfg(test)]
mod tests;
