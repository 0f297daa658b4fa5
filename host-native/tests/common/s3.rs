//! The real contents of a bucket. A client of the tests' own asks and signs, so that no tested code
//! judges itself.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::client::{Answer, send_raw};
use super::seaweed::Seaweed;

/// A multipart upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenUpload {
    pub key: String,
    pub id: String,
}

/// One bucket.
pub struct Bucket<'s>(pub &'s Seaweed);

impl Bucket<'_> {
    /// The keys of all objects under the prefix, foreign ones too.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let mut keys = Vec::new();
        let mut after = String::new();
        loop {
            let query = [("list-type", "2"), ("prefix", prefix), ("start-after", &after)];
            let body = self.ask("GET", "", &query, b"").expect(200).body;
            let page = all(&body, "Key");
            keys.extend(page.iter().cloned());
            match page.last() {
                Some(last) if body.contains("<IsTruncated>true") => after.clone_from(last),
                _ => return keys,
            }
        }
    }

    /// Every multipart upload under the prefix that is still open.
    pub fn open_uploads(&self, prefix: &str) -> Vec<OpenUpload> {
        let query = [("uploads", ""), ("prefix", prefix), ("max-uploads", "1000")];
        let body = self.ask("GET", "", &query, b"").expect(200).body;
        assert!(!body.contains("<IsTruncated>true"), "more than a page of uploads: {body}");
        let uploads = all(&body, "Upload");
        uploads
            .iter()
            .map(|upload| OpenUpload {
                key: all(upload, "Key").remove(0),
                id: all(upload, "UploadId").remove(0),
            })
            .collect()
    }

    /// Begins a multipart upload with one part and leaves it open, as a crashed process does.
    pub fn abandon_upload(&self, key: &str) -> OpenUpload {
        let body = self.ask("POST", key, &[("uploads", "")], b"").expect(200).body;
        let id = all(&body, "UploadId").remove(0);
        let query = [("partNumber", "1"), ("uploadId", id.as_str())];
        self.ask("PUT", key, &query, &[7; 1_000]).expect(200);
        OpenUpload { key: key.to_owned(), id }
    }

    pub fn put(&self, key: &str, body: &[u8]) {
        self.ask("PUT", key, &[], body).expect(200);
    }

    pub fn delete(&self, key: &str) {
        self.ask("DELETE", key, &[], b"").expect(204);
    }

    /// The size of an object; `None` if it does not exist.
    pub fn size(&self, key: &str) -> Option<u64> {
        let answer = self.ask("HEAD", key, &[], b"");
        (answer.status == 200).then(|| answer.header("content-length").unwrap().parse().unwrap())
    }

    fn ask(&self, method: &str, key: &str, query: &[(&str, &str)], body: &[u8]) -> Answer {
        let server = self.0;
        let host = server.endpoint.strip_prefix("http://").unwrap();
        let path = match key {
            "" => format!("/{}", server.bucket),
            key => format!("/{}/{}", server.bucket, encoded(key, true)),
        };
        let time = amz_time();
        let day = &time[..8];
        let scope = format!("{day}/{}/s3/aws4_request", server.region);
        let credential = format!("{}/{scope}", server.access_key);
        let own = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &time),
            ("X-Amz-Expires", "600"),
            ("X-Amz-SignedHeaders", "host"),
        ];
        let pairs = own.iter().chain(query);
        let mut pairs: Vec<String> =
            pairs.map(|(n, v)| format!("{}={}", encoded(n, false), encoded(v, false))).collect();
        pairs.sort_unstable();
        let query = pairs.join("&");
        let canonical = format!("{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
        let hash = hex(&Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let mut signing = format!("AWS4{}", server.secret_key).into_bytes();
        for part in [day, &server.region, "s3", "aws4_request"] {
            signing = hmac(&signing, part.as_bytes());
        }
        let signature = hex(&hmac(&signing, text.as_bytes()));
        let url = format!("{}{path}?{query}&X-Amz-Signature={signature}", server.endpoint);
        send_raw(method, &url, &[], body)
    }
}

impl Answer {
    /// The same answer, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

fn amz_time() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 1970 as a date: Howard Hinnant's civil_from_days, for years after 1970.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// RFC 2104, with SHA-256.
pub fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], text].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner[..]].concat()).to_vec()
}

fn encoded(text: &str, slashes_stay: bool) -> String {
    let mut out = String::new();
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if slashes_stay => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The inner text of each element with this name.
fn all(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(&open).skip(1).filter_map(|rest| rest.split(&close).next());
    parts.map(|text| text.replace("&#34;", "\"").replace("&amp;", "&")).collect()
}
