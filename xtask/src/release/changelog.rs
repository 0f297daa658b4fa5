//! CHANGELOG.md: what the version to be released has changed is written down.

use super::facts::{Tags, count, numbers};

/// The heading of what no release has yet.
const UNRELEASED: &str = "Unreleased";

/// What stands under one `## ` heading.
#[derive(Debug)]
struct Section<'a> {
    heading: &'a str,
    /// Lines that begin with `- `.
    entries: usize,
}

/// Looks for the version. Before its release, `## Unreleased` with entries is enough; at the commit
/// that carries the tag it is not.
pub fn check(text: &str, version: &str, tags: &Tags) -> Result<String, Vec<String>> {
    let sections = sections(text);
    let mut problems = misplaced(&sections);
    let unreleased = sections.iter().find(|section| section.heading == UNRELEASED);
    let waiting = unreleased.map_or(0, |section| section.entries);
    let found = sections.iter().find(|section| named(section.heading) == Some(version));
    let is_tagged = tags.versions.iter().any(|tag| tag == version);
    match found {
        Some(section) if section.entries == 0 => {
            problems.push(format!("\"## {}\" has no entry; write what changed", section.heading));
        }
        Some(section) if !is_tagged && waiting > 0 => problems.push(format!(
            "entries stand under \"## {UNRELEASED}\", but \"## {}\" is not released yet; \
             move them below its heading",
            section.heading
        )),
        Some(_) => {}
        None if is_tagged => problems.push(format!(
            "the tag v{version} is set, but no heading \"## {version} - YYYY-MM-DD\" exists; \
             add it with the entries of that release"
        )),
        None if waiting == 0 => problems.push(format!(
            "neither \"## {version} - YYYY-MM-DD\" nor \"## {UNRELEASED}\" has an entry; \
             write what changed since the last release"
        )),
        None => {}
    }
    match (problems.is_empty(), found) {
        (false, _) => Err(problems),
        (true, Some(section)) => {
            let entries = count(section.entries, "entry", "entries");
            Ok(format!("\"## {}\" has {entries}", section.heading))
        }
        (true, None) => Ok(format!(
            "{} under \"## {UNRELEASED}\"; \
             the release commit renames it to \"## {version} - YYYY-MM-DD\"",
            count(waiting, "entry", "entries")
        )),
    }
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            sections.push(Section { heading: heading.trim(), entries: 0 });
        } else if let Some(section) = sections.last_mut() {
            section.entries += usize::from(line.starts_with("- "));
        }
    }
    sections
}

/// The version of a heading such as `1.2.3 - 2026-11-29`.
fn named(heading: &str) -> Option<&str> {
    let (version, date) = heading.split_once(" - ")?;
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    (is_date && numbers(version).is_some()).then_some(version)
}

/// Headings of another form, and versions that do not go down the page from new to old.
fn misplaced(sections: &[Section]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut last = None;
    for (at, section) in sections.iter().enumerate() {
        let heading = section.heading;
        if heading == UNRELEASED {
            if at > 0 {
                problems.push(format!("\"## {UNRELEASED}\" is not the first; move it to the top"));
            }
            continue;
        }
        let Some(version) = named(heading).and_then(numbers) else {
            problems.push(format!(
                "\"## {heading}\" is no heading of a release; \
                 write \"## MAJOR.MINOR.PATCH - YYYY-MM-DD\" or \"## {UNRELEASED}\""
            ));
            continue;
        };
        if last.is_some_and(|last| last <= version) {
            problems.push(format!("\"## {heading}\" stands too low; newer releases come first"));
        }
        last = Some(version);
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(versions: &[&str]) -> Tags {
        Tags { versions: versions.iter().map(|v| (*v).to_owned()).collect(), ..Tags::default() }
    }

    fn problem(text: &str, version: &str, tagged: &[&str]) -> String {
        check(text, version, &tags(tagged)).unwrap_err().join("\n")
    }

    const NEW: &str =
        "# Changelog\n\n## Unreleased\n\n### Added\n\n- A thing.\n  More of it.\n- B\n";
    const RELEASED: &str = "# Changelog\n\n## 0.2.0 - 2026-11-29\n\n- A thing.\n\n\
                            ## 0.1.0 - 2026-01-31\n\n- The first.\n";

    #[test]
    fn entries_under_unreleased_are_enough_before_a_release() {
        let said = check(NEW, "0.1.0", &tags(&[])).unwrap();
        assert!(said.starts_with("2 entries under \"## Unreleased\""), "{said}");
        assert!(
            problem(NEW, "0.1.0", &["0.1.0"]).contains("the tag v0.1.0 is set, but no heading")
        );
        assert!(problem("# Changelog\n\n## Unreleased\n", "0.1.0", &[]).contains("has an entry"));
        assert!(problem("", "0.1.0", &[]).contains("has an entry"));
    }

    #[test]
    fn a_version_has_a_dated_heading_with_entries() {
        assert_eq!(
            check(RELEASED, "0.2.0", &tags(&["0.1.0"])).unwrap(),
            "\"## 0.2.0 - 2026-11-29\" has 1 entry"
        );
        let undated = RELEASED.replace("## 0.2.0 - 2026-11-29", "## 0.2.0");
        assert!(
            problem(&undated, "0.2.0", &[]).contains("\"## 0.2.0\" is no heading of a release")
        );
        let empty = RELEASED.replace("- A thing.", "");
        assert!(problem(&empty, "0.2.0", &[]).contains("has no entry"));
    }

    #[test]
    fn entries_wait_under_unreleased_only_while_the_version_is_out() {
        let text = RELEASED.replacen("## 0.2.0", "## Unreleased\n\n- Later.\n\n## 0.2.0", 1);
        assert!(check(&text, "0.2.0", &tags(&["0.1.0", "0.2.0"])).is_ok());
        assert!(problem(&text, "0.2.0", &["0.1.0"]).contains("move them below its heading"));
    }

    #[test]
    fn newer_releases_come_first() {
        let text = RELEASED.replace("0.1.0", "0.3.0");
        assert!(problem(&text, "0.2.0", &[]).contains("\"## 0.3.0 - 2026-01-31\" stands too low"));
        let text = format!("{RELEASED}\n## Unreleased\n");
        assert!(problem(&text, "0.2.0", &["0.2.0"]).contains("move it to the top"));
    }
}
