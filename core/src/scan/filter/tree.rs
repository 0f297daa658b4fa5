//! The JSON of a filter as a tree, in which numbers keep their literals.

use super::limits::{DEPTH_MAX, check_bytes};
use super::literal::NumberLiteral;
use crate::json::{Events, Number, read};
use crate::{Error, ErrorKind, Result};

/// A filter's own levels are an object and an array each; below them stands a literal.
const TREE_DEPTH_MAX: usize = 2 * DEPTH_MAX + 4;

/// A value of JSON.
#[derive(Debug)]
pub(super) enum Tree {
    Null,
    Boolean(bool),
    Number(NumberLiteral),
    String(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads JSON text. An error of kind `Settings` or `Limit`.
    pub(super) fn read(text: &str) -> Result<Self> {
        check_bytes(text)?;
        let mut builder = Builder::default();
        read(text.as_bytes(), &mut builder).map_err(|error| {
            Error::settings(format!("the JSON of the filter cannot be read: {error}"))
        })?;
        match builder.too_deep {
            true => Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "the JSON of the filter nests deeper than {TREE_DEPTH_MAX} levels; make it \
                     flatter"
                ),
            )),
            false => Ok(builder.done),
        }
    }
}

struct Builder {
    /// The open objects and arrays, each with the name it has in the one around it.
    open: Vec<(Tree, String)>,
    key: String,
    done: Tree,
    too_deep: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Builder { open: Vec::new(), key: String::new(), done: Tree::Null, too_deep: false }
    }
}

impl Builder {
    fn put(&mut self, value: Tree) {
        if self.too_deep {
            return;
        }
        match self.open.last_mut() {
            Some((Tree::Object(fields), _)) => {
                fields.push((std::mem::take(&mut self.key), value));
            }
            Some((Tree::Array(items), _)) => items.push(value),
            _ => self.done = value,
        }
    }

    fn open(&mut self, value: Tree) {
        self.too_deep |= self.open.len() >= TREE_DEPTH_MAX;
        if !self.too_deep {
            self.open.push((value, std::mem::take(&mut self.key)));
        }
    }

    fn close(&mut self) {
        if self.too_deep {
            return;
        }
        if let Some((value, key)) = self.open.pop() {
            self.key = key;
            self.put(value);
        }
    }
}

impl Events for Builder {
    fn key(&mut self, name: &str) {
        name.clone_into(&mut self.key);
    }

    fn null(&mut self) {
        self.put(Tree::Null);
    }

    fn boolean(&mut self, value: bool) {
        self.put(Tree::Boolean(value));
    }

    fn number(&mut self, value: Number<'_>) {
        self.put(NumberLiteral::of(value).map_or(Tree::Null, Tree::Number));
    }

    fn string(&mut self, value: &str) {
        self.put(Tree::String(value.to_owned()));
    }

    fn open_object(&mut self) {
        self.open(Tree::Object(Vec::new()));
    }

    fn close_object(&mut self) {
        self.close();
    }

    fn open_array(&mut self) {
        self.open(Tree::Array(Vec::new()));
    }

    fn close_array(&mut self) {
        self.close();
    }
}
