//! A store and who grants for it, as far as an upload sees them: exact about rules, without a
//! network.

use std::collections::BTreeMap;

use coldpress_core::{
    Grant, GrantedWrite, KeyPrefix, LsnRange, LsnWidth, Method, MultipartGrant, ObjectKey,
    Sha256Digest, SignedRequest,
};

use crate::answer::Answer;
use crate::random::Random;

const META: &str = "x-amz-meta-coldpress-sha256";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub bytes: Vec<u8>,
    pub sha256: Option<String>,
}

#[derive(Debug, Default)]
pub struct Parts {
    pub parts: BTreeMap<usize, (String, Vec<u8>)>,
    sha256: Option<String>,
}

/// What the store was asked, as the wire has it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// How this store differs from others.
#[derive(Debug, Clone, Default)]
pub struct Manners {
    /// Its CORS rules hide all headers but the safe ones.
    pub hides_headers: bool,
    /// A refusal has a body that says why.
    pub explains: bool,
    /// Completing what is already completed: success again, instead of 404.
    pub completes_twice: bool,
    /// Every write is refused.
    pub denies: bool,
}

#[derive(Debug, Default)]
pub struct Store {
    pub manners: Manners,
    pub object: Option<Object>,
    /// How often an object was made by the upload under test.
    pub created: u32,
    pub uploads: BTreeMap<String, Parts>,
    uploads_begun: u32,
    completed: Vec<String>,
    /// Everything that was ever signed: what else comes is a fault of the machine.
    signed: BTreeMap<String, SignedRequest>,
    grants: u32,
}

/// What a grant is asked to be.
#[derive(Debug, Clone)]
pub struct Terms {
    pub expires_ms: u64,
    pub bytes_max: u64,
    pub part_bytes: Option<u64>,
    pub bytes: u64,
    pub sha256: Option<Sha256Digest>,
    pub upload_id: Option<String>,
    pub names_length: bool,
}

pub fn key() -> (KeyPrefix, ObjectKey) {
    let prefix = KeyPrefix::new("data/").unwrap();
    let lsns = LsnRange::new(1, 9).unwrap();
    let key = ObjectKey::data(&prefix, 7, "c", lsns, LsnWidth::Unpadded).unwrap();
    (prefix, key)
}

impl Store {
    pub fn new(manners: Manners) -> Self {
        Store { manners, ..Store::default() }
    }

    pub fn grant(&mut self, terms: &Terms) -> Grant {
        self.grants += 1;
        let (prefix, key) = key();
        let (number, expires_ms) = (self.grants, terms.expires_ms);
        let mut sign = |method, what: String, headers: Vec<(&str, String)>| {
            let url =
                format!("https://store.test/{key}?{what}&expires={expires_ms}&grant={number}");
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value));
            let request = SignedRequest::new(method, url.clone(), headers).unwrap();
            self.signed.insert(url, request.clone());
            request
        };
        let create_only = || vec![("if-none-match", "*".to_owned())];
        let sha256 = terms.sha256.map(|digest| digest.to_string());
        let write = match terms.part_bytes {
            None => {
                let mut headers = create_only();
                headers.extend(sha256.map(|hex| (META, hex)));
                if terms.names_length {
                    headers.push(("content-length", terms.bytes.to_string()));
                }
                GrantedWrite::Put(sign(Method::Put, "put".to_owned(), headers))
            }
            Some(part_bytes) => {
                let continued = terms.upload_id.clone().filter(|id| self.uploads.contains_key(id));
                let upload_id = continued.unwrap_or_else(|| {
                    self.uploads_begun += 1;
                    let id = format!("upload-{}", self.uploads_begun);
                    self.uploads.insert(id.clone(), Parts { sha256, ..Parts::default() });
                    id
                });
                let parts = (0..terms.bytes.div_ceil(part_bytes)).map(|i| {
                    let rest = (terms.bytes - i * part_bytes).min(part_bytes);
                    let length = terms.names_length.then(|| ("content-length", rest.to_string()));
                    sign(
                        Method::Put,
                        format!("part={i}&upload={upload_id}"),
                        length.into_iter().collect(),
                    )
                });
                GrantedWrite::Multipart(MultipartGrant {
                    part_bytes,
                    parts: parts.collect(),
                    complete: sign(
                        Method::Post,
                        format!("complete&upload={upload_id}"),
                        create_only(),
                    ),
                    abort: sign(Method::Delete, format!("abort&upload={upload_id}"), vec![]),
                    upload_id,
                })
            }
        };
        let check = sign(Method::Head, "check".to_owned(), vec![]);
        Grant::new(prefix, key.clone(), write, check, expires_ms, terms.bytes_max).unwrap()
    }

    /// Another writer, faster than us.
    pub fn occupy(&mut self, object: Object) {
        self.object.get_or_insert(object);
    }

    pub fn handle(&mut self, request: &Request, now_ms: u64, random: &mut Random) -> Answer {
        let signed =
            self.signed.get(&request.url).unwrap_or_else(|| panic!("not signed: {request:?}"));
        assert_eq!(signed.method(), request.method);
        assert_eq!(signed.headers(), request.headers, "headers that were not signed so");
        let query: BTreeMap<&str, &str> = request
            .url
            .split_once('?')
            .unwrap()
            .1
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let refused = |code: &str, message: &str, explains: bool| match explains {
            true => Answer::error(403, code, message),
            false => Answer { status: 403, ..Answer::default() },
        };
        let explains = self.manners.explains && request.method != Method::Head;
        if !query.contains_key("abort") && now_ms > query["expires"].parse().unwrap() {
            return refused("AccessDenied", "Request has expired", explains);
        }
        if self.manners.denies && request.method == Method::Put {
            return refused("AccessDenied", "Access Denied.", explains);
        }
        if let Some((_, length)) = request.headers.iter().find(|(name, _)| name == "content-length")
        {
            assert_eq!(*length, request.body.len().to_string(), "a body of another length");
        }
        match request.method {
            Method::Head => self.head(),
            Method::Put if query.contains_key("put") => self.put(request),
            Method::Put => {
                self.part(query["upload"], query["part"].parse().unwrap(), request, random)
            }
            Method::Post => self.complete(query["upload"], request),
            Method::Get => panic!("an upload lists nothing"),
            Method::Delete => match self.uploads.remove(query["upload"]) {
                Some(_) => Answer { status: 204, ..Answer::default() },
                None => Answer::error(404, "NoSuchUpload", "gone"),
            },
        }
    }

    fn head(&self) -> Answer {
        let Some(object) = &self.object else { return Answer { status: 404, ..Answer::default() } };
        let mut headers = vec![("Content-Length".to_owned(), object.bytes.len().to_string())];
        if let Some(sha256) = object.sha256.clone().filter(|_| !self.manners.hides_headers) {
            headers.push((META.to_owned(), sha256));
        }
        Answer { status: 200, headers, body: Vec::new() }
    }

    fn put(&mut self, request: &Request) -> Answer {
        if self.object.is_some() {
            return Answer::error(412, "PreconditionFailed", "there is one");
        }
        let sha256 =
            request.headers.iter().find(|(name, _)| name == META).map(|(_, hex)| hex.clone());
        self.create(Object { bytes: request.body.clone(), sha256 });
        Answer { status: 200, ..Answer::default() }
    }

    fn part(
        &mut self,
        upload_id: &str,
        i: usize,
        request: &Request,
        random: &mut Random,
    ) -> Answer {
        let Some(upload) = self.uploads.get_mut(upload_id) else {
            return Answer::error(404, "NoSuchUpload", "gone");
        };
        // As with some ways of encryption, the name says nothing of the content.
        let etag = format!("\"{:x}\"", random.below(u64::MAX));
        upload.parts.insert(i, (etag.clone(), request.body.clone()));
        let headers = match self.manners.hides_headers {
            true => vec![],
            false => vec![("ETag".to_owned(), etag)],
        };
        Answer { status: 200, headers, body: Vec::new() }
    }

    fn complete(&mut self, upload_id: &str, request: &Request) -> Answer {
        if self.manners.completes_twice && self.completed.iter().any(|id| id == upload_id) {
            return Answer { status: 200, ..Answer::default() };
        }
        let Some(upload) = self.uploads.get(upload_id) else {
            return Answer::error(404, "NoSuchUpload", "gone");
        };
        if self.object.is_some() {
            return Answer::error(412, "PreconditionFailed", "there is one");
        }
        let etags: Vec<&String> = upload.parts.values().map(|(etag, _)| etag).collect();
        let expected =
            coldpress_core::complete_multipart_body(etags.iter().map(|etag| etag.as_str()));
        if request.body != expected.into_bytes() {
            return Answer::error(400, "InvalidPart", "other parts");
        }
        let bytes = upload.parts.values().flat_map(|(_, bytes)| bytes.clone()).collect();
        let sha256 = upload.sha256.clone();
        self.uploads.remove(upload_id);
        self.completed.push(upload_id.to_owned());
        self.create(Object { bytes, sha256 });
        Answer {
            status: 200,
            headers: Vec::new(),
            body: b"<CompleteMultipartUploadResult/>".to_vec(),
        }
    }

    fn create(&mut self, object: Object) {
        assert!(self.object.is_none(), "overwritten");
        self.object = Some(object);
        self.created += 1;
    }
}
