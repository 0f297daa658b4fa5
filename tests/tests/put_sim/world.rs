//! One run: the machine, a host with a body that grows, a clock of our own, and a network and a
//! store that fail on purpose.

#[path = "host.rs"]
mod host;
#[path = "judge.rs"]
mod judge;
#[path = "wire.rs"]
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use coldpress_core::{Action, Found, OwnAction, Put, PutFault, PutRule, StoreRequest};

use crate::answer::Answer;
use crate::plan::{BEGIN_MS, Moment, Plan};
use crate::random::Random;
use crate::store::{Request, Store};
use host::Host;

const STEPS_MAX: u32 = 4_000;

#[derive(Debug)]
enum Event {
    /// The host goes on with its body.
    HostGoesOn,
    HostAborts,
    UploadsVanish,
    RivalComes,
    RivalGoes,
    Arrives {
        id: u64,
        request: Request,
        loses_answer: bool,
    },
    Answered {
        id: u64,
        answer: Answer,
    },
    Failed {
        id: u64,
    },
    Rule {
        id: u64,
        /// `None`: the host cannot find it out.
        rule: Option<PutRule>,
    },
    Looks {
        id: u64,
    },
    Compared {
        id: u64,
        /// `None`: the host cannot find it out.
        found: Option<Found>,
    },
}

/// What is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Doing {
    Sending(StoreRequest),
    Asking,
}

pub struct World {
    seed: u64,
    plan: Plan,
    random: Random,
    now_ms: u64,
    store: Store,
    host: Host,
    events: BTreeMap<(u64, u64), Event>,
    events_made: u64,
    under_way: BTreeMap<u64, Doing>,
    cancelled: BTreeSet<u64>,
    /// Multipart uploads whose names the machine was told.
    heard: BTreeSet<String>,
    /// When each request was sent for the first time, by what it asks.
    first_tries: BTreeMap<String, u64>,
    /// How many requests have reached the store.
    arrived: u32,
    /// The machine was told that the key is free.
    has_looked: bool,
    gave_way: bool,
    log: Vec<String>,
}

/// How a run ended.
pub struct Ended {
    pub outcome: Result<bool, PutFault>,
    pub left_open: bool,
    pub may_have_double: bool,
    pub gave_way: bool,
    pub looked_first: bool,
    pub steps: u32,
    pub duration_ms: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::new(&mut random);
        let store = Store::new(plan.manners.clone());
        World {
            seed,
            plan,
            random,
            now_ms: BEGIN_MS,
            store,
            host: Host::default(),
            events: BTreeMap::new(),
            events_made: 0,
            under_way: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            heard: BTreeSet::new(),
            first_tries: BTreeMap::new(),
            arrived: 0,
            has_looked: false,
            gave_way: false,
            log: Vec::new(),
        }
    }

    /// Runs to the end and checks what must hold for every seed.
    pub fn run(mut self) -> Ended {
        self.plan_events();
        let settings = self.plan.settings.clone();
        let mut put = Put::own(self.plan.part_bytes, settings, self.seed, self.now_ms).unwrap();
        let mut steps = 0;
        loop {
            self.act(&mut put);
            if put.own_outcome().is_some() {
                break;
            }
            steps += 1;
            assert!(steps < STEPS_MAX, "{}", self.told("does not end"));
            self.step(&mut put);
        }
        self.judge_outcome(&mut put);
        let duration_ms = self.now_ms - BEGIN_MS;
        // What was still on its way arrives: nothing that is left behind may come of it.
        while let Some((_, event)) = self.events.pop_first() {
            if let Event::Arrives { request, .. } = event {
                self.store.handle(&request, &mut self.random);
            }
        }
        self.judge_store(&put);
        Ended {
            outcome: put.own_outcome().unwrap().clone(),
            left_open: !put.left_open().is_empty(),
            may_have_double: put.may_have_double(),
            gave_way: self.gave_way,
            looked_first: self.has_looked,
            steps,
            duration_ms,
        }
    }

    fn plan_events(&mut self) {
        let planned = [
            (self.plan.abort_at, Event::HostAborts),
            (self.plan.uploads_vanish_at, Event::UploadsVanish),
        ];
        for (at_ms, event) in planned {
            if let Some(at_ms) = at_ms {
                self.after(at_ms - BEGIN_MS, event);
            }
        }
        match self.plan.rival.as_ref().map(|rival| rival.moment) {
            Some(Moment::Before) => self.rival_comes(),
            Some(Moment::At(at_ms)) => self.after(at_ms - BEGIN_MS, Event::RivalComes),
            Some(Moment::BeforeRequest(_)) | None => {}
        }
    }

    fn after(&mut self, delay_ms: u64, event: Event) {
        self.events_made += 1;
        self.events.insert((self.now_ms + delay_ms, self.events_made), event);
    }

    /// Does what the machine and the host want done now.
    fn act(&mut self, put: &mut Put) {
        loop {
            let mut actions = 0;
            while let Some(action) = put.poll(self.now_ms) {
                actions += 1;
                assert!(actions < 200, "{}", self.told("wants without end"));
                self.perform(action, put);
            }
            self.drop_released(put);
            if !self.host_goes_on(put) {
                return;
            }
        }
    }

    fn perform(&mut self, action: Action, put: &Put) {
        match action {
            Action::Own(OwnAction::Send { id, request, body }) => {
                self.check_request(&request, &body, put);
                let body = self.bytes_of(body);
                self.log.push(format!("{} {id} {request:?}, {} bytes", self.now_ms, body.len()));
                self.under_way.insert(id, Doing::Sending(request.clone()));
                self.send(id, Request { what: request, body });
            }
            Action::Own(OwnAction::FindRule { id, way }) => {
                self.log.push(format!("{} {id} asks for the rule of {way:?}", self.now_ms));
                self.under_way.insert(id, Doing::Asking);
                self.find_rule(id, way);
            }
            Action::Own(OwnAction::Compare { id }) => {
                self.log.push(format!("{} {id} compares", self.now_ms));
                self.under_way.insert(id, Doing::Asking);
                let delay_ms = 1 + self.random.below(40);
                self.after(delay_ms, Event::Looks { id });
            }
            Action::Cancel { id } => {
                self.log.push(format!("{} cancels {id}", self.now_ms));
                self.under_way.remove(&id);
                self.cancelled.insert(id);
            }
            other => panic!("{}", self.told(&format!("wants {other:?}"))),
        }
    }

    /// Lets time pass until something happens.
    fn step(&mut self, put: &mut Put) {
        let timeout = put.next_timeout();
        if let Some(timeout_ms) = timeout {
            assert!(timeout_ms > self.now_ms, "{}", self.told("waits for the past"));
        }
        let event = self.events.keys().next().map(|(at_ms, _)| *at_ms);
        let next = [timeout, event].into_iter().flatten().min();
        let Some(next_ms) = next else { panic!("{}", self.told("hangs")) };
        self.now_ms = self.now_ms.max(next_ms);
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > self.now_ms {
                break;
            }
            let event = entry.remove();
            self.happen(put, event);
        }
        let progress = put.progress();
        assert!(progress.sent_bytes <= progress.total_bytes, "{}", self.told("sent too much"));
    }

    fn happen(&mut self, put: &mut Put, event: Event) {
        let now_ms = self.now_ms;
        match event {
            // Acting comes next.
            Event::HostGoesOn => {}
            Event::HostAborts => {
                self.log.push(format!("{now_ms} the host aborts"));
                put.abort(now_ms);
            }
            Event::UploadsVanish => {
                self.log.push(format!("{now_ms} uploads vanish"));
                self.store.uploads.clear();
            }
            Event::RivalComes => self.rival_comes(),
            Event::RivalGoes => {
                self.log.push(format!("{now_ms} the rival's object is deleted"));
                self.store.delete_rival();
            }
            Event::Arrives { id, request, loses_answer } => {
                self.arrives(id, &request, loses_answer);
            }
            Event::Answered { id, answer } => {
                self.log.push(format!("{now_ms} {id} is answered {}", answer.status));
                self.hear(id, &answer);
                put.handle_response(id, answer.status, &answer.headers, &answer.body, now_ms);
            }
            Event::Failed { id } => {
                self.under_way.remove(&id);
                put.handle_failure(id, "the connection was reset", now_ms);
            }
            Event::Rule { id, rule } => {
                self.under_way.remove(&id);
                match rule {
                    Some(rule) => put.handle_rule(id, rule, now_ms),
                    None => put.handle_unknown(id, now_ms),
                }
            }
            Event::Looks { id } => self.look(id),
            Event::Compared { id, found } => self.compared(put, id, found),
        }
    }

    fn rival_comes(&mut self) {
        let Some(rival) = self.plan.rival.clone() else { return };
        self.log.push(format!("{} the rival comes", self.now_ms));
        self.store.occupy(rival.bytes, rival.sweeps);
        if let Some(delay_ms) = rival.gone_after_ms {
            self.after(delay_ms, Event::RivalGoes);
        }
    }

    fn told(&self, what: &str) -> String {
        let log = self.log.join("\n");
        format!("seed {}: {what}\n{:?}\n{log}", self.seed, self.plan)
    }
}
