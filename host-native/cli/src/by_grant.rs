//! `coldpress put --grant`: uploads rows into a store without its credentials.

use std::fs;
use std::path::Path;

use coldpress::{PutOutcome, UploadOptions, UploadSettings, no_more_grants, upload_until};
use coldpress_core::{Encoder, Grant};

use super::failure::Failure;
use super::option_names::in_our_words;
use super::progress::Progress;
use super::put_args::PutArgs;
use super::report::{File, Report};
use super::store::StoreArgs;
use super::tasks::Tasks;
use super::{feed, input, interrupt, store};

/// Encodes the rows for the grant's key and uploads them by it.
pub fn run(args: &PutArgs, grant: &Path, store_args: &StoreArgs) -> Result<(), Failure> {
    let grant = read(grant)?;
    let sources = input::sources(&args.files)?;
    let settings = args.settings(grant.encodings())?;
    let mut encoder =
        Encoder::new(settings).map_err(|error| Failure::usage(in_our_words(error)))?;
    let mut progress = Progress::new(input::bytes_total(&sources), input::is_typed(&sources));
    let fed = feed::feed(&sources, &mut encoder, &mut progress)?;
    progress.phase("encoding");
    let file = encoder
        .finish(&grant.target())
        .map_err(|error| Failure::run(input::in_sources(&sources, &error)))?;
    progress.phase("storing");
    let store = origin(&grant);
    let mut settings = UploadSettings::default();
    if let Some(timeout) = store_args.timeout() {
        settings.timeout = timeout;
    }
    let options = UploadOptions {
        settings,
        allow_http: store_args.allows_http(),
        ..UploadOptions::default()
    };
    let uploading =
        upload_until(&file, Some(grant), no_more_grants, &options, interrupt::interrupted());
    let runtime = Tasks::new(store::runtime()?);
    // Ctrl-C aborts the upload, so that no parts stay in the store.
    let uploaded = interrupt::uncut(|| runtime.block_on(uploading))?;
    let uploaded = uploaded.map_err(|error| store::failed(&error))?;
    drop(progress);
    let outcome = match uploaded.created {
        true => PutOutcome::Created,
        false => PutOutcome::AlreadyThere,
    };
    let bytes = file.bytes.len() as u64;
    let file = File { key: &file.key, bytes, summary: &file.summary, outcome };
    Report { args, store: &store, files: &[file], fed, keeps_columns: false }.print()
}

fn read(path: &Path) -> Result<Grant, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::run(format_args!(
            "cannot read the grant {}: {error}; give a JSON file from `coldpress grant`",
            path.display()
        ))
    })?;
    Grant::from_json(&text)
        .map_err(|error| Failure::run(format_args!("the grant {}: {error}", path.display())))
}

/// The scheme and the host of the store: the parts of the URL that are no secret.
fn origin(grant: &Grant) -> String {
    grant.check().url().split('/').take(3).collect::<Vec<_>>().join("/")
}
