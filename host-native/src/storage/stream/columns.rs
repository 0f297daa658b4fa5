//! The columns of stored files: an append keeps them, and other puts may agree with them.

use coldpress_core::{Column, ColumnType, FileTail, ObjectKey, ReadLimits, Schema};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::storage::stream::row_stream::RowStream;

impl ColdStorage {
    /// The columns of a file of a listing. One read of its end: its size is known.
    ///
    /// With them as [`Settings::schema`](coldpress_core::Settings::schema), and with
    /// [`NewFields::Column`](coldpress_core::NewFields::Column), a later file keeps the types of
    /// this one, as an append does. An error of kind `Corrupt` if the file is damaged or was not
    /// written by Coldpress.
    pub async fn schema_of(&self, file: &StoredObject) -> Result<Schema> {
        let read = self.footer_of(&file.key, file.bytes, &ReadLimits::default()).await;
        let footer = read.map_err(|error| match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Limit => error.with_note(
                "other files of the collection keep the types of this one's columns; restore it, \
                 or give a schema, or have the columns inferred anew (new_schema)",
            ),
            _ => error,
        })?;
        Ok(footer.schema().clone())
    }
}

impl RowStream<'_> {
    /// Keeps the columns of the last of these files, or of the last one whose LSNs are all lower
    /// than `before`, and returns them.
    pub(super) async fn keep_columns(
        &mut self,
        files: &[StoredObject],
        before: Option<u64>,
    ) -> Result<Option<Schema>> {
        let last = last_before(files, before);
        let Some(last) = last.filter(|_| self.keeps_columns) else { return Ok(None) };
        let schema = self.storage.schema_of(last).await?;
        let given = schema.clone();
        let kept = self.encode(move |encoder| encoder.keep_columns(&given)).await;
        kept.map(|()| Some(schema)).map_err(|error| match error.kind() {
            ErrorKind::Settings => error.at(last.key.as_str()).with_note(
                "these columns are kept from this file; name the same id as for it (the option \
                 id), or give a schema, or have the columns inferred anew (new_schema)",
            ),
            _ => error,
        })
    }

    /// An error if a column of this file has another type than in the file that it must agree with.
    pub(super) fn check_agreement(&self, tail: &FileTail) -> Result<()> {
        let Some((key, there)) = self.agrees_with.as_ref().filter(|_| self.keeps_columns) else {
            return Ok(());
        };
        match difference(tail.schema().columns(), there.columns(), "") {
            None => Ok(()),
            Some(Difference { path, here, there }) => Err(disagrees(&path, here, there, key)),
        }
    }
}

/// The last of these files whose LSNs are all lower than `before`; of all files, if that is `None`.
pub(super) fn last_before(files: &[StoredObject], before: Option<u64>) -> Option<&StoredObject> {
    let highest = |file: &&StoredObject| {
        let lsns = file.key.lsns()?;
        before.is_none_or(|before| lsns.max() < before).then_some(lsns.max())
    };
    files.iter().filter(|file| highest(file).is_some()).max_by_key(highest)
}

/// Whether `here` has a column, or a type for one, that `kept` does not have.
pub(super) fn brings_columns(here: &[Column], kept: &[Column]) -> bool {
    here.iter().any(|column| {
        let there = kept.iter().find(|there| there.name == column.name);
        let there = there.map_or(&ColumnType::Null, |there| &there.column_type);
        brings_types(&column.column_type, there)
    })
}

fn brings_types(here: &ColumnType, kept: &ColumnType) -> bool {
    match (here, kept) {
        (ColumnType::Null, _) => false,
        (_, ColumnType::Null) => true,
        (ColumnType::Struct(here), ColumnType::Struct(kept)) => brings_columns(here, kept),
        (ColumnType::List(here), ColumnType::List(kept)) => {
            brings_types(&here.column_type, &kept.column_type)
        }
        _ => false,
    }
}

/// A column that two files have with different types.
pub(super) struct Difference<'s> {
    pub(super) path: String,
    pub(super) here: &'s ColumnType,
    pub(super) there: &'s ColumnType,
}

/// The first column that both have with different types. `above` is the path of what has them.
pub(super) fn difference<'s>(
    here: &'s [Column],
    there: &'s [Column],
    above: &str,
) -> Option<Difference<'s>> {
    here.iter().find_map(|column| {
        let other = there.iter().find(|other| other.name == column.name)?;
        type_difference(&column.column_type, &other.column_type, format!("{above}{}", column.name))
    })
}

fn type_difference<'s>(
    here: &'s ColumnType,
    there: &'s ColumnType,
    path: String,
) -> Option<Difference<'s>> {
    match (here, there) {
        // A file has no column for a field that had only nulls.
        (ColumnType::Null, _) | (_, ColumnType::Null) => None,
        (ColumnType::Struct(here), ColumnType::Struct(there)) => {
            difference(here, there, &format!("{path}."))
        }
        (ColumnType::List(here), ColumnType::List(there)) => {
            type_difference(&here.column_type, &there.column_type, format!("{path}[]"))
        }
        // The forms in which texts and numbers were written do not show here: engines see the
        // types.
        _ if here.to_string() == there.to_string() => None,
        _ => Some(Difference { path, here, there }),
    }
}

fn disagrees(path: &str, here: &ColumnType, there: &ColumnType, key: &ObjectKey) -> Error {
    let message = format!(
        "the column {path:?} of these rows would be {here}, and in this file of the same \
         collection it is {there}: engines that read both as one table would refuse them, or show \
         other values; append the rows, give a schema, or have the columns inferred anew (new_schema)"
    );
    Error::new(ErrorKind::Settings, message).at(key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_column_of_another_type_is_found_by_its_path() {
        let schema =
            |columns: &str| Schema::from_json(&format!(r#"{{"columns":[{columns}]}}"#)).unwrap();
        let there = schema(
            r#"{"name":"v","type":"int64"},{"name":"n","type":"null"},
            {"name":"at","type":"timestamp","unit":"ms","form":"text:3"},
            {"name":"s","type":"struct","fields":[{"name":"l","type":"list",
                "element":{"type":"int64"}}]}"#,
        );
        for (columns, wanted) in [
            (r#"{"name":"v","type":"float64"}"#, Some(("v", "float64", "int64"))),
            (r#"{"name":"v","type":"int64"},{"name":"new","type":"json"}"#, None),
            (r#"{"name":"v","type":"null"},{"name":"n","type":"string"}"#, None),
            (r#"{"name":"at","type":"timestamp","unit":"ms"}"#, None),
            (
                r#"{"name":"at","type":"timestamp","unit":"us"}"#,
                Some(("at", "timestamp(us)", "timestamp(ms)")),
            ),
            (
                r#"{"name":"s","type":"struct","fields":[{"name":"l","type":"list",
                "element":{"type":"string"}}]}"#,
                Some(("s.l[]", "string", "int64")),
            ),
            (r#"{"name":"s","type":"json"}"#, Some(("s", "json", "struct<l: list<int64>>"))),
        ] {
            let here = schema(columns);
            let found = difference(here.columns(), there.columns(), "")
                .map(|found| (found.path.clone(), found.here.to_string(), found.there.to_string()));
            let wanted = wanted
                .map(|(path, here, there)| (path.to_owned(), here.to_owned(), there.to_owned()));
            assert_eq!(found, wanted, "{columns}");
        }
        for (columns, brings) in [
            (r#"{"name":"v","type":"int64"},{"name":"new","type":"null"}"#, false),
            (r#"{"name":"new","type":"json"}"#, true),
            (r#"{"name":"n","type":"string"}"#, true),
            (
                r#"{"name":"s","type":"struct","fields":[{"name":"l","type":"list",
                "element":{"type":"int64"}}]}"#,
                false,
            ),
            (r#"{"name":"s","type":"struct","fields":[{"name":"m","type":"int64"}]}"#, true),
        ] {
            let here = schema(columns);
            assert_eq!(brings_columns(here.columns(), there.columns()), brings, "{columns}");
        }
    }
}
