//! A real S3 server for tests: SeaweedFS from PyPI, on this machine's loopback alone.
//!
//! Other crates' tests include this file by `#[path]`, so it uses the standard library only.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Starts the server, and stops and starts it as it reads from stdin. At the end of stdin it kills
/// the server and removes its folder, so the server ends even if the test process is killed.
const KEEPER: &str = r#"
"$@" >log 2>&1 </dev/null & server=$!
while read -r word; do
  kill -9 $server 2>/dev/null; wait $server 2>/dev/null; rm -f log
  [ "$word" = stop ] || { "$@" >log 2>&1 </dev/null & server=$!; }
  echo done
done
kill -9 $server 2>/dev/null; wait $server 2>/dev/null
folder=$PWD; cd / && rm -rf "$folder"
"#;
const READY_LINE: &str = "components are running and ready";
const STARTS_MAX: usize = 4;
const START_TIME_MAX: Duration = Duration::from_secs(300);

/// A running server. Stopped when dropped.
pub struct Seaweed {
    keeper: Child,
    folder: PathBuf,
    pub endpoint: String,
    pub bucket: String,
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
}

impl Seaweed {
    /// A new server.
    pub fn start() -> Self {
        let weed = weed();
        for _ in 1..STARTS_MAX {
            // Another process can take a port between our check and the server's start.
            if let Ok(server) = Self::try_start(&weed) {
                return server;
            }
        }
        Self::try_start(&weed).unwrap_or_else(|log| panic!("SeaweedFS did not start:\n{log}"))
    }

    /// One server for all tests of this process. Each test uses its own prefix.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Seaweed> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("wait for the server's end");
    }

    /// Kills it, as a power cut would, and leaves what it stored for [`Seaweed::start_again`].
    pub fn stop(&mut self) {
        self.tell("stop");
    }

    /// Starts it again at the same address with the data that it stored.
    pub fn start_again(&mut self) {
        self.tell("start");
        self.wait_until_ready().unwrap_or_else(|log| panic!("no second start:\n{log}"));
    }

    fn tell(&mut self, word: &str) {
        let stdin = self.keeper.stdin.as_mut().expect("a server that was not killed");
        writeln!(stdin, "{word}").expect("tell the keeper");
        let mut answer = [0; 5];
        let stdout = self.keeper.stdout.as_mut().expect("the keeper's answers");
        stdout.read_exact(&mut answer).expect("the keeper's answer");
    }

    fn try_start(weed: &Path) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("coldpress-seaweed-{:016x}", random()));
        std::fs::create_dir_all(&folder).expect("make the server's folder");
        let [master, volume, filer, s3, admin] = free_ports();
        let (access_key, secret_key) = (format!("AK{:x}", random()), format!("SK{:x}", random()));
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(weed)
            .args(["mini", "-dir=./data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-bucket=data"])
            .arg(format!("-master.port={master}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-filer.port={filer}"))
            .arg(format!("-s3.port={s3}"))
            .arg(format!("-admin.port={admin}"))
            .args(["-s3.allowedOrigins=https://none.invalid", "-s3.autoCreateBucket=false"])
            .args(["-s3.iam=false", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0"])
            .args(["-s3.port.lance=0", "-s3.localSocket=./s3.sock"])
            .current_dir(&folder)
            .env("AWS_ACCESS_KEY_ID", &access_key)
            .env("AWS_SECRET_ACCESS_KEY", &secret_key)
            .env("GOMEMLIMIT", "256MiB")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start sh");
        let server = Seaweed {
            keeper,
            folder,
            endpoint: format!("http://127.0.0.1:{s3}"),
            bucket: "data".to_owned(),
            access_key,
            secret_key,
            region: "us-east-1".to_owned(),
        };
        server.wait_until_ready().map(|()| server)
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let log = self.folder.join("log");
        let started = Instant::now();
        loop {
            let text = std::fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            if text.contains(READY_LINE) {
                return Ok(());
            }
            if started.elapsed() > START_TIME_MAX || text.contains("address already in use") {
                return Err(text.into_owned());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The server's program, which `cargo xtask setup` installs.
fn weed() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file())
        .expect("the package lies in a workspace");
    let weed = std::env::var_os("COLDPRESS_WEED")
        .map(PathBuf::from)
        .unwrap_or_else(|| workspace.join("target/tools/python/bin/weed"));
    assert!(
        File::open(&weed).is_ok(),
        "no SeaweedFS at {}: run `cargo xtask setup`, or set COLDPRESS_WEED to a `weed` program",
        weed.display()
    );
    weed
}

/// Five free ports. The port 10,000 above each, which the server uses for gRPC, is free too. All
/// are below the range of ports for outgoing connections.
fn free_ports() -> [u16; 5] {
    let mut held = Vec::new();
    let mut ports = Vec::new();
    while ports.len() < 5 {
        let port = 11_000 + (random() % 10_000) as u16;
        let pair = [port, port + 10_000].map(|port| TcpListener::bind(("127.0.0.1", port)));
        if let [Ok(low), Ok(high)] = pair {
            held.push((low, high));
            ports.push(port);
        }
    }
    ports.try_into().expect("five ports")
}

fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
