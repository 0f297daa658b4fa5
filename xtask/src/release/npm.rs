//! The manifest of the npm package: what the registry shows, and the files it points to.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::facts::{count, words};

/// Made by the step `npm`, which checks that they are there.
const GLUE: &str = "./glue/";

/// The fields are there, and every file that `exports` names lies in `folder`.
pub fn manifest(npm: &Value, folder: &Path, license: &str) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    for name in ["name", "description", "homepage"] {
        if npm[name].as_str().is_none_or(str::is_empty) {
            problems.push(format!("package.json has no {name:?}"));
        }
    }
    if npm["license"] != license {
        problems.push(format!("package.json says license {}; write {license:?}", npm["license"]));
    }
    for (object, name) in [("repository", "url"), ("repository", "directory"), ("bugs", "url")] {
        if npm[object][name].as_str().is_none_or(str::is_empty) {
            problems.push(format!("package.json has no {name:?} in {object:?}"));
        }
    }
    if words(&npm["keywords"]).is_empty() {
        problems.push("package.json has no keywords".to_owned());
    }
    if npm["private"] == true {
        problems.push("package.json says \"private\", so npm would not publish it".to_owned());
    }
    let files = words(&npm["files"]);
    for name in ["README.md", "CHANGELOG.md", "LICENSE"] {
        if !files.iter().any(|file| file == name) {
            problems.push(format!("package.json does not name {name} in \"files\""));
        }
    }
    let mut targets = BTreeSet::new();
    collect(&npm["exports"], &mut targets);
    collect(&npm["types"], &mut targets);
    for target in &targets {
        if !target.starts_with(GLUE) && !folder.join(target).is_file() {
            problems.push(format!("package.json exports {target}, which is not there"));
        }
    }
    if problems.is_empty() {
        Ok(format!("package.json: {} exported", count(targets.len(), "file", "files")))
    } else {
        Err(problems)
    }
}

/// Every path in the conditions of `exports`.
fn collect<'a>(value: &'a Value, targets: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(path) => drop(targets.insert(path)),
        Value::Object(conditions) => conditions.values().for_each(|inner| collect(inner, targets)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_registry_shows_is_there_and_what_is_exported_too() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host-wasm/js");
        let good = serde_json::json!({
            "name": "coldpress", "description": "What it does", "license": "Apache-2.0",
            "homepage": "https://example.com", "bugs": { "url": "https://example.com/issues" },
            "repository": { "url": "git+https://example.com/a.git", "directory": "host-wasm/js" },
            "keywords": ["parquet"], "files": ["README.md", "CHANGELOG.md", "LICENSE"],
            "types": "./index.d.ts",
            "exports": { ".": { "node": "./node.js", "default": "./index.js" },
                         "./encode.wasm": { "default": "./glue/encode.wasm" } },
        });
        let check = |npm: &Value| manifest(npm, &folder, "Apache-2.0");
        assert_eq!(check(&good).unwrap(), "package.json: 4 files exported");
        let damages = [
            ("/description", Value::Null, "no \"description\""),
            ("/homepage", "".into(), "no \"homepage\""),
            ("/license", "MIT".into(), "license \"MIT\""),
            ("/repository/directory", Value::Null, "no \"directory\" in \"repository\""),
            ("/bugs", Value::Null, "no \"url\" in \"bugs\""),
            ("/keywords", serde_json::json!([]), "no keywords"),
            ("/files/2", Value::Null, "LICENSE in \"files\""),
            ("/exports/.~1encode.wasm", "./gone.js".into(), "exports ./gone.js"),
            ("/exports/./node", "./gone.js".into(), "exports ./gone.js"),
        ];
        for (place, value, expected) in damages {
            let mut npm = good.clone();
            *npm.pointer_mut(place).unwrap() = value;
            let said = check(&npm).unwrap_err().join("\n");
            assert!(said.contains(expected), "{place}: {said}");
        }
        let mut npm = good.clone();
        npm["private"] = true.into();
        assert!(check(&npm).unwrap_err()[0].contains("private"));
    }
}
