//! Credentials from where people have them: each source by services of the tests' own on this
//! machine, and what happens when credentials expire.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod expiry;

use std::sync::OnceLock;

use coldpress::{
    ColdStorage, ColdStorageConfig, CredentialSource, Environment, ErrorKind, Projection,
};
use common::fake_aws::{NEVER, as_json, bucket_for, container, imds, parts_of, sts};
use common::signed::is_signed_by;
use common::stub::{Bucket, Reply, Stub};
use common::{Trace, rows, s3_config, shown};

/// A configuration without keys, and with these variables alone.
fn config(endpoint: &str, variables: &[(&str, &str)]) -> ColdStorageConfig {
    let variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment = Environment::new(move |name| {
        let found = variables.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.clone())
    });
    ColdStorageConfig {
        access_key: String::new(),
        secret_key: String::new(),
        session_token: String::new(),
        environment,
        ..s3_config(endpoint, "p/")
    }
}

/// Everything that is traced in this process.
fn trace() -> &'static Trace {
    static TRACE: OnceLock<Trace> = OnceLock::new();
    TRACE.get_or_init(|| {
        let trace = Trace::default();
        let writer = trace.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        trace
    })
}

fn is_free_of_secrets(text: &str) {
    if let Some(at) = text.find("in-the-clear") {
        let from = text[..at].rfind('\n').map_or(0, |line| line + 1);
        panic!("a secret shows: {}", &text[from..at + 12]);
    }
}

/// Puts, lists and reads rows, all signed by these credentials.
async fn works_with(
    variables: &[(&str, &str)],
    name: &str,
    alter: impl Fn(&mut ColdStorageConfig),
) {
    trace();
    let bucket = Bucket::new(true);
    let [access_key, ..] = parts_of(name);
    let store = bucket_for(&bucket, move |key| key == access_key);
    let mut config = config(&store.endpoint, variables);
    alter(&mut config);
    let storage = ColdStorage::new(config).unwrap();
    storage.require_credentials().await.unwrap();
    assert!(store.requests().is_empty());
    let key = storage.encode_and_upload("c", 1, &rows(3, 1), 0, 2).await.unwrap();
    assert_eq!(storage.list(1, "c", None).await.unwrap().len(), 1);
    assert_eq!(storage.read_rows(&key, &Projection::All).await.unwrap(), rows(3, 1));
    let [_, _, token] = parts_of(name);
    for request in store.requests() {
        let given = request.header("x-amz-security-token").map(str::to_owned);
        let given = given.or_else(|| request.parameter("X-Amz-Security-Token"));
        assert_eq!(given.as_deref(), Some(token.as_str()), "{request:?}");
    }
    is_free_of_secrets(&format!("{storage:?} {:?}", storage.object_store()));
    let traced = trace().text();
    assert!(traced.contains("got credentials"), "nothing was traced");
    is_free_of_secrets(&traced);
}

#[tokio::test]
async fn an_instance_gives_the_credentials_of_its_role_by_imds_v2() {
    let service = imds("instance");
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.endpoint.as_str())];
    works_with(&variables, "instance", |_| {}).await;
    let asked: Vec<_> =
        service.requests().iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    let roles = "GET /latest/meta-data/iam/security-credentials/";
    assert_eq!(
        asked,
        ["PUT /latest/api/token", roles, &format!("{roles}the-role")],
        "once for all requests"
    );
}

#[tokio::test]
async fn a_container_gives_credentials_for_the_token_of_a_file() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "Bearer CT-in-the-clear\n").unwrap();
    let service = container("Bearer CT-in-the-clear", || as_json("task", "Token", NEVER));
    let url = format!("{}/v1/credentials", service.endpoint);
    let file = token.path().to_str().unwrap();
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file),
    ];
    works_with(&variables, "task", |_| {}).await;
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn a_web_identity_gives_the_credentials_of_its_role() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "JWT-in-the-clear\n").unwrap();
    let service = sts();
    let variables = [
        ("AWS_ENDPOINT_URL_STS", service.endpoint.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod"),
    ];
    works_with(&variables, "web", |_| {}).await;
    let asked = service.requests();
    let form = String::from_utf8(asked[0].body.clone()).unwrap();
    assert!(form.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fpod"), "{form}");
    assert_eq!((asked.len(), asked[0].query.as_str()), (1, ""), "the token is not in the URL");
    assert_eq!(asked[0].header("authorization"), None);
}

/// A folder with the two files of AWS.
fn aws_folder(config: &str, credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    std::fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
    home
}

fn section(name: &str, of: &str) -> String {
    let [access_key, secret_key, session_token] = parts_of(of);
    format!(
        "[{name}]\naws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n\
         aws_session_token = {session_token}\n"
    )
}

#[tokio::test]
async fn a_profile_gives_its_keys_and_its_region() {
    let home = aws_folder("[profile work]\nregion = eu-west-7\n", &section("work", "work"));
    let home = home.path().to_str().unwrap();
    works_with(&[("HOME", home), ("AWS_PROFILE", "work")], "work", |_| {}).await;
    // The keys of the environment win over a profile that is only the environment's…
    let [access_key, secret_key, token] = parts_of("env");
    let both = [
        ("HOME", home),
        ("AWS_PROFILE", "work"),
        ("AWS_ACCESS_KEY_ID", access_key.as_str()),
        ("AWS_SECRET_ACCESS_KEY", secret_key.as_str()),
        ("AWS_SESSION_TOKEN", token.as_str()),
    ];
    works_with(&both, "env", |_| {}).await;
    // … but not over one that is named, or pinned.
    works_with(&both, "work", |config| config.profile = "work".to_owned()).await;
    let pin = |config: &mut ColdStorageConfig| {
        config.credential_source = CredentialSource::Profile;
    };
    works_with(&both, "work", pin).await;

    let defaults = |variables: &[(&str, &str)]| {
        config("https://s3.example", variables).aws_defaults().unwrap().region
    };
    assert_eq!(defaults(&both).as_deref(), Some("eu-west-7"));
    assert_eq!(defaults(&[both[0]]), None);
    assert_eq!(defaults(&[both[0], ("AWS_REGION", "us-west-1")]).as_deref(), Some("us-west-1"));
}

#[tokio::test]
async fn a_profile_assumes_a_role_with_the_keys_of_another() {
    let service = sts();
    let home = aws_folder(
        "[profile admin]\nrole_arn = arn:aws:iam::1:role/admin\nsource_profile = base\n\
         external_id = x y\nrole_session_name = me\n[profile circle]\nrole_arn = a\n\
         source_profile = circle2\n[profile circle2]\nrole_arn = b\nsource_profile = circle\n\
         [profile denied]\nrole_arn = arn:aws:iam::1:role/no\nsource_profile = other\n\
         [profile mfa]\nrole_arn = a\nmfa_serial = m\nsource_profile = base\n\
         [profile sso]\nsso_session = corp\n[profile bare]\nrole_arn = a\n",
        &(section("base", "base") + &section("other", "other")),
    );
    let variables = [
        ("HOME", home.path().to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", service.endpoint.as_str()),
    ];
    works_with(&variables, "role", |config| config.profile = "admin".to_owned()).await;
    let form = String::from_utf8(service.requests()[0].body.clone()).unwrap();
    assert_eq!(is_signed_by(&service.requests()[0], &parts_of("base")[1]), Some(true));
    assert!(form.contains("ExternalId=x+y") && form.contains("RoleSessionName=me"), "{form}");

    for (profile, kind, parts) in [
        ("circle", ErrorKind::Settings, &["circle"][..]),
        ("denied", ErrorKind::Denied, &["role/no", "AccessDenied", "(hidden)"]),
        ("mfa", ErrorKind::Settings, &["mfa_serial", "export-credentials --profile mfa"]),
        ("sso", ErrorKind::Settings, &["SSO", "export-credentials --profile sso --format env"]),
        ("bare", ErrorKind::Settings, &["source_profile, credential_source"]),
        ("nobody", ErrorKind::Settings, &["no profile \"nobody\"", ".aws/config"]),
    ] {
        let config =
            ColdStorageConfig { profile: profile.to_owned(), ..config("http://h", &variables) };
        let error = ColdStorage::new(config).unwrap().require_credentials().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(parts.iter().all(|part| error.to_string().contains(part)), "{error}");
        is_free_of_secrets(&shown(&error));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_gives_credentials() {
    let printed = tempfile::NamedTempFile::new().unwrap();
    let json = as_json("program", "SessionToken", NEVER);
    std::fs::write(printed.path(), json).unwrap();
    let command = format!("credential_process = cat \"{}\"\n", printed.path().display());
    let home = aws_folder(&format!("[default]\n{command}"), "");
    works_with(&[("HOME", home.path().to_str().unwrap())], "program", |_| {}).await;
}

#[tokio::test]
async fn what_a_service_answers_is_bounded_and_checked() {
    trace();
    for (body, part) in [
        (vec![b'x'; 10 << 20], "not JSON"),
        (b"{}".to_vec(), "missing"),
        (b"\xff\xfe".to_vec(), "not JSON"),
        (
            br#"{"AccessKeyId":"AK","SecretAccessKey":"SK","Token":"a\r\nx-evil: b"}"#.to_vec(),
            "character",
        ),
    ] {
        let service = Stub::start(move |_| Reply::ok(body.clone()));
        let url = format!("{}/x", service.endpoint);
        let config = config("http://h", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)]);
        let error = ColdStorage::new(config).unwrap().require_credentials().await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    // A token of ours does not follow a redirect.
    let other = Stub::start(|_| Reply::ok(as_json("evil", "Token", NEVER)));
    let elsewhere = other.endpoint.clone();
    let service = Stub::start(move |_| Reply::Headed {
        status: 307,
        headers: vec![("Location", elsewhere.clone())],
        claimed: 0,
        body: Vec::new(),
    });
    let config = config(
        "http://h",
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.endpoint.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "CT-in-the-clear"),
        ],
    );
    let error = ColdStorage::new(config).unwrap().require_credentials().await.unwrap_err();
    assert!(error.to_string().contains("307"), "{error}");
    assert!(other.requests().is_empty());
}
