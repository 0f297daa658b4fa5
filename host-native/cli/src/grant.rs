//! `coldpress grant`: the right to write or read one object, as JSON for a device without
//! credentials.

use std::io;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use coldpress::{ErrorKind, GrantLimits};
use coldpress_core::{
    Encodings, GrantRequest, KeyPrefix, LsnRange, LsnWidth, ObjectKey, Sha256Digest,
};

use super::failure::Failure;
use super::store::{Store, StoreArgs};
use super::{absent, lsn, store};

/// Make a grant: the right to write or read one object, without credentials, until it expires
///
/// Prints the grant as JSON. The grant is a secret: whoever has it can write that object, or with
/// --read, read it. A grant with parts begins a multipart upload. Whoever has the grant completes
/// or aborts the upload.
#[derive(Debug, Args)]
pub struct GrantArgs {
    /// Grant to read this object: its key, with or without the prefix of --store
    #[arg(
        long,
        value_name = "KEY",
        conflicts_with_all = [
            "collection", "tenant", "lsn", "bytes", "sha256", "parts", "part_size", "encodings",
            "padded_lsn"
        ]
    )]
    read: Option<String>,
    /// The collection the rows belong to
    #[arg(long, short, value_name = "NAME", required_unless_present = "read")]
    collection: Option<String>,
    /// The tenant the rows belong to
    #[arg(long, value_name = "N", default_value_t = 0)]
    tenant: u64,
    /// The log sequence numbers (LSNs) of the rows, both ends included
    #[arg(
        long,
        value_name = "MIN..MAX",
        value_parser = lsn::parse,
        required_unless_present = "read"
    )]
    lsn: Option<LsnRange>,
    /// How long the grant is valid: a number with s, m, h or d, at most 7d
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = lifetime)]
    expires: u64,
    /// The exact size of the file. The store refuses any other size
    #[arg(long, value_name = "SIZE", value_parser = size)]
    bytes: Option<u64>,
    /// The SHA-256 of the file in hexadecimal digits. For a single put, the store refuses other
    /// content
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    sha256: Option<Sha256Digest>,
    /// How many parts to grant [default: as many as --bytes needs, or a single put]
    #[arg(long, value_name = "N")]
    parts: Option<usize>,
    /// The size of a part: a number of bytes, KiB, MiB or GiB. A larger file is uploaded in parts
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    part_size: u64,
    /// How the file's values are to be encoded, unless the uploader chooses otherwise: portable,
    /// compact or legacy
    #[arg(long, value_name = "SET")]
    encodings: Option<Encodings>,
    /// Write LSNs in the key with 20 digits, so that listings are in the order of LSNs
    #[arg(long)]
    padded_lsn: bool,
}

/// Runs `coldpress grant`.
pub fn run(args: &GrantArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let grant = match (&args.read, &args.collection, args.lsn) {
        (Some(key), ..) => to_read(args, key, store_args)?,
        (None, Some(collection), Some(lsns)) => to_write(args, (collection, lsns), store_args)?,
        _ => return Err(Failure::usage("give --collection and --lsn, or --read KEY")),
    };
    let done = "the grant was made, but not printed, and will expire unused; make another one";
    writeln!(io::stdout(), "{grant}").map_err(|error| Failure::output_after(error, done))
}

fn to_write(
    args: &GrantArgs,
    (collection, lsns): (&str, LsnRange),
    store_args: &StoreArgs,
) -> Result<String, Failure> {
    ObjectKey::collection_folder(&KeyPrefix::default(), args.tenant, collection)
        .map_err(Failure::usage)?;
    let width = if args.padded_lsn { LsnWidth::Padded } else { LsnWidth::Unpadded };
    let store = Store::open(store_args, width)?;
    refuse_overlap(args.tenant, collection, lsns, &store)?;
    let asked = GrantRequest {
        bytes: args.bytes,
        sha256: args.sha256,
        ..GrantRequest::new(collection, lsns)
    };
    let limits = GrantLimits {
        lifetime: Duration::from_millis(args.expires),
        part_bytes: args.part_size,
        parts: args.parts,
        bytes_max: u64::MAX,
        encodings: args.encodings,
        ..GrantLimits::default()
    };
    let granted = store.run(store.storage().grant(args.tenant, &asked, &limits))?;
    Ok(granted.map_err(|error| not_granted(&error))?.to_json())
}

fn to_read(args: &GrantArgs, key: &str, store_args: &StoreArgs) -> Result<String, Failure> {
    let store = Store::open(store_args, LsnWidth::default())?;
    let prefix = store.storage().prefix();
    let below = format!("{}{key}", prefix.as_str());
    let key = match (ObjectKey::parse(prefix, key), ObjectKey::parse(prefix, &below)) {
        (Err(_), Ok(_)) => &below,
        _ => key,
    };
    let lifetime = Duration::from_millis(args.expires);
    match store.run(store.storage().grant_read(key, lifetime))? {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(absent::object(&store, key)),
        granted => Ok(granted.map_err(|error| not_granted(&error))?.to_json()),
    }
}

fn not_granted(error: &coldpress::Error) -> Failure {
    match error.kind() {
        ErrorKind::Limit => Failure::usage(error),
        _ => store::failed(error),
    }
}

/// An error if another object holds some of the LSNs: whoever has the grant cannot list the store.
/// An object of the very same key is no error here, because the put compares its content.
fn refuse_overlap(
    tenant: u64,
    collection: &str,
    lsns: LsnRange,
    store: &Store,
) -> Result<(), Failure> {
    let there = store.ask(store.storage().list(tenant, collection, Some(lsns)))?;
    match there.iter().find(|other| other.key.lsns() != Some(lsns)) {
        None => Ok(()),
        Some(other) => Err(Failure::run(format_args!(
            "the LSNs {lsns} overlap those of the stored object {}; grant a free range",
            other.key
        ))),
    }
}

/// Reads `15m` as milliseconds.
pub fn lifetime(text: &str) -> Result<u64, String> {
    let units = [("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    measured(text, &units)
        .ok_or_else(|| format!("{text:?} is not a time; write for example 90s, 15m, 12h or 7d"))
}

/// Reads `16MiB` as bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1), ("", 1)];
    measured(text, &units).ok_or_else(|| {
        format!("{text:?} is not a size; write for example 1234, 512KiB, 16MiB or 1GiB")
    })
}

fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    units.iter().find_map(|(unit, factor)| {
        let digits = text.strip_suffix(unit)?;
        let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let number: u64 = whole.then(|| digits.parse().ok()).flatten()?;
        number.checked_mul(*factor)
    })
}

fn sha256(text: &str) -> Result<Sha256Digest, String> {
    Sha256Digest::from_hex(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_whole_or_refused() {
        assert_eq!((lifetime("90s"), lifetime("15m")), (Ok(90_000), Ok(900_000)));
        assert_eq!((lifetime("2h"), lifetime("7d")), (Ok(7_200_000), Ok(604_800_000)));
        for bad in ["", "15", "m", "-1m", "1.5h", "15 m", "15M", "99999999999999999999d"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
        assert_eq!((size("0"), size("7B"), size("16MiB")), (Ok(0), Ok(7), Ok(16 << 20)));
        assert_eq!((size("1KiB"), size("5GiB")), (Ok(1_024), Ok(5 << 30)));
        for bad in ["", "MiB", "1MB", "1mib", "1 MiB", "+1", "99999999999GiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
