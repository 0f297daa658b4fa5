//! A file of a stream while rows come into it.

use super::ids::IdTally;
use super::summary::{Summary, columns_in_file};
use super::tail::FileTail;
use super::write::FileWriter;
use crate::columns::Builder;
use crate::format::metadata::OwnId;
use crate::format::rescued::RescuedCounts;
use crate::resolve::{Opened, own_id, resolve};
use crate::{NewFields, Result, Schema, Settings, Target};

/// A file of which at least one row group is written.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) writer: FileWriter,
    /// The settings of the rows that follow: the file's own columns are given.
    pub(super) settings: Settings,
    pub(super) schema: Schema,
    own_id: OwnId,
    has_rescued: bool,
    /// The number of its first row in the stream.
    first_row: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    rescued: RescuedCounts,
    duplicate_keys: u64,
    ids: IdTally,
}

impl OpenFile {
    /// Chooses the columns over these rows, and writes them. `last`: no others follow.
    pub(super) fn begin(builder: Builder, settings: &Settings, last: bool) -> Result<Self> {
        // Later rows may have values to rescue, and then the columns cannot change any more.
        let opened = Opened { own_id: None, keeps_rescued: !last };
        let first_row = builder.rows_before();
        let mut ids = IdTally::new(settings.unique_ids);
        ids.add(&builder.ids, first_row, last)?;
        let mut columns = resolve(builder, settings, opened)?;
        let mut writer = FileWriter::open(&columns, settings)?;
        writer.write(&mut columns, settings)?;
        let schema = columns.schema;
        Ok(OpenFile {
            writer,
            settings: Settings {
                schema: Some(schema.clone()),
                new_fields: NewFields::Rescue,
                ..settings.clone()
            },
            schema,
            own_id: columns.own_id,
            has_rescued: columns.has_rescued,
            first_row,
            rows: 0,
            bytes: 0,
            rescued: columns.rescued,
            duplicate_keys: columns.duplicate_keys,
            ids,
        })
    }

    /// Whether these rows can come into the file: their ids must be where it says. Where it tells
    /// of no `_id` of the documents, those are rescued.
    pub(super) fn takes(&self, builder: &Builder) -> bool {
        match self.own_id {
            OwnId::Absent => true,
            OwnId::NamedField | OwnId::NamedPath => builder.place_of_ids() == Some(self.own_id),
            OwnId::String | OwnId::Number => self.own_id == own_id(builder),
        }
    }

    /// Writes more rows. `last`: no others follow.
    pub(super) fn write(&mut self, builder: Builder, last: bool) -> Result<()> {
        self.ids.add(&builder.ids, builder.rows_before(), last)?;
        let opened = Opened { own_id: Some(self.own_id), keeps_rescued: self.has_rescued };
        let mut columns = resolve(builder, &self.settings, opened)?;
        self.writer.write(&mut columns, &self.settings)?;
        self.rescued.merge(columns.rescued);
        self.duplicate_keys += columns.duplicate_keys;
        Ok(())
    }

    /// Its end. `append_id` is that of the append its rows belong to.
    pub(super) fn end(self, target: &Target, append_id: Option<&str>) -> Result<FileTail> {
        let OpenFile { writer, schema, own_id, has_rescued, rows, rescued, .. } = self;
        let append = append_id.map(|id| (id, self.first_row));
        let unknown = FileTail::unknown_lsns()?;
        let (end, checksum) = writer.close_unsealed(&schema, target, unknown, append)?;
        let summary = Summary {
            rows,
            columns: columns_in_file(&schema, own_id, has_rescued),
            rescued: rescued.into_list(),
            duplicate_ids: self.ids.duplicates(),
            duplicate_keys: self.duplicate_keys,
            schema,
        };
        let target = target.clone();
        Ok(FileTail { target, end, checksum, bytes_before: self.bytes, summary })
    }
}
