use super::*;
use crate::error::ErrorKind;

fn s3() -> ColdStorageConfig {
    ColdStorageConfig {
        endpoint: "https://store.example".to_owned(),
        access_key: "AK-in-the-clear".to_owned(),
        secret_key: "SK-in-the-clear".to_owned(),
        session_token: "ST-in-the-clear".to_owned(),
        ..ColdStorageConfig::default()
    }
}

#[test]
fn the_defaults_are_those_of_the_seed() {
    let config = ColdStorageConfig::default();
    assert_eq!(config.bucket, "coldpress");
    assert_eq!(config.prefix, "data/");
    assert_eq!(config.region, "us-east-1");
    assert_eq!(config.settings.row_group_rows_max, 49_152);
    assert_eq!(config.local_dir, None);
    assert!(!config.allow_http && !config.allow_unconditional_put);
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", s3());
    assert!(!shown.contains("in-the-clear"), "{shown}");
    assert!(shown.contains("(hidden)") && shown.contains("https://store.example"));
    let config = ColdStorageConfig { endpoint: "https://u:pw@host".to_owned(), ..s3() };
    assert!(!format!("{config:?}").contains("pw@"), "{config:?}");
}

#[test]
fn a_faulty_configuration_is_refused_by_name_and_without_its_secrets() {
    let bad = [
        ("allow_http", ColdStorageConfig { endpoint: "http://h:1".to_owned(), ..s3() }),
        ("https://", ColdStorageConfig { endpoint: "host:9000".to_owned(), ..s3() }),
        ("https://", ColdStorageConfig { endpoint: "ftp://host".to_owned(), ..s3() }),
        ("host", ColdStorageConfig { endpoint: "https://".to_owned(), ..s3() }),
        ("host", ColdStorageConfig { endpoint: "https://a b".to_owned(), ..s3() }),
        ("host", ColdStorageConfig { endpoint: "https://h:99999".to_owned(), ..s3() }),
        ("host", ColdStorageConfig { endpoint: "https://h:port".to_owned(), ..s3() }),
        ("host", ColdStorageConfig { endpoint: "https://[::1".to_owned(), ..s3() }),
        ("user", ColdStorageConfig { endpoint: "https://u:in-the-clear@h".to_owned(), ..s3() }),
        ("query", ColdStorageConfig { endpoint: "https://h?k=in-the-clear".to_owned(), ..s3() }),
        ("bucket", ColdStorageConfig { bucket: String::new(), ..s3() }),
        ("bucket", ColdStorageConfig { bucket: "a/b".to_owned(), ..s3() }),
        ("bucket", ColdStorageConfig { bucket: "..".to_owned(), ..s3() }),
        ("region", ColdStorageConfig { region: String::new(), ..s3() }),
        ("AWS_ACCESS_KEY_ID", ColdStorageConfig { access_key: String::new(), ..s3() }),
        ("AWS_SECRET_ACCESS_KEY", ColdStorageConfig { secret_key: String::new(), ..s3() }),
        ("secret_key", ColdStorageConfig { secret_key: "in-the-clear\n".to_owned(), ..s3() }),
        ("session_token", ColdStorageConfig { session_token: "in the-clear".to_owned(), ..s3() }),
        ("timeout", ColdStorageConfig { timeout: Duration::ZERO, ..s3() }),
    ];
    for (word, config) in bad {
        let error = config.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
        assert!(error.to_string().contains(word), "{error} does not say {word}");
        assert!(!format!("{error} {error:?}").contains("the-clear"), "{error:?}");
    }
    let error = ColdStorageConfig { prefix: "../x".to_owned(), ..s3() }.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    let place = |endpoint: &str| {
        ColdStorageConfig { endpoint: endpoint.to_owned(), ..s3() }.check().unwrap().0
    };
    assert_eq!(
        place("https://Store.example:443/"),
        Place::S3 { endpoint: "https://store.example".to_owned() }
    );
    assert_eq!(
        place("https://bücher.example/a b"),
        Place::S3 { endpoint: "https://xn--bcher-kva.example/a%20b".to_owned() }
    );
}

#[test]
fn http_needs_allow_http() {
    let config =
        ColdStorageConfig { endpoint: "http://127.0.0.1:9".to_owned(), allow_http: true, ..s3() };
    let endpoint = "http://127.0.0.1:9".to_owned();
    assert_eq!(config.check().unwrap().0, Place::S3 { endpoint });
}

#[test]
fn the_default_folder_is_the_users_own() {
    let env = |xdg: Option<&'static str>, home: Option<&'static str>| {
        move |name: &str| match name {
            "XDG_DATA_HOME" => xdg.map(OsString::from),
            _ => home.map(OsString::from),
        }
    };
    assert_eq!(data_folder(env(Some("/x"), Some("/h"))).unwrap(), PathBuf::from("/x/coldpress"));
    let own = PathBuf::from("/h/.local/share/coldpress");
    for xdg in [None, Some(""), Some("relative")] {
        assert_eq!(data_folder(env(xdg, Some("/h"))).unwrap(), own);
    }
    let error = data_folder(env(None, Some(""))).unwrap_err();
    assert!(error.to_string().contains("local_dir"), "{error}");
}
