//! Which columns have statistics in the log: the property `delta.dataSkippingStatsColumns`.
//!
//! It is a list of paths with commas between them. Names have dots between them, and stand in
//! backticks unless they are words ([Delta's documentation][docs]). Without it, the dataset of
//! deltalake 1.6.6 loses rows: a file that is older than a column has no statistics of it, and
//! then that engine takes no row of the file as null there. So the property lists the columns of the
//! first commit, and each file of ours states all of them, or none.
//!
//! It lists no leaf inside a struct: Polars 2.1 fails where statistics of a struct lack one of its
//! fields, and structs grow. A file states what else it can say of other leaves too, for our own
//! readers; the engines that were asked pass over what the property does not list.
//!
//! [docs]: https://docs.delta.io/latest/table-properties.html

use crate::{Column, ColumnType};

/// The property.
pub(super) const PROPERTY: &str = "delta.dataSkippingStatsColumns";

/// A leaf by its path, with its type.
pub(super) type Leaf<'l> = (Vec<String>, &'l ColumnType);

/// The leaves below these columns that can have statistics. Spark refuses a table that lists a
/// boolean or bytes, and nothing inside a list has any.
pub(super) fn eligible(columns: &[Column]) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    add_eligible(columns, &mut Vec::new(), &mut found);
    found
}

/// The leaves that the property lists, in its order; all eligible ones if it does not read as a
/// list.
pub(super) fn listed<'l>(property: Option<&str>, columns: &'l [Column]) -> Vec<Leaf<'l>> {
    let mut leaves = eligible(columns);
    if let Some(paths) = property.and_then(read) {
        // A struct stands for all leaves below it.
        leaves.retain(|(leaf, _)| paths.iter().any(|path| leaf.starts_with(path)));
    }
    leaves
}

/// The property that lists the columns among these that can have statistics.
pub(super) fn property(columns: &[Column]) -> String {
    let leaves = eligible(columns).into_iter().filter(|(path, _)| path.len() == 1);
    let names: Vec<String> = leaves.map(|(path, _)| path_text(&path)).collect();
    names.join(",")
}

fn add_eligible<'l>(columns: &'l [Column], path: &mut Vec<String>, found: &mut Vec<Leaf<'l>>) {
    for column in columns {
        path.push(column.name.clone());
        match &column.column_type {
            ColumnType::Struct(fields) => add_eligible(fields, path, found),
            ColumnType::Null
            | ColumnType::Boolean
            | ColumnType::Binary
            | ColumnType::Uuid
            | ColumnType::List(_) => {}
            leaf => found.push((path.clone(), leaf)),
        }
        path.pop();
    }
}

fn path_text(path: &[String]) -> String {
    let names: Vec<String> = path.iter().map(|name| quoted(name)).collect();
    names.join(".")
}

fn quoted(name: &str) -> String {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if is_word { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

/// The paths of a list; `None` if it is none.
fn read(text: &str) -> Option<Vec<Vec<String>>> {
    let mut paths = vec![Vec::new()];
    let mut rest = text.trim_start();
    loop {
        let (name, after) = read_name(rest)?;
        paths.last_mut()?.push(name);
        let mut characters = after.trim_start().chars();
        match characters.next() {
            None => return Some(paths),
            Some('.') => {}
            Some(',') => paths.push(Vec::new()),
            Some(_) => return None,
        }
        rest = characters.as_str().trim_start();
    }
}

fn read_name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('`') else {
        let end = text.find(['.', ',', '`']).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end)?;
        let name = name.trim_end();
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    };
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('`')?;
        name.push_str(part);
        match after.strip_prefix('`') {
            Some(after) => {
                name.push('`');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_any_kind_are_listed_and_found_again() {
        let names = ["a", "a,b", "a`b", "a.b", "1st", "", " x ", "é", "``", "_id"];
        let columns: Vec<Column> =
            names.iter().map(|name| Column::new(*name, ColumnType::Int64)).collect();
        let text = property(&columns);
        assert_eq!(text, "a,`a,b`,`a``b`,`a.b`,`1st`,``,` x `,`é`,``````,_id");
        assert_eq!(listed(Some(&text), &columns), eligible(&columns));
    }

    #[test]
    fn a_struct_stands_for_its_leaves_and_only_some_types_are_eligible() {
        let fields = vec![
            Column::new("x", ColumnType::Int64),
            Column::new("y", ColumnType::Boolean),
            Column::new("z", ColumnType::Json),
        ];
        let columns = [
            Column::new("s", ColumnType::Struct(fields)),
            Column::new("l", ColumnType::list_of(ColumnType::Int64)),
            Column::new("b", ColumnType::Binary),
            Column::new("k", ColumnType::Date),
        ];
        let paths = |property: Option<&str>| {
            let leaves = listed(property, &columns).into_iter();
            leaves.map(|(path, _)| path.join("/")).collect::<Vec<String>>()
        };
        assert_eq!(paths(None), ["s/x", "s/z", "k"]);
        assert_eq!(property(&columns), "k", "no engine is told of a leaf inside a struct");
        assert_eq!(paths(Some(" s , `gone`")), ["s/x", "s/z"]);
        assert_eq!(paths(Some("s.z")), ["s/z"]);
        for no_list in ["", "s,", ".s", "s..x", "`s", "`s`x", "s`x`", ","] {
            assert_eq!(paths(Some(no_list)), ["s/x", "s/z", "k"], "{no_list}");
        }
    }

    proptest! {
        #[test]
        fn every_path_comes_back(path in prop::collection::vec(".{1,4}", 1..4)) {
            let text = format!("{0},{0}", path_text(&path));
            prop_assert_eq!(read(&text), Some(vec![path.clone(), path]));
        }

        #[test]
        fn no_text_is_too_much(text in "[ab`., ]{0,20}") {
            read(&text);
        }
    }
}
