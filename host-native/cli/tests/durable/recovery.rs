//! A real PostgreSQL whose archive fails in the middle of its recovery. It must stop, and go on
//! once the fault is gone.
//!
//! A `restore_command` that ends with 1 to 125 tells PostgreSQL that the log ends: it would open
//! for writing, and all that is archived behind the fault would be lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::proxy::{Fault, FaultProxy, Rule};
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place, strs};
use crate::postgres::Postgres;

/// Segments that are archived after the base backup. They are of 1 MiB, the least that PostgreSQL
/// takes.
const SEGMENTS: u64 = 6;
/// The one of them at which each fault begins.
const FAULT_AT: usize = 2;

#[test]
fn each_fault_in_the_middle_stops_recovery_and_it_goes_on_to_the_last_row() {
    let server = Seaweed::shared();
    let proxy = FaultProxy::before(&server.endpoint, 71);
    let place = Place::new(server, "recovery").by_way_of(proxy.endpoint());
    let base = Postgres::folder_for_all();
    let postgres = Postgres::new(&base, &place);
    let recovery = Recovery::after_a_disaster(&postgres);

    // Nothing is wrong until the log is half read: then each of these.
    let bad = |text: &str| recovery.once_asked_for(text);
    recovery.stops("wrong credentials", &bad("export AWS_SECRET_ACCESS_KEY=wrong"));
    recovery.stops("missing credentials", &bad("unset AWS_SECRET_ACCESS_KEY"));
    recovery.stops("a missing bucket", &bad("export COLDPRESS_STORE=s3://nobucket/recovery"));
    recovery.stops("another prefix", &bad("export COLDPRESS_STORE=s3://data/another"));
    recovery.stops("a mistyped node", &bad("set -- \"$@\" --node typo"));
    recovery.stops("a wrong call", &bad("set -- \"$@\" --no-such-option"));
    recovery.stops("no network", &bad("export AWS_ENDPOINT_URL=http://127.0.0.1:1"));
    let at = format!("/{}", recovery.at);
    let answers = |status, code| {
        let at = at.clone();
        let fault = Fault::Answer { status, code, retry_after_s: None };
        proxy.follow([Rule::new(fault).on(move |asked| asked.target.contains(&at))]);
    };
    answers(400, "ExpiredToken");
    recovery.stops("an expired token", "");
    answers(503, "SlowDown");
    recovery.stops("a store that is overloaded", "");
    proxy.follow([]);
    let folder = postgres.folder.join("archive");
    let key = format!("{}wal/{}", place.key_prefix(), recovery.at);
    let whole = fs::read(folder.join("wal").join(&recovery.at)).unwrap();
    let mut damaged = whole.clone();
    damaged[500_000] ^= 1;
    place.bucket().put(&key, &damaged);
    recovery.stops("a damaged segment", "");
    place.bucket().put(&key, &whole);

    recovery.stops_by_the_folder(&folder, &whole);
    recovery.ends_well();
}

struct Recovery<'p> {
    postgres: &'p Postgres<'p>,
    /// The segment at which faults begin.
    at: String,
    /// What was committed and archived.
    rows: String,
}

impl<'p> Recovery<'p> {
    /// A database that archived its log twice, to S3 and to a folder, and of which the backup is
    /// left.
    fn after_a_disaster(postgres: &'p Postgres<'p>) -> Self {
        let (put, get) = (postgres.base().join("wal.sh"), postgres.base().join("restore.sh"));
        let (put, get) = (put.display(), get.display());
        let folder = postgres.folder.join("archive");
        let settings = format!(
            "archive_command = '{put} put %p --name %f && {put} put %p --name %f --store {}'\n\
             restore_command = '{get} get %f %p'\n\
             min_wal_size = 2MB\nmax_wal_size = 64MB\nautovacuum = off\n",
            folder.display()
        );
        postgres.init_with(&["--wal-segsize=1"], &settings);
        postgres.start();
        postgres.sql("CREATE TABLE t (id bigserial PRIMARY KEY, batch int, text text)");
        postgres.base_backup();
        let mut segments = Vec::new();
        for batch in 0..SEGMENTS {
            postgres.sql(&format!(
                "INSERT INTO t (batch, text) SELECT {batch}, md5(random()::text) FROM generate_series(1, 200)"
            ));
            segments.push(postgres.sql("SELECT pg_walfile_name(pg_current_wal_lsn())"));
            postgres.sql("SELECT pg_switch_wal()");
        }
        let rows = state(postgres);
        postgres.wait_until_archived(segments.last().unwrap());
        postgres.destroy();
        postgres.lay_backup_for_recovery();
        Recovery { postgres, at: segments[FAULT_AT].clone(), rows }
    }

    /// Recovery with this fault, which the script that fetches segments has, stops at that segment
    /// and promotes nothing.
    #[track_caller]
    fn stops(&self, fault: &str, script: &str) {
        let started = Instant::now();
        let before = self.log().len();
        self.postgres.write_script("restore.sh", script);
        // It may have become a standby that can be asked before it comes to the fault.
        let _ = self.postgres.try_start();
        let has_ended = || !self.postgres.data().join("postmaster.pid").exists();
        while !has_ended() {
            let log = self.log();
            let said = &log[before..];
            assert!(!said.contains("archive recovery complete"), "{fault}: it promotes\n{said}");
            assert!(started.elapsed() < LIMIT, "{fault}: it does not stop\n{said}");
            thread::sleep(Duration::from_millis(50));
        }
        let log = self.log();
        let said = &log[before..];
        let refused = format!("could not restore file \"{}\" from archive", self.at);
        for part in [refused.as_str(), "FATAL", "exit code 126", "error: "] {
            assert!(said.contains(part), "{fault}: no {part:?} in\n{said}");
        }
        for part in ["archive recovery complete", "selected new timeline"] {
            assert!(!said.contains(part), "{fault}: {part:?} in\n{said}");
        }
        let why = said.lines().rfind(|line| line.starts_with("error: "));
        eprintln!("{fault}: stopped after {:?}: {}", started.elapsed(), why.unwrap_or_default());
    }

    /// The same faults of a folder, if that is the archive.
    fn stops_by_the_folder(&self, folder: &Path, whole: &[u8]) {
        let (wal, aside) = (folder.join("wal"), self.postgres.folder.join("aside"));
        let store = format!("export COLDPRESS_STORE='{}'\n", strs(folder));
        let bad = |text: &str| format!("{store}{}", self.once_asked_for(text));
        let moved = format!("mv '{}' '{}'", strs(folder), strs(&aside));
        self.stops("a folder that is not mounted", &bad(&moved));
        fs::rename(&aside, folder).unwrap();
        let emptied = format!("mv '{}' '{}'", strs(&wal), strs(&aside));
        self.stops("an empty folder", &bad(&emptied));
        fs::rename(&aside, &wal).unwrap();
        self.stops("a folder that may not be read", &bad(&format!("chmod 0 '{}'", strs(&wal))));
        fs::set_permissions(&wal, fs::Permissions::from_mode(0o755)).unwrap();
        let segment = wal.join(&self.at);
        self.stops(
            "a segment that is gone",
            &bad(&format!("mv '{}' '{}'", strs(&segment), strs(&aside))),
        );
        fs::rename(&aside, &segment).unwrap();
        self.stops(
            "a segment that is cut",
            &bad(&format!("truncate -s 1000 '{}'", strs(&segment))),
        );
        fs::write(&segment, whole).unwrap();
    }

    /// A line of the script that does this once the segment is asked for.
    fn once_asked_for(&self, text: &str) -> String {
        format!("[ \"$2\" = {} ] && {text}\n", self.at)
    }

    /// Without a fault it comes to the last row, and is a database again.
    fn ends_well(&self) {
        self.postgres.write_script("restore.sh", "");
        self.postgres.start();
        self.postgres.wait_until_primary();
        assert_eq!(state(self.postgres), self.rows);
        self.postgres.destroy();
    }

    fn log(&self) -> String {
        fs::read_to_string(self.postgres.folder.join("log")).unwrap_or_default()
    }
}

/// How many rows there are, and what is in them.
fn state(postgres: &Postgres<'_>) -> String {
    postgres.sql("SELECT count(*), md5(string_agg(md5(id::text || batch::text || text), '' ORDER BY id)) FROM t")
}
