//! The columns of a table.

use super::action::Metadata;
use super::file::NewFile;
use super::join::{Join, refined};
use super::{listed, types};
use crate::json::{JsonText, value};
use crate::schema::{ID_COLUMN, RESCUED_COLUMN};
use crate::{Column, ColumnType, Error, ErrorKind, Result, Schema};

/// The property that has our schema of the table, as [`Schema::to_json`] writes it.
const SCHEMA: &str = "coldpress.schema";
/// The property that has the names down to the field of the ids, as a JSON array.
const ID: &str = "coldpress.id";
/// The property that says which version of these properties a table has.
const VERSION: &str = "coldpress.version";
/// The version of these properties.
const VERSION_NOW: &str = "1";

/// The columns of a table, with our types of them.
///
/// The first commit fixes the types. Later files add columns, and never change one. New columns
/// come last, behind `_rescued_data` too: other columns keep their places, on which a `select *`
/// counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumns {
    /// All columns, our own two among them where the table has them.
    all: Vec<Column>,
    /// All but our own two.
    schema: Schema,
    id_field: Option<Vec<String>>,
    /// The paths of the columns whose type we do not have.
    opaque: Vec<Vec<String>>,
    /// Whether [`TableColumns::all`] has the types that a file of ours has, and not only Delta's.
    exact: bool,
    /// What the log says so far; `None` for a table without a log.
    before: Option<Box<Metadata>>,
}

impl TableColumns {
    /// The columns of a table whose first file is this one. An error of kind `Settings` names a
    /// column that no table can have: a UUID, a timestamp of nanoseconds, or a name that differs
    /// from another one only in case.
    pub fn of_file(file: &NewFile) -> Result<Self> {
        let columns = file.table_columns();
        types::check(&columns).map_err(|error| in_file(&error, file))?;
        let columns = Join::new(&[], file.path()).columns(&[], &columns)?;
        let (schema, nulls) = (file.schema(), only_nulls(file.schema().columns()));
        let all: Vec<Column> = columns.into_iter().chain(nulls).collect();
        let own_ids = schema.own_field_ids();
        let schema = schema_of(&all, file.id_field())?.with_own_field_ids(own_ids)?;
        Ok(TableColumns {
            all,
            schema,
            id_field: file.id_field().map(<[String]>::to_vec),
            opaque: Vec::new(),
            exact: true,
            before: None,
        })
    }

    /// The columns once this file is in the table; `None` if they are the same as now.
    ///
    /// A column that the file lacks, or that has only nulls there, is no matter. An error of kind
    /// `Conflict` if a column of the file has another type than in the table, or a name that
    /// differs from that of a column only in case, or if its ids are another field. An error of
    /// kind `Settings` if no table can have a column of the file.
    pub fn with_file(&self, file: &NewFile) -> Result<Option<Self>> {
        self.check_partitions(file)?;
        let id_field = self.id_field_with(file)?;
        let columns = file.table_columns();
        types::check(&columns).map_err(|error| in_file(&error, file))?;
        let mut join = Join::new(&self.opaque, file.path());
        let all = join.columns(&self.all, &columns)?;
        if !join.found && self.exact && id_field == self.id_field {
            return Ok(None);
        }
        let own_ids = self.schema.own_field_ids();
        let schema = schema_of(&all, id_field.as_deref())
            .and_then(|schema| schema.with_own_field_ids(own_ids))
            .map_err(|error| in_file(&error, file))?;
        let (opaque, before) = (self.opaque.clone(), self.before.clone());
        Ok(Some(TableColumns { all, schema, id_field, opaque, exact: true, before }))
    }

    /// The columns of a table whose log says this. Our own properties say the exact types; where
    /// the columns of the log have others, those of the log count.
    ///
    /// An error of kind `Corrupt` if the log is damaged, of kind `Limit` if the columns are too
    /// many or nest too deep, and of kind `Settings` if a later Coldpress made the table.
    pub fn from_metadata(metadata: &Metadata) -> Result<Self> {
        let properties = &metadata.configuration;
        if let Some(version) = properties.get(VERSION).filter(|version| *version != VERSION_NOW) {
            return Err(Error::settings(format!(
                "the table has {VERSION} {version:?}, but this build of Coldpress reads only \
                 {VERSION_NOW:?}; update Coldpress"
            )));
        }
        let delta = types::read(&metadata.schema_string)?;
        let id_field = properties.get(ID).map(|text| read_names(text)).transpose()?;
        let ours = properties.get(SCHEMA).map(|text| {
            Schema::from_json(text).map_err(|error| damaged(SCHEMA, &error.to_string()))
        });
        let ours = ours.transpose()?;
        let own_ids = ours.as_ref().map(Schema::own_field_ids).unwrap_or_default();
        let exact = ours.is_some();
        let all = match &ours {
            Some(ours) => refined(&delta.columns, &with_own(ours, id_field.is_none())),
            None => delta.columns,
        };
        let schema = schema_of(&all, id_field.as_deref())
            .and_then(|schema| schema.with_own_field_ids(own_ids))
            .map_err(|error| {
                Error::new(
                    ErrorKind::Limit,
                    format!("Coldpress cannot have the columns of the table: {error}"),
                )
            })?;
        let (opaque, before) = (delta.opaque, Some(Box::new(metadata.clone())));
        Ok(TableColumns { all, schema, id_field, opaque, exact, before })
    }

    /// What the log is to say of the table. `id`, a UUID, and `created_ms`, in milliseconds since
    /// 1970, are for a new table: a table that has a log keeps its own. So it does with its name,
    /// its other properties, and what other writers said of its columns.
    pub fn to_metadata(&self, id: String, created_ms: i64) -> Metadata {
        let mut metadata = match &self.before {
            Some(before) => Metadata::clone(before),
            None => Metadata {
                id,
                format_provider: "parquet".to_owned(),
                created_ms: Some(created_ms),
                ..Metadata::default()
            },
        };
        let text = self.before.as_ref().map(|before| before.schema_string.as_str());
        metadata.schema_string = types::write(text, &self.all);
        let listed = self.statistics_property();
        let properties = &mut metadata.configuration;
        properties.entry(listed::PROPERTY.to_owned()).or_insert(listed);
        properties.insert(SCHEMA.to_owned(), self.schema.to_json());
        properties.insert(VERSION.to_owned(), VERSION_NOW.to_owned());
        if let Some(names) = &self.id_field {
            properties.insert(ID.to_owned(), names_text(names));
        }
        metadata
    }

    /// The columns, without `_id` and `_rescued_data`. Columns that had only nulls in the first
    /// file are among them; the log does not know those.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The names down to the field that holds the ids; `None` if the column `_id` holds them.
    pub fn id_field(&self) -> Option<&[String]> {
        self.id_field.as_deref()
    }

    /// All columns, `_id` and `_rescued_data` among them where the table has them.
    pub(super) fn all(&self) -> &[Column] {
        &self.all
    }

    /// The paths of the columns whose type we do not have.
    pub(super) fn opaque(&self) -> &[Vec<String>] {
        &self.opaque
    }

    /// Whether the types are those of files of ours, and not only Delta's.
    pub(super) fn is_exact(&self) -> bool {
        self.exact
    }

    /// The leaves of which each file states statistics in the log, with their types.
    pub(super) fn with_statistics(&self) -> Vec<listed::Leaf<'_>> {
        // A new table lists its first columns only once its metadata is written.
        let properties = self.before.as_ref().map(|before| &before.configuration);
        let property = properties.and_then(|properties| properties.get(listed::PROPERTY));
        let known = property.map(String::to_owned).unwrap_or_else(|| self.statistics_property());
        listed::listed(Some(&known), &self.all)
    }

    /// The columns that have statistics from the first commit of ours on. It never changes: files
    /// that are older than a column say nothing of it.
    fn statistics_property(&self) -> String {
        let before = self.before.as_ref();
        let before = before.and_then(|before| types::read(&before.schema_string).ok());
        let known = before.map(|delta| listed::property(&delta.columns));
        let known = known.filter(|known| !known.is_empty());
        known.unwrap_or_else(|| listed::property(&self.all))
    }

    /// The field of the ids once this file is in the table.
    fn id_field_with(&self, file: &NewFile) -> Result<Option<Vec<String>>> {
        let has_ids = self.id_field.is_some() || find(&self.all, ID_COLUMN).is_some();
        if !has_ids || self.id_field() == file.id_field() {
            return Ok(file.id_field().map(<[String]>::to_vec));
        }
        let shown = |names: Option<&[String]>| match names {
            Some(names) => format!("the field {:?}", names.join(".")),
            None => format!("the column {ID_COLUMN:?}"),
        };
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "the ids of the table are {}, but those of {} are {}, so that file cannot be in \
                 the table; put its rows again with the ids of the table (--id)",
                shown(self.id_field()),
                file.path(),
                shown(file.id_field())
            ),
        ))
    }

    fn check_partitions(&self, file: &NewFile) -> Result<()> {
        let partitions = self.before.as_ref().map(|before| &before.partition_columns);
        match partitions.and_then(|names| names.first()) {
            None => Ok(()),
            Some(name) => Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "another writer partitioned the table by {name:?}, and files of Coldpress have \
                     no partitions, so {} cannot be in it; put the rows into another collection",
                    file.path()
                ),
            )),
        }
    }
}

fn find<'c>(columns: &'c [Column], name: &str) -> Option<&'c Column> {
    columns.iter().find(|column| column.name == name)
}

fn only_nulls(columns: &[Column]) -> impl Iterator<Item = Column> {
    columns.iter().filter(|column| column.column_type == ColumnType::Null).cloned()
}

/// The schema that a table of these columns has for us: without our own two.
fn schema_of(all: &[Column], id_field: Option<&[String]>) -> Result<Schema> {
    let is_own = |column: &&Column| match column.name.as_str() {
        RESCUED_COLUMN => true,
        ID_COLUMN => id_field.is_none(),
        _ => false,
    };
    Schema::new(all.iter().filter(|column| !is_own(column)).cloned().collect())
}

/// The columns of our schema with our own two, whose types Delta's text does not say.
fn with_own(schema: &Schema, has_id: bool) -> Vec<Column> {
    let id = has_id.then(|| Column::new(ID_COLUMN, ColumnType::String));
    let rescued = Column::new(RESCUED_COLUMN, ColumnType::Json);
    let columns = schema.columns().iter().cloned();
    id.into_iter().chain(columns).chain(std::iter::once(rescued)).collect()
}

fn names_text(names: &[String]) -> String {
    use crate::json::Events;
    let mut text = JsonText::default();
    text.open_array();
    names.iter().for_each(|name| text.string(name));
    text.close_array();
    text.take()
}

fn read_names(text: &str) -> Result<Vec<String>> {
    let wrong = || damaged(ID, "it is not a JSON array of names");
    let names = value::read(text).map_err(|_| wrong())?;
    let names = names.as_array().filter(|names| !names.is_empty()).ok_or_else(wrong)?;
    let names = names.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong));
    names.collect()
}

fn damaged(property: &str, what: &str) -> Error {
    Error::corrupt(format!(
        "the property {property:?} of the table is damaged: {what}; restore the log, or remove the \
         property with another engine"
    ))
}

fn in_file(error: &Error, file: &NewFile) -> Error {
    let at = Error::new(error.kind(), format!("{}: {error}", file.path()));
    match error.column() {
        Some(column) => at.in_column(column),
        None => at,
    }
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
