//! Each example of `docs/filters.md`.

use serde_json::Value;

use crate::filter::Filter;

const PAGE: &str = include_str!("../../../../../docs/filters.md");

/// The lines of the blocks that are marked as examples. A block is a filter and what is said of it:
/// `filter`, `json`, `prints`, `error`, and rows for which it is `true`, `false` or `unknown`.
fn blocks() -> Vec<Vec<(&'static str, &'static str)>> {
    let blocks = PAGE.split("```filter\n").skip(1);
    let block = |block: &'static str| {
        let lines = block.split("```").next().unwrap_or_default().lines();
        lines.map(|line| line.split_once(' ').unwrap_or((line, ""))).collect()
    };
    blocks.map(block).collect()
}

#[test]
fn every_example_of_the_page_holds() {
    let blocks = blocks();
    assert!(blocks.len() >= 12, "{} examples: is the page read?", blocks.len());
    for block in blocks {
        let mut filter = None;
        for (word, rest) in block {
            let rest = rest.trim();
            if word == "filter" {
                filter = Some(Filter::parse(rest));
                continue;
            }
            let filter = filter.as_ref().expect("a block begins with its filter");
            if word == "error" {
                let error = filter.as_ref().expect_err(rest).to_string();
                assert_eq!(error, rest);
                continue;
            }
            let filter = filter.as_ref().unwrap_or_else(|error| panic!("{rest}: {error}"));
            let row = || serde_json::from_str::<Value>(rest).unwrap();
            match word {
                "json" => {
                    assert_eq!(filter.to_json(), rest);
                    assert_eq!(Filter::from_json(rest).unwrap(), *filter);
                }
                "prints" => assert_eq!(filter.to_string(), rest),
                "true" => assert_eq!(filter.truth(&row()), Some(true), "{filter} of {rest}"),
                "false" => assert_eq!(filter.truth(&row()), Some(false), "{filter} of {rest}"),
                "unknown" => assert_eq!(filter.truth(&row()), None, "{filter} of {rest}"),
                _ => panic!("{word} is no word of an example"),
            }
        }
    }
}
