//! `coldpress get`: downloads an object into a file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use coldpress::ErrorKind;
use coldpress_core::LsnWidth;
use tempfile::NamedTempFile;

use super::failure::Failure;
use super::store::{Store, StoreArgs};
use super::{absent, interrupt, store};

/// Download an object, byte for byte
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The key of an object
    #[arg(value_name = "KEY")]
    key: String,
    /// The file to write; `-` is standard output [default: the last part of KEY, in this folder]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace FILE if it exists
    #[arg(long)]
    force: bool,
}

/// Runs `coldpress get`.
pub fn run(args: &GetArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let to = match &args.output {
        Some(path) => path.clone(),
        None => PathBuf::from(args.key.rsplit('/').next().unwrap_or(&args.key)),
    };
    let place = Place::of(to)?;
    if let Place::File(path) = &place
        && !args.force
        && fs::symlink_metadata(path).is_ok()
    {
        return Err(exists(path));
    }
    let store = Store::open(store_args, LsnWidth::default())?;
    let bytes = match store.run(store.storage().download_parquet(&args.key))? {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(absent::object(&store, &args.key));
        }
        result => result.map_err(|error| store::failed(&error))?,
    };
    match place {
        Place::Stdout => {
            let mut out = io::stdout().lock();
            out.write_all(&bytes).and_then(|()| out.flush()).map_err(Failure::output)
        }
        Place::Device(path) => fs::write(&path, &bytes).map_err(|error| unwritable(&path, &error)),
        Place::File(path) => interrupt::uncut(|| write_file(&path, &bytes, args.force))?,
    }
}

enum Place {
    Stdout,
    /// A pipe or a device. It is written into, and never replaced by a file.
    Device(PathBuf),
    File(PathBuf),
}

impl Place {
    fn of(path: PathBuf) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Place::Stdout);
        }
        match fs::metadata(&path) {
            Ok(facts) if facts.is_dir() => Err(Failure::run(format_args!(
                "{} is a folder; give the name of a file with -o",
                path.display()
            ))),
            Ok(facts) if !facts.is_file() => Ok(Place::Device(path)),
            // Replaces the link's target, and keeps the link.
            Ok(_) if path.is_symlink() => Ok(Place::File(fs::canonicalize(&path).unwrap_or(path))),
            Ok(_) => Ok(Place::File(path)),
            Err(_) if path.is_symlink() => Err(Failure::run(format_args!(
                "{} is a symbolic link to nothing; give the name of a file with -o",
                path.display()
            ))),
            Err(_) => Ok(Place::File(path)),
        }
    }
}

/// Writes the file whole or not at all.
fn write_file(to: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let failed = |error: io::Error| unwritable(to, &error);
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(Failure::run(format_args!(
            "cannot write {}: the folder {} does not exist; create it first",
            to.display(),
            folder.display()
        )));
    }
    // In the same folder, so that the last step is a rename. An error on the way deletes it.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".coldpress-get-");
    readable_by_umask(&mut builder);
    let mut temporary: NamedTempFile = builder.tempfile_in(folder).map_err(failed)?;
    temporary.write_all(bytes).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    let kept = if force { temporary.persist(to) } else { temporary.persist_noclobber(to) };
    match kept {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(to)),
        Err(error) => Err(failed(error.error)),
    }
}

/// Only its owner can read a temporary file. The file that `get` leaves has the usual mode.
#[cfg(unix)]
fn readable_by_umask(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_by_umask(_: &mut tempfile::Builder<'_, '_>) {}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::run(format_args!("cannot write {}: {error}", path.display()))
}

fn exists(path: &Path) -> Failure {
    Failure::run(format_args!(
        "{} exists; choose another file with -o, or replace this one with --force",
        path.display()
    ))
}
