//! The modules of one package, and the arrows between its files.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Declared, Source};

/// The modules of one package.
#[derive(Debug)]
pub struct Package {
    modules: Vec<Module>,
}

#[derive(Debug)]
struct Module {
    /// Its names from the root down.
    path: Vec<String>,
    file: String,
    /// The folder of the files of its modules.
    folder: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    source: Source,
}

/// One file imports from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The file that imports.
    pub from: String,
    /// The file that defines what is imported.
    pub to: String,
    /// The path, as it is written.
    pub path: String,
}

/// What a path leads to.
enum Found {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
    /// Another crate.
    Crate(String),
}

impl Package {
    /// Reads the package whose root is the file `root`; `text` gives the text of a file, none where
    /// there is no such file.
    ///
    /// Modules that only tests have are left out. An error where a file is absent or not Rust.
    pub fn read(root: &str, text: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut package = Package { modules: Vec::new() };
        let folder = folder_of(root);
        package.add(root, folder, Vec::new(), None, text)?;
        Ok(package)
    }

    /// The files of the package, in order of their names.
    pub fn files(&self) -> BTreeSet<&str> {
        self.modules.iter().map(|module| module.file.as_str()).collect()
    }

    /// The room of a file: its module directly below the root; none for the root itself.
    pub fn room(&self, file: &str) -> Option<&str> {
        let module = self.modules.iter().find(|module| module.file == file)?;
        module.path.first().map(String::as_str)
    }

    /// All rooms.
    pub fn rooms(&self) -> BTreeSet<&str> {
        self.modules.iter().filter_map(|module| module.path.first().map(String::as_str)).collect()
    }

    /// Every arrow between two of its files.
    pub fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        self.each_path(|from, path| {
            for to in self.targets(from, path) {
                let (from, to) = (&self.modules[from].file, &self.modules[to].file);
                if from != to {
                    let path = path.join("::");
                    arrows.insert(Arrow { from: from.clone(), to: to.clone(), path });
                }
            }
        });
        arrows.extend(self.arrows_to_modules());
        arrows
    }

    /// The arrows of `use` lines that import a whole module, whether something of it is used or
    /// not: `pub(crate) use crate::put` passes it on. A module may name those that it lies in.
    fn arrows_to_modules(&self) -> impl Iterator<Item = Arrow> {
        let imports = |(number, module): (usize, &Module)| {
            let paths = module.source.imports.iter().map(|import| import.path.clone());
            paths.map(move |path| (number, path)).collect::<Vec<_>>()
        };
        let imports = self.modules.iter().enumerate().flat_map(imports);
        imports.filter_map(|(from, path)| {
            let Found::Module(to) = self.find(from, &path, &mut Vec::new()) else { return None };
            let (from, to) = (&self.modules[from], &self.modules[to]);
            let apart = from.file != to.file && !from.path.starts_with(&to.path);
            let arrow =
                || Arrow { from: from.file.clone(), to: to.file.clone(), path: path.join("::") };
            apart.then(arrow)
        })
    }

    /// The other crates that its code names.
    pub fn crates(&self) -> BTreeSet<String> {
        let mut crates = BTreeSet::new();
        self.each_path(|from, path| {
            if let Found::Crate(name) = self.find(from, path, &mut Vec::new()) {
                crates.insert(name);
            }
        });
        crates
    }

    fn add(
        &mut self,
        file: &str,
        folder: String,
        path: Vec<String>,
        parent: Option<usize>,
        text: &dyn Fn(&str) -> Option<String>,
    ) -> Result<usize, String> {
        let code = text(file).ok_or_else(|| format!("there is no file {file}"))?;
        let source = Source::read(&code).map_err(|error| format!("{file}: {error}"))?;
        self.add_source(source, file, folder, path, parent, text)
    }

    fn add_source(
        &mut self,
        mut source: Source,
        file: &str,
        folder: String,
        path: Vec<String>,
        parent: Option<usize>,
        text: &dyn Fn(&str) -> Option<String>,
    ) -> Result<usize, String> {
        let declared = std::mem::take(&mut source.modules);
        let module = self.modules.len();
        let children = BTreeMap::new();
        let file = file.to_owned();
        self.modules.push(Module { path, file, folder, parent, children, source });
        for child in declared.into_iter().filter(|child| !child.is_test) {
            let name = child.name.clone();
            let added = self.add_child(module, child, text)?;
            self.modules[module].children.insert(name, added);
        }
        Ok(module)
    }

    fn add_child(
        &mut self,
        parent: usize,
        child: Declared,
        text: &dyn Fn(&str) -> Option<String>,
    ) -> Result<usize, String> {
        let Module { path, file, folder, .. } = &self.modules[parent];
        let mut path = path.clone();
        path.push(child.name.clone());
        let below = join(folder, &child.name);
        if let Some(body) = child.body {
            let file = file.clone();
            return self.add_source(body, &file, below, path, Some(parent), text);
        }
        let (file, folder) = match child.file {
            Some(named) => {
                let file = join(&folder_of(file), &named);
                let folder = folder_of(&file);
                (file, folder)
            }
            None => {
                let own_file = format!("{below}.rs");
                let file =
                    if text(&own_file).is_some() { own_file } else { join(&below, "mod.rs") };
                (file, below)
            }
        };
        self.add(&file, folder, path, Some(parent), text)
    }

    fn each_path(&self, mut each: impl FnMut(usize, &[String])) {
        for (number, module) in self.modules.iter().enumerate() {
            let imports = module.source.imports.iter().map(|import| &import.path);
            imports.chain(&module.source.paths).for_each(|path| each(number, path));
        }
    }

    /// The modules that define what a path leads to: one, none for a module or another crate.
    fn targets(&self, from: usize, path: &[String]) -> Vec<usize> {
        match self.find(from, path, &mut Vec::new()) {
            Found::Item(module) => vec![module],
            // `use a::*` may take anything that `a` has.
            Found::Module(module) if self.is_glob(from, path) => {
                let passed_on = self.modules[module].source.imports.iter();
                let targets = passed_on.flat_map(|import| match import.name {
                    Some(_) => self.targets(module, &import.path),
                    None => Vec::new(),
                });
                targets.chain([module]).collect()
            }
            Found::Module(_) | Found::Crate(_) => Vec::new(),
        }
    }

    fn is_glob(&self, from: usize, path: &[String]) -> bool {
        let imports = &self.modules[from].source.imports;
        imports.iter().any(|import| import.name.is_none() && import.path == path)
    }

    /// Where a path that stands in `from` leads. `within`: the imports that are being followed.
    fn find(&self, from: usize, path: &[String], within: &mut Vec<(usize, String)>) -> Found {
        let Some((first, rest)) = path.split_first() else { return Found::Module(from) };
        match first.as_str() {
            "crate" => self.walk(0, rest, within),
            "self" => self.walk(from, rest, within),
            "super" => self.walk(self.modules[from].parent.unwrap_or(0), rest, within),
            "Self" => Found::Item(from),
            name if self.knows(from, name) => self.walk(from, path, within),
            name => Found::Crate(name.to_owned()),
        }
    }

    fn knows(&self, module: usize, name: &str) -> bool {
        let Module { children, source, .. } = &self.modules[module];
        children.contains_key(name)
            || source.items.contains(name)
            || source.imports.iter().any(|import| import.name.as_deref() == Some(name))
            || source
                .imports
                .iter()
                .any(|import| import.name.is_none() && self.glob_knows(module, &import.path, name))
    }

    /// Whether what `*` imports has this name: as its own, and not by a `*` of its own.
    fn glob_knows(&self, module: usize, path: &[String], name: &str) -> bool {
        let Module { children, source, .. } = &self.modules[module];
        let is_own = path.first().is_some_and(|first| {
            matches!(first.as_str(), "crate" | "self" | "super")
                || children.contains_key(first)
                || source.imports.iter().any(|import| import.name.as_ref() == Some(first))
        });
        if !is_own {
            return false;
        }
        match self.find(module, path, &mut vec![(module, "*".to_owned())]) {
            Found::Module(found) if found != module => {
                let Module { children, source, .. } = &self.modules[found];
                children.contains_key(name)
                    || source.items.contains(name)
                    || source.imports.iter().any(|import| import.name.as_deref() == Some(name))
            }
            _ => false,
        }
    }

    /// Where a path leads from within a module.
    fn walk(&self, module: usize, path: &[String], within: &mut Vec<(usize, String)>) -> Found {
        let Some((name, rest)) = path.split_first() else { return Found::Module(module) };
        if name == "super" {
            return self.walk(self.modules[module].parent.unwrap_or(0), rest, within);
        }
        let Module { children, source, .. } = &self.modules[module];
        let child = children.get(name).map(|child| self.walk(*child, rest, within));
        let step = (module, name.clone());
        let import = source.imports.iter().find(|import| import.name.as_ref() == Some(name));
        let imported = match import {
            // `use name;` of another crate.
            Some(import) if import.path == [name.clone()] && child.is_none() => {
                Some(Found::Crate(name.clone()))
            }
            // A function of the name of its module: `use resolve::resolve`.
            Some(import) if !within.contains(&step) => {
                within.push(step);
                let found = self.find(module, &import.path, within);
                within.pop();
                Some(match found {
                    Found::Module(found) => self.walk(found, rest, within),
                    found => found,
                })
            }
            _ => None,
        };
        let is_item = source.items.contains(name);
        match (rest.is_empty(), child, imported) {
            // The last name may be both a module and an item; then the item is meant.
            (true, Some(_), Some(item @ Found::Item(_))) => item,
            (true, Some(_), _) if is_item => Found::Item(module),
            (_, Some(child), _) => child,
            (_, None, Some(imported)) => imported,
            (_, None, None) if is_item => Found::Item(module),
            (_, None, None) => self.through_globs(module, path, within),
        }
    }

    /// Where a path leads whose first name may come of a `*`; else it is the module's own.
    fn through_globs(
        &self,
        module: usize,
        path: &[String],
        within: &mut Vec<(usize, String)>,
    ) -> Found {
        for import in &self.modules[module].source.imports {
            if import.name.is_none()
                && self.glob_knows(module, &import.path, &path[0])
                && let Found::Module(found) = self.find(module, &import.path, within)
            {
                return self.walk(found, path, within);
            }
        }
        Found::Item(module)
    }
}

fn folder_of(file: &str) -> String {
    file.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

/// A path below a folder, with `..` taken out.
fn join(folder: &str, below: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in below.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}
