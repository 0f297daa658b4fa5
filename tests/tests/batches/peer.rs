//! Every type beside pyarrow's own file: the batch that it holds makes a file of ours, in which
//! pyarrow finds the same values.

use std::fs::{self, File};
use std::process::Command;

use coldpress_core::{Encoder, Settings};
use coldpress_tests::roundtrip::target;
use coldpress_tests::tools;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

#[test]
fn pyarrow_finds_in_our_file_what_is_in_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let python = |what: &str| {
        let mut command = Command::new(tools::python().unwrap());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(tools::root().join("tests/interop/batches.py")).arg(what).arg(folder.path());
        let output = tools::run(&mut command).unwrap_or_else(|problem| panic!("{problem}"));
        String::from_utf8(output.stdout).unwrap()
    };
    python("write");
    let own = File::open(folder.path().join("own.parquet")).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(own).unwrap().build().unwrap();
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    for batch in batches {
        encoder.push_batch(&batch.unwrap()).unwrap();
    }
    let file = encoder.finish(&target()).unwrap();
    assert!(file.summary.rescued.is_empty(), "{:?}", file.summary.rescued);
    fs::write(folder.path().join("ours.parquet"), &file.bytes).unwrap();
    let printed = python("check");
    assert_eq!(printed.lines().last(), Some("35 columns, 0 differ"), "{printed}");
}
