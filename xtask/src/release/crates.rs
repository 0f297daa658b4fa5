//! The published crates as cargo packs them: each holds its files, and compiles from them alone.

use std::fs;
use std::path::{Path, PathBuf};

use super::facts::{Facts, Package, count, text};
use crate::project::{Project, output_of, run};
use crate::setup::{at, make_folder};

/// What crates.io takes at most of one crate.
const BYTES_MAX: u64 = 10 << 20;

/// Packs every published crate, and looks for what it must hold.
pub fn pack(project: &Project, facts: &Facts) -> Result<String, Vec<String>> {
    unpack(project, facts).map_err(one)?;
    let license = text(&project.root.join("LICENSE")).map_err(one)?;
    let (mut problems, mut files, mut bytes) = (Vec::new(), 0, 0);
    for package in facts.published() {
        let packed = packed(project, package);
        let size = fs::metadata(&packed).map_err(|error| one(at(&packed, &error)))?.len();
        if size > BYTES_MAX {
            problems.push(format!(
                "{}: its crate has {size} bytes, and crates.io takes {BYTES_MAX}; exclude files \
                 with `include` in its Cargo.toml",
                package.name
            ));
        }
        let tracked = tracked(project, package).map_err(one)?;
        files += tracked.len();
        bytes += size;
        let unpacked = folder(project).join(name(package));
        problems.extend(lacking(&unpacked, package, &tracked, &license));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let crates = count(facts.published().count(), "crate", "crates");
    let files = count(files, "source", "sources");
    Ok(format!("{crates} with {files} and LICENSE; {} KiB", bytes >> 10))
}

/// Compiles the published crates from what cargo packs of them, with all features.
///
/// `cargo package` could compile too, but with a target folder of its own: some hundred
/// dependencies anew. This shares them with clippy.
pub fn compile(project: &Project, facts: &Facts) -> Result<String, Vec<String>> {
    unpack(project, facts).map_err(one)?;
    let folder = folder(project);
    let published: Vec<&Package> = facts.published().collect();
    let manifest = text(&project.root.join("Cargo.toml")).map_err(one)?;
    let manifest = workspace(&published, profiles(&manifest));
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| one(at(&path, &error)))
    };
    write("Cargo.toml", &manifest)?;
    // The same versions of everything: what is not needed falls out of it by itself.
    write("Cargo.lock", &text(&project.root.join("Cargo.lock")).map_err(one)?)?;
    let mut check = project.cargo();
    check.args(["check", "--workspace", "--all-features", "--offline"]);
    run(check.current_dir(&folder)).map_err(|problem| {
        vec![format!(
            "{problem}\na crate does not compile from its package alone; add the file that the \
             compiler misses to `include` in its Cargo.toml"
        )]
    })?;
    Ok(format!("{} compile from their packages", count(published.len(), "crate", "crates")))
}

/// Packs the crates as for publishing, and unpacks them into an empty [`folder`].
fn unpack(project: &Project, facts: &Facts) -> Result<(), String> {
    let folder = folder(project);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| at(&folder, &error))?;
    }
    make_folder(&folder)?;
    // Packing asks for the registry's word on every dependency: with this it is here already.
    run(project.cargo().args(["fetch", "--locked", "--quiet"]))?;
    let mut package = project.cargo();
    // Uncommitted changes are another check's. Compiling here would build every dependency anew.
    package.args(["package", "--no-verify", "--allow-dirty", "--locked", "--offline"]);
    package.args(facts.published().flat_map(|package| ["--package", &package.name]));
    run(&mut package)?;
    facts.published().try_for_each(|package| {
        let mut unpack = project.command("tar");
        unpack.arg("-xzf").arg(packed(project, package)).arg("-C").arg(&folder);
        run(&mut unpack)
    })
}

/// Where cargo leaves a packed crate.
fn packed(project: &Project, package: &Package) -> PathBuf {
    project.target.join("package").join(format!("{}.crate", name(package)))
}

/// `coldpress-core-0.1.0`: the folder in a packed crate.
fn name(package: &Package) -> String {
    format!("{}-{}", package.name, package.version)
}

fn one(problem: String) -> Vec<String> {
    vec![problem]
}

/// Where the crates are unpacked.
fn folder(project: &Project) -> PathBuf {
    project.target.join("release-check")
}

/// The sources that git knows of below the package's `src` and `examples`, relative to it.
fn tracked(project: &Project, package: &Package) -> Result<Vec<String>, String> {
    let mut git = project.command("git");
    git.args(["ls-files", "--", "src", "examples"]).current_dir(&package.folder);
    let listed = output_of(&mut git)
        .ok_or_else(|| format!("git ls-files failed in {}", package.folder.display()))?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// What the unpacked crate does not hold, or holds otherwise.
fn lacking(unpacked: &Path, package: &Package, tracked: &[String], license: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for file in tracked.iter().filter(|file| !unpacked.join(file).is_file()) {
        problems.push(format!(
            "{}: its crate lacks {file}; add it to `include` in its Cargo.toml",
            package.name
        ));
    }
    if text(&unpacked.join("LICENSE")).ok().as_deref() != Some(license) {
        problems.push(format!(
            "{}: its crate does not hold the LICENSE of the repository; link it: ln -s \
             ../LICENSE {}/LICENSE, and name it in `include`",
            package.name,
            package.folder.display()
        ));
    }
    // Cargo copies a readme from outside of the folder to the top of the crate.
    let readme = Path::new(&package.readme).file_name().unwrap_or_default();
    if package.readme.is_empty() || !unpacked.join(readme).is_file() {
        problems.push(format!("{}: its crate lacks its readme", package.name));
    }
    problems
}

/// A workspace of the unpacked crates, where each finds the others.
fn workspace(published: &[&Package], profiles: &str) -> String {
    let members: Vec<String> =
        published.iter().map(|package| format!("{:?}", name(package))).collect();
    let mut text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n",
        members.join(", ")
    );
    for package in published {
        text.push_str(&format!("{} = {{ path = {:?} }}\n", package.name, name(package)));
    }
    text.push('\n');
    text.push_str(profiles);
    text
}

/// The profiles at the end of the workspace's Cargo.toml: cargo reuses only what had the same.
fn profiles(manifest: &str) -> &str {
    manifest.find("[profile.").map_or("", |start| &manifest[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crate_lacks_is_named() {
        let scratch = std::env::temp_dir().join(format!("xtask-crate-{}", std::process::id()));
        fs::create_dir_all(scratch.join("src")).unwrap();
        for (name, text) in [("src/lib.rs", ""), ("LICENSE", "the words"), ("README.md", "")] {
            fs::write(scratch.join(name), text).unwrap();
        }
        let package = Package {
            name: "a".to_owned(),
            readme: "../README.md".to_owned(),
            ..Package::default()
        };
        let sources = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let found = |sources: Vec<String>, license| lacking(&scratch, &package, &sources, license);
        assert_eq!(found(sources(&["src/lib.rs"]), "the words"), [""; 0]);
        let said = found(sources(&["src/lib.rs", "src/page.html"]), "other words").join("\n");
        assert!(said.contains("a: its crate lacks src/page.html; add it to `include`"), "{said}");
        assert!(said.contains("does not hold the LICENSE of the repository"), "{said}");
        fs::remove_file(scratch.join("README.md")).unwrap();
        assert_eq!(found(sources(&[]), "the words"), ["a: its crate lacks its readme"]);
        fs::remove_dir_all(&scratch).unwrap();
    }

    #[test]
    fn unpacked_crates_find_each_other_and_keep_the_profiles() {
        let package =
            Package { name: "core".to_owned(), version: "0.1.0".to_owned(), ..Package::default() };
        let manifest = "[workspace]\nmembers = [\"core\"]\n\n[profile.dev]\nopt-level = 1\n";
        assert_eq!(
            workspace(&[&package], profiles(manifest)),
            "[workspace]\nresolver = \"3\"\nmembers = [\"core-0.1.0\"]\n\n[patch.crates-io]\n\
             core = { path = \"core-0.1.0\" }\n\n[profile.dev]\nopt-level = 1\n"
        );
    }
}
