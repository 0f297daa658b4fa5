//! Commands that see nothing of the tester's own stores and credentials.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program in a folder, free of what the tester's own environment says of stores.
pub fn bare(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("AWS_") || name.starts_with("COLDPRESS_") {
            command.env_remove(name);
        }
    }
    // Nor what the tester's own machine knows of AWS.
    for file in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(file, "/no/such/file");
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}
