//! `coldpress get`: an object's bytes into a file.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use coldpress::ErrorKind;
use coldpress_core::LsnWidth;
use tempfile::NamedTempFile;

use super::absent;
use super::failure::Failure;
use super::interrupt;
use super::store::{self, Store, StoreArgs};

/// Fetch an object's bytes, unchanged
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The key of an object
    #[arg(value_name = "KEY")]
    key: String,
    /// Where to; `-` is standard output [default: the last part of KEY, here]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace FILE where it exists
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
    /// A pipe or a device, into which one writes and which must not be replaced by a file.
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
                "{} is a folder; name the file to write",
                path.display()
            ))),
            Ok(facts) if !facts.is_file() => Ok(Place::Device(path)),
            // What a link leads to is replaced, and not the link.
            Ok(_) if path.is_symlink() => Ok(Place::File(fs::canonicalize(&path).unwrap_or(path))),
            Ok(_) => Ok(Place::File(path)),
            Err(_) if path.is_symlink() => Err(Failure::run(format_args!(
                "{} is a symbolic link that leads nowhere; name the file to write",
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
            "cannot write {}: there is no folder {}",
            to.display(),
            folder.display()
        )));
    }
    // In the same folder, so that the last step is a rename. Dropped on the way, it is gone.
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

/// A temporary file is its owner's alone; what `get` leaves is a file like any other.
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
        "{} exists; choose another file with -o, or replace it with --force",
        path.display()
    ))
}
