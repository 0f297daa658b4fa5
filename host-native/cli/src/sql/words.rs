//! Errors of DataFusion in our words.

use std::error::Error;

use coldpress_sql::datafusion::error::DataFusionError;

use crate::failure::Failure;
use crate::store;

/// The failure of a statement: of the store, if that is what failed below; otherwise what
/// DataFusion says, without the names of the layers that the error came through.
pub fn failure(error: &DataFusionError, tenant: u64) -> Failure {
    let mut causes =
        std::iter::successors(Some(error as &(dyn Error + 'static)), |&cause| cause.source());
    if let Some(ours) = causes.find_map(|cause| cause.downcast_ref::<coldpress::Error>()) {
        return store::failed(ours);
    }
    let said = sentence(error).replace('\n', " ");
    // Names have their case here already.
    let said = said.split(" You can use double quotes to refer").next().unwrap_or_default();
    match absent_table(said) {
        Some(name) => Failure::run(format_args!(
            "tenant {tenant} has no collection {name:?}; `coldpress ls --tenant {tenant}` lists \
             what is stored, and names with other characters than letters, digits and _ stand in \
             double quotes"
        )),
        None if said.contains("CRC checksum mismatch") => Failure::run(
            "a file is damaged: the checksum of a page does not match its bytes; `coldpress \
             verify` finds the file",
        ),
        None => Failure::run(text_as_number(said).as_deref().unwrap_or(said)),
    }
}

/// The sentence at the bottom of the error.
fn sentence(error: &DataFusionError) -> String {
    match error {
        DataFusionError::Context(_, cause) | DataFusionError::Diagnostic(_, cause) => {
            sentence(cause)
        }
        DataFusionError::Shared(cause) => sentence(cause),
        DataFusionError::Collection(errors) => errors.first().map(sentence).unwrap_or_default(),
        DataFusionError::Plan(said)
        | DataFusionError::Execution(said)
        | DataFusionError::Configuration(said) => said.clone(),
        DataFusionError::ResourcesExhausted(said) => format!(
            "the statement needs more memory than it may take (--memory-bytes-max); ask for fewer \
             rows or columns, or raise it: {}",
            last_need(said)
        ),
        DataFusionError::NotImplemented(said) => format!("DataFusion cannot do this: {said}"),
        DataFusionError::SQL(cause, _) => {
            let said = cause.to_string();
            let said = said.strip_prefix("sql parser error: ").unwrap_or(&said);
            format!("the statement is no SQL: {said}")
        }
        DataFusionError::SchemaError(cause, _) => cause.to_string(),
        DataFusionError::ArrowError(cause, _) => bottom(cause.as_ref()),
        other => bottom(other),
    }
}

/// The request for memory that failed. The message lists all holders of memory before it, and
/// numbers of the pool behind it.
fn last_need(said: &str) -> &str {
    let last = said.rsplit_once("Error: ").map_or(said, |(_, last)| last);
    last.split_once(" with ").map_or(last, |(need, _)| need)
}

/// The deepest cause, which says what happened.
fn bottom(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&cause| cause.source())
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// The name of the table that is not there, if that is what the sentence says.
fn absent_table(said: &str) -> Option<&str> {
    let name = said.strip_prefix("table '")?.strip_suffix("' not found")?;
    Some(name.strip_prefix("datafusion.coldpress.").unwrap_or(name))
}

/// Explains the error of a comparison of a text with a number.
fn text_as_number(said: &str) -> Option<String> {
    let from = &said[said.find("Cannot cast string")?..];
    let sentence = from.split_once(" type").map_or(from, |(sentence, _)| sentence);
    Some(format!(
        "{sentence} type: compare numbers with numbers and text with text in quotes ('5'); a \
         column whose files have several types is text (`coldpress schema --collection NAME`)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_left_out() {
        let plan = DataFusionError::Plan("table 'datafusion.coldpress.x y' not found".to_owned());
        let absent = DataFusionError::Context("type_coercion".to_owned(), Box::new(plan));
        let line = failure(&absent, 3).line().unwrap();
        assert!(line.starts_with("error: tenant 3 has no collection \"x y\"; "), "{line}");
        let cast = "Compute error: ArrowError(CastError(\"Cannot cast string 'z' to value of Int64 \
            type\"), Some(\"\"))";
        let line = failure(&DataFusionError::Execution(cast.to_owned()), 3).line().unwrap();
        let begins = "error: Cannot cast string 'z' to value of Int64 type: compare numbers";
        assert!(line.starts_with(begins) && !line.contains("CastError"), "{line}");
        let ours = coldpress::Error::settings("the folder is gone").at("7/c");
        let external = DataFusionError::External(Box::new(ours));
        let line = failure(&external.context("scan"), 3).line().unwrap();
        assert_eq!(line, "error: 7/c: the folder is gone");
    }
}
