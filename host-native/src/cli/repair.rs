//! `coldpress verify KEY --repair-from FILE…`: a damaged data file, replaced by the same rows.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use coldpress::{DamagedObject, Examined, Likeness, Proof, Repaired};
use coldpress_core::{
    Codec, IdSource, KeyTarget, LsnWidth, ObjectKey, Schema, Settings, StreamEncoder, StreamOutput,
    StreamSettings, Target,
};
use serde_json::json;

use super::failure::Failure;
use super::input::{self, Source};
use super::progress::Progress;
use super::store::Store;

/// What every Parquet file begins with.
const PARQUET: &[u8] = b"PAR1";

/// How a damaged object is put right.
#[derive(Debug, Args)]
#[command(next_help_heading = "Repair")]
pub struct RepairArgs {
    /// Replace the one KEY, where it is damaged, by these files: its rows as `put` takes them, or a
    /// copy of the object
    ///
    /// The result must be byte for byte what was stored, by the checksum in the damaged footer.
    /// Where no footer can be read, only the number of rows is checked: the key must have as many
    /// LSNs. The output says which. An object that a killed repair deleted is put back; nothing
    /// else is stored at a key where nothing lies.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "keys")]
    repair_from: Vec<PathBuf>,
    /// The codec that the rows were put with [default: that of the damaged file]
    #[arg(long, value_name = "CODEC", requires = "repair_from")]
    codec: Option<Codec>,
    /// The field that holds each row's id, as it was given to put
    #[arg(long, value_name = "FIELD", requires = "repair_from")]
    id: Option<String>,
    /// The schema that was given to put [default: inferred, or that of the damaged file]
    #[arg(long, value_name = "FILE", requires = "repair_from")]
    schema: Option<PathBuf>,
    /// Replace the object though the result is not byte for byte what was stored; it must still
    /// have as many rows as the damaged footer tells, where that can be read
    #[arg(long, requires = "repair_from")]
    unproven: bool,
}

impl RepairArgs {
    /// Whether a repair was asked for.
    pub fn is_asked(&self) -> bool {
        !self.repair_from.is_empty()
    }
}

/// Replaces the object of the one key, and tells what was done.
pub fn run(args: &RepairArgs, keys: &[String], json: bool, store: &Store) -> Result<(), Failure> {
    let [key] = keys else {
        return Err(Failure::usage("--repair-from puts one object right: give one KEY"));
    };
    let storage = store.storage();
    let parsed = ObjectKey::parse(storage.prefix(), key).map_err(Failure::run)?;
    store.require_folder()?;
    let repaired = match store.ask(storage.examine(key))? {
        Examined::Whole(_) => Repaired::WasWhole,
        Examined::Damaged(damaged) => {
            let replacement = args.replacement(&parsed, Some(&damaged))?;
            store.ask(storage.repair(key, replacement, args.unproven))?
        }
        _ => {
            let replacement = args.replacement(&parsed, None)?;
            store.ask(storage.repair(key, replacement, args.unproven))?
        }
    };
    let (state, words, proof) = match repaired {
        Repaired::Replaced(proof) => ("replaced", "was damaged, and is replaced", Some(proof)),
        Repaired::Restored(proof) => {
            ("restored", "was deleted by a repair that was cut off, and is put back", Some(proof))
        }
        Repaired::WasWhole => ("ok", "is whole, and was not replaced", None),
    };
    let line = match json {
        true => json!({ "key": key, "state": state, "checked": proof.map(checked) }).to_string(),
        false => format!("{key} {words}{}", proof.map_or("", doubt)),
    };
    writeln!(io::stdout(), "{line}").map_err(Failure::output)
}

/// What of the replacement was checked, for programs.
fn checked(proof: Proof) -> &'static str {
    match proof {
        Proof::Bytes => "bytes",
        Proof::RowsOfFooter | Proof::RowsOfKey => "rows",
        _ => "nothing",
    }
}

/// What of the replacement was not checked, for people.
fn doubt(proof: Proof) -> &'static str {
    match proof {
        Proof::Bytes => "",
        Proof::RowsOfFooter => {
            "; its footer names other bytes, so only the number of rows was checked"
        }
        Proof::RowsOfKey => "; no footer could be read, so only the number of rows was checked",
        _ => "; no footer could be read, so nothing was checked of its rows",
    }
}

impl RepairArgs {
    /// The bytes to put: a copy of the object, or the encoding of the rows that is most like what
    /// was stored.
    fn replacement(
        &self,
        key: &ObjectKey,
        damaged: Option<&DamagedObject>,
    ) -> Result<Bytes, Failure> {
        if let Some(copy) = self.copy()? {
            return Ok(copy);
        }
        let sources = input::sources(&self.repair_from)?;
        if sources.contains(&Source::Stdin) {
            return Err(Failure::usage(
                "--repair-from may read its rows twice: give files, not `-`",
            ));
        }
        let mut first = None;
        for settings in self.candidates(damaged)? {
            let bytes = encode(&sources, key, settings)?;
            if damaged.is_none_or(|damaged| damaged.likeness(&bytes) != Likeness::Different) {
                return Ok(bytes);
            }
            first.get_or_insert(bytes);
        }
        // The store's own check says why it does not take this one.
        first.ok_or_else(|| Failure::run("no way to encode the rows was tried; report this"))
    }

    /// The Parquet file that was given, where one was.
    fn copy(&self) -> Result<Option<Bytes>, Failure> {
        let mut copies = Vec::new();
        for path in &self.repair_from {
            if is_parquet(path)? {
                copies.push(path);
            }
        }
        match copies.as_slice() {
            [] => Ok(None),
            [path] if self.repair_from.len() == 1 => {
                let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
                Ok(Some(bytes.into()))
            }
            [path, ..] => Err(Failure::usage(format_args!(
                "{} is a Parquet file, which takes the place of the whole object; give it alone",
                path.display()
            ))),
        }
    }

    /// The settings that the rows may have been put with, the likeliest first: as the damaged file
    /// says as far as it does.
    fn candidates(&self, damaged: Option<&DamagedObject>) -> Result<Vec<Settings>, Failure> {
        let mut settings = Settings {
            id: self.id.clone().map_or(IdSource::Auto, IdSource::Field),
            ..Settings::default()
        };
        let file = damaged.and_then(DamagedObject::file);
        if let Some(file) = &file {
            let report = file.report();
            if let [first, _, ..] = report.row_groups.as_slice() {
                settings.row_group_rows_max = usize::try_from(first.rows).unwrap_or(usize::MAX);
            }
            let chunk = report.row_groups.first().and_then(|group| group.chunks.first());
            if let Some(codec) = chunk.and_then(|chunk| codec_of(&chunk.codec)) {
                settings.codec = codec;
            }
        }
        settings.codec = self.codec.unwrap_or(settings.codec);
        if let Some(path) = &self.schema {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
            let schema = Schema::from_json(&text).map_err(|error| {
                Failure::run(format_args!("the schema {}: {error}", path.display()))
            })?;
            return Ok(vec![Settings { schema: Some(schema), ..settings }]);
        }
        let given = file.map(|file| file.schema().clone());
        let given = given.map(|schema| Settings { schema: Some(schema), ..settings.clone() });
        Ok([Some(settings), given].into_iter().flatten().collect())
    }
}

/// The rows as the one file of that key.
fn encode(sources: &[Source], key: &ObjectKey, settings: Settings) -> Result<Bytes, Failure> {
    let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else {
        return Err(Failure::run(format_args!("{key} is no key of a data file")));
    };
    let target = Target { lsns: Some(*lsns), ..Target::new(*tenant_id, collection) };
    let target = Target { lsn_width: LsnWidth::default(), ..target };
    let mut encoder =
        StreamEncoder::new(settings, StreamSettings::default(), target).map_err(Failure::usage)?;
    let mut progress = Progress::new(input::bytes_total(sources), false).named("encoding");
    let mut bytes = Vec::new();
    for source in sources {
        let in_source = |error| Failure::run(format_args!("{source}: {error}"));
        input::read(source, &mut progress, &|_| {}, &mut |slice| {
            encoder.push_json(slice).map_err(in_source)?;
            take(&mut encoder, &mut bytes);
            Ok(())
        })?;
        encoder.end_json().map_err(in_source)?;
    }
    encoder.finish().map_err(|error| Failure::run(format_args!("{key}: {error}")))?;
    take(&mut encoder, &mut bytes);
    Ok(bytes.into())
}

fn take(encoder: &mut StreamEncoder, bytes: &mut Vec<u8>) {
    while let Some(output) = encoder.poll() {
        if let StreamOutput::Bytes(more) = output {
            bytes.extend_from_slice(&more);
        }
    }
}

fn is_parquet(path: &Path) -> Result<bool, Failure> {
    if path == Path::new("-") || path.is_dir() {
        return Ok(false);
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(PARQUET.len() as u64)
        .read_to_end(&mut start)
        .map_err(|error| unreadable(path, &error))?;
    Ok(start == PARQUET)
}

/// The codec, in its default level, which no file names.
fn codec_of(name: &str) -> Option<Codec> {
    let name = name.to_ascii_lowercase();
    let name = name.split(['(', '_', ':']).next().unwrap_or_default();
    name.parse().ok()
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::run(format_args!("cannot read {}: {error}", path.display()))
}
