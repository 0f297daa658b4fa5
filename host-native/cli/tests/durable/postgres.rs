//! A real PostgreSQL that archives its log through the command, is destroyed, and comes back.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::child::{Ran, run};
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place, bare, copy_program, is_root, strs};

/// PostgreSQL's own default.
const SEGMENT_BYTES: u64 = 16 << 20;
const LOG_BYTES: u64 = 200_000_000;
/// Random text, so that its log is as large as it is.
const ROWS_EACH: u64 = 20_000;

#[test]
fn a_destroyed_database_comes_back_to_the_last_row_archived() {
    let place = Place::new(Seaweed::shared(), "postgres");
    let base = Postgres::folder_for_all();
    let postgres = Postgres::new(&base, &place);
    postgres.init();
    postgres.start();
    postgres.sql("CREATE TABLE t (id bigserial PRIMARY KEY, batch int, text text)");
    insert(&postgres, 0);
    postgres.base_backup();
    let started = Instant::now();
    let before = postgres.log_position();
    let mut batch = 1;
    while postgres.log_position() - before < LOG_BYTES {
        insert(&postgres, batch);
        batch += 1;
    }
    // What is committed by now lies in segments up to this one.
    let last = postgres.sql("SELECT pg_walfile_name(pg_current_wal_lsn())");
    let committed = state(&postgres, batch);
    postgres.sql("SELECT pg_switch_wal()");
    postgres.wait_until_archived(&last);
    let archived = place.archived();
    eprintln!(
        "{} rows in {} MB of log archived as {} objects in {:?}",
        committed.split('|').next().unwrap(),
        (postgres.log_position() - before) / 1_000_000,
        archived.len(),
        started.elapsed()
    );
    // And what comes after it is lost with the machine.
    insert(&postgres, batch);
    postgres.destroy();

    assert!(archived.len() as u64 >= LOG_BYTES / SEGMENT_BYTES, "{archived:?}");
    place.run(&["wal", "verify"]).ok();
    postgres.lay_backup_for_recovery();
    postgres.start();
    postgres.wait_until_primary();
    assert_eq!(state(&postgres, batch), committed);
    // It is a database again: it writes, and archives its new timeline beside the old one.
    insert(&postgres, batch + 1);
    let last = postgres.sql("SELECT pg_walfile_name(pg_current_wal_lsn())");
    assert!(last.starts_with("00000002"), "{last}");
    postgres.sql("SELECT pg_switch_wal()");
    postgres.wait_until_archived(&last);
    place.run(&["wal", "verify"]).ok();
    let archived = place.archived();
    assert!(archived.contains(&"00000002.history".to_owned()), "{archived:?}");
    postgres.destroy();
}

fn insert(postgres: &Postgres<'_>, batch: u32) {
    let text = "(SELECT string_agg(md5(random()::text || n::text || g::text), '') FROM generate_series(1, 12) g)";
    postgres.sql(&format!(
        "INSERT INTO t (batch, text) SELECT {batch}, {text} FROM generate_series(1, {ROWS_EACH}) n"
    ));
}

/// How many rows the batches before this one have, and what is in them.
fn state(postgres: &Postgres<'_>, before_batch: u32) -> String {
    postgres.sql(&format!(
        "SELECT count(*), md5(string_agg(md5(id::text || batch::text || text), '' ORDER BY id)) FROM t WHERE batch < {before_batch}"
    ))
}

/// One server in a folder of its own, reached by a socket in it. Killed when dropped.
pub(super) struct Postgres<'p> {
    pub(super) folder: PathBuf,
    programs: PathBuf,
    place: &'p Place<'p>,
}

impl<'p> Postgres<'p> {
    /// A folder that PostgreSQL's user reaches, which we as root are not.
    pub(super) fn folder_for_all() -> tempfile::TempDir {
        let folder = tempfile::Builder::new().prefix("coldpress-pg-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        folder
    }

    pub(super) fn new(base: &tempfile::TempDir, place: &'p Place<'p>) -> Self {
        let folder = base.path().join("own");
        fs::create_dir(&folder).unwrap();
        if is_root() {
            let owned = Command::new("chown").arg("postgres:").arg(&folder).status().unwrap();
            assert!(owned.success(), "no user `postgres`: run `cargo xtask setup`");
        }
        copy_program(base.path());
        let postgres = Postgres { folder, programs: programs(), place };
        postgres.write_script("wal.sh", "");
        postgres
    }

    /// Credentials stand in the script's environment, not in postgresql.conf. `before` is done
    /// first: `$2` is the segment of a `get`.
    pub(super) fn write_script(&self, name: &str, before: &str) {
        let base = self.base();
        let variables = self.place.variables();
        let exports: String =
            variables.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
        let command = base.join("coldpress");
        let script = format!("#!/bin/sh\n{exports}{before}exec '{}' wal \"$@\"\n", strs(&command));
        let path = base.join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder around its own.
    pub(super) fn base(&self) -> &Path {
        self.folder.parent().unwrap()
    }

    /// A program of PostgreSQL, as the user it wants.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = bare("setpriv", &self.folder);
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
            command
        } else {
            bare(path, &self.folder)
        };
        command.env("PGHOST", &self.folder).env("PGUSER", "postgres").env("PGDATABASE", "postgres");
        command
    }

    #[track_caller]
    fn run(&self, name: &str, arguments: &[&str]) -> String {
        run(self.program(name).args(arguments), LIMIT).ok()
    }

    fn init(&self) {
        let script = self.base().join("wal.sh");
        let script = script.display();
        self.init_with(
            &[],
            &format!(
                "archive_command = '{script} put %p --name %f'\nrestore_command = '{script} get %f %p'\n"
            ),
        );
    }

    pub(super) fn init_with(&self, options: &[&str], more: &str) {
        let data = self.data();
        let usual = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"];
        self.run("initdb", &[&["--pgdata", strs(&data)], &usual[..], options].concat());
        let socket = self.folder.display();
        self.configure(&format!(
            "listen_addresses = ''\nunix_socket_directories = '{socket}'\nwal_level = replica\n\
             archive_mode = on\nmax_wal_senders = 2\nshared_buffers = 64MB\nmax_wal_size = 2GB\n\
             fsync = on\n{more}"
        ));
    }

    /// Adds settings to those there are.
    pub(super) fn configure(&self, settings: &str) {
        let path = self.data().join("postgresql.conf");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text + settings).unwrap();
    }

    #[track_caller]
    pub(super) fn start(&self) {
        let ran = self.try_start();
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.stderr, self.log());
    }

    /// Ends once the server has started, or has ended.
    pub(super) fn try_start(&self) -> Ran {
        let (data, log) = (self.data(), self.folder.join("log"));
        let mut command = self.program("pg_ctl");
        command.args(["start", "--wait", "--timeout=120", "--silent"]);
        command.arg("--pgdata").arg(data).arg("--log").arg(log);
        run(&mut command, LIMIT)
    }

    pub(super) fn sql(&self, text: &str) -> String {
        let arguments =
            ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"];
        let printed = run(self.program("psql").args(arguments).args(["-c", text]), LIMIT);
        if printed.code != Some(0) {
            panic!("{text}: {}\n{}", printed.stderr, self.log());
        }
        printed.stdout.trim().to_owned()
    }

    pub(super) fn base_backup(&self) {
        let backup = self.folder.join("backup");
        self.run(
            "pg_basebackup",
            &["--pgdata", strs(&backup), "--checkpoint=fast", "--wal-method=none", "--no-sync"],
        );
    }

    fn log_position(&self) -> u64 {
        let bytes = self.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint");
        bytes.parse().unwrap()
    }

    pub(super) fn wait_until_archived(&self, segment: &str) {
        self.wait_for(
            &format!("SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver"),
            "the segment is archived",
        );
    }

    pub(super) fn wait_until_primary(&self) {
        self.wait_for("SELECT NOT pg_is_in_recovery()", "recovery has ended");
    }

    fn wait_for(&self, question: &str, what: &str) {
        let started = Instant::now();
        while self.sql(question) != "t" {
            assert!(started.elapsed() < LIMIT, "not so in time: {what}\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// `kill -9` of every process of it, and its whole folder of data deleted.
    pub(super) fn destroy(&self) {
        self.kill();
        fs::remove_dir_all(self.data()).unwrap();
    }

    pub(super) fn kill(&self) {
        let path = self.data().join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&path) else { return };
        let id = text.lines().next().unwrap_or_default().to_owned();
        // Its children end by themselves once they see that it is gone; the folder must be theirs
        // no longer when it is deleted.
        let children = children_of(&id);
        let mut kill = Command::new("kill");
        // A child may have ended by itself meanwhile.
        let _ = kill.arg("-9").arg(&id).args(&children).stderr(Stdio::null()).status();
        let started = Instant::now();
        let all = || children.iter().chain([&id]);
        while all().any(|id| Path::new("/proc").join(id).join("exe").exists()) {
            assert!(started.elapsed() < LIMIT, "it does not die");
            thread::sleep(Duration::from_millis(20));
        }
        // Where nobody asks for the dead server's exit code, it still looks alive to the next one.
        for name in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    pub(super) fn lay_backup_for_recovery(&self) {
        fs::rename(self.folder.join("backup"), self.data()).unwrap();
        let signal = self.data().join("recovery.signal");
        fs::write(&signal, "").unwrap();
        if is_root() {
            assert!(
                Command::new("chown").arg("postgres:").arg(&signal).status().unwrap().success()
            );
        }
    }

    pub(super) fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Postgres<'_> {
    fn drop(&mut self) {
        if self.data().exists() {
            self.kill();
        }
    }
}

fn children_of(id: &str) -> Vec<String> {
    let path = format!("/proc/{id}/task/{id}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Debian keeps them out of the path: the newest version there is.
fn programs() -> PathBuf {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<(u32, PathBuf)> = folders
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            let programs = path.join("bin");
            programs.join("initdb").exists().then_some((version, programs))
        })
        .collect();
    folders.sort();
    let newest = folders.pop();
    newest.expect("no /usr/lib/postgresql/*/bin/initdb: run `cargo xtask setup`").1
}
