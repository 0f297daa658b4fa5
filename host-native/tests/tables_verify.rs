//! Tables against a local folder.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use coldpress::ColdStorageConfig;
use common::local_config;
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn fresh(_test: &str) -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn config(&self) -> ColdStorageConfig {
        local_config(self.0.path())
    }
}

table_verify_conformance!(Place::fresh);
