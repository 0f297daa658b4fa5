//! `coldpress sql`: every form of rows, where statements come from, and what goes wrong.

use std::fs;
use std::io::Read;
#[cfg(target_os = "linux")]
use std::io::Write;
use std::process::Stdio;
#[cfg(target_os = "linux")]
use std::process::{Child, ChildStdin, Command};
#[cfg(target_os = "linux")]
use std::sync::mpsc;
#[cfg(target_os = "linux")]
use std::time::Duration;

use serde_json::json;

use crate::harness::{MOVIES, Place, Ran, contains_all, json};

/// A place with the movies of README.
fn movies() -> Place {
    let place = Place::new();
    place.ok(&["put", MOVIES, "-c", "movies"]);
    place
}

fn rows(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(json).collect()
}

#[test]
fn a_statement_that_needs_more_memory_than_it_may_take_says_so() {
    let place = movies();
    let statement =
        "select count(*) from movies a join movies b on a.\"Director\" = b.\"Director\"";
    let ran = place.run(&["sql", "--memory-bytes-max", "10000", statement]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(1), 1), "{ran:?}");
    contains_all(&ran.stderr, &["--memory-bytes-max", "Failed to allocate", "HashJoinInput"]);
    place.ok(&["sql", "--memory-bytes-max", "10MiB", statement]);
}

#[test]
fn rows_come_in_each_form() {
    let place = Place::new();
    place.put(
        "{\"n\":1,\"t\":\"a,\\\"b\\\"\",\"at\":\"2026-01-02T03:04:05.678Z\",\"s\":{\"x\":1.5},\"d\":\"2026-01-02\"}\n\
         {\"n\":null,\"t\":\"\\u001b[2J\",\"at\":null,\"s\":{\"x\":2.0},\"d\":null}\n",
        &["--lsn", "5..6"],
    );
    let statement = "select n, t, at, s, d, _lsn_min from c order by n";
    let asked = |format: &str| place.ok(&["sql", statement, "--format", format]);
    assert_eq!(
        rows(&asked("ndjson")),
        [
            json!({"n": 1, "t": "a,\"b\"", "at": "2026-01-02T03:04:05.678Z", "s": {"x": 1.5},
                "d": "2026-01-02", "_lsn_min": 5}),
            json!({"n": null, "t": "\u{1b}[2J", "at": null, "s": {"x": 2.0}, "d": null,
                "_lsn_min": 5}),
        ]
    );
    assert_eq!(
        asked("csv"),
        "n,t,at,s,d,_lsn_min\r\n\
         1,\"a,\"\"b\"\"\",2026-01-02T03:04:05.678Z,\"{\"\"x\"\":1.5}\",2026-01-02,5\r\n\
         ,\u{1b}[2J,,\"{\"\"x\"\":2.0}\",,5\r\n"
    );
    let table = place.ok(&["sql", statement]);
    contains_all(&table, &["n  t", "1  a,\"b\"", "2026-01-02T03:04:05.678Z", "\\u{1b}[2J"]);
    assert_eq!(asked("table"), table);
    // A Parquet file: into a file, and through a pipe.
    place.ok(&["sql", statement, "--format", "parquet", "-o", "out.parquet"]);
    let file = fs::read(place.path("out.parquet")).unwrap();
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
    let piped = place.command(&["sql", statement, "--format", "parquet"]).output().unwrap();
    assert_eq!(piped.stdout, file);
    let exists = place.run(&["sql", statement, "-o", "out.parquet"]).fails(1);
    contains_all(&exists, &["out.parquet exists"]);
    let two = place.run(&["sql", "select 1; select 2", "--format", "parquet", "-o", "x"]).fails(2);
    contains_all(&two, &["one statement"]);
    let none = "create view v as select 1 as one";
    let without = place.run(&["sql", none, "--format", "parquet", "-o", "x"]).fails(2);
    contains_all(&without, &["gives rows"]);
    assert!(!place.path("x").exists());
    let both = format!("{none}; select * from v");
    place.ok(&["sql", &both, "--format", "parquet", "-o", "x"]);
    assert!(place.path("x").is_file());
    let odd = "select cast('inf' as double) as x, cast('nan' as float) as y";
    assert_eq!(place.ok(&["sql", odd, "--format", "csv"]), "x,y\r\ninf,NaN\r\n");
    assert_eq!(place.ok(&["sql", odd, "--format", "ndjson"]), "{\"x\":\"inf\",\"y\":\"NaN\"}\n");
}

#[test]
fn statements_come_from_the_arguments_a_file_or_standard_input() {
    let place = movies();
    let text = "create view good as select Title, \"US Gross\" as gross from movies\n\
        where \"IMDB Rating\" > 8.8; -- the best;\nselect count(*) as many from good;\n\
        select ';' as semicolon";
    place.write("ask.sql", text);
    let expected = ["{\"many\":", "{\"semicolon\":\";\"}"];
    for told in [
        place.ok(&["sql", "--format", "ndjson", text]),
        place.ok(&["sql", "--format", "ndjson", "-f", "ask.sql"]),
        place.run_with_input(&["sql", "--format", "ndjson"], text.as_bytes()).ok(),
        place.run_with_input(&["sql", "--format=ndjson", "-f", "-"], text.as_bytes()).ok(),
        place.ok(&["sql", "--format", "ndjson", &format!("\u{feff}-- a comment\n{text}")]),
        place.ok(&["sql", "--format", "ndjson", "--", &format!("-- a comment\n{text}")]),
    ] {
        assert_eq!(told.lines().count(), 2, "{told}");
        contains_all(&told, &expected);
    }
    assert_eq!(place.run_with_input(&["sql"], b"").ok(), "");
    contains_all(&place.run(&["sql", "-f", "absent"]).fails(1), &["absent"]);
    contains_all(&place.run(&["sql", "select 1", "-f", "x"]).fails(2), &["cannot be used with"]);
}

#[test]
fn a_long_condition_is_no_end_of_the_process() {
    let place = Place::new();
    place.put("{\"n\":1}\n", &[]);
    let terms: Vec<String> = (2..2_002).map(|n| format!("n <> {n}")).collect();
    place.write("long.sql", format!("select n from c where {}", terms.join(" and ")));
    assert_eq!(place.ok(&["sql", "-f", "long.sql", "--format", "csv"]), "n\r\n1\r\n");
}

#[test]
fn a_plan_says_what_is_read_and_what_was_left_out() {
    let place = Place::new();
    for lsns in ["0..1", "10..11", "20..21"] {
        place.put(&format!("{{\"n\":{}}}\n{{\"n\":7}}\n", &lsns[..1]), &["--lsn", lsns]);
    }
    let plan = place.ok(&["sql", "explain analyze select n from c where _lsn_min > 5 and n = 2"]);
    contains_all(&plan, &["files_pruned_by_lsn=1", "row_groups_pruned_statistics", "lsn-20-21"]);
    assert!(!plan.contains("lsn-0-1.parquet"), "{plan}");
    let names = place.ok(&["sql", "show tables", "--format", "csv"]);
    contains_all(&names, &["datafusion,coldpress,c,BASE TABLE"]);
    contains_all(&place.ok(&["sql", "describe c"]), &["_lsn_min", "UInt64"]);
}

#[test]
fn errors_are_one_line_in_our_words() {
    let place = movies();
    let fails = |statement: &str| place.run(&["sql", statement]).fails(1);
    contains_all(&fails("select * from \"no such\""), &["no collection \"no such\"", "ls"]);
    contains_all(&fails("selec 1"), &["no SQL"]);
    contains_all(&fails("select titel from movies"), &["titel"]);
    contains_all(&fails("select 1 / 0"), &["ivide by zero"]);
    contains_all(&fails("select 1 from movies where Title = 5"), &["in quotes", "schema"]);
    let second = place.run(&["sql", "select 1 as one; select x from movies"]);
    assert_eq!(second.code, Some(1));
    contains_all(&second.stdout, &["one"]);
    contains_all(&second.stderr, &["error: No field named x. Valid fields are"]);
    let key = "0/movies/lsn-0-3200.parquet";
    let file = place.path(&format!("coldpress-data/{key}"));
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let damaged = fails("select Title from movies");
    contains_all(&damaged, &[&format!("error: {key}: "), "Parquet"]);
    for layer in ["External", "Execution error", "DataFusion error", "Arrow error"] {
        assert!(!damaged.contains(layer), "{damaged}");
    }
    contains_all(&Place::new().run(&["sql", "select 1"]).fails(1), &["no such folder"]);
}

#[test]
fn columns_of_one_name_are_told_apart_where_readers_would_lose_one() {
    let place = Place::new();
    place.put("{\"n\":1,\"n_1\":2}\n", &[]);
    let join = "select a.n, b.n, a.n_1 from c a join c b on a.n = b.n";
    let of = |format: &str| place.ok(&["sql", join, "--format", format]);
    assert_eq!(of("ndjson"), "{\"n\":1,\"n_2\":1,\"n_1\":2}\n");
    assert_eq!(of("csv"), "n,n,n_1\r\n1,1,2\r\n");
    place.ok(&["sql", join, "--format", "parquet", "-o", "out.parquet"]);
    let read = "create external table o stored as parquet location 'out.parquet'; select * from o";
    assert_eq!(place.ok(&["sql", read, "--format", "csv"]), "n,n_2,n_1\r\n1,1,2\r\n");
}

#[test]
fn tenants_are_apart_and_statements_cannot_write_into_the_store() {
    let place = Place::new();
    place.put("{\"n\":1}\n", &["--tenant", "1"]);
    place.put("{\"n\":2}\n", &["--tenant", "2"]);
    let of = |tenant: &str| {
        place.ok(&["sql", "select n from c", "--tenant", tenant, "--format", "ndjson"])
    };
    assert_eq!((of("1").as_str(), of("2").as_str()), ("{\"n\":1}\n", "{\"n\":2}\n"));
    let before = place.stored_files();
    let copy =
        "copy (select 5 as n) to 'coldpress://store-0/1/c/lsn-0-0.parquet' stored as parquet";
    let refused = place.run(&["sql", copy, "--tenant", "1"]).fails(1);
    contains_all(&refused, &["only reads"]);
    // The folder of the store is no other place, however its path is written.
    std::os::unix::fs::symlink(place.path("coldpress-data/1"), place.path("link")).unwrap();
    for file in ["coldpress-data/1/c/lsn-0-0.parquet", "coldpress-data/9/new.parquet", "link/x"] {
        let copy = format!("copy (select 5 as n) to '{file}' stored as parquet");
        contains_all(&place.run(&["sql", &copy, "--tenant", "1"]).fails(1), &["only reads"]);
    }
    let stream = "create unbounded external table e (a int) stored as csv location \
        'coldpress-data/1/c/lsn-0-0.parquet'; insert into e values (1)";
    contains_all(&place.run(&["sql", stream]).fails(1), &["unbounded"]);
    let set = "set datafusion.runtime.temp_directory = 'coldpress-data/1'";
    contains_all(&place.run(&["sql", set]).fails(1), &["TMPDIR"]);
    place.ok(&["sql", "copy (select 5 as n) to 'elsewhere.parquet'", "--tenant", "1"]);
    assert!(place.path("elsewhere.parquet").is_file());
    assert_eq!(place.stored_files(), before);
    assert_eq!(of("1"), "{\"n\":1}\n");
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_run_in_silence() {
    let place = movies();
    let statement = "select a.Title from movies a cross join movies b";
    let mut child = place
        .command(&["sql", statement, "--format", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let ran = Ran::new(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

/// The command in a terminal, which `script` of util-linux makes.
#[cfg(target_os = "linux")]
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: mpsc::Receiver<Vec<u8>>,
    /// What was shown and not yet waited for.
    said: String,
}

#[cfg(target_os = "linux")]
impl Terminal {
    fn of(place: &Place) -> Self {
        let command = format!("{} sql", env!("CARGO_BIN_EXE_coldpress"));
        let mut child = Command::new("script")
            .args(["-qefc", &command, "/dev/null"])
            .current_dir(place.path(""))
            .env("XDG_STATE_HOME", place.path("state"))
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut some = [0; 1024];
            while let Ok(read @ 1..) = output.read(&mut some) {
                if send.send(some[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { child, keys, shown, said: String::new() }
    }

    /// Waits until this is shown, and forgets what was shown before.
    fn until(&mut self, text: &str) {
        while !self.said.contains(text) {
            // Only a run that has failed takes this long.
            let shown = self.shown.recv_timeout(Duration::from_secs(120));
            let shown = shown.unwrap_or_else(|_| panic!("no {text:?} in:\n{}", self.said));
            self.said.push_str(&String::from_utf8_lossy(&shown));
        }
        let end = self.said.find(text).unwrap() + text.len();
        self.said.drain(..end);
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_prompt_answers_statements_until_it_ends() {
    let place = Place::new();
    place.put("{\"n\":41}\n", &[]);
    let mut terminal = Terminal::of(&place);
    // The prompt is shown only where keys go to it, so each step waits for it.
    terminal.until("coldpress> ");
    terminal.press("select n + 1\n");
    terminal.until("-> ");
    terminal.press(" from c;\n");
    terminal.until("42");
    terminal.until("coldpress> ");
    terminal.press("select * from no;\n");
    terminal.until("no collection \"no\"");
    terminal.until("coldpress> ");
    terminal.press("select 'drop");
    terminal.until("drop");
    terminal.press("\x03");
    terminal.until("coldpress> ");
    terminal.press("select 21 + 22 as last;\n");
    terminal.until("43");
    terminal.until("coldpress> ");
    terminal.press("\x04");
    assert!(terminal.child.wait().unwrap().success(), "{}", terminal.said);
    let history = fs::read_to_string(place.path("state/coldpress/sql-history")).unwrap();
    contains_all(&history, &["select n + 1", "select 21 + 22 as last;"]);
    assert!(!history.contains("drop"), "{history}");
}
