//! The grant server as a library, within this process: crowds, and neighbours who are noisy.
// A test's own check is its panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crowd;
mod noisy;

// What the tests of the command share with these.
#[path = "../../../cli/tests/serve/http.rs"]
#[allow(dead_code)]
mod http;
#[path = "../../../cli/tests/serve/made.rs"]
mod made;
