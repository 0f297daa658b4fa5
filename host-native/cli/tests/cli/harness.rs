//! Runs the binary in a folder of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::bare::bare;
use crate::json::Json;
use crate::law::{self, Rules};

/// The example that the README starts with.
pub const MOVIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/movies.ndjson");

/// An empty folder that the command runs in; its store is `coldpress-data` there.
pub struct Place {
    folder: TempDir,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// The command, free of what the tester's own environment says of stores.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(env!("CARGO_BIN_EXE_coldpress"), self.folder.path());
        command.args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.command(arguments).output().unwrap())
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // The command may stop at the first bad row, and then nobody reads the rest.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran::new(output)
    }

    /// Runs what must succeed in silence, and gives its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).ok()
    }

    /// Puts a text by way of a file and gives the key.
    pub fn put(&self, text: &str, options: &[&str]) -> String {
        self.write("rows.json", text);
        let arguments = [&["put", "rows.json", "--collection", "c"], options].concat();
        first_line(&self.ok(&arguments))
    }

    /// Every file under the store's folder, temporary ones included.
    pub fn stored_files(&self) -> Vec<String> {
        let root = self.path("coldpress-data");
        let mut files = Vec::new();
        walk(&root, &root, &mut files);
        files.sort();
        files
    }
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, files);
        } else {
            files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

impl Ran {
    pub fn new(output: Output) -> Self {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The standard output of a run that must have succeeded in silence.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The one line on standard error of a run that must have ended with `code` and no output.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        let line = self.stderr.strip_suffix('\n').expect("a whole line").to_owned();
        assert!(line.starts_with("error: "), "{line}");
        assert!(!line.chars().any(char::is_control), "not just one line: {line:?}");
        line
    }
}

pub fn first_line(text: &str) -> String {
    text.lines().next().unwrap().to_owned()
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[track_caller]
pub fn contains_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

/// Fails where the rows of two texts are not equal under the law.
#[track_caller]
pub fn same_rows(source: &str, found: &str) {
    let source = Json::parse_rows(source).unwrap();
    let found: Vec<Json> = found.lines().map(|line| Json::parse(line).unwrap()).collect();
    assert_eq!(source.len(), found.len(), "rows");
    for (number, (a, b)) in source.iter().zip(&found).enumerate() {
        let rules = Rules { nulls_kept: true, ..Rules::default() };
        if let Some(difference) = law::difference(a, b, rules) {
            panic!("row {number}: {difference}");
        }
    }
}
