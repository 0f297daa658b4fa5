//! The columns that rows would have.

use std::io;
use std::io::Write;

use coldpress_core::{
    Codec, KeyPrefix, LsnWidth, Schema, Settings, StreamEncoder, StreamOutput, StreamSettings,
    Target,
};

use super::args::SchemaArgs;
use super::pretty::pretty;
use crate::failure::Failure;
use crate::input;
use crate::option_names::in_our_words;
use crate::progress::Progress;
use crate::text::counted;

/// How much is read after the columns are known, at most.
const PIECE_BYTES: usize = 16 << 10;

/// Reads the rows as a put does, as far as it looks before it chooses the columns.
pub fn run(args: &SchemaArgs) -> Result<(), Failure> {
    let sources = input::sources(&args.files)?;
    let mut rows = Rows::new(args)?;
    let mut progress = Progress::new(input::bytes_total(&sources), input::is_typed(&sources));
    for source in &sources {
        let in_source = |error| Failure::run(format_args!("{source}: {}", in_our_words(error)));
        let read = input::read(source, &mut progress, &|_| {}, &mut |slice| {
            for piece in slice.chunks(PIECE_BYTES) {
                rows.stream.push_json(piece).map_err(in_source)?;
                if rows.is_known() {
                    // As if nobody read on: nothing more is read.
                    return Err(Failure::OutputClosed);
                }
            }
            Ok(())
        });
        match read {
            Err(Failure::OutputClosed) if rows.found.is_some() => break,
            read => read?,
        }
        rows.stream.end_json().map_err(in_source)?;
    }
    let whole = rows.found.is_none();
    if whole {
        rows.stream.finish().map_err(|error| Failure::run(input::in_sources(&sources, &error)))?;
        rows.is_known();
    }
    drop(progress);
    let Some((schema, count)) = rows.found else {
        return Err(Failure::run(
            "the rows were read and gave no columns; this is a bug of coldpress, please report it",
        ));
    };
    writeln!(io::stdout(), "{}", pretty(&schema)).map_err(Failure::output)?;
    if !whole {
        // If standard error is closed, the schema is there nevertheless.
        let _ = writeln!(
            io::stderr(),
            "note: these are the columns of the first {}, from which `coldpress put` infers them \
             too; to look at more, raise --row-group-bytes",
            counted(count, "row")
        );
    }
    Ok(())
}

/// The rows of a put that stores nothing.
struct Rows {
    stream: StreamEncoder,
    /// The columns, and the number of rows that they come from.
    found: Option<(Schema, u64)>,
}

impl Rows {
    fn new(args: &SchemaArgs) -> Result<Self, Failure> {
        // What is written is thrown away.
        let settings = Settings { codec: Codec::None, ..args.settings() };
        let cut = StreamSettings {
            row_group_bytes_max: usize::try_from(args.row_group_bytes).unwrap_or(usize::MAX),
            ..StreamSettings::default()
        };
        let target = Target {
            prefix: KeyPrefix::default(),
            tenant_id: 0,
            collection: "schema".to_owned(),
            lsns: None,
            lsn_width: LsnWidth::default(),
        };
        let stream = StreamEncoder::new(settings, cut, target)
            .map_err(|error| Failure::usage(in_our_words(&error)))?;
        Ok(Rows { stream, found: None })
    }

    /// Whether the columns are chosen.
    fn is_known(&mut self) -> bool {
        while let Some(output) = self.stream.poll() {
            let schema = match &output {
                StreamOutput::File(file) => Some((&file.summary.schema, file.summary.rows)),
                _ => self.stream.schema().map(|schema| (schema, self.stream.rows())),
            };
            if self.found.is_none() {
                self.found = schema.map(|(schema, rows)| (schema.clone(), rows));
            }
        }
        self.found.is_some()
    }
}
