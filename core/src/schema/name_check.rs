//! Whether engines can read columns with the names of a given schema.

use std::collections::BTreeMap;

use super::column::{Column, ColumnType, own_columns};
use super::dots;
use super::names::{RESERVED_FIELD, folded};
use crate::{Error, Names, Result};

/// Checks that engines can read the columns of a given schema by these names. `named`: the ids are
/// a field of the documents.
pub(super) fn check(columns: &[Column], names: Names, named: bool) -> Result<()> {
    let own = own_columns(named);
    check_own(columns, own)?;
    check_fields(columns, "the schema", names, own)?;
    if names == Names::Portable
        && let Some(name) = dots::twins(columns, own).first().and_then(|path| path.last())
    {
        return Err(Error::settings(format!(
            "column {name:?} of the schema looks like the path of another column, and ClickHouse \
             and PyIceberg refuse such a file; leave one of the two out, or choose names = \
             \"exact\""
        )));
    }
    Ok(())
}

/// Checks that no column has the name of a column that we add.
pub(super) fn check_own(columns: &[Column], own: &[&str]) -> Result<()> {
    match columns.iter().find(|column| own.contains(&column.name.as_str())) {
        None => Ok(()),
        Some(column) => Err(Error::settings(format!(
            "the schema has a column {:?}, which Coldpress adds to every file itself; leave it out",
            column.name
        ))),
    }
}

fn check_fields(fields: &[Column], place: &str, names: Names, taken: &[&str]) -> Result<()> {
    let mut seen: BTreeMap<_, _> = taken.iter().map(|name| (folded(name), *name)).collect();
    // A column of nulls is in the schema, but not in the file.
    for field in fields.iter().filter(|field| field.column_type != ColumnType::Null) {
        if field.name.is_empty() {
            return Err(Error::settings(format!(
                "{place} has a column without a name, which some engines cannot read; \
                 give it a name, or leave it out: then its values are rescued"
            )));
        }
        if names == Names::Portable && taken.is_empty() && field.name == RESERVED_FIELD {
            return Err(Error::settings(format!(
                "{place} has a field named \"null\", and ClickHouse refuses such a file; give it \
                 another name, or choose names = \"exact\""
            )));
        }
        let other = seen.insert(folded(&field.name), &field.name);
        if let (Names::Portable, Some(other)) = (names, other) {
            if taken.contains(&other) {
                return Err(Error::settings(format!(
                    "column {:?} of the schema has the same name for Spark, Delta, Athena and \
                     BigQuery as {other:?}, which Coldpress adds to every file itself; rename it, \
                     leave it out, or choose names = \"exact\"",
                    field.name
                )));
            }
            return Err(Error::settings(format!(
                "{place} has the names {other:?} and {:?}, which are the same name for Spark, \
                 Delta, Athena and BigQuery; leave one out, or choose names = \"exact\"",
                field.name
            )));
        }
        check_type(&field.column_type, &field.name, names)?;
    }
    Ok(())
}

fn check_type(column_type: &ColumnType, name: &str, names: Names) -> Result<()> {
    match column_type {
        ColumnType::Struct(fields) => check_fields(fields, &format!("column {name:?}"), names, &[]),
        ColumnType::List(element) => check_type(&element.column_type, name, names),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, Names, Schema, Settings};

    #[test]
    fn a_schema_whose_names_engines_refuse_is_refused_unless_they_are_to_be_exact() {
        let check = |text: &str, names| {
            let schema = Some(Schema::from_json(text).unwrap());
            Settings { schema, names, ..Settings::default() }.check()
        };
        for text in [
            r#"{"columns":[{"name":"Id","type":"string"},{"name":"ID","type":"int64"}]}"#,
            r#"{"columns":[{"name":"_ID","type":"string"}]}"#,
            r#"{"columns":[{"name":"_Rescued_Data","type":"string"}]}"#,
            r#"{"columns":[{"name":"s","type":"list","element":{"type":"struct","fields":[
                {"name":"a","type":"string"},{"name":"A","type":"string"}]}}]}"#,
        ] {
            let error = check(text, Names::Portable).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Settings);
            assert!(error.to_string().contains("the same name for Spark"), "{error}");
            check(text, Names::Exact).unwrap();
        }
        let own = check(r#"{"columns":[{"name":"_ID","type":"string"}]}"#, Names::Portable);
        let own = own.unwrap_err().to_string();
        assert!(own.contains("\"_id\", which Coldpress adds"), "{own}");
        let unnamed = r#"{"columns":[{"name":"","type":"string"}]}"#;
        for names in [Names::Portable, Names::Exact] {
            assert!(check(unnamed, names).unwrap_err().to_string().contains("without a name"));
        }
        let dotted = r#"{"columns":[{"name":"a.b","type":"string"},{"name":"a","type":"struct",
            "fields":[{"name":"b","type":"string"}]}]}"#;
        let error = check(dotted, Names::Portable).unwrap_err();
        assert!(error.to_string().contains("\"a.b\" of the schema looks like the path"), "{error}");
        check(dotted, Names::Exact).unwrap();
        let reserved = r#"{"columns":[{"name":"null","type":"string"},{"name":"a","type":"struct",
            "fields":[{"name":"null","type":"string"}]}]}"#;
        let error = check(reserved, Names::Portable).unwrap_err();
        assert!(error.to_string().contains("column \"a\" has a field named \"null\""), "{error}");
        check(reserved, Names::Exact).unwrap();
        let nulls = r#"{"columns":[{"name":"A","type":"null"},{"name":"a","type":"string"}]}"#;
        check(nulls, Names::Portable).unwrap();
    }
}
