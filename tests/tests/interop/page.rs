//! The measured half of `docs/engines.md`, made from what the engines answered.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cases::{Case, Section};

/// The order of the page's columns: the name an engine gives itself, and a short head for it.
const ENGINES: [(&str, &str); 9] = [
    ("pyarrow", "pyarrow"),
    ("DuckDB", "DuckDB"),
    ("Polars", "Polars"),
    ("ClickHouse", "ClickH."),
    ("PyIceberg", "Iceberg"),
    ("Spark 3", "Spark 3"),
    ("Spark 4", "Spark 4"),
    ("hyparquet", "hyparq."),
    ("fastparquet", "fastpq."),
];

/// What one engine made of one file.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Every value is right, but for what the engine changes by its own rules.
    Reads { losses: Vec<String>, types: BTreeMap<String, String> },
    /// The engine reads the file, and values are not those of the source.
    Wrong(Vec<String>),
    /// The engine says that it cannot.
    Refuses(String),
}

impl Answer {
    fn from_json(value: &Value) -> Answer {
        let texts = |of: &Value| -> Vec<String> {
            of.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
        };
        if let Some(message) = value["refuses"].as_str() {
            return Answer::Refuses(message.to_owned());
        }
        if value["wrong"].is_array() {
            return Answer::Wrong(texts(&value["wrong"]));
        }
        let types = value["types"].as_object().unwrap();
        Answer::Reads {
            losses: texts(&value["losses"]),
            types: types.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect(),
        }
    }

    /// The cell of a table and, where there is more to say, what a note says of it.
    fn cell(&self) -> (&'static str, String) {
        match self {
            Answer::Reads { losses, .. } => ("yes", losses.join("; ")),
            Answer::Wrong(lines) => ("wrong", format!("wrong values: {}", lines[0])),
            Answer::Refuses(message) => ("no", format!("refuses: {message}")),
        }
    }
}

/// One engine and what it made of the files, by their names.
pub struct Engine {
    pub name: String,
    pub version: String,
    how: String,
    pub answers: BTreeMap<String, Answer>,
}

/// What every engine left in the folder, in the order of the page.
pub fn engines(folder: &Path) -> Vec<Engine> {
    let read = |(name, _): &(&str, &str)| {
        let path = folder.join(format!("answers-{}.json", name.replace(' ', "-")));
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{name} left no answers, {}: {error}", path.display()));
        let value: Value = serde_json::from_str(&text).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let answers = value["answers"].as_object().unwrap().iter();
        Engine {
            name: text("name"),
            version: text("version"),
            how: text("how"),
            answers: answers.map(|(file, a)| (file.clone(), Answer::from_json(a))).collect(),
        }
    };
    ENGINES.iter().map(read).collect()
}

/// The measured half of the page.
pub fn write(cases: &[(String, Case)], engines: &[Engine]) -> String {
    let mut page = Page { cases, engines, notes: Vec::new(), text: String::new() };
    page.engines();
    for section in Section::ALL {
        let (title, about) = heading(section);
        write!(page.text, "\n### {title}\n\n{about}\n\n").unwrap();
        page.table(section);
    }
    page.types();
    page.notes();
    page.text
}

fn heading(section: Section) -> (&'static str, &'static str) {
    match section {
        Section::Rows => (
            "Rows",
            "Whole files, each written with the encodings `portable`, `compact` and `legacy`. \
             All but the last\nhave inferred columns. Where the three differ, the cell has one \
             word for each, in this order.",
        ),
        Section::Types => (
            "Types",
            "Each type in a file of its own, with edge values, nulls, few values and climbing \
             values. The file\nfor fastparquet is `legacy`.",
        ),
        Section::Names => (
            "Names",
            "Each name at the top of a row, in a struct, and in a struct of a list. `yes` means \
             that the engine\nshows the very name. The file for fastparquet is `legacy`, and \
             has no list.",
        ),
        Section::Codecs => (
            "Codecs",
            "The films, written `portable` and `legacy`. Where the two differ, the cell has a \
             word for each.",
        ),
        Section::Encodings => (
            "Encodings",
            "Each file has columns of every type that we write in this encoding; one is of codec \
             `zstd`, another\nof `none`. Every file has levels in RLE. Only `compact` files \
             have\nDELTA_LENGTH_BYTE_ARRAY, BYTE_STREAM_SPLIT, and DELTA_BYTE_ARRAY with `none`.",
        ),
        Section::Iceberg => ("Tables of files", "What PyIceberg's `add_files` makes of files."),
    }
}

struct Page<'a> {
    cases: &'a [(String, Case)],
    engines: &'a [Engine],
    notes: Vec<String>,
    text: String,
}

impl Page<'_> {
    fn engines(&mut self) {
        self.text.push_str("| head | engine | version | reads by |\n| --- | --- | --- | --- |\n");
        for (engine, (name, head)) in self.engines.iter().zip(ENGINES) {
            let Engine { version, how, .. } = engine;
            writeln!(self.text, "| {head} | {name} | {version} | {how} |").unwrap();
        }
    }

    fn table(&mut self, section: Section) {
        let heads: String = ENGINES.iter().map(|(_, head)| format!(" {head} |")).collect();
        writeln!(self.text, "| what |{heads}\n| --- |{}", " --- |".repeat(ENGINES.len())).unwrap();
        let cases = self.cases.iter().filter(|(_, case)| case.section == section);
        let cases: Vec<_> = cases.collect();
        let mut done: Vec<&str> = Vec::new();
        for (_, case) in &cases {
            if done.contains(&case.what.as_str()) {
                continue;
            }
            done.push(&case.what);
            let files: Vec<&str> = cases
                .iter()
                .filter(|(_, other)| other.what == case.what)
                .map(|(file, _)| file.as_str())
                .collect();
            write!(self.text, "| {} |", case.what).unwrap();
            for engine in self.engines {
                let cell = self.cell(engine, &files);
                write!(self.text, " {cell} |").unwrap();
            }
            self.text.push('\n');
        }
    }

    /// One word where all files have the same answer, else one for each.
    fn cell(&mut self, engine: &Engine, files: &[&str]) -> String {
        let mut words = Vec::new();
        for file in files {
            let Some(answer) = engine.answers.get(*file) else { continue };
            let (word, note) = answer.cell();
            words.push(if note.is_empty() {
                word.to_owned()
            } else {
                format!("{word} ({})", self.note(note))
            });
        }
        match words.first() {
            None => "–".to_owned(),
            Some(first) if words.iter().all(|word| word == first) => first.clone(),
            Some(_) => words.join(", "),
        }
    }

    fn note(&mut self, text: String) -> usize {
        let at = self.notes.iter().position(|note| *note == text);
        at.unwrap_or_else(|| {
            self.notes.push(text);
            self.notes.len() - 1
        }) + 1
    }

    /// What the types become: three engines a table, as the names are long.
    fn types(&mut self) {
        self.text.push_str("\n### What the types become\n\nThe engine's own name of the type.\n");
        for (at, engines) in self.engines.chunks(3).enumerate() {
            let heads: String =
                ENGINES[at * 3..].iter().take(3).map(|(name, _)| format!(" {name} |")).collect();
            writeln!(self.text, "\n| type |{heads}\n| --- |{}", " --- |".repeat(3)).unwrap();
            for (_, case) in self.cases.iter().filter(|(_, case)| shows_type(case)) {
                write!(self.text, "| {} |", case.what).unwrap();
                for engine in engines {
                    let cell = match answer_to(engine, self.cases, &case.what) {
                        Answer::Reads { types, .. } => format!("`{}`", types["v"]),
                        _ => "–".to_owned(),
                    };
                    write!(self.text, " {cell} |").unwrap();
                }
                self.text.push('\n');
            }
        }
    }

    fn notes(&mut self) {
        self.text.push_str("\n### Notes\n\n");
        for (at, note) in self.notes.iter().enumerate() {
            let code = note.replace('`', "'");
            let line = match code.split_once(": ") {
                Some((what, detail)) => format!("{what}: `{detail}`"),
                None => code,
            };
            let mark = format!("{}. ", at + 1);
            self.text.push_str(&wrapped(&mark, &line));
        }
    }
}

/// Ranges of values that engines treat apart have one type; types of nested columns would be long,
/// and follow from the others.
fn shows_type(case: &Case) -> bool {
    let what = &case.what;
    let nested = what.contains("struct") || what.contains("list of list");
    let range = what.contains(" before ") || what.contains(" after ");
    let once = case.engines.is_none_or(|engines| engines.len() > 1);
    case.section == Section::Types && once && !nested && !range && !what.contains("list of time")
}

fn answer_to<'a>(engine: &'a Engine, cases: &[(String, Case)], what: &str) -> &'a Answer {
    let of_type = |case: &Case| case.section == Section::Types && case.what == what;
    let files = cases.iter().filter(|(_, case)| of_type(case));
    files.filter_map(|(file, _)| engine.answers.get(file)).next().unwrap()
}

/// An item of a list, in lines of at most 100 characters.
fn wrapped(mark: &str, text: &str) -> String {
    let mut lines = vec![mark.trim_end().to_owned()];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if line.chars().count() + 1 + word.chars().count() > 100 {
            lines.push(format!("{}{word}", " ".repeat(mark.len())));
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}
