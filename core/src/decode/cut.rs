//! Cuts a document to some of its fields.

use super::document::{Item, Rescued};
use super::row::StoredRow;
use crate::Result;
use crate::by_name::ByName;

/// Some fields, each by the names down to it, as a tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(ByName<String, Option<Fields>>);

impl Fields {
    /// These paths. A path that lies below another one adds nothing to it.
    pub(crate) fn new<'p>(paths: impl IntoIterator<Item = &'p [String]>) -> Self {
        let mut all = Fields::default();
        for path in paths {
            all.add(path);
        }
        all
    }

    fn add(&mut self, path: &[String]) {
        let mut fields = self;
        for (at, name) in path.iter().enumerate() {
            let last = at + 1 == path.len();
            let below = fields.0.get_or_insert(name, || Some(Fields::default()), str::to_owned);
            if last {
                *below = None;
            }
            match below {
                Some(below) => fields = below,
                None => return,
            }
        }
    }

    /// Whether a field of this name is one of them, or has some of them below it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// The fields below the one of this name; `None` if all of it is meant, or nothing.
    pub(super) fn below(&self, name: &str) -> Option<&Fields> {
        self.0.get(name)?.as_ref()
    }

    /// The names at the top.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(name, _)| name)
    }
}

impl StoredRow {
    /// Leaves only these fields in the document. A value that is no object has no fields, so
    /// nothing is left of it where a field below it is asked for.
    pub(crate) fn cut(&mut self, to: &Fields) -> Result<()> {
        let document = std::mem::replace(&mut self.document, Item::Absent);
        self.document = cut(document, to)?;
        Ok(())
    }
}

/// Recurses as deep as the paths, which are the caller's.
fn cut(item: Item, to: &Fields) -> Result<Item> {
    let fields = match item {
        Item::Object(fields) => fields,
        Item::Text(text) if text.starts_with('{') => {
            let parts = Rescued::read(&text)?.into_iter();
            parts.map(|(name, part)| (name.into(), Item::from(part))).collect()
        }
        _ => return Ok(Item::Absent),
    };
    let mut left = Vec::with_capacity(fields.len());
    for (name, item) in fields {
        match to.0.get(&name) {
            Some(Some(below)) => left.push((name, cut(item, below)?)),
            Some(None) => left.push((name, item)),
            None => {}
        }
    }
    Ok(Item::Object(left))
}
