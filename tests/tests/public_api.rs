//! The closed public API of `coldpress`: every type that one of its public signatures mentions is
//! exported by it, so that a program needs no other crate of ours to name it.
//!
//! What is scanned, as tokens: the public functions, constants, fields, variants, traits and type
//! aliases of `host-native/src`, and those of each type that `coldpress` exports from core, its
//! methods and the associated types of its trait implementations too. Each name in them that
//! begins with a capital letter must be a type that `coldpress` exports, or one of [`OTHERS`].
//! What is not scanned: what macros make, and the bounds of trait implementations.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Names of the standard library, of crates that `coldpress` exports as a whole, of its module
/// `filter`, of generic parameters, of the trait that seals `ToKey`, and of parquet's trait that a
/// private type implements.
const OTHERS: [&str; 6] = [
    "Arc AtomicBool Box Cow Default Display Duration Err Fn FnMut FnOnce Formatter FromStr Future \
     Into IntoIterator Item Iterator Option Output Path PathBuf Range Result Self Send String \
     Sync SystemTime Vec",
    "AwsCredential Bytes ObjectStore RecordBatch Value",
    "ColumnPath Filter",
    "Asked E F K T",
    "Parsed",
    "PageReader ParquetError",
];

fn is_of_others(name: &str) -> bool {
    OTHERS.iter().any(|names| names.split_whitespace().any(|other| other == name))
}

/// The public signatures of a crate: the names of each owner's, the empty owner's for functions.
#[derive(Clone, Default)]
struct Crate {
    names: BTreeMap<String, BTreeSet<String>>,
}

fn tokens_of(tokens: &[TokenTree]) -> TokenStream {
    tokens.iter().cloned().collect()
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if *ident == name)
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn braces(token: &TokenTree) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    }
}

/// The names in these tokens that begin with a capital letter and are no constants.
fn capitals(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in without_attributes(tokens) {
        match token {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                let is_type = name.starts_with(|c: char| c.is_ascii_uppercase())
                    && (name.len() == 1 || name.contains(|c: char| c.is_ascii_lowercase()));
                if is_type {
                    into.insert(name);
                }
            }
            TokenTree::Group(group) => capitals(group.stream(), into),
            _ => {}
        }
    }
}

/// Without `#[…]`; an item behind `#[cfg(test)]` goes too.
fn without_attributes(tokens: TokenStream) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    let mut skips = false;
    while let Some(token) = tokens.next() {
        if is_punct(&token, '#') {
            if tokens.peek().is_some_and(|next| is_punct(next, '!')) {
                tokens.next();
            }
            let attribute = tokens.next().map(|token| token.to_string()).unwrap_or_default();
            skips |= attribute.replace(' ', "") == "[cfg(test)]";
            continue;
        }
        let ends = is_punct(&token, ';') || braces(&token).is_some();
        if !skips {
            kept.push(token);
        }
        skips &= !ends;
    }
    kept
}

impl Crate {
    fn read(folder: &Path) -> Crate {
        let mut found = Crate::default();
        for file in sources(folder) {
            let text = fs::read_to_string(&file).unwrap();
            let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{file:?}: {e}"));
            found.items(&without_attributes(tokens), "");
        }
        found
    }

    fn see(&mut self, owner: &str, tokens: TokenStream) {
        capitals(tokens, self.names.entry(owner.to_owned()).or_default());
    }

    /// The items of a file, or of the body of an `impl` of `owner`.
    fn items(&mut self, tokens: &[TokenTree], owner: &str) {
        let mut at = 0;
        while at < tokens.len() {
            let end = (at..tokens.len())
                .find(|at| is_punct(&tokens[*at], ';') || braces(&tokens[*at]).is_some())
                .unwrap_or(tokens.len() - 1);
            self.item(&tokens[at..=end], owner);
            at = end + 1;
        }
    }

    /// One item, from its first token to its body or its semicolon.
    fn item(&mut self, item: &[TokenTree], owner: &str) {
        let body = item.last().and_then(braces).map(|group| without_attributes(group.stream()));
        if is_ident(&item[0], "impl") || item.len() > 1 && is_ident(&item[1], "impl") {
            return self.implementation(item, &body.unwrap_or_default());
        }
        let is_public =
            is_ident(&item[0], "pub") && !matches!(item.get(1), Some(TokenTree::Group(_)));
        if !is_public {
            return;
        }
        let head = &item[1..item.len() - usize::from(body.is_some())];
        let kind = head.iter().find_map(|token| match token {
            TokenTree::Ident(ident)
                if !matches!(ident.to_string().as_str(), "async" | "unsafe") =>
            {
                Some(ident.to_string())
            }
            _ => None,
        });
        let is_function = head.iter().any(|token| is_ident(token, "fn"));
        let kind = if is_function { "fn".to_owned() } else { kind.unwrap_or_default() };
        let name = head.get(1).map(ToString::to_string).unwrap_or_default();
        match kind.as_str() {
            "fn" => self.see(owner, tokens_of(head)),
            "const" | "static" => {
                let typed = head.iter().take_while(|token| !is_punct(token, '='));
                self.see(owner, typed.cloned().collect());
            }
            "struct" | "enum" | "trait" | "type" => {
                for token in head.iter().skip(2) {
                    match token {
                        TokenTree::Group(tuple) => {
                            self.fields(&name, &without_attributes(tuple.stream()));
                        }
                        other => self.see(&name, other.clone().into()),
                    }
                }
                let body = body.unwrap_or_default();
                match kind.as_str() {
                    "struct" => self.fields(&name, &body),
                    "enum" => self.variants(&name, &body),
                    _ => self.see(&name, tokens_of(&body)),
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, name: &str, body: &[TokenTree]) {
        for field in body.split(|token| is_punct(token, ',')) {
            if field.first().is_some_and(|token| is_ident(token, "pub"))
                && !matches!(field.get(1), Some(TokenTree::Group(_)))
            {
                self.see(name, tokens_of(field));
            }
        }
    }

    /// Only what variants carry: their own names begin with a capital letter too.
    fn variants(&mut self, name: &str, body: &[TokenTree]) {
        for token in body {
            if let TokenTree::Group(group) = token {
                self.see(name, group.stream());
            }
        }
    }

    /// The public items of a type's own `impl`, or the types of one of a trait.
    fn implementation(&mut self, item: &[TokenTree], body: &[TokenTree]) {
        let of_trait = item.iter().position(|token| is_ident(token, "for"));
        let from = of_trait.map_or(1, |at| at + 1);
        // The first capital name behind the generic parameters.
        let mut depth = 0;
        let owner = item[from..].iter().find_map(|token| {
            depth += i32::from(is_punct(token, '<')) - i32::from(is_punct(token, '>'));
            match token {
                TokenTree::Ident(ident) if depth == 0 => {
                    let name = ident.to_string();
                    name.starts_with(|c: char| c.is_ascii_uppercase()).then_some(name)
                }
                _ => None,
            }
        });
        let Some(owner) = owner else { return };
        match of_trait {
            None => self.items(body, &owner),
            Some(_) => {
                for item in body.split(|token| is_punct(token, ';')) {
                    if item.first().is_some_and(|token| is_ident(token, "type")) {
                        let value = item.iter().skip_while(|token| !is_punct(token, '='));
                        self.see(&owner, value.cloned().collect());
                    }
                }
            }
        }
    }
}

/// The files of a crate, those of its tests aside.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true if name != "tests" => files.extend(sources(&path)),
            false if name != "tests" && !name.ends_with("_tests") => files.push(path),
            _ => {}
        }
    }
    files
}

/// The names behind `pub use` in the root file of a crate, as they are called where they come from.
fn exports(root: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let tokens: TokenStream = fs::read_to_string(root).unwrap().parse().unwrap();
    let tokens = without_attributes(tokens);
    let (mut own, mut of_core) = (BTreeSet::new(), BTreeSet::new());
    for item in tokens.split(|token| is_punct(token, ';')) {
        let start =
            item.windows(2).position(|two| is_ident(&two[0], "pub") && is_ident(&two[1], "use"));
        let Some(start) = start else { continue };
        // What stands behind `as` is another name of what stands before it.
        let mut names = BTreeSet::new();
        let text = tokens_of(&item[start + 2..]).to_string();
        for part in text.split([',', '{', '}']) {
            let (name, renamed) = part.split_once(" as ").unwrap_or((part, ""));
            names.extend(name.rsplit(':').next().map(|name| name.trim().to_owned()));
            own.insert(renamed.trim().to_owned());
        }
        names.remove("");
        match is_ident(&item[start + 2], "coldpress_core") {
            true => of_core.extend(names),
            false => own.extend(names),
        }
    }
    (own, of_core)
}

#[derive(Clone)]
struct Api {
    native: Crate,
    core: Crate,
    own: BTreeSet<String>,
    of_core: BTreeSet<String>,
}

impl Api {
    fn read() -> Api {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let (own, of_core) = exports(&root.join("host-native/src/lib.rs"));
        Api {
            native: Crate::read(&root.join("host-native/src")),
            core: Crate::read(&root.join("core/src")),
            own,
            of_core,
        }
    }

    /// The names that a public signature mentions and nobody can name through `coldpress`.
    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (owner, names) in &self.native.names {
            for name in names {
                let known =
                    is_of_others(name) || self.own.contains(name) || self.of_core.contains(name);
                if !known {
                    missing.push(format!("{name}, of coldpress's {owner:?}"));
                }
            }
        }
        for owner in &self.of_core {
            for name in self.core.names.get(owner).into_iter().flatten() {
                // In core, `Error` and `Result` are core's own.
                let name = if name == "Result" { "Error" } else { name.as_str() };
                if !is_of_others(name) && !self.of_core.contains(name) {
                    missing.push(format!("{name}, of core's {owner}"));
                }
            }
        }
        missing
    }
}

#[test]
fn every_type_of_a_public_signature_is_exported() {
    let missing = Api::read().missing();
    assert!(
        missing.is_empty(),
        "export these from host-native/src/lib.rs:\n{}",
        missing.join("\n")
    );
}

#[test]
fn the_scan_sees_signatures_fields_variants_and_associated_types() {
    let api = Api::read();
    for (krate, owner, name) in [
        (&api.native, "ColdStorage", "GrantRequest"),
        (&api.native, "StoredFile", "Summary"),
        (&api.native, "Repaired", "Proof"),
        (&api.native, "", "UploadOptions"),
        (&api.core, "Settings", "IdSource"),
        (&api.core, "ObjectKey", "KeyTarget"),
        (&api.core, "Rows", "StoredRow"),
    ] {
        assert!(krate.names[owner].contains(name), "{owner}: {:?}", krate.names.get(owner));
    }
    // Private fields and private functions are nobody's business.
    assert!(!api.native.names["ColdStorage"].contains("Counters"));
}

#[test]
fn a_missing_export_is_found() {
    let whole = Api::read();
    for name in ["Footer", "Summary", "Schema", "Policy", "Nulls", "IdSource", "KeyTarget"] {
        let mut api = whole.clone();
        assert!(api.of_core.remove(name), "{name}");
        assert!(api.missing().iter().any(|missing| missing.starts_with(name)), "{name}");
    }
    let mut api = whole;
    api.own.remove("Proof");
    assert_eq!(api.missing(), ["Proof, of coldpress's \"Repaired\""]);
}
