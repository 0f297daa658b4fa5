//! What the checks look at: the workspace's packages, the npm package, the changelog, the tags.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::project::{Project, output_of};
use crate::setup::at;

/// All that is read once, before the first check.
#[derive(Debug)]
pub struct Facts {
    /// Every package of the workspace, in the order of cargo.
    pub packages: Vec<Package>,
    /// `host-wasm/js/package.json`.
    pub npm: Value,
    pub changelog: String,
    /// RELEASING.md
    pub releasing: String,
    pub tags: Tags,
}

/// What a package's Cargo.toml says, workspace values filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// Where its Cargo.toml lies.
    pub folder: PathBuf,
    /// False where Cargo.toml says `publish = false`.
    pub is_published: bool,
    pub has_library: bool,
    pub description: String,
    pub license: String,
    pub repository: String,
    /// Relative to `folder`; empty where there is none.
    pub readme: String,
    pub rust_version: String,
    pub keywords: Vec<String>,
    pub categories: Vec<String>,
    /// `package.metadata.docs.rs.all-features`
    pub docs_all_features: bool,
    /// The dependencies that are packages of this workspace too.
    pub siblings: Vec<Sibling>,
}

/// A dependency on a package of the same workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sibling {
    pub name: String,
    /// `^0.1.0`; `*` where Cargo.toml states no version.
    pub requirement: String,
    /// Below `[dev-dependencies]`.
    pub is_for_tests: bool,
}

impl Sibling {
    /// Whether the published crate has this dependency: cargo removes those of tests that state no
    /// version.
    pub fn is_kept(&self) -> bool {
        !self.is_for_tests || self.requirement != "*"
    }
}

/// The versions that git tags name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags {
    /// Tags of the form `vMAJOR.MINOR.PATCH` that lead to HEAD, the newest version last.
    pub versions: Vec<String>,
    /// The one of them that is at HEAD.
    pub at_head: Option<String>,
    /// A clone without history may lack tags.
    pub is_shallow: bool,
}

impl Facts {
    /// Reads everything; needs cargo and git, and no network.
    pub fn read(project: &Project) -> Result<Facts, String> {
        let mut cargo = project.cargo();
        cargo.args(["metadata", "--no-deps", "--format-version", "1", "--locked", "--offline"]);
        let metadata = output_of(&mut cargo)
            .ok_or("cargo metadata failed; try it: cargo metadata --no-deps --locked --offline")?;
        let metadata = parsed(Path::new("cargo metadata"), &metadata)?;
        let path = project.root.join("host-wasm/js/package.json");
        Ok(Facts {
            packages: packages(&metadata)?,
            npm: parsed(&path, &text(&path)?)?,
            changelog: text(&project.root.join("CHANGELOG.md"))?,
            releasing: text(&project.root.join("RELEASING.md"))?,
            tags: Tags::read(project)?,
        })
    }

    /// The packages that go to crates.io.
    pub fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_published)
    }

    /// The version of all packages: what the core has.
    pub fn version(&self) -> &str {
        let core = self.packages.iter().find(|package| package.name == "coldpress-core");
        core.map_or("", |core| &core.version)
    }
}

impl Tags {
    fn read(project: &Project) -> Result<Tags, String> {
        let git = |arguments: &[&str]| {
            output_of(project.command("git").args(arguments))
                .ok_or_else(|| format!("git {} failed", arguments.join(" ")))
        };
        Ok(Tags {
            versions: versions(&git(&["tag", "--list", "v*", "--merged", "HEAD"])?),
            at_head: versions(&git(&["tag", "--list", "v*", "--points-at", "HEAD"])?).pop(),
            is_shallow: git(&["rev-parse", "--is-shallow-repository"])?.trim() == "true",
        })
    }
}

/// The three numbers of `1.2.3`; none for anything else, prereleases included.
pub fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// The versions among the names of tags, the newest last.
fn versions(tags: &str) -> Vec<String> {
    let mut found: Vec<_> = tags
        .lines()
        .filter_map(|tag| tag.trim().strip_prefix('v'))
        .filter_map(|version| Some((numbers(version)?, version.to_owned())))
        .collect();
    found.sort();
    found.into_iter().map(|(_, version)| version).collect()
}

/// Reads a file whole.
pub fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| at(path, &error))
}

fn parsed(path: &Path, text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{}: {error}", path.display()))
}

fn packages(metadata: &Value) -> Result<Vec<Package>, String> {
    let list = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let names: Vec<&str> = list.iter().filter_map(|package| package["name"].as_str()).collect();
    Ok(list.iter().map(|package| Package::from(package, &names)).collect())
}

impl Package {
    fn from(value: &Value, workspace: &[&str]) -> Package {
        let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let manifest = PathBuf::from(word("manifest_path"));
        let targets = value["targets"].as_array().into_iter().flatten();
        Package {
            name: word("name"),
            version: word("version"),
            folder: manifest.parent().map(Path::to_owned).unwrap_or_default(),
            // `null`: to every registry. `[]`: to none.
            is_published: value["publish"].is_null(),
            has_library: targets
                .flat_map(|target| words(&target["kind"]))
                .any(|kind| kind == "lib"),
            description: word("description"),
            license: word("license"),
            repository: word("repository"),
            readme: word("readme"),
            rust_version: word("rust_version"),
            keywords: words(&value["keywords"]),
            categories: words(&value["categories"]),
            docs_all_features: value["metadata"]["docs"]["rs"]["all-features"] == true,
            siblings: siblings(&value["dependencies"], workspace),
        }
    }
}

fn siblings(dependencies: &Value, workspace: &[&str]) -> Vec<Sibling> {
    let list = dependencies.as_array().into_iter().flatten();
    list.filter_map(|dependency| {
        let name = dependency["name"].as_str().filter(|name| workspace.contains(name))?;
        Some(Sibling {
            name: name.to_owned(),
            requirement: dependency["req"].as_str().unwrap_or_default().to_owned(),
            is_for_tests: dependency["kind"] == "dev",
        })
    })
    .collect()
}

/// The strings of a JSON array.
pub fn words(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

/// `1 crate`, `2 crates`
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_from_what_cargo_prints() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "core", "version": "1.2.3", "manifest_path": "/w/core/Cargo.toml",
              "publish": null, "license": "MIT", "keywords": ["a", "b"],
              "targets": [{ "kind": ["lib"] }, { "kind": ["test"] }],
              "metadata": { "docs": { "rs": { "all-features": true } } },
              "dependencies": [{ "name": "serde", "req": "^1", "kind": null }] },
            { "name": "host", "manifest_path": "/w/host/Cargo.toml", "publish": [],
              "targets": [{ "kind": ["bin"] }], "metadata": null,
              "dependencies": [{ "name": "core", "req": "^1.2.3", "kind": null },
                               { "name": "core", "req": "*", "kind": "dev" }] },
        ] });
        let [core, host] = &packages(&metadata).unwrap()[..] else { panic!("two packages") };
        assert_eq!((&*core.name, &*core.version), ("core", "1.2.3"));
        assert_eq!(core.folder, Path::new("/w/core"));
        assert!(core.is_published && core.has_library && core.docs_all_features);
        assert_eq!(core.keywords, ["a", "b"]);
        assert_eq!(core.siblings, []);
        assert!(!host.is_published && !host.has_library && !host.docs_all_features);
        let sibling = |requirement: &str, is_for_tests| Sibling {
            name: "core".to_owned(),
            requirement: requirement.to_owned(),
            is_for_tests,
        };
        assert_eq!(host.siblings, [sibling("^1.2.3", false), sibling("*", true)]);
    }

    #[test]
    fn tags_are_sorted_as_numbers_and_other_tags_are_passed_over() {
        assert_eq!(
            versions("v0.9.0\nv0.10.0\nvnext\nv1.0.0-rc.1\nv0.2.1\n"),
            ["0.2.1", "0.9.0", "0.10.0"]
        );
        assert_eq!(versions(""), [""; 0]);
    }
}
