//! Starts `coldpress serve`, and knows where it is.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;

use coldpress::ColdStorageConfig;
use coldpress_core::{EncodedFile, Grant, SignedRequest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::seaweed::Seaweed;
use crate::http::{Reply, post, request_with};
use crate::made::{encoded, sha256};

/// A running `coldpress serve`, in a folder of its own. Killed when dropped.
pub struct Served {
    child: Mutex<Child>,
    folder: TempDir,
    /// The line it printed when it was ready.
    pub ready: Value,
}

/// The command, free of what the tester's own environment says of stores.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coldpress"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("AWS_") || name.starts_with("COLDPRESS_") {
            command.env_remove(name);
        }
    }
    command
}

impl Served {
    /// `coldpress serve --dev` over an empty folder.
    pub fn dev(arguments: &[&str]) -> Self {
        Self::start(tempfile::tempdir().unwrap(), &[&["--dev"], arguments].concat(), &[])
    }

    /// `coldpress serve` over SeaweedFS, under a prefix of the test's own, for the tokens of
    /// `lines`.
    pub fn over_seaweed(prefix: &str, lines: &[String], arguments: &[&str]) -> Self {
        let server = Seaweed::shared();
        let folder = tempfile::tempdir().unwrap();
        write_tokens(&folder.path().join("tokens"), lines);
        let store = format!("s3://{}/{prefix}", server.bucket);
        let store = [
            "--tokens",
            "tokens",
            "--store",
            &store,
            "--endpoint",
            &server.endpoint,
            "--allow-http",
        ];
        let keys = [
            ("AWS_ACCESS_KEY_ID", server.access_key.as_str()),
            ("AWS_SECRET_ACCESS_KEY", server.secret_key.as_str()),
        ];
        Self::start(folder, &[&store, arguments].concat(), &keys)
    }

    /// `coldpress serve` over a store that is not there.
    pub fn over_nothing(endpoint: &str, lines: &[String], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_tokens(&folder.path().join("tokens"), lines);
        let store =
            ["--tokens", "tokens", "--store", "s3://b", "--endpoint", endpoint, "--allow-http"];
        let keys = [("AWS_ACCESS_KEY_ID", "AKEY"), ("AWS_SECRET_ACCESS_KEY", "SECRETKEY")];
        Self::start(folder, &[&store, arguments].concat(), &keys)
    }

    fn start(folder: TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let log = File::create(folder.path().join("log")).unwrap();
        let arguments = [&["serve", "--listen", "127.0.0.1:0", "--json"], arguments].concat();
        let mut child = command(folder.path(), &arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
        let ready =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("it did not start: {}", log()));
        Served { child: Mutex::new(child), folder, ready }
    }

    pub fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    pub fn token(&self) -> &str {
        self.ready["token"].as_str().unwrap()
    }

    pub fn s3(&self, field: &str) -> &str {
        self.ready["s3"][field].as_str().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits until this holds: the server takes note of a change in its own time.
    #[track_caller]
    pub fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..3_000 {
            if holds() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("never {what}: {}", self.log());
    }

    /// What a page of this origin is told that wants to send JSON with a token.
    pub fn preflight(&self, route: &str, origin: &str) -> Reply {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        request_with("OPTIONS", &format!("{}{route}", self.url()), &headers, b"").expect(200)
    }

    pub fn wait(&self) -> ExitStatus {
        self.child.lock().unwrap().wait().unwrap()
    }

    /// The development store as the library reaches it.
    pub fn config(&self, prefix: &str) -> ColdStorageConfig {
        ColdStorageConfig {
            endpoint: self.s3("endpoint").to_owned(),
            bucket: self.s3("bucket").to_owned(),
            region: self.s3("region").to_owned(),
            access_key: self.s3("access_key").to_owned(),
            secret_key: self.s3("secret_key").to_owned(),
            prefix: prefix.to_owned(),
            allow_http: true,
            ..ColdStorageConfig::default()
        }
    }

    pub fn ask(&self, token: &str, request: &Value) -> Reply {
        post(&format!("{}/v1/grants", self.url()), token, &request.to_string())
    }

    #[track_caller]
    pub fn grant(&self, token: &str, request: &Value) -> Grant {
        Grant::from_json(&self.ask(token, request).expect(200).text()).unwrap()
    }

    pub fn receipt(&self, token: &str, receipt: &Value) -> Reply {
        post(&format!("{}/v1/receipts", self.url()), token, &receipt.to_string())
    }

    /// Runs another command of ours over the folder of the development store.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = command(self.folder.path(), arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Writes a token file that its owner alone can read.
pub fn write_tokens(path: &Path, lines: &[String]) {
    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).unwrap();
    std::io::Write::write_all(&mut file, lines.join("\n").as_bytes()).unwrap();
}

/// A file of rows for a tenant, and what to ask for it.
pub fn people(tenant: u64, lsns: (u64, u64)) -> EncodedFile {
    encoded("", tenant, "people", lsns, b"{\"name\":\"Ada\",\"born\":1815}{\"name\":\"Grace\"}")
}

/// What to ask for, where the device knows what it will send.
pub fn wanted(collection: &str, lsns: (u64, u64), bytes: &[u8]) -> Value {
    json!({
        "collection": collection,
        "min_lsn": lsns.0.to_string(),
        "max_lsn": lsns.1.to_string(),
        "bytes": bytes.len(),
        "sha256": sha256(bytes),
    })
}

/// The one put of a grant that has no parts.
pub fn put_of(grant: &Grant) -> &SignedRequest {
    match grant.write() {
        coldpress_core::GrantedWrite::Put(put) => put,
        coldpress_core::GrantedWrite::Multipart(_) => panic!("a grant of parts"),
    }
}

/// Bytes that no two tests share, and that no codec shrinks.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length.div_ceil(8)).flat_map(|_| next()).take(length).collect()
}
