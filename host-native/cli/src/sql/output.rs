//! Where rows are written: standard output, or a file that is there whole or not at all.

use std::io::{BufWriter, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::{fs, io};

use tempfile::NamedTempFile;

use super::format::Format;
use crate::failure::Failure;

/// Where rows will be written.
#[derive(Debug)]
pub struct Output(Option<PathBuf>);

/// A place that is open. Failures of it are [`Open::failed`].
#[derive(Debug)]
pub enum Open {
    Stdout(BufWriter<StdoutLock<'static>>),
    File(BufWriter<NamedTempFile>, PathBuf),
}

impl Output {
    /// The file, or standard output, if rows of this form can go there.
    pub fn new(file: Option<&Path>, format: Format) -> Result<Self, Failure> {
        match file {
            Some(file) if fs::symlink_metadata(file).is_ok() => Err(exists(file)),
            Some(file) => Ok(Output(Some(file.to_owned()))),
            None if format == Format::Parquet && io::stdout().is_terminal() => Err(Failure::usage(
                "a Parquet file cannot be shown in a terminal; give -o FILE, or pipe it \
                     somewhere",
            )),
            None => Ok(Output(None)),
        }
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.0.is_some()
    }

    /// Opens it.
    pub fn open(self) -> Result<Open, Failure> {
        let Some(file) = self.0 else { return Ok(Open::stdout()) };
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // In the same folder, so that the last step is a rename. An error on the way deletes it.
        let temporary = tempfile::Builder::new().prefix(".coldpress-sql-").tempfile_in(folder);
        let temporary = temporary.map_err(|error| unwritable(&file, &error))?;
        Ok(Open::File(BufWriter::new(temporary), file))
    }
}

impl Open {
    /// Standard output.
    pub fn stdout() -> Self {
        Open::Stdout(BufWriter::with_capacity(1 << 16, io::stdout().lock()))
    }

    /// Writes what is left, and gives a file its name.
    pub fn keep(self) -> Result<(), Failure> {
        match self {
            Open::Stdout(mut out) => out.flush().map_err(Failure::output),
            Open::File(out, file) => {
                let failed = |error: io::Error| unwritable(&file, &error);
                let temporary = out.into_inner().map_err(|error| failed(error.into_error()))?;
                temporary.as_file().sync_all().map_err(failed)?;
                match temporary.persist_noclobber(&file) {
                    Ok(_) => Ok(()),
                    Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                        Err(exists(&file))
                    }
                    Err(error) => Err(failed(error.error)),
                }
            }
        }
    }

    /// The failure of a write.
    pub fn failed(&self, error: io::Error) -> Failure {
        match self {
            Open::Stdout(_) => Failure::output(error),
            Open::File(_, file) => unwritable(file, &error),
        }
    }
}

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Open::Stdout(out) => out.write(bytes),
            Open::File(out, _) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Open::Stdout(out) => out.flush(),
            Open::File(out, _) => out.flush(),
        }
    }
}

fn unwritable(file: &Path, error: &io::Error) -> Failure {
    Failure::run(format_args!("cannot write {}: {error}", file.display()))
}

fn exists(file: &Path) -> Failure {
    Failure::run(format_args!("{} exists; choose another file with -o", file.display()))
}
