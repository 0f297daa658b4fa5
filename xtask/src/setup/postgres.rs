//! PostgreSQL's programs, and no server: the tests make clusters of their own.

use std::fs;
use std::path::Path;

use super::debian::{as_root, provide};
use crate::project::run;

/// Where Debian has a folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// What the tests run.
const PROGRAMS: [&str; 5] = ["initdb", "pg_basebackup", "pg_ctl", "postgres", "psql"];
/// Read by the package's own scripts, which would make a cluster, and start it, for a machine that has none.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/coldpress-tests.conf";

/// Installs PostgreSQL where its programs are missing.
pub fn provide_programs() -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    let line = format!(
        "mkdir -p \"$(dirname {NO_CLUSTER})\" && echo 'create_main_cluster = false' >{NO_CLUSTER}"
    );
    run(as_root("sh").args(["-c", &line]))?;
    let provided = provide("PostgreSQL", &["postgresql"], is_there);
    // What is installed later, for other ends, gets its cluster.
    let line = format!(
        "rm -f {NO_CLUSTER} && rmdir --ignore-fail-on-non-empty \"$(dirname {NO_CLUSTER})\""
    );
    let tidied = run(as_root("sh").args(["-c", &line]));
    provided.and(tidied)
}

fn is_there() -> bool {
    let versions = fs::read_dir(Path::new(VERSIONS)).into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("bin"))
        .any(|programs| PROGRAMS.iter().all(|program| programs.join(program).is_file()))
}
