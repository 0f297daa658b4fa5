//! The public API beside the last release, by cargo-semver-checks.

use super::facts::{Facts, Tags, count};
use crate::project::{Project, output_of, run};

/// Compares each published library with the last tag that leads here.
pub fn check(project: &Project, facts: &Facts) -> Result<String, Vec<String>> {
    let Some(last) = baseline(facts.version(), &facts.tags)? else {
        return Ok(
            "no earlier tag: this is the first release, and nothing is there to compare with"
                .to_owned(),
        );
    };
    let tag = format!("v{last}");
    let mut version = project.cargo();
    if output_of(version.args(["semver-checks", "--version"])).is_none() {
        return Err(vec![
            "cargo-semver-checks is missing; run: cargo install --locked cargo-semver-checks"
                .to_owned(),
        ]);
    }
    let compared: Vec<&str> = facts
        .published()
        .filter(|package| package.has_library && was_there(project, &tag, &package.name))
        .map(|package| package.name.as_str())
        .collect();
    let mut command = project.cargo();
    command.args(["semver-checks", "check-release", "--all-features", "--baseline-rev", &tag]);
    command.args(compared.iter().flat_map(|name| ["--package", name]));
    run(&mut command).map_err(|problem| {
        vec![format!("{problem}\nraise the version as far as it says, or keep the API of {tag}")]
    })?;
    Ok(format!("{} compared with {tag}", count(compared.len(), "library", "libraries")))
}

/// The newest release before this one.
fn baseline(version: &str, tags: &Tags) -> Result<Option<String>, Vec<String>> {
    if tags.is_shallow {
        let problem = "this clone has no history, so that the last tag is unknown; run: git fetch \
                       --unshallow --tags";
        return Err(vec![problem.to_owned()]);
    }
    Ok(tags.versions.iter().rfind(|tag| *tag != version).cloned())
}

/// Whether a package of this name was in the work tree of `tag`.
fn was_there(project: &Project, tag: &str, package: &str) -> bool {
    let line = format!("^name = \"{package}\"$");
    let mut git = project.command("git");
    output_of(git.args(["grep", "--quiet", &line, tag, "--", "*Cargo.toml"])).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_release_before_this_one_is_compared_with() {
        let tags = |versions: &[&str]| Tags {
            versions: versions.iter().map(|version| (*version).to_owned()).collect(),
            ..Tags::default()
        };
        let last = |version: &str, of: &[&str]| baseline(version, &tags(of)).unwrap();
        assert_eq!(last("0.1.0", &[]), None);
        // At the tag itself, the one before.
        assert_eq!(last("0.2.0", &["0.1.0", "0.2.0"]).unwrap(), "0.1.0");
        assert_eq!(last("0.3.0", &["0.1.0", "0.2.0"]).unwrap(), "0.2.0");
        let shallow = Tags { is_shallow: true, ..Tags::default() };
        assert!(baseline("0.1.0", &shallow).unwrap_err()[0].contains("git fetch"));
    }
}
