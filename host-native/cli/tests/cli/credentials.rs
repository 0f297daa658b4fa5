//! Credentials: where the command finds them, what it says if there are none, and that it never
//! shows them.

use std::process::Command;

use crate::fake_aws::{NEVER, as_json, bucket_for, container, imds, parts_of, sts};
use crate::harness::{MOVIES, Place, Ran, contains_all, first_line};
use crate::seaweed::Seaweed;
use crate::stub::Bucket;

/// The command, against this endpoint; also what would show its secrets is switched on.
fn command(place: &Place, endpoint: &str, arguments: &[&str]) -> Command {
    let store = ["--store", "s3://data/p", "--endpoint", endpoint, "--allow-http"];
    let mut command = place.command(&[arguments, &store].concat());
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    command
}

#[track_caller]
fn ran(command: &mut Command) -> Ran {
    let ran = Ran::new(command.output().unwrap());
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains("in-the-clear"), "{text}");
    }
    ran
}

/// Puts and reads rows; every request must be signed by these credentials.
#[track_caller]
fn works(place: &Place, variables: &[(&str, &str)], options: &[&str], name: &str) {
    let bucket = Bucket::new(true);
    let [access_key, ..] = parts_of(name);
    let store = bucket_for(&bucket, move |key| key == access_key);
    let run = |arguments: &[&str]| {
        let mut command = command(place, &store.endpoint, &[arguments, options].concat());
        command.envs(variables.iter().copied());
        ran(&mut command).ok()
    };
    let key = first_line(&run(&["put", MOVIES, "-c", "c", "--append"]));
    assert_eq!(run(&["cat", &key]).lines().count(), 3_201, "{name}");
}

#[test]
fn every_source_signs_the_requests_and_no_output_shows_a_secret() {
    let place = Place::new();
    let (imds, sts) = (imds("instance"), sts());
    let task = container("CT-in-the-clear", || as_json("task", "Token", NEVER));
    place.write("jwt", "JWT-in-the-clear");
    place.write("printed", as_json("program", "SessionToken", NEVER));
    let [access_key, secret_key, token] = parts_of("base");
    place.write(
        "credentials",
        format!(
            "[default]\naws_access_key_id={access_key}\naws_secret_access_key={secret_key}\n\
             aws_session_token={token}\n"
        ),
    );
    place.write(
        "config",
        "[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = default\n\
         [profile program]\ncredential_process = cat printed\n",
    );
    let files = [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    let instance = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.endpoint.as_str()),
        ("AWS_EC2_METADATA_DISABLED", "false"),
    ];
    let task = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", task.endpoint.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "CT-in-the-clear"),
    ];
    let sts = [("AWS_ENDPOINT_URL_STS", sts.endpoint.as_str())];
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", "jwt"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")];
    let all = [&files[..], &instance, &task, &sts, &web].concat();

    works(&place, &instance, &[], "instance");
    works(&place, &[&instance[..], &task].concat(), &[], "task");
    works(&place, &[&instance[..], &task, &web, &sts].concat(), &[], "web");
    works(&place, &all, &[], "base");
    works(&place, &all, &["--profile", "role"], "role");
    works(&place, &[&all[..], &[("AWS_PROFILE", "program")]].concat(), &[], "program");
    for (source, name) in [
        ("profile", "base"),
        ("web-identity", "web"),
        ("container", "task"),
        ("instance", "instance"),
    ] {
        works(&place, &all, &["--credentials", source], name);
    }
    let [access_key, secret_key, token] = parts_of("env");
    let env = [
        ("AWS_ACCESS_KEY_ID", access_key.as_str()),
        ("AWS_SECRET_ACCESS_KEY", secret_key.as_str()),
        ("AWS_SESSION_TOKEN", token.as_str()),
    ];
    works(&place, &[&all[..], &env].concat(), &[], "env");
    works(&place, &[&all[..], &env].concat(), &["--credentials", "auto"], "env");
    works(&place, &[&all[..], &env].concat(), &["--profile", "default"], "base");
}

#[test]
fn without_credentials_the_command_says_what_it_tried_and_what_to_do() {
    let place = Place::new();
    let mut list = command(&place, "http://127.0.0.1:9", &["ls"]);
    let line = ran(&mut list).fails(2);
    contains_all(
        &line,
        &[
            "environment (AWS_ACCESS_KEY_ID is not set)",
            "profile (no profile \"default\" in /no/such/file",
            "web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set)",
            "container (",
            "instance role (AWS_EC2_METADATA_DISABLED is true)",
            "aws configure export-credentials --format env",
        ],
    );
    assert!(!line.contains("access_key"), "{line}");
    place.write("config", "[profile corp]\nsso_session = corp\nregion = eu-west-1\n");
    let mut sso = command(&place, "http://127.0.0.1:9", &["ls", "--profile", "corp"]);
    let line = ran(sso.env("AWS_CONFIG_FILE", "config")).fails(2);
    contains_all(&line, &["\"corp\"", "SSO", "export-credentials --profile corp --format env"]);
    place.write("config", "[profile corp]\ncredential_process = sh -c 'echo no MFA >&2; exit 1'\n");
    let mut process = command(&place, "http://127.0.0.1:9", &["ls", "--profile", "corp"]);
    let line = ran(process.env("AWS_CONFIG_FILE", "config")).fails(1);
    contains_all(&line, &["credential_process", "no MFA"]);
    place.write("config", "[profile corp]\nSK-in-the-clear\n");
    let mut broken = command(&place, "http://127.0.0.1:9", &["ls", "--profile", "corp"]);
    contains_all(&ran(broken.env("AWS_CONFIG_FILE", "config")).fails(2), &["config", "line 2"]);
}

/// The profile holds everything: keys, region and endpoint.
#[test]
fn a_profile_is_enough_for_a_real_server() {
    let (place, server) = (Place::new(), Seaweed::shared());
    place.write(
        "credentials",
        format!(
            "[mine]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            server.access_key, server.secret_key
        ),
    );
    place.write(
        "config",
        format!("[profile mine]\nregion = {}\nendpoint_url = {}\n", server.region, server.endpoint),
    );
    let run = |arguments: &[&str]| {
        let store = format!("s3://{}/profile", server.bucket);
        let options = ["--store", &store, "--allow-http", "--profile", "mine"];
        let mut command = place.command(&[arguments, &options].concat());
        command.env("AWS_CONFIG_FILE", "config").env("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        Ran::new(command.output().unwrap()).ok()
    };
    let key = first_line(&run(&["put", MOVIES, "-c", "c", "--append"]));
    assert_eq!(run(&["cat", &key]).lines().count(), 3_201);
}
