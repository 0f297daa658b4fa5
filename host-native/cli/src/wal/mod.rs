//! `coldpress wal`: archives a write-ahead log, checks the archive, and restores the log.

mod archive;
pub(crate) mod args;
mod check;
mod end;
mod metrics;
mod one;
mod restore;
mod rm;

use clap::{Args, Subcommand};

pub use end::as_restore_command;

use super::failure::Failure;
use super::store::StoreArgs;

const EXAMPLES: &str = "PostgreSQL (postgresql.conf, absolute paths):
  archive_command = 'coldpress wal put %p --name %f --store s3://cold/pg'
  restore_command = 'coldpress wal get %f %p --store s3://cold/pg'
Any other log:
  coldpress wal archive /var/lib/app/wal --watch --delete-after-verify --store s3://cold/app";

/// Archive a write-ahead log, check the archive, restore the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WalArgs {
    #[command(subcommand)]
    command: WalCommand,
}

#[derive(Debug, Subcommand)]
enum WalCommand {
    Put(one::PutArgs),
    Get(one::GetArgs),
    Archive(archive::ArchiveArgs),
    Verify(check::VerifyArgs),
    Restore(restore::RestoreArgs),
    Status(check::StatusArgs),
    Rm(rm::RmArgs),
}

/// Runs `coldpress wal`.
pub fn run(args: &WalArgs, store: &StoreArgs) -> Result<(), Failure> {
    match &args.command {
        WalCommand::Put(args) => one::put(args, store),
        WalCommand::Get(args) => one::get(args, store),
        WalCommand::Archive(args) => archive::run(args, store),
        WalCommand::Verify(args) => check::verify(args, store),
        WalCommand::Restore(args) => restore::run(args, store),
        WalCommand::Status(args) => check::status(args, store),
        WalCommand::Rm(args) => rm::run(args, store),
    }
}
