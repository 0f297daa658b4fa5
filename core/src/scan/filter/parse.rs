//! The text form, read.

use super::condition::{Comparison, Condition};
use super::lexer::{Lexer, Token};
use super::limits::{Items, check_depth};
use super::literal::{DateLiteral, InstantLiteral, Literal, NumberLiteral};
use super::path::{ColumnPath, read_path};
use super::pattern::prefix_of;
use super::shape::joined;
use crate::Result;

const NO_VALUE: &str =
    "expected a value: a number, true, false, a string in quotes, timestamp '…' or date '…'";
const NO_COMPARISON: &str = "expected =, !=, <, <=, >, >=, in, like, is null or is not null";

/// Reads the text of a filter.
pub(super) fn parse(text: &str) -> Result<Condition> {
    let mut parser = Parser { lexer: Lexer::new(text, "the filter")?, items: Items::default() };
    let condition = parser.any_of(1)?;
    match parser.lexer.next()? {
        Token::End => Ok(condition),
        Token::Close => Err(parser.lexer.fault("this ) closes nothing; remove it")),
        _ => Err(parser.lexer.fault("a condition ends before this; join two with and, or or")),
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    items: Items,
}

impl Parser<'_> {
    /// `a or b or …`. It calls itself for each pair of parentheses, and `depth` bounds that.
    fn any_of(&mut self, depth: usize) -> Result<Condition> {
        check_depth(depth)?;
        let first = self.all_of(depth)?;
        let mut parts = vec![first];
        while self.lexer.takes_word("or")? {
            parts.push(self.all_of(depth)?);
        }
        Ok(joined(parts, Condition::Or))
    }

    /// `a and b and …`
    fn all_of(&mut self, depth: usize) -> Result<Condition> {
        let mut parts = vec![self.one(depth)?];
        while self.lexer.takes_word("and")? {
            parts.push(self.one(depth)?);
        }
        Ok(joined(parts, Condition::And))
    }

    /// A comparison, or something in parentheses, with any number of `not` before it.
    fn one(&mut self, depth: usize) -> Result<Condition> {
        let mut nots = 0;
        while self.lexer.takes_word("not")? {
            nots += 1;
            check_depth(depth + nots)?;
        }
        let condition = if *self.lexer.peek()? == Token::Open {
            self.lexer.next()?;
            let inner = self.any_of(depth + nots + 1)?;
            self.expect(&Token::Close, "expected ), and, or or")?;
            inner
        } else {
            self.comparison()?
        };
        Ok((0..nots).fold(condition, |inner, _| Condition::Not(Box::new(inner))))
    }

    fn comparison(&mut self) -> Result<Condition> {
        self.items.add()?;
        let column = self.column()?;
        match self.lexer.next()? {
            Token::Sign(sign) => {
                let sign = if sign == "<>" { "!=" } else { sign };
                let comparison = Comparison::ALL.into_iter().find(|known| known.sign() == sign);
                let comparison = comparison.ok_or_else(|| self.lexer.fault(NO_COMPARISON))?;
                Ok(Condition::Compare(column, comparison, self.literal()?))
            }
            Token::Word(word) => self.worded(column, &word.to_ascii_lowercase()),
            Token::Dot => Err(self.lexer.fault("expected the name of a column after the dot")),
            _ => Err(self.lexer.fault(NO_COMPARISON)),
        }
    }

    /// A condition that a word says.
    fn worded(&mut self, column: ColumnPath, word: &str) -> Result<Condition> {
        match word {
            "is" => {
                let not = self.lexer.takes_word("not")?;
                if !self.lexer.takes_word("null")? {
                    self.lexer.next()?;
                    return Err(self.lexer.fault("expected null or not null after is"));
                }
                Ok(if not { Condition::IsNotNull(column) } else { Condition::IsNull(column) })
            }
            "in" => self.one_of(column),
            "like" => self.like(column),
            "not" => {
                let inner = if self.lexer.takes_word("in")? {
                    self.one_of(column)?
                } else if self.lexer.takes_word("like")? {
                    self.like(column)?
                } else {
                    self.lexer.next()?;
                    return Err(self.lexer.fault("expected in or like after not"));
                };
                Ok(Condition::Not(Box::new(inner)))
            }
            "between" => Err(self.lexer.fault("there is no between; write x >= 1 and x <= 9")),
            _ => Err(self.lexer.fault(NO_COMPARISON)),
        }
    }

    fn one_of(&mut self, column: ColumnPath) -> Result<Condition> {
        self.expect(&Token::Open, "expected ( after in, as in: in (1, 2)")?;
        let mut values = vec![self.literal()?];
        loop {
            match self.lexer.next()? {
                Token::Comma => values.push(self.literal()?),
                Token::Close => return Ok(Condition::In(column, values)),
                _ => return Err(self.lexer.fault("expected , or ) in the list of values")),
            }
        }
    }

    fn like(&mut self, column: ColumnPath) -> Result<Condition> {
        match self.lexer.next()? {
            Token::Quoted('\'' | '"', pattern) => match prefix_of(&pattern) {
                Ok(prefix) => Ok(Condition::Like(column, prefix)),
                Err(wrong) => Err(self.lexer.fault(wrong)),
            },
            _ => Err(self.lexer.fault("expected a pattern in quotes after like, as in 'The %'")),
        }
    }

    fn column(&mut self) -> Result<ColumnPath> {
        match self.lexer.peek()? {
            Token::Number(_) => {
                self.lexer.next()?;
                Err(self.lexer.fault(
                    "a column stands on the left of a comparison; a name that begins with a \
                     digit stands in double quotes",
                ))
            }
            _ => read_path(&mut self.lexer, false),
        }
    }

    fn literal(&mut self) -> Result<Literal> {
        self.items.add()?;
        match self.lexer.next()? {
            Token::Number(text) => Ok(Literal::Number(NumberLiteral::read(text)?)),
            Token::Quoted('\'' | '"', text) => Ok(Literal::String(text)),
            Token::Word(word) => self.literal_of_word(word),
            _ => Err(self.lexer.fault(NO_VALUE)),
        }
    }

    fn literal_of_word(&mut self, word: &str) -> Result<Literal> {
        match word.to_ascii_lowercase().as_str() {
            "true" => Ok(Literal::Boolean(true)),
            "false" => Ok(Literal::Boolean(false)),
            "null" => Err(self
                .lexer
                .fault("a comparison with null is never true; write is null or is not null")),
            kind @ ("timestamp" | "date") => {
                let Token::Quoted('\'' | '"', text) = self.lexer.next()? else {
                    return Err(self
                        .lexer
                        .fault(format!("expected a text in quotes after {kind}")));
                };
                let literal = match kind {
                    "date" => DateLiteral::read(&text).map(Literal::Date),
                    _ => InstantLiteral::read(&text).map(Literal::Instant),
                };
                literal.ok_or_else(|| self.lexer.fault(no_such_time(kind)))
            }
            _ => Err(self.lexer.fault(format!("{NO_VALUE}; two columns cannot be compared"))),
        }
    }

    fn expect(&mut self, wanted: &Token<'_>, otherwise: &str) -> Result<()> {
        if self.lexer.next()? == *wanted {
            return Ok(());
        }
        Err(self.lexer.fault(otherwise))
    }
}

/// What to say of a text that is no instant, or no date.
pub(super) fn no_such_time(kind: &str) -> &'static str {
    match kind {
        "date" => "expected a date as 2026-01-02, in the years 0001 to 9999",
        _ => {
            "expected an instant as 2026-01-02T03:04:05Z, with Z or an offset such as +01:00, in \
             the years 0001 to 9999"
        }
    }
}
