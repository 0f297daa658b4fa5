//! Which rooms and packages there are, and what they may stand on.

use coldpress_tests::imports::Floors;

/// The rooms of core, the upper floors first.
const CORE: Floors<'_> = &[
    // What hosts drive to store things, and to read them.
    &["put", "wal", "claim", "scan"],
    // What lets a device store one object.
    &["grant"],
    // Rows into files, and back. They share `format`, and do not know each other.
    &["encode", "decode"],
    // The law: types, levels, rescue.
    &["resolve"],
    // Rows as columns, before anything is decided.
    &["columns"],
    // The form of a file.
    &["format"],
    &["settings", "target"],
    &["schema", "key"],
    &["json"],
    &["by_name", "error", "retry", "time", "text", "work"],
    &["sort"],
];

/// The rooms of host-native's library, likewise.
const NATIVE: Floors<'_> = &[
    &["grants", "scan", "wal"],
    &["storage"],
    &["store", "tails", "upload"],
    &[
        "backoff",
        "config",
        "process",
        "record_batches",
        "table",
        "threads",
        "transport",
        "under_way",
    ],
    &["credentials"],
    &["error", "quiet", "random", "staged", "time"],
];

/// The rooms of host-wasm, likewise.
const WASM: Floors<'_> = &[
    &["encoder", "decode", "scan"],
    &["batch", "file", "key", "tape", "upload"],
    &["exact", "fault"],
];

/// Each package: the root file of its code, and its plan where it has one. What has none is small
/// enough to have its rooms on one floor; it has no circles either.
pub const CODE: [(&str, Option<Floors<'_>>); 9] = [
    ("core/src/lib.rs", Some(CORE)),
    ("host-native/src/lib.rs", Some(NATIVE)),
    ("host-native/cli/src/main.rs", None),
    ("host-native/dev-store/src/lib.rs", None),
    ("host-native/listen/src/lib.rs", None),
    ("host-native/serve/src/lib.rs", None),
    ("host-native/sql/src/lib.rs", None),
    ("host-wasm/src/lib.rs", Some(WASM)),
    ("xtask/src/main.rs", None),
];

/// Which packages of ours each package may stand on.
pub const PACKAGES: [(&str, &[&str]); 14] = [
    ("coldpress-core", &[]),
    ("coldpress", &["coldpress-core"]),
    ("coldpress-wasm", &["coldpress-core"]),
    ("coldpress-listen", &[]),
    ("coldpress-dev-store", &["coldpress", "coldpress-listen"]),
    ("coldpress-serve", &["coldpress", "coldpress-core", "coldpress-listen"]),
    ("coldpress-sql", &["coldpress", "coldpress-core"]),
    (
        "coldpress-cli",
        &[
            "coldpress",
            "coldpress-core",
            "coldpress-dev-store",
            "coldpress-listen",
            "coldpress-serve",
            "coldpress-sql",
        ],
    ),
    (
        "coldpress-examples",
        &["coldpress", "coldpress-core", "coldpress-dev-store", "coldpress-serve"],
    ),
    ("coldpress-bench", &["coldpress", "coldpress-core"]),
    ("coldpress-tests", &["coldpress-core"]),
    ("coldpress-wasm-probe", &["coldpress-core"]),
    ("coldpress-wasm-test", &[]),
    ("xtask", &[]),
];
