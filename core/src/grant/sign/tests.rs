use sha2::{Digest, Sha256};

use super::*;
use crate::text::hex;
use crate::upload_id_in;
use crate::{
    ErrorKind, GrantedWrite, KeyPrefix, LsnRange, LsnWidth, Method, ObjectKey, ReadGrant,
    Sha256Digest,
};

/// Of the example in the Amazon S3 API reference, "Authenticating Requests: Using Query
/// Parameters".
const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// Fri, 24 May 2013 00:00:00 GMT.
const EXAMPLE_MS: u64 = 1_369_353_600_000;

fn config() -> SignerConfig {
    SignerConfig {
        endpoint: "https://examplebucket.s3.amazonaws.com".to_owned(),
        bucket: "cold".to_owned(),
        region: "us-east-1".to_owned(),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        session_token: String::new(),
    }
}

fn signer() -> Signer {
    Signer::new(config()).unwrap()
}

fn key() -> (KeyPrefix, ObjectKey) {
    let prefix = KeyPrefix::new("data/").unwrap();
    let lsns = LsnRange::new(1, 9).unwrap();
    let key = ObjectKey::data(&prefix, 7, "a/b %+é", lsns, LsnWidth::Unpadded).unwrap();
    (prefix, key)
}

#[test]
fn the_string_to_sign_of_amazons_example_gets_its_signature() {
    let canonical = "GET\n/test.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&\
                     X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F\
                     us-east-1%2Fs3%2Faws4_request&\
                     X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&\
                     X-Amz-SignedHeaders=host\nhost:examplebucket.s3.amazonaws.com\n\n\
                     host\nUNSIGNED-PAYLOAD";
    let hash = hex(&Sha256::digest(canonical));
    assert_eq!(hash, "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04");
    assert_eq!(
        signer().signature("20130524T000000Z", canonical).unwrap(),
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

/// Signed with `rusty-s3` 0.11, an implementation of others', for the same key, time and headers.
const PATH: &str = "http://127.0.0.1:9000/base/cold/data/7/a%252Fb%2520%2525%252B%25C3%25A9/\
                    lsn-1-9.parquet?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
                    X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F\
                    eu-west-1%2Fs3%2Faws4_request&\
                    X-Amz-Date=20130524T000000Z&X-Amz-Expires=900&";

fn other_signer(session_token: &str) -> Signer {
    Signer::new(SignerConfig {
        endpoint: "http://127.0.0.1:9000/base".to_owned(),
        region: "eu-west-1".to_owned(),
        session_token: session_token.to_owned(),
        ..config()
    })
    .unwrap()
}

#[test]
fn a_whole_grant_of_a_put_is_what_another_implementation_signs() {
    let (prefix, key) = key();
    let terms = GrantTerms {
        bytes: Some(1_234),
        sha256: Some(Sha256Digest([7; 32])),
        ..GrantTerms::default()
    };
    let grant =
        other_signer("tok/en+=").grant_put(&prefix, &key, &terms, EXAMPLE_MS + 999).unwrap();
    let GrantedWrite::Put(put) = grant.write() else { panic!("{grant:?}") };
    assert_eq!(
        put.url(),
        format!(
            "{PATH}X-Amz-Security-Token=tok%2Fen%2B%3D&\
             X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match%3B\
             x-amz-checksum-sha256%3Bx-amz-meta-coldpress-sha256&\
             X-Amz-Signature=9bfabd46cc2a1b56435831c9739b5c28dbb62cfd8ddc98103823bef02202f1c4"
        )
    );
    let expected = [
        ("content-length", "1234"),
        ("content-type", "application/vnd.apache.parquet"),
        ("if-none-match", "*"),
        ("x-amz-checksum-sha256", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
        ("x-amz-meta-coldpress-sha256", &"07".repeat(32)),
    ];
    let headers: Vec<_> = put.headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(headers, expected);
    assert_eq!((grant.bytes_max(), grant.expires_ms()), (1_234, EXAMPLE_MS + 900_000));
    let check = other_signer("").grant_put(&prefix, &key, &terms, EXAMPLE_MS).unwrap();
    assert_eq!(
        check.check().url(),
        format!(
            "{PATH}X-Amz-SignedHeaders=host&\
             X-Amz-Signature=2f298abb97021eba32d3d82f8d69d080f392b891d1a275a556d1a738415933f4"
        )
    );
}

#[test]
fn so_are_the_requests_of_a_multipart_upload() {
    let ((prefix, key), signer) = (key(), other_signer(""));
    let terms = GrantTerms { bytes: Some(12 << 20), ..GrantTerms::default() };
    let begin = signer.begin_multipart(key.as_str(), &terms, EXAMPLE_MS).unwrap();
    assert_eq!(
        begin.url(),
        format!(
            "{PATH}X-Amz-SignedHeaders=content-type%3Bhost&uploads=&\
             X-Amz-Signature=27349638bd490a67badf917d78f4874ee47a2eac92b7b3bc1dcd9972e21772e4"
        )
    );
    let parts = Parts::of_file(12 << 20, 5 << 20).unwrap();
    assert_eq!(parts.count, 3);
    let unknown = GrantTerms::default();
    let grant =
        signer.grant_multipart(&prefix, &key, "id+/=&", parts, &unknown, EXAMPLE_MS).unwrap();
    let GrantedWrite::Multipart(multipart) = grant.write() else { panic!("{grant:?}") };
    assert_eq!(
        multipart.parts[1].url(),
        format!(
            "{PATH}X-Amz-SignedHeaders=host&partNumber=2&uploadId=id%2B%2F%3D%26&\
             X-Amz-Signature=441c8f43366a9e8aff4262500be3aeca736340f6a276e998ee464237fe1ffcee"
        )
    );
    assert_eq!(multipart.complete.header("if-none-match"), Some("*"));
    assert!(multipart.abort.url().contains("X-Amz-Expires=87300"), "{}", multipart.abort.url());

    let known = signer.grant_multipart(&prefix, &key, "id", parts, &terms, EXAMPLE_MS).unwrap();
    let GrantedWrite::Multipart(multipart) = known.write() else { panic!("{known:?}") };
    let lengths: Vec<_> =
        multipart.parts.iter().map(|part| part.header("content-length").unwrap()).collect();
    assert_eq!(lengths, ["5242880", "5242880", "2097152"]);
}

/// The signatures are of a few lines of Python that also sign Amazon's own example of a PUT.
#[test]
fn a_put_of_our_own_is_signed_with_its_content() {
    let put = |token, create_only| {
        let digest = Sha256Digest([7; 32]);
        other_signer(token).put_object(key().1.as_str(), create_only, digest, EXAMPLE_MS).unwrap()
    };
    for (request, signature) in [
        (put("tok/en+=", true), "2173915995d6c5fc4533e1b5f874b9885c7440fe03fe079f16188b2fc0b745ee"),
        (put("", false), "b92d39e305c005feef56d4fde10f0149a2cdcfe2229d7aac497be63da0694ba8"),
    ] {
        let authorization = request.header("authorization").unwrap();
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
        let path = PATH.split('?').next().unwrap();
        assert_eq!(request.url(), path);
        assert_eq!(request.header("x-amz-content-sha256"), Some("07".repeat(32).as_str()));
    }
    assert_eq!(put("", true).header("if-none-match"), Some("*"));
    assert_eq!(put("t", false).header("x-amz-security-token"), Some("t"));
}

#[test]
fn parts_fit_the_rules_of_s3() {
    let mib = 1 << 20;
    let small = Parts::of_file(1, 16 * mib).unwrap();
    assert_eq!(small, Parts { part_bytes: 16 * mib, count: 1 });
    let large = Parts::of_file(1 << 40, 16 * mib).unwrap();
    assert_eq!(large, Parts { part_bytes: 105 * mib, count: 9_987 });
    for (bytes, part_bytes) in
        [(0, mib), (20 * mib, mib), (20 * mib, 0), (u64::MAX, mib), (9 << 30, 6 << 30)]
    {
        assert!(Parts::of_file(bytes, part_bytes).is_err(), "{bytes} {part_bytes}");
    }
}

#[test]
fn terms_that_cannot_be_met_are_refused() {
    let ((prefix, key), signer) = (key(), signer());
    let grant = |terms| signer.grant_put(&prefix, &key, &terms, EXAMPLE_MS).unwrap_err().kind();
    let terms = GrantTerms::default();
    assert_eq!(grant(GrantTerms { lifetime_ms: 0, ..terms.clone() }), ErrorKind::Limit);
    assert_eq!(grant(GrantTerms { lifetime_ms: 604_800_001, ..terms.clone() }), ErrorKind::Limit);
    assert_eq!(grant(GrantTerms { bytes: Some((5 << 30) + 1), ..terms.clone() }), ErrorKind::Limit);
    assert_eq!(
        grant(GrantTerms { bytes: Some(11), bytes_max: 10, ..terms.clone() }),
        ErrorKind::Limit
    );
    assert_eq!(grant(GrantTerms { bytes: Some(0), ..terms.clone() }), ErrorKind::Settings);
    let micros = signer.grant_put(&prefix, &key, &terms, u64::MAX).unwrap_err();
    assert_eq!(micros.kind(), ErrorKind::Misuse);
    let parts = Parts { part_bytes: 5 << 20, count: 2 };
    let terms = GrantTerms { bytes: Some(11 << 20), ..terms };
    let error = signer.grant_multipart(&prefix, &key, "id", parts, &terms, EXAMPLE_MS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[test]
fn no_secret_shows_and_bad_settings_are_named() {
    let config = SignerConfig { session_token: "a-token".to_owned(), ..config() };
    let shown = format!("{:?} {config:?}", Signer::new(config.clone()).unwrap());
    for secret in [ACCESS_KEY, SECRET_KEY, "a-token"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for (wrong, part) in [
        (SignerConfig { bucket: String::new(), ..config.clone() }, "bucket"),
        (SignerConfig { bucket: "a/b".to_owned(), ..config.clone() }, "bucket"),
        (SignerConfig { bucket: "..".to_owned(), ..config.clone() }, "bucket"),
        (SignerConfig { region: "a b".to_owned(), ..config.clone() }, "region"),
        (SignerConfig { access_key: String::new(), ..config.clone() }, "access_key"),
        (SignerConfig { secret_key: "hush\n".to_owned(), ..config.clone() }, "secret_key"),
        (SignerConfig { session_token: "hush ".to_owned(), ..config.clone() }, "session_token"),
        (SignerConfig { endpoint: "h".to_owned(), ..config.clone() }, "endpoint"),
    ] {
        let error = Signer::new(wrong).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("hush"), "{error}");
    }
}

#[test]
fn the_upload_id_is_read_or_the_answer_refused() {
    let answer = |id: &str| {
        format!(
            "<?xml version=\"1.0\"?><InitiateMultipartUploadResult \
             xmlns=\"x\"><Key>k</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        )
    };
    assert_eq!(upload_id_in(&answer("a&amp;b")).unwrap(), "a&b");
    for bad in [answer(""), answer("a b"), "<html>".to_owned(), String::new()] {
        assert_eq!(upload_id_in(&bad).unwrap_err().kind(), ErrorKind::Corrupt, "{bad}");
    }
}

#[test]
fn a_page_of_a_listing_is_asked_for_with_names_percent_encoded() {
    let first = signer().list_objects("p/é b/", None, None, 60_000, EXAMPLE_MS).unwrap();
    assert_eq!(first.method(), Method::Get);
    let url = first.url();
    assert!(url.contains("/cold/?X-Amz-Algorithm="), "{url}");
    assert!(url.contains("&encoding-type=url&list-type=2&prefix=p%2F%C3%A9%20b%2F&"), "{url}");
    let next = signer().list_objects("p/", Some("/"), Some("a+/="), 60_000, EXAMPLE_MS).unwrap();
    let query =
        "&continuation-token=a%2B%2F%3D&delimiter=%2F&encoding-type=url&list-type=2&prefix=p%2F&";
    assert!(next.url().contains(query), "{}", next.url());
}

#[test]
fn a_grant_to_read_is_one_get_of_its_key() {
    let (prefix, key) = key();
    let terms = ReadTerms { lifetime_ms: 900_000, bytes: 1_234, etag: Some("\"abc\"".to_owned()) };
    let grant = other_signer("").grant_read(&prefix, &key, &terms, EXAMPLE_MS + 999).unwrap();
    assert_eq!((grant.key(), grant.bytes(), grant.etag()), (&key, 1_234, Some("\"abc\"")));
    assert_eq!(grant.expires_ms(), EXAMPLE_MS + 900_000);
    let get = grant.get();
    assert_eq!((get.method(), get.headers()), (Method::Get, &[][..]));
    let (url, signature) = get.url().split_once("&X-Amz-Signature=").unwrap();
    assert_eq!(url, format!("{PATH}X-Amz-SignedHeaders=host"));
    let canonical = format!(
        "GET\n{}\n{}\nhost:127.0.0.1:9000\n\nhost\nUNSIGNED-PAYLOAD",
        url.split_once('?').unwrap().0.strip_prefix("http://127.0.0.1:9000").unwrap(),
        url.split_once('?').unwrap().1,
    );
    let signed = other_signer("").signature("20130524T000000Z", &canonical).unwrap();
    assert_eq!(signature, signed);
    assert_eq!(ReadGrant::from_json(&grant.to_json()).unwrap(), grant);

    let weak = ReadTerms { etag: Some("W/\"abc\"".to_owned()), ..terms.clone() };
    assert!(signer().grant_read(&prefix, &key, &weak, EXAMPLE_MS).is_err());
    let log = ObjectKey::wal(&prefix, None, "1").unwrap();
    let error = signer().grant_read(&prefix, &log, &terms, EXAMPLE_MS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    let long = ReadTerms { lifetime_ms: 8 * 86_400_000, ..terms };
    let error = signer().grant_read(&prefix, &key, &long, EXAMPLE_MS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}
