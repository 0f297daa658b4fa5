//! A few values by their names, sorted. In WebAssembly, each kind of `BTreeMap` is code of its own
//! that a page has to download; a search in a sorted list is a few lines.

use crate::sort::sort_by;

/// Values by name. Of equal names, the first one counts.
#[derive(Debug, Clone)]
pub(crate) struct ByName<N, V>(Vec<(N, V)>);

impl<N, V> Default for ByName<N, V> {
    fn default() -> Self {
        ByName(Vec::new())
    }
}

impl<N: AsRef<str>, V> ByName<N, V> {
    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        self.place(name).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// The value of this name; a new one if there is none.
    pub(crate) fn get_or_insert(
        &mut self,
        name: &str,
        new: impl FnOnce() -> V,
        owned: impl FnOnce(&str) -> N,
    ) -> &mut V {
        let at = match self.place(name) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (owned(name), new()));
                at
            }
        };
        &mut self.0[at].1
    }

    /// In the order of names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(N, V)> {
        self.0.iter()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }
}

impl<N: AsRef<str>, V> FromIterator<(N, V)> for ByName<N, V> {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(values: I) -> Self {
        let mut values: Vec<(N, V)> = values.into_iter().collect();
        sort_by(&mut values, |(one, _), (other, _)| one.as_ref().cmp(other.as_ref()));
        values.dedup_by(|(one, _), (other, _)| one.as_ref() == other.as_ref());
        ByName(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_names() {
        let mut values: ByName<String, i32> = [("b", 1), ("a", 2), ("b", 3), ("", 4)]
            .map(|(n, v)| (n.to_owned(), v))
            .into_iter()
            .collect();
        assert_eq!(
            ["", "a", "b", "c"].map(|name| values.get(name).copied()),
            [Some(4), Some(2), Some(1), None]
        );
        *values.get_or_insert("c", || 0, str::to_owned) += 7;
        *values.get_or_insert("a", || 0, str::to_owned) += 7;
        let all: Vec<(&str, i32)> =
            values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(all, [("", 4), ("a", 9), ("b", 1), ("c", 7)]);
    }
}
