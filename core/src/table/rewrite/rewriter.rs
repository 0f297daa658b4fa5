//! The machine that rewrites files.

use std::collections::VecDeque;

use bytes::Bytes;

use super::settings::RewriteSettings;
use super::sorted::SortedRows;
use crate::format::metadata::OwnId;
use crate::schema::ID_COLUMN;
use crate::table::place::TablePlace;
use crate::{
    Error, Footer, IdSource, KeyPrefix, KeyTarget, ObjectKey, ParquetFile, Projection, Result,
    Rows, Settings, StoredRow, StreamEncoder, StreamOutput, StreamSettings, StreamedFile, Target,
};

/// One of the files to rewrite.
#[derive(Debug, Clone)]
pub struct RewriteSource {
    /// Where it lies.
    pub key: ObjectKey,
    /// What its footer says.
    pub footer: Footer,
}

/// What a [`Rewriter`] gives: all bytes of the new file in slices, then its end.
#[derive(Debug, Clone)]
pub enum RewriteOutput {
    /// The next bytes of the file.
    Bytes(Bytes),
    /// The bytes so far are the whole file.
    File(Box<StreamedFile>),
    /// All rows were left out, so there is no file.
    NoRows,
}

/// Writes the rows of several files of ours into one file of the next generation.
///
/// Each row keeps its id and its document, and values are rescued anew: a value that did not fit
/// the old file's columns becomes a value of the new file's if it fits these. The append ids of
/// the old files are gone.
///
/// The caller takes [`rows_of`](Self::rows_of) each file in turn, and gives them to
/// [`push`](Self::push) until that is false. After each push it calls [`poll`](Self::poll) until
/// that gives `None`; so at most a row group, and its bytes, are in memory beside the file that is
/// read. At the end it calls [`finish`](Self::finish), and polls once more. After an error it
/// throws the new file away.
///
/// To sort, all rows of the new file are in memory: [`RewriteSettings::sort_bytes_max`].
#[derive(Debug)]
pub struct Rewriter {
    key: ObjectKey,
    sources: VecDeque<RewriteSource>,
    encoder: StreamEncoder,
    sorted: Option<SortedRows>,
    outputs: VecDeque<RewriteOutput>,
    /// The JSON text of a row.
    text: String,
    /// Rows of the files that were begun.
    rows_begun: u64,
    rows_read: u64,
    rows_left_out: u64,
    is_finished: bool,
    is_ended: bool,
}

impl Rewriter {
    /// Begins the file of this key, which replaces these files. Their rows come in this order.
    ///
    /// # Errors
    ///
    /// `Settings` if the settings are not valid, or if a file has its ids in another field than
    /// [`Settings::id`] names. `Corrupt` if a file was made for another key. `Misuse` if the key or
    /// a file is not of the table, or if the key has not exactly the LSNs of the files.
    pub fn new(
        prefix: &KeyPrefix,
        key: &ObjectKey,
        sources: Vec<RewriteSource>,
        settings: &RewriteSettings,
    ) -> Result<Self> {
        let target = target_of(prefix, key, &sources)?;
        let apart = are_ids_apart(&sources, &settings.encode)?;
        let cut = StreamSettings {
            row_group_bytes_max: settings.row_group_bytes_max,
            ..StreamSettings::default()
        };
        let mut encoder = StreamEncoder::new(settings.encode.clone(), cut, target)?;
        if apart {
            encoder.keep_ids_apart();
        }
        let id_field = sources.first().and_then(|source| source.footer.id_field());
        let sorted = SortedRows::new(settings, id_field.filter(|_| !apart))?;
        Ok(Rewriter {
            key: key.clone(),
            sources: sources.into(),
            encoder,
            sorted,
            outputs: VecDeque::new(),
            text: String::new(),
            rows_begun: 0,
            rows_read: 0,
            rows_left_out: 0,
            is_finished: false,
            is_ended: false,
        })
    }

    /// The rows of the next file, to be pushed. An error of kind `Misuse` if it is not the next
    /// one, or if not all rows of the file before were pushed.
    pub fn rows_of<'f>(&mut self, file: &'f ParquetFile) -> Result<Rows<'f>> {
        self.all_read()?;
        let is_next = |source: &RewriteSource| {
            let (found, expected) = (file.footer(), &source.footer);
            found.check_key(&source.key).is_ok() && found.rows_count() == expected.rows_count()
        };
        match self.sources.pop_front() {
            Some(source) if is_next(&source) => {}
            Some(source) => {
                return Err(Error::misuse(format!(
                    "the next file to rewrite is {}, but a file of {} rows with the LSNs {} is \
                     given; give the files in the order in which they were named",
                    source.key,
                    file.rows_count(),
                    file.lsns()
                )));
            }
            None => {
                return Err(Error::misuse(
                    "more files are given than were named; name all files to rewrite at the start",
                ));
            }
        }
        let rows = file.rows(&Projection::All)?;
        self.rows_begun = self.rows_begun.saturating_add(file.rows_count());
        Ok(rows)
    }

    /// Takes rows until there is something to poll, or no row is left; true if rows may be left.
    /// Rows for which `keep` is false are left out of the new file.
    pub fn push(
        &mut self,
        rows: &mut Rows<'_>,
        keep: &mut dyn FnMut(&StoredRow) -> bool,
    ) -> Result<bool> {
        if self.is_finished {
            return Err(Error::misuse("this file is finished; start a new one for more rows"));
        }
        for row in rows {
            let row = row?;
            self.rows_read += 1;
            if !keep(&row) {
                self.rows_left_out += 1;
                continue;
            }
            self.text.clear();
            let id = row.append_json(&mut self.text);
            if let Some(sorted) = &mut self.sorted {
                sorted.push(id, &self.text)?;
                continue;
            }
            self.encoder.push_stored(&id, self.text.as_bytes())?;
            self.collect()?;
            if !self.outputs.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// No row comes any more. An error of kind `Misuse` if rows of the files are missing.
    pub fn finish(&mut self) -> Result<()> {
        self.all_read()?;
        if let Some(missing) = self.sources.front() {
            return Err(Error::misuse(format!(
                "the rows of {} were not given; give the rows of every file that was named",
                missing.key
            )));
        }
        self.is_finished = true;
        if let Some(sorted) = &mut self.sorted {
            sorted.sort();
        }
        Ok(())
    }

    /// The next output, if there is one now. Encodes sorted rows as it goes.
    pub fn poll(&mut self) -> Result<Option<RewriteOutput>> {
        while self.outputs.is_empty() && self.is_finished && !self.is_ended {
            match self.sorted.as_mut().and_then(SortedRows::next_row) {
                Some((id, text)) => self.encoder.push_stored(&id, text.as_bytes())?,
                None => self.end()?,
            }
            self.collect()?;
        }
        Ok(self.outputs.pop_front())
    }

    /// How many rows were left out so far.
    pub fn rows_left_out(&self) -> u64 {
        self.rows_left_out
    }

    fn end(&mut self) -> Result<()> {
        self.is_ended = true;
        if self.rows_read == self.rows_left_out {
            self.outputs.push_back(RewriteOutput::NoRows);
            return Ok(());
        }
        self.encoder.finish()
    }

    /// Takes what the encoder has.
    fn collect(&mut self) -> Result<()> {
        while let Some(output) = self.encoder.poll() {
            self.outputs.push_back(match output {
                StreamOutput::Bytes(bytes) => RewriteOutput::Bytes(bytes),
                // The encoder knows no generations; the file's metadata has none either.
                StreamOutput::File(file)
                    if file.summary.rows == self.rows_read - self.rows_left_out =>
                {
                    let key = self.key.clone();
                    RewriteOutput::File(Box::new(StreamedFile { key, ..file }))
                }
                StreamOutput::File(_) | StreamOutput::Tail(_) => {
                    return Err(Error::misuse(format!(
                        "the rows of {} do not all fit into one file; please report this bug",
                        self.key
                    )));
                }
            });
        }
        Ok(())
    }

    fn all_read(&self) -> Result<()> {
        match self.rows_begun == self.rows_read {
            true => Ok(()),
            false => Err(Error::misuse(format!(
                "{} of {} rows were given; give all rows of a file before the next one",
                self.rows_read, self.rows_begun
            ))),
        }
    }
}

/// The target of the new file: it has exactly the LSNs from the lowest to the highest of the files.
fn target_of(prefix: &KeyPrefix, key: &ObjectKey, sources: &[RewriteSource]) -> Result<Target> {
    let key = ObjectKey::parse(prefix, key.as_str())?;
    let KeyTarget::Data { tenant_id, collection, lsns, generation: 1.. } = key.target() else {
        return Err(Error::misuse(format!(
            "{key} is not the key of a rewritten file, whose name has a generation"
        )));
    };
    let place = TablePlace::new(prefix, *tenant_id, collection)?;
    for RewriteSource { key: source, footer } in sources {
        if place.path_of(source).is_none() || *source == key {
            return Err(Error::misuse(format!(
                "{key} cannot replace {source}; a new file replaces other files of its collection"
            )));
        }
        footer.check_key(source)?;
    }
    let all = sources.iter().map(|source| source.footer.lsns());
    if all.reduce(|one, other| one.hull(other)) != Some(*lsns) {
        return Err(Error::misuse(format!(
            "{key} does not have the LSNs from the lowest to the highest of the files that it \
             replaces"
        )));
    }
    let lsns = Some(*lsns);
    Ok(Target { prefix: prefix.clone(), lsns, ..Target::new(*tenant_id, collection) })
}

/// Whether the new file keeps ids apart from the documents, because not all files have them at the
/// same place in these.
fn are_ids_apart(sources: &[RewriteSource], settings: &Settings) -> Result<bool> {
    for RewriteSource { key, footer } in sources {
        let Some(path) = footer.id_field() else { continue };
        if !matches!(&settings.id, IdSource::Field(name) if *name == path.join(".")) {
            return Err(Error::settings(format!(
                "{key} has its ids in the field {:?}, and the settings do not say so; set id to \
                 this field",
                path.join(".")
            )));
        }
    }
    let mut places =
        sources.iter().map(|source| (source.footer.own_id(), source.footer.id_field()));
    let (first, id_field) = places.next().unwrap_or((None, None));
    let holds_ids = |path: &[String]| {
        let of_schema = settings.schema.as_ref().map(|schema| schema.type_at(path));
        of_schema.is_none_or(|found| found.is_some_and(|of| of.tells_ids()))
    };
    let agree = places.all(|place| place == (first, id_field));
    let in_documents = match id_field {
        Some(path) => holds_ids(path),
        // With a field that is named, `_id` is a field like any other.
        None => first != Some(OwnId::Absent) && settings.id == IdSource::Auto,
    };
    let apart = !(agree && in_documents);
    if apart && settings.schema.as_ref().is_some_and(|schema| schema.column(ID_COLUMN).is_some()) {
        return Err(Error::settings(
            "the files keep their ids in a column \"_id\" of their own, and the schema has a field \
             of that name; leave it out of the schema, so that its values are rescued",
        ));
    }
    Ok(apart)
}
