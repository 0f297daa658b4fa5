//! The command, a folder that it runs in, and the store it is pointed at.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use crate::common::bare::bare;
use crate::common::child::{Ran, run};
use crate::common::proxy::FaultProxy;
use crate::common::s3::{Bucket, OpenUpload};
use crate::common::seaweed::Seaweed;

/// What takes longer than this hangs: on a busy machine too, no run takes as long.
pub const LIMIT: Duration = Duration::from_secs(900);
/// How often [`wait_for`] looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Where the command runs, and what it is told of the store.
pub struct Place<'s> {
    server: &'s Seaweed,
    folder: TempDir,
    prefix: String,
    endpoint: String,
    secret_key: String,
}

impl<'s> Place<'s> {
    /// An empty folder, and an S3 store under a prefix of the test's own.
    pub fn new(server: &'s Seaweed, prefix: &str) -> Self {
        Place {
            server,
            folder: tempfile::tempdir().unwrap(),
            prefix: prefix.to_owned(),
            endpoint: server.endpoint.clone(),
            secret_key: server.secret_key.clone(),
        }
    }

    /// The same store, reached by way of another address.
    pub fn by_way_of(mut self, endpoint: String) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// The same store, with credentials that it refuses.
    pub fn with_secret(mut self, secret_key: &str) -> Self {
        self.secret_key = secret_key.to_owned();
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a folder in the folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// The store as `--store` names it.
    pub fn store(&self) -> String {
        format!("s3://{}/{}", self.server.bucket, self.prefix)
    }

    /// What the bucket really holds.
    pub fn bucket(&self) -> Bucket<'s> {
        Bucket(self.server)
    }

    /// The prefix as keys have it.
    pub fn key_prefix(&self) -> String {
        format!("{}/", self.prefix)
    }

    /// The variables that point the command at the store.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COLDPRESS_STORE", self.store()),
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", self.server.region.clone()),
            ("AWS_ACCESS_KEY_ID", self.server.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
        ]
    }

    /// `coldpress` at the store.
    pub fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = bare(env!("CARGO_BIN_EXE_coldpress"), self.folder.path());
        command.envs(self.variables()).args(arguments);
        command
    }

    /// Another program, with the same variables.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = bare(program, self.folder.path());
        command.envs(self.variables());
        command
    }

    #[track_caller]
    pub fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Ran {
        run(&mut self.command(arguments), LIMIT)
    }

    /// Multipart uploads of objects that nobody completed or aborted.
    pub fn uploads_left(&self) -> Vec<OpenUpload> {
        let mut uploads = self.bucket().open_uploads(&self.key_prefix());
        // A probe has a key of its own, of which no object comes to be.
        let probes = format!("{}_coldpress/", self.key_prefix());
        uploads.retain(|upload| !upload.key.starts_with(&probes));
        uploads
    }

    /// Names in the archive's listing, `wal/` and the prefix left out.
    pub fn archived(&self) -> Vec<String> {
        let folder = format!("{}wal/", self.key_prefix());
        let keys = self.bucket().keys(&folder);
        let names = keys.iter().filter_map(|key| key.strip_prefix(&folder));
        names.filter(|name| !name.contains('~')).map(str::to_owned).collect()
    }
}

/// A place whose command reaches the store by way of a proxy; its `bucket()` does not.
pub fn behind_proxy(prefix: &str, seed: u64) -> (Place<'static>, FaultProxy) {
    let server = Seaweed::shared();
    let proxy = FaultProxy::before(&server.endpoint, seed);
    (Place::new(server, prefix).by_way_of(proxy.endpoint()), proxy)
}

/// Looks again and again until it is so.
#[track_caller]
pub fn wait_for(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LIMIT, "it never came to that");
        thread::sleep(LOOK_EVERY);
    }
}

/// The exit code of a failure of this call: `wal get` alone has one of its own, which stops
/// PostgreSQL.
pub fn failure_code(call: &[impl AsRef<str>]) -> i32 {
    let is_get = call.len() > 1 && call[0].as_ref() == "wal" && call[1].as_ref() == "get";
    if is_get { 126 } else { 1 }
}

/// A shell line in a mount namespace of its own, so that what it mounts goes with it: `$0` is the
/// command's binary, `$1`… the arguments.
pub fn in_own_mounts(place: &Place<'_>, line: &str, arguments: &[&str]) -> Command {
    let mut command = place.program("unshare");
    // As root no user namespace is needed; anyone else is root within one.
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", line, env!("CARGO_BIN_EXE_coldpress")]).args(arguments);
    command
}

/// Whether we may do everything, so that permissions bind us only as somebody else.
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("run id");
    id.stdout == b"0\n"
}

pub fn strs(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Copies the program into a folder. Another process writes the copy: a file that this one writes
/// stays open in the children that other tests start meanwhile, and then it cannot be run.
pub fn copy_program(folder: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_coldpress")).arg(folder).status();
    assert!(copied.unwrap().success());
}
