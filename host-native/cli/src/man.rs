//! `coldpress man`: the man pages, for those who package the command. `cargo xtask man` calls it.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command};

use crate::failure::Failure;

/// Write the man pages of the command and of its subcommands into a folder
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct ManArgs {
    /// The folder. It is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `coldpress man`. `command` is the whole parser.
pub fn run(args: &ManArgs, command: Command) -> Result<(), Failure> {
    let folder = &args.folder;
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    written.map_err(|error| {
        Failure::run(format_args!("cannot write the man pages into {}: {error}", folder.display()))
    })
}
