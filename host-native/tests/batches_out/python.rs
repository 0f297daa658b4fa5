//! pyarrow, as the judge.

use std::fs;
use std::path::Path;
use std::process::Command;

use arrow_ipc::writer::FileWriter;
use coldpress::arrow_array::RecordBatch;
use coldpress_tests::tools;

/// Runs `tests/interop/foreign.py`, and gives what it printed.
pub fn run(arguments: &[&str], folder: &Path) -> String {
    let python = tools::python().unwrap_or_else(|wrong| panic!("{wrong}"));
    let mut command = Command::new(python);
    // Compiled scripts would be written beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(tools::root().join("tests/interop/foreign.py")).args(arguments).arg(folder);
    let output = tools::run(&mut command).unwrap_or_else(|wrong| panic!("{wrong}"));
    String::from_utf8(output.stdout).unwrap()
}

/// Writes batches as a file of Arrow.
pub fn write(batches: &[RecordBatch], path: &Path) {
    let file = fs::File::create(path).unwrap();
    let mut writer = FileWriter::try_new(file, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
}
