//! A store, as far as a put with own credentials sees one: exact about rules, without a network.

use std::collections::BTreeMap;

use coldpress_core::{Found, PutRule, StoreRequest, complete_multipart_body};

use crate::answer::Answer;
use crate::plan::Manners;
use crate::random::Random;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub bytes: Vec<u8>,
    /// Stored by the put under test.
    pub is_ours: bool,
}

/// What the store is asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub what: StoreRequest,
    pub body: Vec<u8>,
}

/// The parts of a multipart upload, with their ETags, by number.
type Parts = BTreeMap<usize, (String, Vec<u8>)>;

#[derive(Debug)]
pub struct Store {
    manners: Manners,
    pub object: Option<Object>,
    /// How often the put under test made an object, where none of its own lay.
    pub created: u32,
    pub uploads: BTreeMap<String, Parts>,
    uploads_begun: u32,
    completed: Vec<String>,
    /// An object of another writer was deleted.
    pub rival_is_gone: bool,
}

impl Store {
    pub fn new(manners: Manners) -> Self {
        Store {
            manners,
            object: None,
            created: 0,
            uploads: BTreeMap::new(),
            uploads_begun: 0,
            completed: Vec::new(),
            rival_is_gone: false,
        }
    }

    /// Another writer, who overwrites nothing.
    pub fn occupy(&mut self, bytes: Vec<u8>, sweeps: bool) {
        if self.object.is_some() {
            return;
        }
        self.object = Some(Object { bytes, is_ours: false });
        if sweeps {
            self.uploads.clear();
        }
    }

    pub fn delete_rival(&mut self) {
        if self.object.as_ref().is_some_and(|object| !object.is_ours) {
            self.object = None;
            self.rival_is_gone = true;
        }
    }

    /// What lies at the key, beside a body that has ended or not.
    pub fn found(&self, body: &[u8], is_ended: bool) -> Found {
        match &self.object {
            None => Found::Nothing,
            Some(_) if !is_ended => Found::Something,
            Some(object) if object.bytes == body => Found::Same,
            Some(object) => Found::Other { bytes_there: object.bytes.len() as u64 },
        }
    }

    pub fn handle(&mut self, request: &Request, random: &mut Random) -> Answer {
        match &request.what {
            StoreRequest::Put { create_only } => self.put(*create_only, request),
            StoreRequest::Begin => self.begin(),
            StoreRequest::Part { upload_id, number } => {
                self.part(upload_id, *number, request, random)
            }
            StoreRequest::Complete { upload_id } => self.complete(upload_id, request),
            StoreRequest::Abort { upload_id } => match self.uploads.remove(upload_id) {
                Some(_) => Answer { status: 204, ..Answer::default() },
                None => no_such_upload(),
            },
        }
    }

    fn put(&mut self, create_only: bool, request: &Request) -> Answer {
        let refuses = create_only && self.manners.whole_rule == PutRule::Conditional;
        if refuses && self.object.is_some() {
            return Answer::error(412, "PreconditionFailed", "there is one");
        }
        self.create(request.body.clone());
        Answer { status: 200, ..Answer::default() }
    }

    fn begin(&mut self) -> Answer {
        self.uploads_begun += 1;
        let id = format!("upload-{}", self.uploads_begun);
        let named = match self.manners.names_no_upload {
            true => String::new(),
            false => format!("<UploadId>{id}</UploadId>"),
        };
        self.uploads.insert(id, Parts::new());
        let body =
            format!("<InitiateMultipartUploadResult>{named}</InitiateMultipartUploadResult>");
        Answer { status: 200, headers: Vec::new(), body: body.into_bytes() }
    }

    fn part(
        &mut self,
        upload_id: &str,
        number: usize,
        request: &Request,
        random: &mut Random,
    ) -> Answer {
        let Some(parts) = self.uploads.get_mut(upload_id) else { return no_such_upload() };
        // As with some ways of encryption, the name says nothing of the content.
        let etag = format!("\"{:x}\"", random.below(u64::MAX));
        parts.insert(number, (etag.clone(), request.body.clone()));
        let etag = match random.chance(self.manners.bad_etags) {
            false => Some(etag),
            true if random.chance(50) => Some("\"of another part\"".to_owned()),
            true => None,
        };
        let headers = etag.into_iter().map(|etag| ("ETag".to_owned(), etag)).collect();
        Answer { status: 200, headers, body: Vec::new() }
    }

    fn complete(&mut self, upload_id: &str, request: &Request) -> Answer {
        if self.manners.completes_twice && self.completed.iter().any(|id| id == upload_id) {
            return Answer { status: 200, ..Answer::default() };
        }
        let Some(parts) = self.uploads.get(upload_id) else { return no_such_upload() };
        if self.manners.parts_rule == PutRule::Conditional && self.object.is_some() {
            return Answer::error(412, "PreconditionFailed", "there is one");
        }
        let expected = complete_multipart_body(parts.values().map(|(etag, _)| etag.as_str()));
        if parts.is_empty() || request.body != expected.into_bytes() {
            return Answer::error(400, "InvalidPart", "other parts");
        }
        let bytes = parts.values().flat_map(|(_, bytes)| bytes.clone()).collect();
        self.uploads.remove(upload_id);
        self.completed.push(upload_id.to_owned());
        self.create(bytes);
        Answer {
            status: 200,
            headers: Vec::new(),
            body: b"<CompleteMultipartUploadResult/>".to_vec(),
        }
    }

    fn create(&mut self, bytes: Vec<u8>) {
        // A store that overwrites gets the same put again where an answer was lost.
        let is_same_again =
            self.object.as_ref().is_some_and(|object| object.is_ours && object.bytes == bytes);
        self.created += u32::from(!is_same_again);
        self.object = Some(Object { bytes, is_ours: true });
    }
}

fn no_such_upload() -> Answer {
    Answer::error(404, "NoSuchUpload", "gone")
}
