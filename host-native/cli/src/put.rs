//! `coldpress put`: stores rows from files or standard input as objects.

use coldpress::{ErrorKind, RowStream, StoredObject, StreamSettings};
use coldpress_core::{Encoder, KeyPrefix, LsnRange, LsnWidth, NewFields, ObjectKey, Settings};

use super::failure::Failure;
use super::input::Source;
use super::option_names::in_our_words;
use super::pour::{Poured, Stopped};
use super::progress::Progress;
use super::put_args::PutArgs;
use super::put_columns::Neighbour;
use super::report::{File, Report};
use super::store::{Store, StoreArgs};
use super::text::counted;
use super::{again, by_grant, input, pour, store};

/// How often an append reads its input again because other writers took its LSNs.
const READ_AGAIN_MAX: u32 = 32;

/// Runs `coldpress put`.
pub fn run(args: &PutArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    if let Some(grant) = &args.grant {
        return by_grant::run(args, grant, store_args);
    }
    let sources = input::sources(&args.files)?;
    let mut settings = args.settings(None)?;
    // Checked now, so that a bad name is not found after gigabytes were read.
    ObjectKey::collection_folder(&KeyPrefix::default(), args.tenant, &args.collection)
        .map_err(Failure::usage)?;
    Encoder::new(settings.clone()).map_err(|error| Failure::usage(in_our_words(&error)))?;
    let lsn_width = if args.padded_lsn { LsnWidth::Padded } else { LsnWidth::Unpadded };
    let store = Store::open(store_args, lsn_width)?;
    // The store is asked before anything is read, so that wrong credentials or taken LSNs do not
    // show after gigabytes. Before each put it is asked again, because other writers may have come.
    let mut neighbour = None;
    if !args.appends() {
        let files = store.ask(store.storage().list(args.tenant, &args.collection, None))?;
        if let Some(lsns) = args.lsn {
            refuse_overlap(args, &store, lsns, &files)?;
        }
        neighbour = args.take_columns(&store, &files, &mut settings)?;
    }
    let bytes_total = input::bytes_total(&sources);
    let mut times = 0;
    let poured = loop {
        let mut rows = args.stream(&store, &settings, bytes_total.is_some(), times > 0)?;
        if let Some(Neighbour { key, schema }) = &neighbour {
            rows = rows.agreeing_with(key.clone(), schema.clone());
        }
        let progress = Progress::new(bytes_total, input::is_typed(&sources));
        let poured = pour::pour(&sources, rows, &store, progress)?;
        times += 1;
        // An input with a size is a file, and can be read again.
        if !poured.was_outrun || bytes_total.is_none() || times > READ_AGAIN_MAX {
            break poured;
        }
        tracing::info!("another writer was faster than this append; reading its rows again");
    };
    match poured.ended {
        Ok(fed) => {
            let files: Vec<File> = poured.stored.iter().map(File::of_stored).collect();
            let keeps_columns = settings.new_fields == NewFields::Column || poured.kept_columns;
            Report { args, store: store.name(), files: &files, fed, keeps_columns }.print()
        }
        Err(_) => Err(args.explain(&store, &sources, poured)),
    }
}

impl PutArgs {
    /// The stream that takes the rows. `again`: other writers were faster than an earlier try.
    fn stream<'s>(
        &self,
        store: &'s Store,
        settings: &Settings,
        has_end: bool,
        again: bool,
    ) -> Result<RowStream<'s>, Failure> {
        let cut = StreamSettings {
            row_group_bytes_max: usize::try_from(self.row_group_bytes).unwrap_or(usize::MAX),
            file_bytes_max: self.file_size,
            ..StreamSettings::default()
        };
        let mut rows = store
            .storage()
            .stream_rows(self.tenant, &self.collection, self.lsn, settings.clone(), cut)
            .map_err(|error| Failure::usage(in_our_words(&error)))?;
        if self.new_schema {
            rows = rows.new_schema();
        }
        rows = match (&self.append_id, self.append, again) {
            (Some(id), _, _) => self.begun(store.run(rows.append_id(id))?)?,
            (None, true, false) => self.begun(store.run(rows.append())?)?,
            (None, true, true) => self.begun(store.run(rows.append_behind())?)?,
            (None, false, _) => rows,
        };
        if self.skip_rows > 0 {
            rows = store.ask(rows.skip_rows(self.skip_rows))?;
        }
        // An input with a size has an end, so its objects can wait for that.
        Ok(if self.all_or_nothing || has_end { rows.all_or_nothing() } else { rows })
    }

    fn begun<'s>(&self, begun: coldpress::Result<RowStream<'s>>) -> Result<RowStream<'s>, Failure> {
        begun.map_err(|error| match error.kind() {
            // A bad name of the collection was found earlier.
            ErrorKind::Key if self.append_id.is_none() => Failure::run(self.no_lsn_left()),
            _ => store::failed(&error),
        })
    }

    fn no_lsn_left(&self) -> String {
        format!(
            "after its highest LSN, the collection {} has too few LSNs left for these rows; give \
             a free range with --lsn",
            self.collection
        )
    }

    /// The failure of a put: where it failed, why, what is stored, and what to do next.
    fn explain(&self, store: &Store, sources: &[Source], poured: Poured) -> Failure {
        let Poured { ended: Err(stopped), stored, rows_before, .. } = poured else {
            return Failure::run(
                "a put succeeded and was taken for a failure; this is a bug of coldpress, please \
                 report it",
            );
        };
        let kind = match &stopped {
            Stopped::Refused { error, .. } => Some(error.kind()),
            Stopped::Failed(_) => None,
        };
        let rows = stored.iter().map(|file| file.summary.rows).sum::<u64>();
        let why = match stopped {
            Stopped::Failed(Failure::Run(message)) => message,
            Stopped::Failed(Failure::Interrupted) => String::new(),
            Stopped::Failed(failure) => return failure,
            Stopped::Refused { error, source } => match (error.kind(), error.core()) {
                (_, Some(core)) if core.line().is_some() => {
                    format!("{}: {}", sources[source], in_our_words(core))
                }
                (ErrorKind::Row, Some(core)) => input::in_sources(sources, core),
                (ErrorKind::Key, Some(_)) if self.appends() => self.no_lsn_left(),
                (ErrorKind::Conflict, _) => match self.explain_conflict(store, &error, rows > 0) {
                    Ok(why) => why,
                    Err(failure) => return failure,
                },
                _ => in_our_words(&error),
            },
        };
        let stop = |what: String| match (why.is_empty(), what.is_empty()) {
            (true, _) => Failure::InterruptedAfter(what),
            (false, true) => Failure::run(&why),
            (false, false) => Failure::run(format_args!("{why}; {what}")),
        };
        let Some(last) = stored.last() else {
            return stop(match self.skip_rows {
                // A request may have been running, so this is all that is known.
                _ if why.is_empty() => "no row is known to be stored".to_owned(),
                0 => self.nothing_stored(kind).to_owned(),
                skipped => format!(
                    "nothing is stored after the {} that were skipped; run the same command again",
                    counted(skipped, "row")
                ),
            });
        };
        if rows == rows_before {
            let before = counted(rows, "row");
            return stop(format!(
                "this run stored nothing, and {before} are stored by earlier runs"
            ));
        }
        let next = match self.append || kind == Some(ErrorKind::Conflict) {
            true if self.append_id.is_none() => {
                let command = again::skipping(self.skip_rows + rows);
                format!(
                    "to continue, give the same input from its first row on, and run: {command}"
                )
            }
            _ => "run the same command again to continue after them".to_owned(),
        };
        stop(format!(
            "the first {} are stored, in {}{} up to {}: {next}",
            counted(self.skip_rows + rows, "row"),
            if self.skip_rows > 0 { "earlier objects and " } else { "" },
            counted(stored.len() as u64, "object"),
            last.key
        ))
    }

    /// What to say of an append that is not known to have stored an object.
    fn nothing_stored(&self, kind: Option<ErrorKind>) -> &'static str {
        match kind {
            _ if !self.appends() => "",
            Some(ErrorKind::Row | ErrorKind::Limit | ErrorKind::Key) => "nothing is stored",
            Some(ErrorKind::Unavailable | ErrorKind::Internal) => "run the same command again",
            Some(ErrorKind::Conflict) => "",
            _ => "nothing is stored; run the same command again",
        }
    }

    fn explain_conflict(
        &self,
        store: &Store,
        error: &coldpress::Error,
        has_stored: bool,
    ) -> Result<String, Failure> {
        let prefix = store.storage().prefix();
        let key = error.path().and_then(|path| ObjectKey::parse(prefix, path).ok());
        let Some((key, lsns)) = key.and_then(|key| key.lsns().map(|lsns| (key, lsns))) else {
            return Ok(in_our_words(error));
        };
        // The object has this very key, or another key with some of its LSNs.
        let what = match overlap(self, store, lsns)? {
            Some(what) => what,
            // The stored object is damaged. Rows under other LSNs could be stored twice.
            None if error.core().is_some() => return Ok(in_our_words(error)),
            None => format!("the object {key} is already stored, with other content"),
        };
        // The advice below would store the stored rows a second time.
        if has_stored {
            return Ok(what);
        }
        Ok(format!("{what}; {}", ways_out(self, store, lsns)?))
    }

    /// The LSN after the collection's highest one; none if that is the highest possible LSN.
    fn first_free(&self, store: &Store) -> Result<Option<u64>, Failure> {
        store.ask(store.storage().next_lsn(self.tenant, &self.collection))
    }
}

/// An error if another object holds some of `lsns`.
fn refuse_overlap(
    args: &PutArgs,
    store: &Store,
    lsns: LsnRange,
    files: &[StoredObject],
) -> Result<(), Failure> {
    match overlap_of(args, store, lsns, files)? {
        None => Ok(()),
        Some(what) => Err(Failure::run(format_args!("{what}; {}", ways_out(args, store, lsns)?))),
    }
}

/// Says which other object holds some of `lsns`, if any does. An object of the very same key is
/// left to the put, which compares its content.
fn overlap(args: &PutArgs, store: &Store, lsns: LsnRange) -> Result<Option<String>, Failure> {
    let there = store.ask(store.storage().list(args.tenant, &args.collection, Some(lsns)))?;
    overlap_of(args, store, lsns, &there)
}

fn overlap_of(
    args: &PutArgs,
    store: &Store,
    lsns: LsnRange,
    files: &[StoredObject],
) -> Result<Option<String>, Failure> {
    let ours = store.storage().target(args.tenant, &args.collection, Some(lsns));
    let ours =
        ObjectKey::data(&ours.prefix, ours.tenant_id, &ours.collection, lsns, ours.lsn_width)
            .map_err(Failure::usage)?;
    let overlaps = |object: &&StoredObject| {
        object.key != ours && object.key.lsns().is_some_and(|held| held.overlaps(lsns))
    };
    let other = files.iter().find(overlaps);
    Ok(other
        .map(|other| format!("the LSNs {lsns} overlap those of the stored object {}", other.key)))
}

/// What to do with rows whose LSNs are taken.
fn ways_out(args: &PutArgs, store: &Store, lsns: LsnRange) -> Result<String, Failure> {
    if args.appends() {
        return Ok("it was stored while the rows were read; run the same command again".to_owned());
    }
    let count_less_one = lsns.max() - lsns.min();
    let free = args
        .first_free(store)?
        .and_then(|min| LsnRange::new(min, min.checked_add(count_less_one)?).ok());
    Ok(match free {
        Some(free) => format!(
            "put these rows after it with --append, or give a free range, such as --lsn {free}"
        ),
        None => "the highest possible LSN is taken, so --append cannot help; give a free range \
                 with --lsn"
            .to_owned(),
    })
}
