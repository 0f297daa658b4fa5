//! Credentials of a profile: its keys, what its program prints, or a role.

use std::path::PathBuf;

use super::answer::{Found, Miss, failed, read_text};
use super::profile_file::{FileKind, Profiles, Settings};
use super::sts::{Role, Sts};
use super::{container, environment, instance, process, web_identity};
use crate::credentials::{Credentials, Environment};
use crate::error::ErrorKind;
use crate::threads::blocking;

/// The most roles that one profile may assume, one with the credentials of the other.
const ROLES_MAX: usize = 8;

/// Which profile is meant, and whether somebody named it.
pub(super) fn chosen(environment: &Environment, given: &str) -> (String, bool) {
    if !given.is_empty() {
        return (given.to_owned(), true);
    }
    match environment.get("AWS_PROFILE") {
        Some(name) => (name, true),
        None => ("default".to_owned(), false),
    }
}

/// The two files. Without a home there may be none.
fn files(environment: &Environment) -> Vec<(PathBuf, FileKind)> {
    let at = |variable: &str, name: &str, kind| {
        let path = match environment.get(variable) {
            Some(path) => environment.path(&path),
            None => PathBuf::from(environment.home()?).join(".aws").join(name),
        };
        Some((path, kind))
    };
    let config = at("AWS_CONFIG_FILE", "config", FileKind::Config);
    let credentials = at("AWS_SHARED_CREDENTIALS_FILE", "credentials", FileKind::Credentials);
    config.into_iter().chain(credentials).collect()
}

/// All profiles, read on this thread. An error in words names the file.
pub(super) fn load(environment: &Environment) -> Result<Profiles, String> {
    let mut profiles = Profiles::default();
    for (path, kind) in files(environment) {
        if let Some(text) = read_text(&path)? {
            let file = path.display().to_string();
            profiles.add(&text, kind, &file).map_err(|why| format!("{file}, {why}"))?;
        }
    }
    Ok(profiles)
}

/// The credentials of the profile `given`, or if that is empty, of the chosen one.
pub(super) async fn fetch(sts: &Sts<'_>, given: &str) -> Result<Found, Miss> {
    let (name, is_named) = chosen(sts.environment, given);
    let environment = sts.environment.clone();
    let profiles = blocking(move || Ok(load(&environment)))
        .await
        .map_err(Miss::Failed)?
        .map_err(|why| failed(ErrorKind::Settings, format!("{why}; correct the file")))?;
    if profiles.get(&name).is_none() {
        let files: Vec<String> =
            files(sts.environment).iter().map(|(path, _)| path.display().to_string()).collect();
        let mut why = format!("no profile {name:?} in {}", files.join(" or "));
        for stray in profiles.strays() {
            why.push_str("; ");
            why.push_str(stray);
        }
        return Err(match is_named {
            true => failed(ErrorKind::Settings, why),
            false => Miss::Unset(why),
        });
    }
    let mut found = resolved(sts, &profiles, &name).await?;
    found.origin = format!("the profile {name:?}");
    Ok(found)
}

async fn resolved(sts: &Sts<'_>, profiles: &Profiles, name: &str) -> Result<Found, Miss> {
    let mut roles = Vec::new();
    let mut at = name;
    let mut found = loop {
        let Some(settings) = profiles.get(at) else {
            return Err(wrong(name, &format!("source_profile names {at:?}, which does not exist")));
        };
        let Some(role) = role_of(settings, at)? else {
            break own(settings, at).await?;
        };
        if let Some(file) = settings.get("web_identity_token_file") {
            break web_identity::assume(sts, &role, file).await?;
        }
        roles.push(role);
        if roles.len() > ROLES_MAX {
            let why = format!("it leads through more than {ROLES_MAX} roles, maybe in a circle");
            return Err(wrong(name, &why));
        }
        match (settings.get("source_profile"), settings.get("credential_source")) {
            // A role of the profile's own keys.
            (Some(source), _) if source == at => match keys(settings, at)? {
                Some(found) => break found,
                None => return Err(wrong(at, "it is its own source_profile and has no keys")),
            },
            (Some(source), _) => at = source,
            (None, Some(source)) => break named_source(sts, source, at).await?,
            (None, None) => {
                let why = "it has role_arn, but none of source_profile, credential_source and \
                    web_identity_token_file";
                return Err(wrong(at, why));
            }
        }
    };
    for role in roles.iter().rev() {
        sts.secrets.add_all(&found.credentials);
        found.credentials = sts.assume(role, &found.credentials).await?;
    }
    Ok(found)
}

fn role_of(settings: &Settings, profile: &str) -> Result<Option<Role>, Miss> {
    let Some(arn) = settings.get("role_arn") else { return Ok(None) };
    if settings.contains_key("mfa_serial") {
        return Err(unsupported(profile, "its role wants a code of a device (mfa_serial)"));
    }
    Ok(Some(Role {
        arn: arn.clone(),
        session_name: settings.get("role_session_name").cloned(),
        external_id: settings.get("external_id").cloned(),
        duration_seconds: settings.get("duration_seconds").cloned(),
    }))
}

/// Credentials of a profile without a role.
async fn own(settings: &Settings, profile: &str) -> Result<Found, Miss> {
    if let Some(found) = keys(settings, profile)? {
        return Ok(found);
    }
    if let Some(command) = settings.get("credential_process") {
        let credentials = process::run(command, profile).await?;
        return Ok(Found { credentials, origin: String::new() });
    }
    if settings.keys().any(|name| name.starts_with("sso_")) {
        return Err(unsupported(profile, "it signs in by SSO"));
    }
    if settings.contains_key("login_session") {
        return Err(unsupported(profile, "it signs in by a browser (login_session)"));
    }
    Err(Miss::Unset(format!("the profile {profile:?} holds no credentials")))
}

fn keys(settings: &Settings, profile: &str) -> Result<Option<Found>, Miss> {
    let value = |name: &str| settings.get(name).cloned().unwrap_or_default();
    let credentials = Credentials {
        access_key: value("aws_access_key_id"),
        secret_key: value("aws_secret_access_key"),
        session_token: value("aws_session_token"),
        // The file does not say. If the store says so, the file is read again.
        expires: None,
    };
    if credentials.access_key.is_empty() && credentials.secret_key.is_empty() {
        return Ok(None);
    }
    match credentials.fault() {
        Some(fault) => Err(wrong(profile, &fault)),
        None => Ok(Some(Found { credentials, origin: String::new() })),
    }
}

async fn named_source(sts: &Sts<'_>, source: &str, profile: &str) -> Result<Found, Miss> {
    let found = match source {
        "Environment" => environment::fetch(sts.environment),
        "Ec2InstanceMetadata" => instance::fetch(sts.environment, sts.secrets, true).await,
        "EcsContainer" => container::fetch(sts.environment, sts.secrets).await,
        _ => return Err(wrong(profile, &format!("its credential_source {source:?} is unknown"))),
    };
    found.map_err(|miss| match miss {
        Miss::Unset(why) => wrong(profile, &format!("its credential_source {source}: {why}")),
        failed => failed,
    })
}

fn wrong(profile: &str, why: &str) -> Miss {
    failed(ErrorKind::Settings, format!("in the profile {profile:?}, {why}; correct the profile"))
}

/// A profile that only the AWS CLI can use.
fn unsupported(profile: &str, why: &str) -> Miss {
    let is_plain = profile.chars().all(|c| c.is_alphanumeric() || "-_.@".contains(c));
    let option = if is_plain { format!(" --profile {profile}") } else { String::new() };
    let message = format!(
        "the profile {profile:?} cannot be used directly: {why}; export its credentials: \
         eval \"$(aws configure export-credentials{option} --format env)\", or let the profile do \
         it: credential_process = aws configure export-credentials{option}"
    );
    failed(ErrorKind::Settings, message)
}
