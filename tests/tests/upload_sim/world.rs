//! One run: the machine, a clock of our own, a network and a store that fail on purpose.

#[path = "trouble.rs"]
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coldpress_core::{
    Action, Error, ErrorKind, Grant, GrantedWrite, Put, PutBody, RequestBody, UploadSettings,
    Uploaded,
};

use crate::answer::Answer;
use crate::plan::{Plan, digest};
use crate::random::Random;
use crate::store::{Request, Store, Terms, key};

const STEPS_MAX: u32 = 4_000;

#[derive(Debug)]
enum Event {
    Arrives { id: u64, request: Request, loses_answer: bool },
    Answered { id: u64, answer: Answer },
    Failed { id: u64 },
    Granted { grant: Box<Grant> },
    NotGranted { kind: ErrorKind, retry_after_ms: Option<u64> },
}

pub struct World {
    seed: u64,
    plan: Plan,
    random: Random,
    now_ms: u64,
    store: Store,
    events: BTreeMap<(u64, u64), Event>,
    events_made: u64,
    cancelled: BTreeSet<u64>,
    grants_given: u64,
    /// Multipart uploads whose grant the machine was handed.
    known_uploads: BTreeSet<String>,
    log: Vec<String>,
}

/// How a run ended.
pub struct Ended {
    pub outcome: Result<Uploaded, Error>,
    pub left_open: bool,
    pub steps: u32,
    pub duration_ms: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::new(&mut random);
        let store = Store::new(Plan::manners(&mut random));
        World {
            seed,
            plan,
            random,
            now_ms: 1_000_000,
            store,
            events: BTreeMap::new(),
            events_made: 0,
            cancelled: BTreeSet::new(),
            grants_given: 0,
            known_uploads: BTreeSet::new(),
            log: Vec::new(),
        }
    }

    /// Runs to the end and checks what must hold for every seed.
    pub fn run(mut self) -> Ended {
        let mut upload = self.begin();
        let begun_ms = self.now_ms;
        let mut steps = 0;
        let outcome = loop {
            self.act(&mut upload);
            if let Some(outcome) = upload.outcome() {
                break outcome.clone();
            }
            steps += 1;
            assert!(steps < STEPS_MAX, "{}", self.told("does not end"));
            self.step(&mut upload);
        };
        let duration_ms = self.now_ms - begun_ms;
        let left_open = upload.left_open().to_vec();
        // What was still on its way arrives: nothing that is left behind may come of it.
        while let Some((_, event)) = self.events.pop_first() {
            if let Event::Arrives { request, .. } = event {
                self.store.handle(&request, self.now_ms, &mut self.random);
            }
        }
        self.judge(&outcome, &left_open);
        Ended { outcome, left_open: !left_open.is_empty(), steps, duration_ms }
    }

    fn begin(&mut self) -> Put {
        if self.plan.rival.as_ref().is_some_and(|(at, _)| *at == 0) {
            let (_, object) = self.plan.rival.take().unwrap();
            self.store.occupy(object);
        }
        let settings = UploadSettings {
            concurrency: 1 + self.random.below(4) as usize,
            retries_max: self.random.pick(&[0, 2, 5, 8]),
            backoff: Duration::from_millis(50),
            backoff_max: Duration::from_millis(2_000),
            retry_after_max: Duration::from_millis(10_000),
            timeout: Duration::from_millis(1_000),
            total_timeout: self.random.chance(20).then_some(Duration::from_secs(15)),
            ..UploadSettings::default()
        };
        let body = PutBody {
            bytes: self.plan.file.len() as u64,
            sha256: self.plan.names_sha256.then(|| digest(&self.plan.file)),
            key: self.random.chance(50).then(|| key().1),
        };
        let grant = self.random.chance(60).then(|| {
            let bytes_max = if self.random.chance(90) { 1_000 } else { 5 };
            let age_ms = self.random.pick(&[0, 0, 0, 1_000_000]);
            self.make_grant(bytes_max, None, age_ms)
        });
        if let Some(grant) = &grant {
            self.note_known(grant);
        }
        Put::new(body, grant, settings, self.seed, self.clock()).unwrap()
    }

    /// The client's clock.
    fn clock(&self) -> u64 {
        self.now_ms + self.plan.skew_ms
    }

    fn make_grant(&mut self, bytes_max: u64, upload_id: Option<String>, age_ms: u64) -> Grant {
        self.grants_given += 1;
        let terms = Terms {
            expires_ms: (self.now_ms + self.plan.lifetime_ms).saturating_sub(age_ms),
            bytes_max,
            part_bytes: self.plan.part_bytes,
            bytes: self.plan.file.len() as u64,
            sha256: self.plan.names_sha256.then(|| digest(&self.plan.file)),
            upload_id,
            names_length: self.plan.names_length,
        };
        self.store.grant(&terms)
    }

    fn note_known(&mut self, grant: &Grant) {
        if let GrantedWrite::Multipart(multipart) = grant.write() {
            self.known_uploads.insert(multipart.upload_id.clone());
        }
    }

    fn after(&mut self, delay_ms: u64, event: Event) {
        self.events_made += 1;
        self.events.insert((self.now_ms + delay_ms, self.events_made), event);
    }

    /// Does what the machine wants done now.
    fn act(&mut self, upload: &mut Put) {
        let mut actions = 0;
        while let Some(action) = upload.poll(self.clock()) {
            actions += 1;
            assert!(actions < 100, "{}", self.told("wants without end"));
            self.log.push(format!("{} {}", self.now_ms, described(&action)));
            match action {
                Action::Request { id, method, url, headers, body } => {
                    let body = match body {
                        RequestBody::Empty => Vec::new(),
                        RequestBody::Bytes(bytes) => bytes,
                        RequestBody::File(range) => {
                            self.plan.file[range.start as usize..range.end as usize].to_vec()
                        }
                    };
                    self.send(id, Request { method, url, headers, body });
                }
                Action::AskGrant { upload_id, .. } => self.ask(upload_id),
                Action::Own(own) => panic!("{}", self.told(&format!("wants {own:?}"))),
                Action::Cancel { id } => {
                    self.cancelled.insert(id);
                }
            }
        }
    }

    fn send(&mut self, id: u64, request: Request) {
        let delay_ms = 1 + self.random.below(40);
        let trouble = self.plan.trouble;
        if self.random.chance(trouble) {
            // Lost on the way there: with an error, or in silence.
            if self.random.chance(50) {
                self.after(delay_ms, Event::Failed { id });
            }
            return;
        }
        let slow_ms = if self.random.chance(trouble) { 800 + self.random.below(3_000) } else { 0 };
        let loses_answer = self.random.chance(trouble);
        self.after(delay_ms + slow_ms, Event::Arrives { id, request, loses_answer });
    }

    fn ask(&mut self, upload_id: Option<String>) {
        let delay_ms = 1 + self.random.below(60);
        if self.grants_given >= self.plan.grants_max {
            let kind = self.random.pick(&[ErrorKind::Expired, ErrorKind::Denied]);
            return self.after(delay_ms, Event::NotGranted { kind, retry_after_ms: None });
        }
        if self.random.chance(self.plan.grants_trouble) {
            let retry_after_ms = self.random.pick(&[None, Some(300), Some(60_000)]);
            match self.random.below(3) {
                0 => self.after(
                    delay_ms,
                    Event::NotGranted { kind: ErrorKind::Unavailable, retry_after_ms },
                ),
                1 => {
                    // The answer is lost, and with it what was begun.
                    self.make_grant(1_000, upload_id, 0);
                }
                _ => {}
            }
            return;
        }
        let continued = upload_id.filter(|_| self.random.chance(85));
        let grant = self.make_grant(1_000, continued, 0);
        let slow_ms = if self.random.chance(self.plan.trouble) { 2_000 } else { 0 };
        if self.random.chance(self.plan.trouble) {
            self.after(delay_ms + slow_ms + 30, Event::Granted { grant: Box::new(grant.clone()) });
        }
        self.after(delay_ms + slow_ms, Event::Granted { grant: Box::new(grant) });
    }

    /// Lets time pass until something happens.
    fn step(&mut self, upload: &mut Put) {
        let timeout = upload.next_timeout();
        if let Some(timeout_ms) = timeout {
            assert!(timeout_ms > self.clock(), "{}", self.told("waits for the past"));
        }
        let timeout = timeout.map(|ms| ms - self.plan.skew_ms);
        let event = self.events.keys().next().map(|(at, _)| *at);
        let planned = [
            self.plan.abort_at,
            self.plan.uploads_vanish_at,
            self.plan.rival.as_ref().map(|(at, _)| *at),
        ];
        let planned = planned.into_iter().flatten().min();
        let next = [timeout, event].into_iter().flatten().min();
        let Some(next_ms) = next else { panic!("{}", self.told("hangs")) };
        self.now_ms = self.now_ms.max(planned.map_or(next_ms, |planned| planned.min(next_ms)));
        if self.plan.rival.as_ref().is_some_and(|(at, _)| self.now_ms >= *at) {
            let (_, object) = self.plan.rival.take().unwrap();
            self.store.occupy(object);
        }
        if self.plan.uploads_vanish_at.is_some_and(|at| self.now_ms >= at) {
            self.plan.uploads_vanish_at = None;
            self.store.uploads.clear();
        }
        if self.plan.abort_at.is_some_and(|at| self.now_ms >= at) {
            self.plan.abort_at = None;
            self.log.push(format!("{} abort", self.now_ms));
            upload.abort(self.clock());
        }
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > self.now_ms {
                break;
            }
            let event = entry.remove();
            self.happen(upload, event);
        }
    }

    fn happen(&mut self, upload: &mut Put, event: Event) {
        let clock = self.clock();
        match event {
            Event::Arrives { id, request, loses_answer } => {
                if self.cancelled.contains(&id) && self.random.chance(60) {
                    return;
                }
                let Some(answer) = self.arrive(&request) else {
                    return self.after(1, Event::Failed { id });
                };
                self.log.push(format!("{} {id} -> {}", self.now_ms, answer.status));
                if loses_answer {
                    if self.random.chance(50) {
                        self.after(5, Event::Failed { id });
                    }
                    return;
                }
                if self.random.chance(self.plan.trouble) {
                    let again = self.random.below(2_000);
                    self.after(again, Event::Answered { id, answer: answer.clone() });
                }
                let delay_ms = 1 + self.random.below(20);
                self.after(delay_ms, Event::Answered { id, answer });
            }
            Event::Answered { id, answer } => {
                upload.handle_response(id, answer.status, &answer.headers, &answer.body, clock);
            }
            Event::Failed { id } => upload.handle_failure(id, "the connection was reset", clock),
            Event::Granted { grant } => {
                self.note_known(&grant);
                self.log.push(format!("{} granted", self.now_ms));
                upload.handle_grant(*grant, clock);
            }
            Event::NotGranted { kind, retry_after_ms } => {
                upload.handle_grant_failure(kind, "no grant", retry_after_ms, clock);
            }
        }
    }

    fn judge(&self, outcome: &Result<Uploaded, Error>, left_open: &[String]) {
        let file = &self.plan.file;
        assert!(self.store.created <= 1, "{}", self.told("stored twice"));
        let open: Vec<&String> =
            self.store.uploads.keys().filter(|id| self.known_uploads.contains(*id)).collect();
        for id in &open {
            assert!(left_open.contains(id), "{}", self.told(&format!("{id} stays open unsaid")));
        }
        if !left_open.is_empty() && self.plan.trouble == 0 && self.plan.outage.is_none() {
            panic!("{}", self.told("did not abort though nothing was in the way"));
        }
        let manners = &self.store.manners;
        if self.plan.is_good_day && manners.explains && !manners.hides_headers && !manners.denies {
            assert!(
                matches!(outcome, Ok(uploaded) if uploaded.created),
                "{}",
                self.told("failed on a good day")
            );
        }
        match outcome {
            Ok(uploaded) => {
                let object = self.store.object.as_ref().expect("success without an object");
                assert_eq!(&object.bytes, file, "{}", self.told("success, and other bytes"));
                assert_eq!(uploaded.bytes, file.len() as u64);
                assert_eq!(uploaded.key, key().1);
                assert!(
                    !uploaded.created || self.store.created == 1,
                    "{}",
                    self.told("not created")
                );
            }
            Err(error) => {
                let text = error.to_string();
                for id in left_open {
                    assert!(
                        text.contains(id.as_str()),
                        "{}",
                        self.told(&format!("does not name {id}: {text}"))
                    );
                }
                if self.store.created == 1 {
                    assert_eq!(&self.store.object.as_ref().unwrap().bytes, file);
                    let unsure = ["not known", "does not show"];
                    assert!(
                        unsure.iter().any(|part| text.contains(part)),
                        "{}",
                        self.told(&format!("stored, and the error does not say so: {text}"))
                    );
                }
                let same = self.store.object.as_ref().is_some_and(|object| &object.bytes == file);
                if error.kind() == ErrorKind::Conflict {
                    assert!(!same, "{}", self.told("a conflict with itself"));
                }
            }
        }
    }

    fn told(&self, what: &str) -> String {
        let log = self.log.join("\n");
        format!("seed {}: {what}\n{:#?}\n{:?}\n{log}", self.seed, self.plan, self.store.manners)
    }
}

fn described(action: &Action) -> String {
    match action {
        Action::Request { id, method, url, .. } => format!("{id} {method} {url}"),
        other => format!("{other:?}"),
    }
}
