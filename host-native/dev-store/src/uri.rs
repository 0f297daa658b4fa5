//! Parses queries, and writes them in the form that is signed.

use coldpress_listen::percent::{decode, encode};

/// A query's pairs in order, decoded.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Parses a query. None if it is not percent-encoded UTF-8.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(name)?, decode(value)?))
            })
            .collect::<Option<_>>()
            .map(Query)
    }

    /// The value of a parameter, or its first value if it is given twice.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The query, sorted and encoded for signing, without the parameter `leave_out`.
    pub(super) fn canonical(&self, leave_out: &str) -> String {
        let mut pairs: Vec<(String, String)> = self
            .0
            .iter()
            .filter(|(name, _)| name != leave_out)
            .map(|(name, value)| (encode(name, false), encode(value, false)))
            .collect();
        pairs.sort();
        let pairs: Vec<String> =
            pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_sorted_as_they_are_written() {
        let query = Query::parse("b=2&a=%2Fx%20y&A=+&uploads&a=1").unwrap();
        assert_eq!(query.value("a"), Some("/x y"));
        assert_eq!((query.value("uploads"), query.value("none")), (Some(""), None));
        assert_eq!(query.canonical("b"), "A=%2B&a=%2Fx%20y&a=1&uploads=");
        assert!(Query::parse("a=%2").is_none() && Query::parse("a=%FF").is_none());
    }
}
