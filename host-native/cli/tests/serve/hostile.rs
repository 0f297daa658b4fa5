//! Files that were made to kill or to block whoever reads them: a receipt of one does neither, and
//! the server answers meanwhile.

use std::path::Path;
use std::sync::mpsc;

use serde_json::json;

use crate::harness::Served;
use crate::http::{get, post};

#[test]
fn a_receipt_of_a_hostile_file_neither_kills_nor_blocks_the_server() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/hostile");
    let mut files: Vec<_> = std::fs::read_dir(cases).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "parquet"));
    files.sort();
    assert!(files.len() >= 11, "{files:?}");
    // Longer than a reader of such a file may take, and shorter than one that spins for hours.
    let served = Served::dev(&["--request-timeout", "20"]);
    let folder = served.path("coldpress-data/0/s");
    std::fs::create_dir_all(&folder).unwrap();
    let health = format!("{}/healthz", served.url());
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let lsns = if name == "rowbomb1" { "lsn-0-1" } else { "lsn-0-399" };
        std::fs::copy(&file, folder.join(format!("{lsns}.parquet"))).unwrap();
        let receipt = json!({ "key": format!("0/s/{lsns}.parquet") }).to_string();
        let (url, token) = (format!("{}/v1/receipts", served.url()), served.token().to_owned());
        let (answer, answered) = mpsc::channel();
        let asking = std::thread::spawn(move || answer.send(post(&url, &token, &receipt)));
        // The receipt is under way, or has just been answered.
        let reply = loop {
            get(&health).expect(200);
            match answered.try_recv() {
                Ok(reply) => break reply,
                Err(mpsc::TryRecvError::Empty) => {}
                Err(mpsc::TryRecvError::Disconnected) => panic!("{name}: {}", served.log()),
            }
        };
        let _ = asking.join();
        // What lies in the pages does not concern a receipt: such a file's footer may be right.
        assert!(
            matches!(reply.status, 200 | 409 | 413),
            "{name}: {} {}",
            reply.status,
            reply.text()
        );
        get(&health).expect(200);
    }
    let log = served.log();
    assert!(!log.contains("panicked"), "{log}");
}
