use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::store::error::StoreErrors;
use crate::store::secrets::Origin;

/// Answers each request with the next of these, and then always with the last one.
#[derive(Debug)]
struct Script(Mutex<VecDeque<(u16, Option<&'static str>, &'static str)>>);

#[async_trait]
impl HttpService for Script {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut script = self.0.lock().unwrap();
        let (status, retry_after, body) = match script.len() {
            1 => script[0],
            _ => script.pop_front().unwrap(),
        };
        if status == 0 {
            return Err(HttpError::new(HttpErrorKind::Unknown, std::io::Error::other("cut")));
        }
        let mut response = http::Response::builder().status(status);
        if let Some(retry_after) = retry_after {
            response = response.header("retry-after", retry_after);
        }
        Ok(response.body(body.to_owned().into()).unwrap())
    }
}

fn request(method: &str, query: &str) -> HttpRequest {
    let uri = format!("http://s3.test/b/k?{query}");
    let body = object_store::client::HttpRequestBody::empty();
    http::Request::builder().method(method).uri(uri).body(body).unwrap()
}

/// The answer to a request, and how many milliseconds of paused time it took.
async fn asked(
    script: &[(u16, Option<&'static str>, &'static str)],
    method: &str,
    query: &str,
) -> (Result<u16, ErrorKind>, u64) {
    let inner = HttpClient::new(Script(Mutex::new(script.iter().copied().collect())));
    let patience = Duration::from_secs(30);
    let judging = Judging { inner, secrets: Secrets::default(), patience, renewal: None };
    let begun = tokio::time::Instant::now();
    let answered = judging.call(request(method, query)).await;
    let answered = answered.map(|response| response.status().as_u16()).map_err(|error| {
        let errors = StoreErrors {
            store: "the store".to_owned(),
            bucket: "b".to_owned(),
            secrets: Secrets::default(),
            origin: Origin::default(),
        };
        let error = object_store::Error::Generic { store: "S3", source: Box::new(error) };
        errors.error(&error, "ask", "k").kind()
    });
    (answered, begun.elapsed().as_millis() as u64)
}

const DONE: (u16, Option<&str>, &str) = (200, None, "");

#[tokio::test(start_paused = true)]
async fn temporary_failures_are_retried_for_every_request() {
    let passing = [
        (0, None, ""),
        (400, None, "<Error><Code>RequestTimeout</Code></Error>"),
        (400, None, "<Error><Code>IncompleteBody</Code></Error>"),
        (400, None, "<Error><Code>BadDigest</Code></Error>"),
        (400, None, "<Error><Code>XAmzContentSHA256Mismatch</Code></Error>"),
        (408, None, ""),
        (425, None, ""),
        (429, None, ""),
        (500, None, ""),
        (503, None, "<Error><Code>SlowDown</Code></Error>"),
        (503, Some("Fri, 01 Jan 2021 00:00:00 GMT"), ""),
        (503, Some("1"), ""),
    ];
    for miss in passing {
        for (method, query) in [("PUT", ""), ("GET", ""), ("POST", "delete"), ("HEAD", "")] {
            let (answered, ms) = asked(&[miss, miss, DONE], method, query).await;
            assert_eq!(answered, Ok(200), "{method} {miss:?}");
            if miss.1 == Some("1") {
                assert!(ms >= 2_000, "{ms}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_recovers_is_given_up_after_the_patience() {
    let (answered, ms) = asked(&[(503, None, "")], "PUT", "").await;
    assert_eq!(answered, Err(ErrorKind::Unavailable));
    assert!((20_000..=30_000).contains(&ms), "{ms}");
    // A pause that is longer than the patience does not begin.
    let (answered, ms) = asked(&[(503, Some("31"), "")], "PUT", "").await;
    assert_eq!((answered, ms), (Err(ErrorKind::Unavailable), 0));
    let (answered, ms) = asked(&[(0, None, "")], "GET", "").await;
    assert_eq!(answered, Err(ErrorKind::Unavailable));
    assert!(ms >= 20_000, "{ms}");
    // Damage that repeats does not come from the network.
    let damaged = (400, None, "<Error><Code>BadDigest</Code></Error>");
    let (answered, ms) = asked(&[damaged], "PUT", "").await;
    assert_eq!(answered, Err(ErrorKind::Corrupt));
    assert!(ms < 2_000, "{ms}");
}

#[tokio::test(start_paused = true)]
async fn a_final_answer_is_an_error_at_once_and_only_the_store_says_absent() {
    for (answer, method, expected) in [
        ((404, None, "<Error><Code>NoSuchKey</Code></Error>"), "GET", Ok(404)),
        ((404, None, "<Error><Code>NoSuchBucket</Code></Error>"), "GET", Err(ErrorKind::Settings)),
        ((404, None, "404 page not found"), "GET", Err(ErrorKind::Settings)),
        ((404, None, ""), "HEAD", Ok(404)),
        ((403, None, ""), "GET", Err(ErrorKind::Denied)),
        ((400, None, "<Error><Code>ExpiredToken</Code></Error>"), "GET", Err(ErrorKind::Denied)),
        ((301, None, ""), "GET", Err(ErrorKind::Settings)),
        ((501, None, ""), "PUT", Err(ErrorKind::Settings)),
        ((505, None, ""), "PUT", Err(ErrorKind::Settings)),
        ((304, None, ""), "GET", Ok(304)),
        ((412, None, ""), "PUT", Ok(412)),
        ((409, None, "<Error><Code>ConditionalRequestConflict</Code></Error>"), "PUT", Ok(412)),
    ] {
        let (answered, ms) = asked(&[answer], method, "").await;
        assert_eq!((answered, ms), (expected, 0), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_asked_for_again_where_it_was_cut() {
    let cut = (200, None, "<ListBucketResult><Contents>");
    let whole = (200, None, "<ListBucketResult></ListBucketResult>");
    let other = (200, None, "<html></html>");
    let error = (200, None, "<Error><Code>InternalError</Code></Error>");
    assert_eq!(asked(&[cut, error, whole], "GET", "list-type=2").await.0, Ok(200));
    assert_eq!(asked(&[cut], "GET", "list-type=2").await.0, Err(ErrorKind::Unavailable));
    let (answered, ms) = asked(&[other], "GET", "list-type=2").await;
    assert_eq!((answered, ms), (Err(ErrorKind::Settings), 0));
}

#[test]
fn only_a_whole_listing_passes() {
    let page = |inner: &str| format!("<?xml?><ListBucketResult>{inner}</ListBucketResult>\n");
    let check_listing = |body: &str| check_listing(body, Some("a/b==".to_owned()));
    assert!(check_listing(&page("")).is_ok());
    assert!(check_listing(&page("<IsTruncated>false</IsTruncated>")).is_ok());
    let more = "<IsTruncated>true</IsTruncated>";
    let token = "<NextContinuationToken>t</NextContinuationToken>";
    assert!(check_listing(&page(&format!("{more}{token}"))).is_ok());
    assert!(check_listing(&page(more)).is_err());
    assert!(check_listing(&page(&format!("{more}<NextMarker>t</NextMarker>"))).is_err());
    let circle = "<NextContinuationToken>a/b==</NextContinuationToken>";
    assert!(check_listing(&page(&format!("{more}{circle}"))).is_err());
    assert!(check_listing("<html></html>").is_err());
    assert!(check_listing("").is_err());
    assert_eq!(check_listing("<ListBucketResult><Contents></Contents>"), Err(WrongPage::Cut));
}

#[test]
fn parameters_are_decoded() {
    let query = "list-type=2&continuation-token=a%2Fb%3D%3D&x";
    assert_eq!(parameter(query, "continuation-token").as_deref(), Some("a/b=="));
    assert_eq!(parameter(query, "token"), None);
    assert_eq!(parameter("t=%zz", "t"), None);
    assert_eq!(parameter("t=a%", "t").as_deref(), Some("a%"));
}
