//! What the fuzz targets run. The bodies are in [`targets`], which the stable tests replay over
//! the committed corpus (`tests/tests/fuzz_replay.rs`).

#[path = "../../tests/src/json.rs"]
pub mod json;
#[path = "../../tests/src/law.rs"]
pub mod law;
#[path = "../../tests/src/scanning.rs"]
pub mod scanning;
pub mod targets;
