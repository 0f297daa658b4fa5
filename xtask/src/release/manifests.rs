//! What the manifests say: one version, the right packages published, and what registries want.

use super::facts::{Facts, Package, Tags, count};

/// What crates.io gets, in the order of publishing: each crate after those it depends on.
pub const PUBLISHED: &[&str] = &[
    "coldpress-core",
    "coldpress",
    "coldpress-listen",
    "coldpress-dev-store",
    "coldpress-serve",
    "coldpress-sql",
    "coldpress-cli",
];

/// Categories of crates.io that we use. The registry drops a misspelt one in silence, and no
/// command lists them: look a new one up at <https://crates.io/category_slugs>.
const CATEGORIES: &[&str] = &[
    "command-line-utilities",
    "compression",
    "database",
    "development-tools::testing",
    "encoding",
    "network-programming",
    "wasm",
    "web-programming::http-server",
];

/// Every package has the version of the core, and asks for that version of its siblings.
pub fn versions(facts: &Facts) -> Result<String, Vec<String>> {
    let version = facts.version();
    let mut problems = Vec::new();
    for package in &facts.packages {
        if package.version != version {
            problems.push(format!(
                "{} has version {}, and coldpress-core has {version}; write `version.workspace = \
                 true` into its Cargo.toml",
                package.name, package.version
            ));
        }
    }
    let npm = facts.npm["version"].as_str().unwrap_or_default();
    if npm != version {
        problems.push(format!(
            "host-wasm/js/package.json has version {npm:?}, and the crates have {version}; \
             write \"version\": \"{version}\""
        ));
    }
    for package in facts.published() {
        problems.extend(package.siblings.iter().filter_map(|sibling| {
            let wanted = format!("^{version}");
            (sibling.is_kept() && sibling.requirement != wanted).then(|| {
                format!(
                    "{} depends on {} {:?}, which is not {wanted:?}; state version = \"{version}\" \
                     beside its path in the workspace's Cargo.toml",
                    package.name, sibling.name, sibling.requirement
                )
            })
        }));
    }
    let packages = count(facts.packages.len(), "crate", "crates");
    told(problems, format!("{version} in {packages} and the npm package"))
}

/// The published packages are those that are meant, and can be published one after the other.
pub fn publish(facts: &Facts, expected: &[&str]) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    for package in &facts.packages {
        let is_expected = expected.contains(&&*package.name);
        if is_expected && !package.is_published {
            problems.push(format!(
                "{} says `publish = false`, but releases contain it; remove that line, or its \
                 name from PUBLISHED in xtask/src/release/manifests.rs",
                package.name
            ));
        } else if package.is_published && !is_expected {
            problems.push(format!(
                "{} would be published; write `publish = false` into its Cargo.toml, or its name \
                 into PUBLISHED in xtask/src/release/manifests.rs",
                package.name
            ));
        }
    }
    for (at, name) in expected.iter().enumerate() {
        let Some(package) = facts.packages.iter().find(|package| package.name == *name) else {
            problems.push(format!("no package is named {name}; correct PUBLISHED"));
            continue;
        };
        let kept = package.siblings.iter().filter(|sibling| sibling.is_kept());
        let mut early = kept.filter(|sibling| !expected[..at].contains(&&*sibling.name));
        problems.extend(early.next().map(|sibling| {
            format!("{name} depends on {}, which is not published before it", sibling.name)
        }));
    }
    let order = expected.join(" ");
    if !facts.releasing.contains(&format!("for crate in {order}; do")) {
        problems.push(format!(
            "RELEASING.md does not publish the crates in the order of PUBLISHED; write there: for \
             crate in {order}; do"
        ));
    }
    told(problems, format!("in this order, as RELEASING.md says: {order}"))
}

/// The fields that crates.io and docs.rs show are there, and within their limits.
pub fn metadata(facts: &Facts) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    let repository = facts.npm["repository"]["url"].as_str().unwrap_or_default();
    for package in facts.published() {
        let missing = missing(package, repository);
        problems.extend(missing.into_iter().map(|what| format!("{}: {what}", package.name)));
    }
    let packages = count(facts.published().count(), "crate", "crates");
    told(
        problems,
        format!(
            "{packages}: description, license, repository, readme, keywords, categories, \
             rust-version, docs.rs"
        ),
    )
}

/// What is wrong with one package's fields. `repository` is npm's form of the address.
fn missing(package: &Package, repository: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            problems.push(what.to_owned());
        }
    };
    let description = &package.description;
    demand(!description.is_empty(), "no description; write one sentence");
    demand(!description.contains('\n'), "the description has several lines; make it one");
    demand(package.license == "Apache-2.0", "write `license.workspace = true`");
    let same =
        !package.repository.is_empty() && repository == format!("git+{}.git", package.repository);
    demand(
        same,
        "its repository is not that of the npm package; write `repository.workspace = true`",
    );
    let readme = !package.readme.is_empty() && package.folder.join(&package.readme).is_file();
    demand(readme, "it has no readme; write README.md beside its Cargo.toml");
    demand(!package.rust_version.is_empty(), "write `rust-version.workspace = true`");
    demand((1..=5).contains(&package.keywords.len()), "it has not one to five keywords");
    let odd = package.keywords.iter().find(|word| !is_keyword(word)).cloned().unwrap_or_default();
    demand(
        odd.is_empty(),
        &format!(
            "crates.io refuses the keyword {odd:?}: at most 20 letters, digits, `_`, `-` or `+`, \
             a letter or digit first"
        ),
    );
    demand((1..=5).contains(&package.categories.len()), "it has not one to five categories");
    let unknown = package.categories.iter().find(|name| !CATEGORIES.contains(&name.as_str()));
    let unknown = unknown.cloned().unwrap_or_default();
    demand(
        unknown.is_empty(),
        &format!(
            "{unknown:?} is none of the categories we use; look it up at \
             https://crates.io/category_slugs and add it to CATEGORIES"
        ),
    );
    demand(
        package.docs_all_features || !package.has_library,
        "write `all-features = true` below `[package.metadata.docs.rs]`",
    );
    problems
}

fn is_keyword(word: &str) -> bool {
    word.len() <= 20
        && word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-+".contains(c))
}

/// The version has not been released before; at the commit of a tag, it is the tag's version.
pub fn new(version: &str, tags: &Tags) -> Result<String, Vec<String>> {
    if tags.is_shallow {
        return Err(vec![
            "this clone has no history, so that tags may be missing; run: git fetch --unshallow \
             --tags"
                .to_owned(),
        ]);
    }
    match &tags.at_head {
        Some(tag) if tag == version => Ok(format!("HEAD carries the tag v{version}")),
        Some(tag) => Err(vec![format!(
            "HEAD carries the tag v{tag}, but the crates have version {version}; move the tag to \
             the commit that has its version"
        )]),
        None if tags.versions.iter().any(|tag| tag == version) => Err(vec![format!(
            "{version} is released: the tag v{version} is at an earlier commit; raise `version` \
             in Cargo.toml and in host-wasm/js/package.json"
        )]),
        None => Ok(format!("no tag is named v{version} yet")),
    }
}

fn told(problems: Vec<String>, good: String) -> Result<String, Vec<String>> {
    if problems.is_empty() { Ok(good) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::release::facts::Sibling;

    /// A workspace that passes every check here; its tests break one thing at a time.
    fn good() -> Facts {
        let package = |name: &str, siblings: &[(&str, &str, bool)]| Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../core"),
            is_published: true,
            has_library: true,
            description: "What it does".to_owned(),
            license: "Apache-2.0".to_owned(),
            repository: "https://github.com/coldpress/coldpress".to_owned(),
            readme: "README.md".to_owned(),
            rust_version: "1.95".to_owned(),
            keywords: vec!["parquet".to_owned()],
            categories: vec!["encoding".to_owned()],
            docs_all_features: true,
            siblings: siblings
                .iter()
                .map(|&(name, requirement, is_for_tests)| Sibling {
                    name: name.to_owned(),
                    requirement: requirement.to_owned(),
                    is_for_tests,
                })
                .collect(),
        };
        let core = package("coldpress-core", &[("wasm-test", "*", true)]);
        let host = package("coldpress", &[("coldpress-core", "^0.1.0", false)]);
        let tests = Package { is_published: false, ..package("wasm-test", &[]) };
        let npm = serde_json::json!({
            "version": "0.1.0",
            "repository": { "url": "git+https://github.com/coldpress/coldpress.git" },
        });
        let releasing = "for crate in coldpress-core coldpress; do\n".to_owned();
        let (changelog, tags) = (String::new(), Tags::default());
        Facts { packages: vec![core, host, tests], npm, changelog, releasing, tags }
    }

    const EXPECTED: &[&str] = &["coldpress-core", "coldpress"];

    fn problem(
        check: impl Fn(&Facts) -> Result<String, Vec<String>>,
        damage: impl FnOnce(&mut Facts),
    ) -> String {
        let mut facts = good();
        check(&facts).unwrap();
        damage(&mut facts);
        check(&facts).unwrap_err().join("\n")
    }

    #[test]
    fn one_version_is_everywhere() {
        let said = problem(versions, |facts| facts.packages[2].version = "0.0.9".to_owned());
        assert!(said.starts_with("wasm-test has version 0.0.9, and coldpress-core has 0.1.0"));
        let said = problem(versions, |facts| facts.npm["version"] = "0.2.0".into());
        assert!(said.contains("package.json has version \"0.2.0\""), "{said}");
        for requirement in ["*", "^0.0.9", "=0.1.0"] {
            let said = problem(versions, |facts| {
                facts.packages[1].siblings[0].requirement = requirement.to_owned();
            });
            assert!(said.contains("coldpress depends on coldpress-core"), "{said}");
        }
    }

    #[test]
    fn what_is_published_is_what_is_meant_and_in_order() {
        let check = |facts: &Facts| publish(facts, EXPECTED);
        let said = problem(check, |facts| facts.packages[1].is_published = false);
        assert!(said.starts_with("coldpress says `publish = false`"), "{said}");
        let said = problem(check, |facts| facts.packages[2].is_published = true);
        assert!(said.starts_with("wasm-test would be published"), "{said}");
        let reversed = publish(&good(), &["coldpress", "coldpress-core"]).unwrap_err();
        assert!(reversed[0].contains("coldpress-core, which is not published before it"));
        let said = problem(check, |facts| {
            facts.packages[0].siblings[0].requirement = "^0.1.0".to_owned();
        });
        assert!(said.contains("wasm-test, which is not published before it"), "{said}");
        let said =
            problem(check, |facts| facts.releasing = "for crate in coldpress; do".to_owned());
        assert!(
            said.starts_with("RELEASING.md does not publish the crates in the order"),
            "{said}"
        );
        assert!(publish(&good(), &["none"]).unwrap_err().join("\n").contains("named none"));
    }

    #[test]
    fn each_field_of_a_published_crate_is_demanded() {
        type Damage = fn(&mut Package);
        let damages: [(Damage, &str); 12] = [
            (|package| package.description.clear(), "no description"),
            (|package| package.description.push('\n'), "several lines"),
            (|package| package.license.clear(), "license.workspace"),
            (|package| package.repository.clear(), "repository.workspace"),
            (|package| package.readme = "MISSING.md".to_owned(), "no readme"),
            (|package| package.rust_version.clear(), "rust-version"),
            (|package| package.keywords.clear(), "one to five keywords"),
            (|package| package.keywords = vec!["a".to_owned(); 6], "one to five keywords"),
            (|package| package.keywords = vec!["two words".to_owned()], "\"two words\""),
            (|package| package.categories.clear(), "one to five categories"),
            (|package| package.categories = vec!["storage".to_owned()], "\"storage\""),
            (|package| package.docs_all_features = false, "all-features = true"),
        ];
        for (damage, expected) in damages {
            let said = problem(metadata, |facts| damage(&mut facts.packages[1]));
            assert!(said.starts_with("coldpress: ") && said.contains(expected), "{said}");
        }
        // Nobody reads the fields of a crate that stays here.
        let mut facts = good();
        facts.packages[2].description.clear();
        assert!(metadata(&facts).is_ok());
    }

    #[test]
    fn a_version_is_released_once() {
        let tags = |versions: &[&str], at_head: Option<&str>| Tags {
            versions: versions.iter().map(|version| (*version).to_owned()).collect(),
            at_head: at_head.map(str::to_owned),
            is_shallow: false,
        };
        assert!(new("0.2.0", &tags(&["0.1.0"], None)).is_ok());
        assert!(new("0.1.0", &tags(&["0.1.0"], Some("0.1.0"))).is_ok());
        let taken = new("0.1.0", &tags(&["0.1.0"], None)).unwrap_err();
        assert!(taken[0].starts_with("0.1.0 is released"), "{taken:?}");
        let other = new("0.2.0", &tags(&["0.1.0"], Some("0.1.0"))).unwrap_err();
        assert!(other[0].starts_with("HEAD carries the tag v0.1.0, but"), "{other:?}");
        let shallow = Tags { is_shallow: true, ..Tags::default() };
        assert!(new("0.1.0", &shallow).unwrap_err()[0].contains("git fetch --unshallow"));
    }
}
