//! The query of the arguments.

use coldpress::Query;
use coldpress::filter::{ColumnPath, Filter};
use coldpress_core::ID_COLUMN;

use super::args::CatArgs;
use crate::failure::Failure;

/// The query, and whether each row is to begin with its id.
pub(super) fn of(args: &CatArgs) -> Result<(Query, bool), Failure> {
    let mut query = Query::default();
    query.lsns = args.lsn;
    query.id.clone_from(&args.id);
    query.limit = args.limit;
    if let Some(text) = &args.filter {
        let wrong = |error| Failure::usage(format_args!("--where: {error}"));
        query.filter = Some(Filter::parse(text).map_err(wrong)?);
    }
    let mut columns = columns(args)?;
    let asked = columns.iter().any(|path| path.names() == [ID_COLUMN]);
    let with_id = args.with_id || asked;
    if with_id && !columns.is_empty() && !asked {
        // A document's own `_id` may be a number: so it is read together with the row's id.
        columns.push(ColumnPath::new([ID_COLUMN]).map_err(Failure::usage)?);
    }
    query.columns = (!columns.is_empty()).then_some(columns);
    query.without_ids = !with_id && query.columns.is_some();
    Ok((query, with_id))
}

/// Whether the query names this field.
pub(super) fn names(query: &Query, name: &str) -> bool {
    let filtered = query.filter.iter().flat_map(Filter::columns);
    let mut named = query.columns.iter().flatten().chain(filtered);
    named.any(|path| path.names() == [name])
}

/// The columns to print, in the order of the arguments.
pub(super) fn columns(args: &CatArgs) -> Result<Vec<ColumnPath>, Failure> {
    let path = |text: &String| -> Result<ColumnPath, Failure> {
        match text.parse::<ColumnPath>() {
            Err(_) if text.is_empty() => Err(Failure::usage(
                "--columns has an empty name; remove the comma too many, or give --column '' for \
                 the column without a name",
            )),
            Ok(path) => Ok(path),
            // A name with blanks and the like needs no quotes, if that leaves no doubt.
            Err(_) if !text.contains(['.', '"', '`']) => {
                ColumnPath::new([text.as_str()]).map_err(Failure::usage)
            }
            Err(error) => Err(Failure::usage(format_args!("--columns {text}: {error}"))),
        }
    };
    let exact = args.column.iter().map(|name| ColumnPath::new([name.as_str()]));
    let exact = exact.map(|path| path.map_err(Failure::usage));
    args.columns.iter().map(path).chain(exact).collect()
}
