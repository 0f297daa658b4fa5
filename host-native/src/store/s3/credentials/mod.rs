//! The credentials that sign requests: fetched from where the configuration says, kept, and
//! refreshed before they expire.
//!
//! [Decision 22](../../../../../docs/decisions/0022-credentials.md) says why these sources are ours.

mod answer;
mod chain;
mod container;
mod defaults;
mod document;
mod environment;
mod instance;
mod process;
mod profile;
mod profile_file;
pub(crate) mod provider;
mod sts;
mod web_identity;
mod words;

pub use defaults::AwsDefaults;
