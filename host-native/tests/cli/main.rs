//! The command as a person and a script meet it: the real binary, its output and exit codes.

mod harness;
mod input;
mod put;
mod read;
mod usage;

// The judge of the law reads JSON without rounding; it is written apart from what it judges.
#[path = "../../../tests/src/json.rs"]
#[allow(dead_code)]
mod json;
#[path = "../../../tests/src/law.rs"]
#[allow(dead_code)]
mod law;
