//! Reads the configuration files of AWS: `~/.aws/config` and `~/.aws/credentials`.
//!
//! Rules: "Configuration and credential file settings" of the AWS CLI's user guide. A line is a
//! section, a setting, or a comment (`#` or `;`). A line further to the right than the setting above
//! it belongs to that setting (as under `s3 =`), and none of those matter here.

use std::collections::BTreeMap;

/// The settings of one profile.
pub(super) type Settings = BTreeMap<String, String>;

/// The profiles of both files.
#[derive(Debug, Clone, Default)]
pub(super) struct Profiles {
    named: BTreeMap<String, Settings>,
    /// The first setting of each file that stands before any section: the line, and `add`'s `file`.
    strays: Vec<String>,
}

/// Which of the two files: they name their profiles differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Config,
    Credentials,
}

impl Profiles {
    pub(super) fn get(&self, profile: &str) -> Option<&Settings> {
        self.named.get(profile)
    }

    /// In words, what stands before any section and so belongs to no profile.
    pub(super) fn strays(&self) -> &[String] {
        &self.strays
    }

    /// Adds the profiles of a file. A later file's settings win. An error in words names the line,
    /// and does not show it: it may hold a secret.
    pub(super) fn add(&mut self, text: &str, kind: FileKind, file: &str) -> Result<(), String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let has_plain_default = kind == FileKind::Credentials
            || !text.lines().filter_map(section).any(|name| words(name) == ["profile", "default"]);
        let mut profile: Option<String> = None;
        let (mut has_section, mut has_stray) = (false, false);
        // How far the last setting of this section was from the left.
        let mut indent: Option<usize> = None;
        for (number, line) in text.lines().enumerate() {
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = section(line) {
                has_section = true;
                profile = profile_of(name, kind, has_plain_default);
                if let Some(profile) = &profile {
                    self.named.entry(profile.clone()).or_default();
                }
                indent = None;
                continue;
            }
            let left = line.len() - line.trim_start().len();
            if indent.is_some_and(|indent| left > indent) {
                continue;
            }
            let Some((name, value)) = bare.split_once('=') else {
                return Err(format!("line {} is neither a section nor a setting", number + 1));
            };
            indent = Some(left);
            if !has_section && !has_stray {
                has_stray = true;
                self.strays.push(format!(
                    "the keys at line {} of {file} stand before any [section]: write the name of \
                    their profile above them, such as [default]",
                    number + 1
                ));
            }
            let (name, value) = (name.trim().to_ascii_lowercase(), without_comment(value).trim());
            if let Some(profile) = &profile {
                let settings = self.named.entry(profile.clone()).or_default();
                settings.insert(name, value.to_owned());
            }
        }
        Ok(())
    }
}

/// The name in `[name]`.
fn section(line: &str) -> Option<&str> {
    let inner = line.trim().strip_prefix('[')?;
    Some(inner.split_once(']')?.0.trim())
}

/// The profile of a section; `None` if the section is something else.
fn profile_of(section: &str, kind: FileKind, has_plain_default: bool) -> Option<String> {
    match (kind, words(section).as_slice()) {
        (FileKind::Credentials, _) => Some(section.to_owned()),
        (FileKind::Config, ["default"]) => has_plain_default.then(|| "default".to_owned()),
        (FileKind::Config, ["profile", ..]) => {
            let name = section["profile".len()..].trim();
            let quoted = |quote: char| name.strip_prefix(quote)?.strip_suffix(quote);
            Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(name).to_owned())
        }
        _ => None,
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// A comment behind a value begins with a space.
fn without_comment(value: &str) -> &str {
    let begins = [" #", " ;", "\t#", "\t;"];
    let end = begins.iter().filter_map(|begin| value.find(begin)).min();
    &value[..end.unwrap_or(value.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, FileKind)]) -> Profiles {
        let mut profiles = Profiles::default();
        for (text, kind) in files {
            profiles.add(text, *kind, "f").unwrap();
        }
        profiles
    }

    #[test]
    fn profiles_of_both_files_are_one() {
        let config = "\u{feff}# mine\n[default]\nregion = eu-west-1\noutput=json ; or text\n\
            [profile work]\nREGION=us-east-2\ns3 =\n  region = no\n  signature_version = s3v4\n\
            role_arn = arn:aws:iam::1:role/x # the role\n[profile \"two words\"]\r\na=b\r\n\
            [sso-session x]\nregion = no\n[work]\nregion = no\n";
        let credentials = "[work]\naws_access_key_id = AK\naws_secret_access_key=a+/b=#c\n\
            region = wins\n[profile odd]\nx=1";
        let profiles = read(&[(config, FileKind::Config), (credentials, FileKind::Credentials)]);
        let of = |profile: &str, name: &str| profiles.get(profile).unwrap().get(name).cloned();
        assert_eq!(of("default", "region").as_deref(), Some("eu-west-1"));
        assert_eq!(of("default", "output").as_deref(), Some("json"));
        assert_eq!(of("work", "region").as_deref(), Some("wins"));
        assert_eq!(of("work", "role_arn").as_deref(), Some("arn:aws:iam::1:role/x"));
        assert_eq!(of("work", "aws_secret_access_key").as_deref(), Some("a+/b=#c"));
        assert_eq!(of("work", "signature_version"), None);
        assert_eq!(of("two words", "a").as_deref(), Some("b"));
        assert_eq!(of("profile odd", "x").as_deref(), Some("1"));
        assert!(profiles.get("x").is_none());
    }

    #[test]
    fn an_indented_section_is_read_and_a_default_by_its_full_name_wins() {
        let config = "[default]\nregion = no\n[profile default]\n  region = a\n  output = b\n";
        let profiles = read(&[(config, FileKind::Config)]);
        let default = profiles.get("default").unwrap();
        assert_eq!((default["region"].as_str(), default["output"].as_str()), ("a", "b"));
    }

    #[test]
    fn what_is_no_setting_is_named_by_its_line_and_not_shown() {
        let mut profiles = Profiles::default();
        let text = "[a]\n\nSK-in-the-clear\n";
        let error = profiles.add(text, FileKind::Credentials, "f").unwrap_err();
        assert!(error.contains("line 3") && !error.contains("in-the-clear"), "{error}");
    }

    #[test]
    fn keys_before_any_section_are_named_by_their_first_line() {
        let text = "# mine\naws_access_key_id = AK\naws_secret_access_key = SK\n[a]\nx = 1\n";
        let profiles = read(&[(text, FileKind::Credentials)]);
        assert_eq!(profiles.strays().len(), 1);
        assert!(profiles.strays()[0].starts_with("the keys at line 2 of f stand before any"));
        assert!(profiles.get("default").is_none());
        assert!(read(&[("[a]\nx = 1\n", FileKind::Config)]).strays().is_empty());
    }
}
