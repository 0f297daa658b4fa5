//! What one file of Rust declares and names. The tokens are proc-macro2's, so that comments,
//! strings and characters are never taken for code.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's own code, without what only tests have.
#[derive(Debug, Default)]
pub struct Source {
    /// The modules that it declares.
    pub modules: Vec<Declared>,
    /// What it imports, wherever the `use` stands.
    pub imports: Vec<Import>,
    /// The other paths of two names or more.
    pub paths: Vec<Vec<String>>,
    /// The names of its functions, types, constants and macros.
    pub items: BTreeSet<String>,
}

/// A module as it is declared.
#[derive(Debug)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// The file that `#[path]` names.
    pub file: Option<String>,
    /// Its code, where it stands in braces.
    pub body: Option<Source>,
    /// Whether only tests have it.
    pub is_test: bool,
}

/// One name of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// From where, name by name.
    pub path: Vec<String>,
    /// What it is called here; none for `*`.
    pub name: Option<String>,
}

/// What stands in `#[…]` before an item.
#[derive(Default)]
struct Attributes {
    is_test: bool,
    file: Option<String>,
}

impl Source {
    /// Reads the text of a file; an error where it is not Rust.
    pub fn read(text: &str) -> Result<Self, String> {
        let tokens: TokenStream = text.parse().map_err(|error| format!("{error}"))?;
        let mut source = Source::default();
        source.tokens(&trees(tokens), true);
        Ok(source)
    }

    /// Reads tokens. `of_module`: they stand in the module itself, and not within an item of it.
    fn tokens(&mut self, tokens: &[TokenTree], of_module: bool) {
        let mut at = 0;
        while at < tokens.len() {
            let attributes = self.attributes(tokens, &mut at);
            let start = behind_visibility(tokens, at);
            if let Some(end) = self.module(tokens, start, attributes.file, attributes.is_test) {
                at = end;
            } else if attributes.is_test {
                at = behind_item(tokens, at);
            } else if let Some(end) = self.import(tokens, start) {
                at = end;
            } else if let Some(end) = self.path(tokens, at) {
                at = end;
            } else {
                if let (true, Some(name)) = (of_module, item_name(tokens, at)) {
                    self.items.insert(name);
                }
                if let Some(TokenTree::Group(group)) = tokens.get(at) {
                    self.tokens(&trees(group.stream()), false);
                }
                at += 1;
            }
        }
    }

    /// Passes the attributes that come next.
    fn attributes(&mut self, tokens: &[TokenTree], at: &mut usize) -> Attributes {
        let mut found = Attributes::default();
        while is_punct(tokens.get(*at), '#') {
            let body = *at + 1 + usize::from(is_punct(tokens.get(*at + 1), '!'));
            let Some(TokenTree::Group(group)) = tokens.get(body) else { break };
            let inner = trees(group.stream());
            match (ident(inner.first()).as_deref(), inner.get(1), inner.get(2)) {
                (Some("cfg"), Some(TokenTree::Group(predicate)), _) => {
                    found.is_test |= is_in_no_build(&trees(predicate.stream()));
                }
                (Some("test"), None, _) => found.is_test = true,
                (Some("path"), _, Some(TokenTree::Literal(file))) => {
                    found.file = Some(file.to_string().trim_matches('"').to_owned());
                }
                _ => self.tokens(&inner, false),
            }
            *at = body + 1;
        }
        found
    }

    /// Notes `mod name;` or `mod name { … }` at `at`; the place behind it.
    fn module(
        &mut self,
        tokens: &[TokenTree],
        at: usize,
        file: Option<String>,
        is_test: bool,
    ) -> Option<usize> {
        if ident(tokens.get(at)).as_deref() != Some("mod") {
            return None;
        }
        let name = ident(tokens.get(at + 1))?;
        let body = match tokens.get(at + 2)? {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let mut body = Source::default();
                body.tokens(&trees(group.stream()), true);
                Some(body)
            }
            other if is_punct(Some(other), ';') => None,
            _ => return None,
        };
        self.modules.push(Declared { name, file, body, is_test });
        Some(at + 3)
    }

    /// Notes the `use …;` at `at`; the place behind it.
    fn import(&mut self, tokens: &[TokenTree], at: usize) -> Option<usize> {
        // `use<'a>` of a return type is no import.
        if ident(tokens.get(at)).as_deref() != Some("use") || is_punct(tokens.get(at + 1), '<') {
            return None;
        }
        let length = tokens[at..].iter().position(|token| is_punct(Some(token), ';'))?;
        self.tree(&[], &tokens[at + 1..at + length]);
        Some(at + length + 1)
    }

    /// Notes one tree of a `use`, which stands below `prefix`.
    fn tree(&mut self, prefix: &[String], tokens: &[TokenTree]) {
        let mut path = prefix.to_vec();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(_) if ident(Some(token)).as_deref() == Some("as") => {
                    let name = ident(tokens.get(at + 1));
                    self.imports.push(Import { path, name });
                    return;
                }
                TokenTree::Ident(_) => path.extend(ident(Some(token))),
                TokenTree::Punct(punct) if punct.as_char() == '*' => {
                    self.imports.push(Import { path, name: None });
                    return;
                }
                TokenTree::Group(group) => {
                    let inner = trees(group.stream());
                    for part in inner.split(|token| is_punct(Some(token), ',')) {
                        self.tree(&path, part);
                    }
                    return;
                }
                _ => {}
            }
            at += 1;
        }
        // `a::{self}` imports `a`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = path.last().cloned();
        if path.len() > prefix.len() || (!path.is_empty() && !tokens.is_empty()) {
            self.imports.push(Import { path, name });
        }
    }

    /// Notes a path of two names or more that begins at `at`; the place behind it.
    fn path(&mut self, tokens: &[TokenTree], at: usize) -> Option<usize> {
        let mut path = vec![ident(tokens.get(at))?];
        let mut end = at + 1;
        while is_colons(tokens, end) {
            let Some(name) = ident(tokens.get(end + 2)) else { break };
            path.push(name);
            end += 3;
        }
        // What stands behind `::` belongs to a type (`<T as U>::name`) or to another crate.
        let begins = at < 2 || !is_colons(tokens, at - 2);
        if path.len() < 2 {
            return None;
        }
        if begins {
            self.paths.push(path);
        }
        Some(end)
    }
}

fn trees(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token? {
        TokenTree::Ident(ident) => Some(ident.to_string().trim_start_matches("r#").to_owned()),
        _ => None,
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// The place behind `pub` or `pub(…)`.
fn behind_visibility(tokens: &[TokenTree], at: usize) -> usize {
    if ident(tokens.get(at)).as_deref() != Some("pub") {
        return at;
    }
    match tokens.get(at + 1) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => at + 2,
        _ => at + 1,
    }
}

/// Whether a condition of `cfg` holds in no build: only in tests, or only for the documentation.
fn is_in_no_build(predicate: &[TokenTree]) -> bool {
    let inner = |token: Option<&TokenTree>| match token {
        Some(TokenTree::Group(group)) => trees(group.stream()),
        _ => Vec::new(),
    };
    let parts = inner(predicate.get(1));
    let mut parts = parts.split(|token| is_punct(Some(token), ',')).filter(|part| !part.is_empty());
    match ident(predicate.first()).as_deref() {
        Some("test" | "doc") => true,
        Some("all") => parts.any(is_in_no_build),
        Some("any") => parts.all(is_in_no_build),
        _ => false,
    }
}

/// The place behind the item, field or statement at `at`.
fn behind_item(tokens: &[TokenTree], at: usize) -> usize {
    const ITEMS: [&str; 13] = [
        "pub", "fn", "impl", "struct", "enum", "trait", "const", "static", "type", "unsafe",
        "async", "extern", "union",
    ];
    let first = ident(tokens.get(behind_visibility(tokens, at))).unwrap_or_default();
    let is_item = ITEMS.contains(&first.as_str());
    let is_use = first == "use";
    let mut end = at;
    while let Some(token) = tokens.get(end) {
        end += 1;
        let ends = match token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_use,
            token => {
                is_punct(Some(token), ';') || (!is_item && !is_use && is_punct(Some(token), ','))
            }
        };
        if ends {
            break;
        }
    }
    end
}

/// The name of the item that is declared at `at`.
fn item_name(tokens: &[TokenTree], at: usize) -> Option<String> {
    match ident(tokens.get(at))?.as_str() {
        "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union" => {
            ident(tokens.get(at + 1))
        }
        "macro_rules" => ident(tokens.get(at + 2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        let source = Source::read(text).unwrap();
        let show = |import: &Import| {
            format!("{} = {}", import.name.as_deref().unwrap_or("*"), import.path.join("::"))
        };
        source.imports.iter().map(show).collect()
    }

    #[test]
    fn imports_are_read_in_all_their_forms() {
        for (text, expected) in [
            ("use a::b;", &["b = a::b"][..]),
            ("pub(crate) use a::b as c;", &["c = a::b"]),
            ("pub(in super::super) use super::a::*;", &["* = super::a"]),
            (
                "use a::{self, b::{c, d as e}, f::*,};",
                &["a = a", "c = a::b::c", "e = a::b::d", "* = a::f"],
            ),
            ("fn f() { if x { use crate::r#type::T; } }", &["T = crate::type::T"]),
            ("use {a::b, ::c::d};", &["b = a::b", "d = c::d"]),
            (
                "// use a::b;\n/* use c; */ const S: &str = \"use d::e;\"; const R: &str = r#\"use f;\"#;",
                &[],
            ),
            ("fn f<'a>() -> impl T + use<'a> { g() }", &[]),
            ("#[cfg(test)] use a::{b, c}; use d::e;", &["e = d::e"]),
            (
                "#[cfg(all(test, feature = \"x\"))] use a::b; #[cfg(any(test, fuzzing))] use c::d;",
                &["d = c::d"],
            ),
            ("#[cfg(not(test))] use a::b;", &["b = a::b"]),
        ] {
            assert_eq!(imports(text), expected, "{text}");
        }
    }

    #[test]
    fn paths_are_read_wherever_code_stands() {
        let text = "
            fn f(x: &super::a::A) -> crate::Result<()> {
                println!(\"{}\", crate::b::c(x.d::<u8>(), ' ', '\\''));
                <T as E>::g::h(); ::std::mem::drop(1); b'\"'; \"crate::no::n\";
                #[cfg(test)]
                crate::of::tests::t();
                $crate::m!();
            }
            #[cfg(test)]
            fn t<A, B>() { crate::u::v() }
            #[cfg(test)]
            mod tests { use super::*; }
            struct S { #[cfg(test)] t: crate::w::X, y: crate::z::Z }";
        let source = Source::read(text).unwrap();
        let paths: Vec<String> = source.paths.iter().map(|path| path.join("::")).collect();
        let expected = ["super::a::A", "crate::Result", "crate::b::c", "crate::m", "crate::z::Z"];
        assert_eq!(paths, expected);
        assert_eq!(source.items.iter().collect::<Vec<_>>(), ["S", "f"]);
        assert!(source.modules[0].is_test && source.imports.is_empty());
    }
}
