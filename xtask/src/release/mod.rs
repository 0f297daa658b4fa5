//! `cargo xtask release --check`: whether this commit can be published. RELEASING.md says the rest.

use std::time::Instant;

use crate::npm::{self as npm_package, Making};
use crate::output::say;
use crate::project::{Project, output_of, run};
use crate::{checks, setup};
use facts::{Facts, count};

mod changelog;
mod crates;
mod facts;
mod manifests;
mod npm;
mod semver;

/// What one check found to be well, or each thing that is not and what to do about it.
type Found = Result<String, Vec<String>>;

/// One check of the release.
struct Check {
    name: &'static str,
    run: fn(&Project, &Facts) -> Found,
}

/// These take seconds and need no network: the step `release` of the test.
const QUICK: &[Check] = &[
    Check { name: "versions", run: |_, facts| manifests::versions(facts) },
    Check {
        name: "changelog",
        run: |_, facts| changelog::check(&facts.changelog, facts.version(), &facts.tags),
    },
    Check { name: "publish", run: |_, facts| manifests::publish(facts, manifests::PUBLISHED) },
    Check { name: "metadata", run: |_, facts| manifests::metadata(facts) },
    Check { name: "manifest", run: npm_manifest },
    Check { name: "crates", run: crates::pack },
];

/// These compile, or hold only at the commit of a release.
const THOROUGH: &[Check] = &[
    Check { name: "tree", run: tree },
    Check { name: "version", run: |_, facts| manifests::new(facts.version(), &facts.tags) },
    Check { name: "compile", run: crates::compile },
    Check { name: "semver", run: semver::check },
    Check { name: "docs", run: |project, _| step(project, checks::docs, "the pages of docs.rs") },
    Check { name: "licences", run: |project, _| step(project, checks::deny, "dependencies") },
    Check { name: "npm", run: npm_tarball },
];

/// The quick checks: metadata, versions, changelog, and the files of each crate.
pub fn quick(project: &Project) -> Result<(), String> {
    run_all(project, QUICK.iter())
}

/// The checks of these names, or every check, with the tools that they need set up first.
pub fn check(project: &Project, names: &[String]) -> Result<(), String> {
    let all = || QUICK.iter().chain(THOROUGH);
    if let Some(unknown) = names.iter().find(|name| !all().any(|check| check.name == **name)) {
        let known: Vec<&str> = all().map(|check| check.name).collect();
        return Err(format!("no check is named {unknown:?}; choose of: {}", known.join(", ")));
    }
    setup::setup(project)?;
    run_all(
        project,
        all().filter(|check| names.is_empty() || names.iter().any(|n| n == check.name)),
    )
}

/// Runs all of these, even where one fails, and prints what came of each.
fn run_all<'a>(project: &Project, checks: impl Iterator<Item = &'a Check>) -> Result<(), String> {
    let facts = Facts::read(project)?;
    let mut report = Report::default();
    for check in checks {
        let start = Instant::now();
        let found = (check.run)(project, &facts);
        report.add(check.name, found, start.elapsed().as_secs_f64());
    }
    report.print();
    report.outcome()
}

/// What came of each check.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    failed: Vec<&'static str>,
}

impl Report {
    fn add(&mut self, name: &'static str, found: Found, seconds: f64) {
        let (word, lines) = match found {
            Ok(line) => ("ok", vec![line]),
            Err(problems) => {
                self.failed.push(name);
                ("FAILED", problems)
            }
        };
        let mut lines = lines.iter().flat_map(|problem| problem.lines());
        let first = lines.next().unwrap_or_default();
        self.lines.push(format!("{name:<10} {word:<6} {seconds:>6.1} s  {first}"));
        self.lines.extend(lines.map(|line| format!("{:>28}{line}", "")));
    }

    fn print(&self) {
        say("");
        self.lines.iter().for_each(|line| say(line));
    }

    fn outcome(&self) -> Result<(), String> {
        if self.failed.is_empty() {
            return Ok(());
        }
        Err(format!("not ready to be released: {}; see above", self.failed.join(", ")))
    }
}

/// Nothing is packed that is not committed.
fn tree(project: &Project, _: &Facts) -> Found {
    let changed = output_of(project.command("git").args(["status", "--porcelain"]))
        .ok_or_else(|| vec!["git status failed".to_owned()])?;
    match changed.lines().next() {
        None => Ok("everything is committed".to_owned()),
        Some(first) => Err(vec![format!(
            "{} not committed, such as {}; commit or remove them",
            count(changed.lines().count(), "file is", "files are"),
            first.trim()
        )]),
    }
}

fn npm_manifest(project: &Project, facts: &Facts) -> Found {
    npm::manifest(&facts.npm, &project.root.join("host-wasm/js"), "Apache-2.0")
}

/// Builds and packs what npm gets: publint, types and size are checked on the way.
fn npm_tarball(project: &Project, _: &Facts) -> Found {
    npm_package::make(project, Making::Release).map_err(|problem| vec![problem])?;
    let tarball = project.npm_tarball();
    let mut dry = project.command("npm");
    // What the registry would be sent, short of sending it.
    dry.args(["publish", "--dry-run", "--ignore-scripts", "--offline"]).arg(&tarball);
    run(&mut dry).map_err(|problem| vec![problem])?;
    Ok(format!("{} is what npm gets", tarball.display()))
}

/// Runs a step of the test.
fn step(project: &Project, step: fn(&Project) -> Result<(), String>, what: &str) -> Found {
    step(project).map(|()| format!("{what} pass their step of the test")).map_err(|p| vec![p])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_reported_and_any_failure_is_one_of_the_whole() {
        let mut report = Report::default();
        report.add("crates", Ok("2 crates".to_owned()), 0.25);
        assert_eq!(report.outcome(), Ok(()));
        report.add("tree", Err(vec!["one\nmore of it".to_owned(), "two".to_owned()]), 1.0);
        report.add("docs", Err(vec!["three".to_owned()]), 10.0);
        assert_eq!(
            report.lines,
            [
                "crates     ok        0.2 s  2 crates",
                "tree       FAILED    1.0 s  one",
                "                            more of it",
                "                            two",
                "docs       FAILED   10.0 s  three",
            ]
        );
        assert_eq!(report.outcome(), Err("not ready to be released: tree, docs; see above".into()));
    }
}
