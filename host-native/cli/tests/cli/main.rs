//! The command as a person and a script meet it: the real binary, its output and exit codes.
// A test's own check is its panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod append;
#[cfg(unix)]
mod credentials;
mod grant;
mod harness;
#[cfg(unix)]
mod hostile;
mod input;
#[cfg(unix)]
mod interrupt;
mod lifecycle;
#[cfg(unix)]
mod places;
mod put;
mod read;
mod repair;
mod s3;
mod scan;
mod schema;
#[cfg(feature = "sql")]
mod sql;
mod usage;
#[cfg(unix)]
mod wal;
#[cfg(unix)]
mod wal_ends;
mod wal_missing;

#[path = "../../../tests/common/bare.rs"]
mod bare;
#[path = "../../../tests/common/fake_aws.rs"]
#[allow(dead_code)]
mod fake_aws;
#[path = "../../../tests/common/seaweed.rs"]
mod seaweed;
#[path = "../../../tests/common/stub.rs"]
#[allow(dead_code)]
mod stub;

// The judge of the law reads JSON without rounding; it is written apart from what it judges.
#[path = "../../../../tests/src/json.rs"]
#[allow(dead_code)]
mod json;
#[path = "../../../../tests/src/law.rs"]
#[allow(dead_code)]
mod law;
