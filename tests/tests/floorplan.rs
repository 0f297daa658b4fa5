//! The floor plan: which file may import from which, which room from which, which package from
//! which. Read from the sources (`coldpress_tests::imports` says how).
//!
//! * In no package is there a circle of files. A `mod.rs` counts as a file: it shows a room, so the
//!   room's files do not import from it what it imports from them.
//! * In the packages with a plan, a room imports only from rooms on the floors below its own.
//! * Core knows no host; a host knows core; no host knows another; `serve` and `cli` stand on
//!   `host-native`; the page knows the npm package alone.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

#[path = "floorplan/plan.rs"]
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use coldpress_tests::imports::{Floors, Package, circles, off_plan};
use coldpress_tests::tools;
use serde_json::Value;

use plan::{CODE, PACKAGES};

#[test]
fn no_files_import_each_other() {
    let mut wrong = Vec::new();
    for (root, _) in CODE {
        wrong.extend(circles(&package(root).arrows()));
    }
    assert!(wrong.is_empty(), "these files import each other:\n{}", wrong.join("\n"));
}

#[test]
fn rooms_import_only_from_the_floors_below() {
    let planned = CODE.iter().filter_map(|(root, floors)| Some((root, (*floors)?)));
    let wrong: Vec<String> =
        planned.flat_map(|(root, floors)| off_plan(&package(root), floors)).collect();
    assert!(wrong.is_empty(), "the floor plan does not hold:\n{}", wrong.join("\n"));
}

/// Else a file with arrows of its own would be passed over.
#[test]
fn every_file_is_read() {
    for (root, _) in CODE {
        let package = package(root);
        let folder = tools::root().join(folder_of(root));
        let read: BTreeSet<PathBuf> =
            package.files().iter().map(|file| tools::root().join(file)).collect();
        let mut there = Vec::new();
        rust_files(&folder, &mut there);
        let of_tests = |file: &Path| {
            let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
            name.ends_with("tests.rs") || name.contains("tests/")
        };
        let unread: Vec<_> =
            there.iter().filter(|file| !read.contains(*file) && !of_tests(file)).collect();
        assert!(unread.is_empty(), "no module of {root} is {unread:?}");
        assert!(package.arrows().len() > 20, "{root} has few arrows: is it read?");
    }
}

#[test]
fn packages_stand_on_those_they_may() {
    let plan = BTreeMap::from(PACKAGES);
    let mut wrong = Vec::new();
    for (name, dependencies) in packages() {
        let Some(allowed) = plan.get(name.as_str()) else {
            wrong.push(format!("{name} is not in the plan"));
            continue;
        };
        let unplanned = dependencies.iter().filter(|name| !allowed.contains(&name.as_str()));
        wrong.extend(unplanned.map(|dependency| format!("{name} depends on {dependency}")));
    }
    assert!(wrong.is_empty(), "the plan of packages does not hold:\n{}", wrong.join("\n"));
}

#[test]
fn code_names_only_the_packages_that_its_own_may_stand_on() {
    for (root, name) in [
        ("core/src/lib.rs", "coldpress-core"),
        ("host-native/src/lib.rs", "coldpress"),
        ("host-native/dev-store/src/lib.rs", "coldpress-dev-store"),
        ("host-native/listen/src/lib.rs", "coldpress-listen"),
        ("host-native/serve/src/lib.rs", "coldpress-serve"),
        ("host-wasm/src/lib.rs", "coldpress-wasm"),
    ] {
        let named = package(root).crates();
        let of_ours = PACKAGES.iter().filter(|(other, _)| named.contains(&other.replace('-', "_")));
        let allowed = BTreeMap::from(PACKAGES)[name];
        for (other, _) in of_ours {
            assert!(allowed.contains(other), "{name} names {other}");
        }
    }
}

/// `www/src/package.js` and `package-scan.js` know where the npm package lies; everything else
/// imports from the page itself.
#[test]
fn the_page_knows_the_npm_package_alone() {
    let folder = tools::root().join("www/src");
    let (mut looked_at, mut wrong) = (0, Vec::new());
    let mut files = Vec::new();
    files_of(&folder, "js", &mut files);
    for file in files {
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
        for from in javascript_imports(&fs::read_to_string(&file).unwrap()) {
            looked_at += 1;
            let entry = [
                ("package.js", "../coldpress/index.js"),
                ("package-scan.js", "../coldpress/scan.js"),
            ];
            if entry.contains(&(&*name, &*from)) {
                continue;
            }
            if !is_within(&name, &from) {
                wrong.push(format!("www/src/{name} imports {from}"));
            }
        }
    }
    assert!(looked_at > 50, "only {looked_at} imports: is this the page?");
    assert!(wrong.is_empty(), "the page reaches out of itself:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_cannot_reach_out_unseen() {
    let text = "import { a } from './a.js' // import './no.js'\nexport * from \"coldpress\"\n\
                const b = await import( '../../core/b.js')\nimport 'c'";
    let found = javascript_imports(text);
    assert_eq!(found, ["./a.js", "coldpress", "../../core/b.js", "c"]);
    let within: Vec<bool> = found.iter().map(|from| is_within("worker/x.js", from)).collect();
    assert_eq!(within, [true, false, false, false]);
    assert!(is_within("worker/x.js", "../package.js") && !is_within("x.js", "../sw.js"));
}

mod planted {
    //! Small made-up packages: what must be found in them, and what must not.
    use super::*;

    const FLOORS: Floors<'_> = &[&["upper"], &["lower", "beside"]];

    fn package_of(files: &[(&str, &str)]) -> Package {
        let files: BTreeMap<_, _> = files.iter().copied().collect();
        Package::read("src/lib.rs", &|file| files.get(file).map(|text| (*text).to_owned())).unwrap()
    }

    const ROOT: &str = "mod upper; mod lower; mod beside; pub use upper::Face;";

    /// The same package, with another text of one file.
    fn wrong_with(planted: (&str, &str)) -> Vec<String> {
        let mut files = BTreeMap::from([
            ("src/lib.rs", ROOT),
            ("src/upper/mod.rs", "mod one; mod two; pub use one::Face;"),
            (
                "src/upper/one.rs",
                "use super::two::Two; use crate::lower; pub struct Face(lower::Low, Two);",
            ),
            ("src/upper/two.rs", "pub struct Two;"),
            ("src/lower.rs", "pub struct Low;"),
            ("src/beside.rs", "pub(crate) fn beside() {}"),
        ]);
        files.insert(planted.0, planted.1);
        let files: Vec<_> = files.into_iter().collect();
        let package = package_of(&files);
        let mut wrong = circles(&package.arrows());
        wrong.extend(off_plan(&package, FLOORS));
        wrong
    }

    #[test]
    fn a_sound_package_has_nothing_wrong() {
        assert_eq!(wrong_with(("src/lower.rs", "pub struct Low;")), [""; 0]);
        for sound in [
            "pub struct Low; #[cfg(test)] use crate::upper::Face;",
            "pub struct Low; #[cfg(test)] mod tests { use crate::upper::Face; }",
            "pub struct Low; // use crate::upper::Face;",
            "pub struct Low; const TEXT: &str = \"use crate::upper::Face;\";",
        ] {
            assert_eq!(wrong_with(("src/lower.rs", sound)), [""; 0], "{sound}");
        }
    }

    #[test]
    fn an_arrow_that_does_not_go_down_is_found_in_every_form() {
        for planted in [
            "pub struct Low; use crate::upper::Face;",
            "pub struct Low; use super::upper::Face;",
            "pub struct Low; use crate::Face;",
            "pub struct Low; use crate::{upper::{self, Face as Other}};",
            "pub struct Low; pub use crate::upper::*;",
            "pub struct Low; fn f() -> crate::upper::Face { todo!() }",
            "pub struct Low; fn f() { use crate::upper; upper::Face::new(); }",
            "pub struct Low; fn f() { println!(\"{}\", crate::upper::Face::SIZE); }",
            "pub struct Low; mod inner { use super::super::upper::Face; }",
            "pub struct Low; #[cfg(not(test))] use crate::upper::Face;",
            "pub struct Low; use crate as root; use root::upper::Face;",
            "pub struct Low; use crate::beside::beside;",
            "pub struct Low; pub(crate) use crate::upper;",
            "pub struct Low; use crate :: { upper as above, beside };",
        ] {
            let wrong = wrong_with(("src/lower.rs", planted));
            assert!(wrong.iter().any(|line| line.contains("src/lower.rs imports")), "{planted}");
        }
    }

    #[test]
    fn a_circle_is_found_through_faces_and_detours() {
        let wrong = wrong_with(("src/upper/two.rs", "pub struct Two; use super::one::Face;"));
        assert_eq!(wrong, ["src/upper/one.rs → src/upper/two.rs → src/upper/one.rs"]);
        // By way of the room's own face, which passes the name on.
        let wrong = wrong_with(("src/upper/two.rs", "pub struct Two; fn f(_: super::Face) {}"));
        assert_eq!(wrong, ["src/upper/one.rs → src/upper/two.rs → src/upper/one.rs"]);
        // A name that the face itself defines, while it uses its files.
        let package = package_of(&[
            ("src/lib.rs", "mod room;"),
            ("src/room/mod.rs", "mod part; pub struct Own; fn f() { part::g() }"),
            ("src/room/part.rs", "pub fn g() {} use super::Own;"),
        ]);
        let expected = ["src/room/mod.rs → src/room/part.rs → src/room/mod.rs"];
        assert_eq!(circles(&package.arrows()), expected);
    }

    #[test]
    fn longer_circles_and_modules_at_named_paths_are_found() {
        let package = package_of(&[
            ("src/lib.rs", "mod a; #[path = \"elsewhere/named.rs\"] mod b; mod c;"),
            ("src/a.rs", "use crate::b::B; pub type A = B;"),
            ("src/elsewhere/named.rs", "mod deep; pub use deep::B;"),
            ("src/elsewhere/deep.rs", "pub struct B(crate::c::C);"),
            ("src/c.rs", "pub struct C(Box<super::a::A>);"),
        ]);
        let expected = "src/a.rs → src/elsewhere/deep.rs → src/c.rs → src/a.rs";
        assert_eq!(circles(&package.arrows()), [expected]);
    }

    #[test]
    fn rooms_that_the_plan_does_not_know_are_told() {
        let wrong = wrong_with(("src/lib.rs", "mod upper; mod lower;"));
        assert_eq!(wrong, ["the plan has a room beside too many"]);
        let package = package_of(&[("src/lib.rs", "mod new;"), ("src/new.rs", "")]);
        assert_eq!(off_plan(&package, &[]), ["room new is not in the plan"]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_passed_over() {
        let read = |root: &str| {
            Package::read("lib.rs", &|file| (file == "lib.rs").then(|| root.to_owned()))
        };
        assert!(read("mod absent;").unwrap_err().contains("absent"));
        assert!(read("fn f() { \"no end }").unwrap_err().contains("lib.rs"));
        assert!(read("mod inner { mod deep { } }").is_ok());
    }
}

fn package(root: &str) -> Package {
    let text = |file: &str| fs::read_to_string(tools::root().join(file)).ok();
    Package::read(root, &text).unwrap()
}

fn folder_of(root: &str) -> String {
    root.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"))
}

/// Every package of the workspace, and those of ours that it stands on outside of its tests.
fn packages() -> Vec<(String, Vec<String>)> {
    let mut command = Command::new(env!("CARGO"));
    let arguments = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let output = tools::run(command.current_dir(tools::root()).args(arguments)).unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let of_ours =
        |dependency: &&Value| dependency["path"].is_string() && dependency["kind"].is_null();
    let package = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        (name(package), dependencies.filter(of_ours).map(name).collect())
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

/// What the text of a module imports from, in every form, comments left out.
fn javascript_imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut rest = line.split("//").next().unwrap_or_default();
        while let Some((at, word)) =
            ["from", "import"].iter().filter_map(|word| Some((rest.find(word)?, *word))).min()
        {
            rest = &rest[at + word.len()..];
            let quoted = rest.trim_start_matches([' ', '(']);
            let quote = quoted.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
            if let Some(end) = quote.and_then(|quote| quoted[1..].find(quote)) {
                found.push(quoted[1..=end].to_owned());
            }
        }
    }
    found
}

/// Whether an import of the file `name` stays in its folder.
fn is_within(name: &str, from: &str) -> bool {
    let depth = name.matches('/').count();
    let mut left = depth as i64;
    let mut stays = from.starts_with("./") || from.starts_with("../");
    for part in from.split('/') {
        left += match part {
            ".." => -1,
            "." => 0,
            _ => 1,
        };
        stays &= left >= 0;
    }
    stays
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    files_of(folder, "rs", files);
}

fn files_of(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_of(&path, ending, files);
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
}
