use super::*;

fn config(pairs: &'static [(&'static str, &'static str)]) -> ColdStorageConfig {
    let environment = Environment::new(move |name| {
        let found = pairs.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| (*value).to_owned())
    });
    ColdStorageConfig { environment, ..ColdStorageConfig::default() }
}

async fn refused(config: &ColdStorageConfig) -> Error {
    Chain::new(config, &Secrets::default()).fetch().await.unwrap_err()
}

const NO_INSTANCE: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "TRUE");

#[tokio::test]
async fn without_credentials_all_that_was_tried_is_listed_with_its_reason() {
    let error = refused(&config(&[NO_INSTANCE, ("HOME", "/no/such/home")])).await;
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
    for part in [
        "environment (AWS_ACCESS_KEY_ID is not set)",
        "profile (no profile \"default\" in /no/such/home/.aws/config or",
        "web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set)",
        "container (neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor",
        "instance role (AWS_EC2_METADATA_DISABLED is true)",
        "aws configure export-credentials --format env",
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_pinned_source_is_asked_alone() {
    for (source, part) in [
        (CredentialSource::Environment, "tried: environment (AWS_ACCESS_KEY_ID is not set);"),
        (CredentialSource::Instance, "tried: instance role (AWS_EC2_METADATA_DISABLED is true);"),
        (CredentialSource::Container, "tried: container (neither"),
        (CredentialSource::WebIdentity, "tried: web identity (AWS_WEB_IDENTITY"),
    ] {
        let config = ColdStorageConfig { credential_source: source, ..config(&[NO_INSTANCE]) };
        let error = refused(&config).await;
        assert!(error.to_string().contains(part), "{error}");
        let advises_keys = error.to_string().contains("set AWS_ACCESS_KEY_ID");
        assert_eq!(advises_keys, source == CredentialSource::Environment, "{error}");
    }
    let named = ColdStorageConfig {
        profile: "mine".to_owned(),
        ..config(&[("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "SK"), ("HOME", "/no")])
    };
    let error = refused(&named).await;
    assert!(error.to_string().contains("no profile \"mine\" in /no/.aws/config"), "{error}");
    assert!(error.to_string().contains("--profile"), "{error}");
    assert!(!error.to_string().contains("set AWS_ACCESS_KEY_ID"), "{error}");
}

/// Credentials of somebody else would be worse than none.
#[tokio::test]
async fn a_source_that_is_set_up_and_fails_ends_the_chain() {
    for (pairs, parts) in [
        (
            &[("AWS_SECRET_ACCESS_KEY", "SK-in-the-clear"), ("AWS_PROFILE", "x")][..],
            &["source environment", "AWS_ACCESS_KEY_ID is not set"][..],
        ),
        (
            &[("AWS_PROFILE", "x"), ("HOME", "/no"), ("AWS_ROLE_ARN", "r")],
            &["source profile", "tried before: environment"],
        ),
        (
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/token"), ("AWS_ROLE_ARN", "r")],
            &["source web identity", "/no/token does not exist"],
        ),
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/token")], &["AWS_ROLE_ARN is not; set both"]),
        (
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/")],
            &["source container", "not encrypted"],
        ),
        (
            &[("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "SK-in-the-clear x")],
            &["has a character that no credential has"],
        ),
    ] {
        let error = refused(&config(pairs)).await;
        for part in parts {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        assert!(!error.to_string().contains("in-the-clear"), "{error}");
    }
}
