//! `coldpress completions`: prints the script with which a shell completes the command.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  coldpress completions bash >~/.local/share/bash-completion/completions/coldpress
  coldpress completions zsh >~/.zfunc/_coldpress   # put ~/.zfunc into fpath before compinit
  coldpress completions fish >~/.config/fish/completions/coldpress.fish";

/// Print a script that completes the command in a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell that reads the script
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs `coldpress completions`. `command` is the whole parser.
pub fn run(args: &CompletionsArgs, command: &Command) -> Result<(), Failure> {
    // The generator panics if it cannot write. A closed pipe must not be a panic.
    let mut script = Vec::new();
    generate(args.shell, &mut visible(command), "coldpress", &mut script);
    io::stdout().write_all(&script).map_err(Failure::output)
}

/// The same parser without hidden subcommands: the generators would show them.
fn visible(command: &Command) -> Command {
    let subcommands = command.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new("coldpress")
        .version(env!("CARGO_PKG_VERSION"))
        .args(command.get_arguments())
        .subcommands(subcommands)
}
