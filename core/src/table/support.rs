//! Which tables of other engines we can read, and to which ones we can write.
//!
//! Source: the [Delta protocol][protocol], "Requirements for Readers", "Writer Version
//! Requirements" and "Valid Feature Names in Table Features".
//!
//! [protocol]: https://github.com/delta-io/delta/blob/master/PROTOCOL.md

use super::action::{Metadata, Protocol};
use super::state::Table;
use crate::{Error, ErrorKind, Result};

/// Reader features that change nothing for us unless something else says so, which is checked:
/// column mapping by the property, deletion vectors by the files, types by the columns.
const READER_FEATURES: &[&str] =
    &["columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"];
/// After how many versions a checkpoint is due, if the table does not say.
const CHECKPOINT_INTERVAL: u64 = 100;
/// Writer features that we respect.
const WRITER_FEATURES: &[&str] = &["appendOnly", "invariants"];

impl Table {
    /// Checks that we read this version of the table right. A table without a version is readable.
    ///
    /// # Errors
    ///
    /// `Settings` if the table uses a feature that we do not read. The message names it, and says
    /// what to do.
    pub fn check_readable(&self) -> Result<()> {
        let (Some(protocol), Some(metadata)) = (self.protocol(), self.metadata()) else {
            return Ok(());
        };
        self.check_reader_features(protocol)?;
        self.check_metadata(metadata)?;
        let Some(add) = self.adds().find(|add| add.deletion_vector.is_some()) else {
            return Ok(());
        };
        Err(self.unreadable(&format!(
            "the file {:?} has a deletion vector (feature deletionVectors), which another engine \
             wrote; purge the deleted rows there, with REORG TABLE … APPLY (PURGE), and switch the \
             property delta.enableDeletionVectors off",
            shown(&add.path)
        )))
    }

    /// Checks that we may commit to the table.
    ///
    /// # Errors
    ///
    /// `Settings` if the table uses a feature that we do not write, or do not read. The message
    /// names it.
    pub fn check_writable(&self) -> Result<()> {
        self.check_readable()?;
        let (Some(protocol), Some(metadata)) = (self.protocol(), self.metadata()) else {
            return Ok(());
        };
        match protocol.writer_version {
            0..=2 => {}
            7 => {
                let known = |feature: &str| WRITER_FEATURES.contains(&feature);
                let features = protocol.writer_features.iter().chain(&protocol.reader_features);
                if let Some(feature) = features.map(String::as_str).find(|name| !known(name)) {
                    return Err(self.unwritable(&format!(
                        "another engine switched the feature {:?} on",
                        shown(feature)
                    )));
                }
            }
            version => {
                return Err(self.unwritable(&format!(
                    "another engine raised its protocol to writer version {version}, and we write \
                     version 2, or 7 with the features {}",
                    WRITER_FEATURES.join(" and ")
                )));
            }
        }
        // Column invariants are always on in versions 2 to 6; nothing here evaluates SQL.
        if metadata.schema_string.contains("delta.invariants") {
            return Err(self.unwritable(
                "a column has an invariant (delta.invariants), which another engine set",
            ));
        }
        Ok(())
    }

    /// Checks that rows may be removed.
    ///
    /// # Errors
    ///
    /// `Settings` if the table is append-only (Delta protocol, "Append-only Tables").
    pub fn check_rows_removable(&self) -> Result<()> {
        match self.property("delta.appendOnly") {
            Some(value) if value.eq_ignore_ascii_case("true") => Err(Error::settings(format!(
                "no row of {} can be removed: its property delta.appendOnly is true; another \
                 engine set it, and can set it to false",
                self.place().name()
            ))),
            _ => Ok(()),
        }
    }

    /// A property of the table.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.metadata()?.configuration.get(name).map(String::as_str)
    }

    /// After how many versions a checkpoint is due: the property `delta.checkpointInterval`, else
    /// 100.
    pub fn checkpoint_interval(&self) -> u64 {
        let interval = self.property("delta.checkpointInterval").and_then(|text| text.parse().ok());
        interval.filter(|interval| *interval > 0).unwrap_or(CHECKPOINT_INTERVAL)
    }

    fn check_reader_features(&self, protocol: &Protocol) -> Result<()> {
        let refused = match protocol.reader_version {
            0..=2 => return Ok(()),
            3 => {
                let known = |feature: &str| READER_FEATURES.contains(&feature);
                let features = protocol.reader_features.iter().map(String::as_str);
                let Some(feature) = features.into_iter().find(|name| !known(name)) else {
                    return Ok(());
                };
                format!("another engine switched the feature {:?} on", shown(feature))
            }
            version => format!("another engine raised its protocol to reader version {version}"),
        };
        Err(self.unreadable(&format!(
            "{refused}, which this version of Coldpress does not read; drop the feature with that \
             engine (ALTER TABLE … DROP FEATURE), or read the table with it"
        )))
    }

    fn check_metadata(&self, metadata: &Metadata) -> Result<()> {
        let mapping = self.property("delta.columnMapping.mode").unwrap_or("none");
        if !mapping.eq_ignore_ascii_case("none") {
            return Err(self.unreadable(&format!(
                "another engine switched column mapping on (delta.columnMapping.mode is {:?}), so \
                 the names in the files are not the names of the columns; read it with that engine",
                shown(mapping)
            )));
        }
        if metadata.format_provider != "parquet" {
            return Err(self.unreadable(&format!(
                "its files have the format {:?}; we read parquet only",
                shown(&metadata.format_provider)
            )));
        }
        let partitions: Vec<_> = metadata.partition_columns.iter().map(|it| shown(it)).collect();
        match partitions.is_empty() {
            true => Ok(()),
            false => Err(self.unreadable(&format!(
                "it is partitioned by {:?}, so its files lack these columns; we read tables \
                 without partitions only",
                partitions.iter().take(5).collect::<Vec<_>>()
            ))),
        }
    }

    fn unreadable(&self, why: &str) -> Error {
        Error::new(ErrorKind::Settings, format!("{} cannot be read: {why}", self.place().name()))
    }

    fn unwritable(&self, why: &str) -> Error {
        Error::new(
            ErrorKind::Settings,
            format!(
                "nothing can be committed to {}: {why}; drop the feature with that engine, or \
                 write with it",
                self.place().name()
            ),
        )
    }
}

/// A text of another writer for a message, cut if it is long.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
#[path = "support_tests.rs"]
mod tests;
