//! `coldpress verify KEY --repair-from FILE…`: replaces a damaged data file with the same rows.

use std::fs::File;
use std::io;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use coldpress::{DamagedObject, Examined, Likeness, Proof, Repaired};
use coldpress_core::{
    Codec, Error, IdSource, KeyTarget, LsnWidth, NewFields, ObjectKey, Schema, Settings,
    StreamEncoder, StreamOutput, StreamSettings, Target,
};
use serde_json::json;

use super::failure::Failure;
use super::input;
use super::input::Source;
use super::option_names::in_our_words;
use super::progress::Progress;
use super::store::Store;

/// The first bytes of every Parquet file.
const PARQUET: &[u8] = b"PAR1";

/// How to repair a damaged object.
#[derive(Debug, Args)]
#[command(next_help_heading = "Repair")]
pub struct RepairArgs {
    /// Replace the object KEY, if it is damaged, from these files: from its rows, as `put` takes
    /// them, or from a copy of the object
    ///
    /// The result must be byte for byte what was stored. The checksum in the damaged footer proves
    /// it. If no footer can be read, only the number of rows is checked: the key must have as many
    /// LSNs. The output says which check was made. If a killed repair deleted the object, this
    /// restores it. Otherwise nothing is stored at a key that has no object.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "keys")]
    repair_from: Vec<PathBuf>,
    /// The codec that the rows were put with [default: the codec of the damaged file]
    #[arg(long, value_name = "CODEC", requires = "repair_from")]
    codec: Option<Codec>,
    /// The field that holds each row's id, as it was given to `put`
    #[arg(long, value_name = "FIELD", requires = "repair_from")]
    id: Option<String>,
    /// The schema that was given to `put` [default: inferred, or the schema of the damaged file]
    #[arg(long, value_name = "FILE", requires = "repair_from")]
    schema: Option<PathBuf>,
    /// Replace the object even if the result is not byte for byte what was stored. If the damaged
    /// footer can be read, the number of rows must still be the same
    #[arg(long, requires = "repair_from")]
    unproven: bool,
}

impl RepairArgs {
    /// Whether a repair was asked for.
    pub fn is_asked(&self) -> bool {
        !self.repair_from.is_empty()
    }
}

/// Replaces the object of the key, and prints what was done.
pub fn run(args: &RepairArgs, keys: &[String], json: bool, store: &Store) -> Result<(), Failure> {
    let [key] = keys else {
        return Err(Failure::usage("--repair-from repairs one object; give one KEY"));
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
        Repaired::Replaced(proof) => ("replaced", "was damaged and has been replaced", Some(proof)),
        Repaired::Restored(proof) => (
            "restored",
            "was deleted by a repair that did not finish, and has been restored",
            Some(proof),
        ),
        Repaired::WasWhole => ("ok", "is undamaged and was not replaced", None),
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
            "; its bytes differ from what the damaged footer says, so only the number of rows was \
             checked"
        }
        Proof::RowsOfKey => "; no footer could be read, so only the number of rows was checked",
        _ => "; no footer could be read, so its rows were not checked",
    }
}

impl RepairArgs {
    /// The bytes to put: the copy of the object, or the rows, encoded in the way that comes closest
    /// to what was stored.
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
                "--repair-from may read its rows twice; give files, not `-`",
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
        // The check in the library then says why it refuses this one.
        first.ok_or_else(|| {
            Failure::run(
                "no way to encode the rows was tried; this is a bug of coldpress, please report it",
            )
        })
    }

    /// The Parquet file among the given files, if there is one.
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
                "{} is a Parquet file, which replaces the whole object; give it alone",
                path.display()
            ))),
        }
    }

    /// The settings that the rows may have been put with, the most likely ones first. They follow
    /// the damaged file as far as it can be read.
    fn candidates(&self, damaged: Option<&DamagedObject>) -> Result<Vec<Settings>, Failure> {
        let mut settings = Settings {
            id: self.id.clone().map_or(IdSource::Auto, IdSource::Field),
            ..Settings::default()
        };
        let file = damaged.and_then(DamagedObject::file);
        if let Some(file) = &file {
            if let (None, Some(path)) = (&self.id, file.footer().id_field()) {
                settings.id = IdSource::Field(path.join("."));
            }
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
            return Ok(of_schema(&settings, &schema).into());
        }
        let given = file.map(|file| file.schema().clone());
        let given = given.map(|schema| of_schema(&settings, &schema));
        Ok([settings].into_iter().chain(given.into_iter().flatten()).collect())
    }
}

/// The settings of a file whose columns were given, and of one that kept those of an earlier file.
fn of_schema(settings: &Settings, schema: &Schema) -> [Settings; 2] {
    [NewFields::Rescue, NewFields::Column].map(|new_fields| Settings {
        schema: Some(schema.clone()),
        new_fields,
        ..settings.clone()
    })
}

/// Encodes the rows as the one file of that key.
fn encode(sources: &[Source], key: &ObjectKey, settings: Settings) -> Result<Bytes, Failure> {
    let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else {
        return Err(Failure::run(format_args!(
            "{key} is not the key of a data file; only data files can be repaired"
        )));
    };
    let target = Target { lsns: Some(*lsns), ..Target::new(*tenant_id, collection) };
    let target = Target { lsn_width: LsnWidth::default(), ..target };
    let mut encoder =
        StreamEncoder::new(settings, StreamSettings::default(), target).map_err(Failure::usage)?;
    let mut progress = Progress::new(input::bytes_total(sources), false).named("encoding");
    let mut bytes = Vec::new();
    for source in sources {
        let in_source =
            |error: Error| Failure::run(format_args!("{source}: {}", in_our_words(error)));
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

/// The codec with its default level: no file names the level.
fn codec_of(name: &str) -> Option<Codec> {
    let name = name.to_ascii_lowercase();
    let name = name.split(['(', '_', ':']).next().unwrap_or_default();
    name.parse().ok()
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::run(format_args!("cannot read {}: {error}", path.display()))
}
