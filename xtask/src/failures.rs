//! Which tests failed, as their runners say it, and how each is run alone.

/// Looks at what a runner of tests prints: cargo's, or Node's with its reporter `spec`.
#[derive(Debug, Default)]
pub struct Failures {
    /// The program whose tests run now: the name that cargo gave it, without its hash.
    program: String,
    /// The programs and names of tests.
    native: Vec<(String, String)>,
    /// What cargo says of each program that failed, such as `-p coldpress-cli --test cli`.
    targets: Vec<String>,
    is_in_list: bool,
    file: String,
    /// The files and names of tests.
    node: Vec<(String, String)>,
}

impl Failures {
    /// Takes the next line.
    pub fn look(&mut self, line: &str) {
        let line = line.trim();
        if let Some(program) = program(line) {
            self.program = program.to_owned();
        } else if let Some(test) = failed(line) {
            self.native.push((self.program.clone(), test.to_owned()));
        } else if let Some(target) = target(line) {
            self.targets.push(target.to_owned());
        } else if line == "✖ failing tests:" {
            self.is_in_list = true;
        } else if let Some(place) = line.strip_prefix("test at ") {
            self.file = place.split(':').next().unwrap_or_default().to_owned();
        } else if let Some(test) = line.strip_prefix("✖ ").filter(|_| self.is_in_list) {
            // Behind the name stands how long it took.
            let name = test.rsplit_once(" (").map_or(test, |(name, _)| name);
            self.node.push((self.file.clone(), name.to_owned()));
        }
    }

    /// One line for each test that failed, and one for the command that runs it alone.
    pub fn told(&self) -> String {
        let mut text = String::new();
        let mut tell = |name: &str, command: &str| {
            text.push_str(&format!("\n  {name}\n    alone: {command}"));
        };
        for (program, test) in &self.native {
            let target = self.targets.iter().find(|target| is_of(target, program));
            let command = match (target, program.strip_prefix("Doc-tests ")) {
                (Some(target), _) => format!("cargo test {target} --all-features '{test}'"),
                (None, Some(library)) => {
                    format!("cargo test --doc -p {} --all-features", library.replace('_', "-"))
                }
                (None, None) => format!("cargo test --workspace --all-features '{test}'"),
            };
            tell(&format!("{program}: {test}"), &command);
        }
        // A program that was killed names none of its tests.
        for target in &self.targets {
            if !self.native.iter().any(|(program, _)| is_of(target, program)) {
                tell(&format!("{target}: it ended early"), &format!("cargo test {target}"));
            }
        }
        for (file, name) in &self.node {
            let command = format!("node --test --test-name-pattern='{}' {file}", escaped(name));
            tell(&format!("{file}: {name}"), &command);
        }
        text
    }
}

/// `Running tests/cli/main.rs (target/debug/deps/cli-248df7bf91a1c70e)`, `Doc-tests coldpress`
fn program(line: &str) -> Option<&str> {
    if line.starts_with("Doc-tests ") {
        return Some(line);
    }
    let path = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?.1;
    let name = path.rsplit('/').next()?;
    Some(name.rsplit_once('-').map_or(name, |(name, _)| name))
}

/// `test outage::patience ... FAILED`, and `FAIL` as WebAssembly
fn failed(line: &str) -> Option<&str> {
    let (test, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    matches!(outcome, "FAILED" | "FAIL").then_some(test)
}

/// `` `-p coldpress-cli --test cli` ``, alone or in ``to rerun pass `-p coldpress --lib` ``
fn target(line: &str) -> Option<&str> {
    let quoted = line.strip_suffix('`')?.rsplit_once('`')?.1;
    quoted.starts_with("-p ").then_some(quoted)
}

/// Whether the program is the one that cargo names so.
fn is_of(target: &str, program: &str) -> bool {
    let mut words = target.split(' ').skip(1);
    let package = words.next().unwrap_or_default();
    let name = match target.rsplit(' ').next() {
        Some("--lib") => package,
        Some(name) => name,
        None => return false,
    };
    name.replace('-', "_") == program.replace('-', "_")
}

/// As a regular expression that means just this, within quotes of a shell.
fn escaped(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        match c {
            '\'' => text.push('.'),
            c if r"\.*+?^${}()|[]/".contains(c) => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let mut failures = Failures::default();
        text.lines().for_each(|line| failures.look(line));
        failures.told()
    }

    #[test]
    fn tests_of_cargo_are_named_with_the_command_that_runs_them_alone() {
        let text = "     Running unittests src/lib.rs (target/debug/deps/coldpress_core-0a1b)
test key::tests::good ... ok
test key::tests::bad ... FAILED
     Running tests/cli/main.rs (target/debug/deps/cli-24e)
test put::never ... FAILED
     Running tests/wal_sim.rs (target/debug/deps/wal_sim-24e)
error: 3 targets failed:
    `-p coldpress-core --lib`
    `-p coldpress-cli --test cli`
    `-p coldpress-tests --test wal_sim`";
        assert_eq!(
            told(text),
            "
  coldpress_core: key::tests::bad
    alone: cargo test -p coldpress-core --lib --all-features 'key::tests::bad'
  cli: put::never
    alone: cargo test -p coldpress-cli --test cli --all-features 'put::never'
  -p coldpress-tests --test wal_sim: it ended early
    alone: cargo test -p coldpress-tests --test wal_sim"
        );
    }

    #[test]
    fn examples_of_the_documentation_and_tests_as_wasm_are_named_too() {
        let text = "   Doc-tests coldpress_core\ntest core/src/key.rs - key (line 3) ... FAILED\n";
        let alone = "alone: cargo test --doc -p coldpress-core --all-features";
        assert!(told(text).ends_with(alone), "{}", told(text));
        let text = "Running unittests src/lib.rs (target/wasm32/debug/deps/coldpress_core-1.wasm)
test key::tests::bad ... FAIL
error: test failed, to rerun pass `-p coldpress-core --lib`";
        assert!(told(text).contains("-p coldpress-core --lib --all-features 'key::tests::bad'"));
    }

    #[test]
    fn tests_of_node_are_named_with_their_file_once() {
        let text = "✖ a grant is renewed (12.5ms)
✖ failing tests:

test at tests/web/upload.test.mjs:73:1
✖ a grant is renewed (and kept) (12.5ms)
  AssertionError: no";
        let alone = r"node --test --test-name-pattern='a grant is renewed \(and kept\)' tests/web/upload.test.mjs";
        let name = "tests/web/upload.test.mjs: a grant is renewed (and kept)";
        assert_eq!(told(text), format!("\n  {name}\n    alone: {alone}"));
    }

    #[test]
    fn a_run_without_a_failure_tells_nothing() {
        assert_eq!(told("test a ... ok\n✔ b (1ms)\ntest result: ok. 1 passed; 0 failed"), "");
    }
}
