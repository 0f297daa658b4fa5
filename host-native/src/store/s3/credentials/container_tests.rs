use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> Environment {
    let pairs: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment::new(move |name| {
        pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
    })
}

fn message(miss: &Miss) -> String {
    match miss {
        Miss::Unset(why) => why.clone(),
        Miss::Failed(error) => error.to_string(),
    }
}

/// Without encryption, a token goes to this machine and to nobody else.
#[test]
fn only_this_machine_is_asked_without_encryption() {
    for url in [
        "http://127.0.0.1:1/x",
        "http://localhost/x",
        "http://[::1]/x",
        "http://169.254.170.2/x",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "https://example.com/x",
    ] {
        assert_eq!(allowed(url).unwrap(), url);
    }
    for url in [
        "http://example.com/x",
        "http://169.254.169.254/x",
        "http://127.0.0.1.example.com/",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "/relative",
        "http://[::1",
    ] {
        assert!(message(&allowed(url).unwrap_err()).contains("correct it"), "{url}");
    }
}

#[tokio::test]
async fn the_service_of_ecs_is_asked_by_a_path() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ecs = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let body = r#"{"AccessKeyId":"AK","SecretAccessKey":"SK","Token":"ST"}"#;
        let length = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        String::from_utf8(head).unwrap()
    });
    let environment = variables(&[(RELATIVE, "/v2/credentials/a-b"), (FULL, "http://other/")]);
    let found = fetch_from(&environment, &Secrets::default(), &ecs).await.unwrap();
    assert_eq!(found.credentials.access_key, "AK");
    assert!(server.join().unwrap().starts_with("GET /v2/credentials/a-b HTTP/1.1\r\n"));
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let secrets = Secrets::default();
    for (pairs, part) in [
        (&[][..], "is set"),
        (&[(RELATIVE, "@evil.example/x")], "does not begin with a slash"),
        (&[(FULL, "https://h/"), (TOKEN, "a\r\nb: c")], "character"),
        (&[(FULL, "https://h/"), (TOKEN_FILE, "/no/such/file")], "does not exist"),
    ] {
        let miss = fetch(&variables(pairs), &secrets).await.unwrap_err();
        assert!(message(&miss).contains(part), "{pairs:?}: {}", message(&miss));
    }
}
