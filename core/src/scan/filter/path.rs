//! The path of a column, and its text.

use std::fmt;
use std::str::FromStr;

use super::lexer::{Lexer, Token, is_word, reserved};
use crate::{Error, Result};

/// The names from the top of a document down to a field.
///
/// Its text has dots between the names: `order.customer`. A name stands bare if it has only
/// letters, digits and `_`, and does not begin with a digit. Every other name stands in double
/// quotes or backticks, and a quote in it is doubled: `"first name"."a.b"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnPath(Vec<String>);

impl ColumnPath {
    /// The path with these names. An error of kind `Settings` if there is none.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.is_empty() {
            return Err(Error::settings("the path of a column has no name; give at least one"));
        }
        Ok(ColumnPath(names))
    }

    /// The names, of which there is at least one.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for ColumnPath {
    type Err = Error;

    /// Reads the text of a path. An error of kind `Settings` says where it is wrong.
    fn from_str(text: &str) -> Result<Self> {
        let mut lexer = Lexer::new(text, "the path of the column")?;
        let path = read_path(&mut lexer, true)?;
        match lexer.next()? {
            Token::End => Ok(path),
            _ => Err(lexer.fault(
                "the path of a column ends before this; put a name with blanks or signs in double \
                 quotes",
            )),
        }
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            if is_word(name) && !reserved(name) {
                f.write_str(name)?;
            } else {
                write!(f, "\"{}\"", name.replace('"', "\"\""))?;
            }
        }
        Ok(())
    }
}

/// Reads the path that comes next. `alone`: nothing but a path can stand here, so the words of the
/// grammar are names too.
pub(super) fn read_path(lexer: &mut Lexer<'_>, alone: bool) -> Result<ColumnPath> {
    let mut names = vec![read_name(lexer, alone)?];
    while *lexer.peek()? == Token::Dot {
        lexer.next()?;
        names.push(read_name(lexer, alone)?);
    }
    Ok(ColumnPath(names))
}

fn read_name(lexer: &mut Lexer<'_>, alone: bool) -> Result<String> {
    match lexer.next()? {
        Token::Word(word) if alone || !reserved(word) => Ok(word.to_owned()),
        Token::Word(word) => Err(lexer.fault(format!(
            "expected the name of a column, and {word} is a word of the grammar; if a column has \
             that name, write \"{word}\""
        ))),
        Token::Quoted('"' | '`', name) => Ok(name),
        Token::Quoted(..) => Err(lexer.fault(
            "expected a column; its name stands bare or in double quotes, and single quotes are \
             for strings",
        )),
        _ => Err(lexer.fault(
            "expected the name of a column; a name with blanks, dots or signs, or one that begins \
             with a digit, stands in double quotes",
        )),
    }
}
