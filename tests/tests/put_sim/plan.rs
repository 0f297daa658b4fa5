//! What a seed makes of the world.

use std::time::Duration;

use coldpress_core::{BufferPolicy, PutRule, UploadSettings};

use crate::random::Random;

/// The world's clock begins here, in milliseconds.
pub const BEGIN_MS: u64 = 1_000_000;

#[derive(Debug)]
pub struct Plan {
    pub body: Vec<u8>,
    pub part_bytes: u64,
    pub settings: UploadSettings,
    pub host: HostPlan,
    pub manners: Manners,
    /// Of a hundred requests, how many meet each kind of trouble.
    pub trouble: u64,
    /// Of a hundred questions to the host, how many it cannot answer.
    pub host_trouble: u64,
    pub outage: Option<(u64, u64)>,
    /// Meanwhile the store says that another write of the key is under way.
    pub contention: Option<(u64, u64)>,
    pub abort_at: Option<u64>,
    pub uploads_vanish_at: Option<u64>,
    /// From then on, the credentials are refused.
    pub denied_from: Option<u64>,
    pub rival: Option<Rival>,
}

/// What the host does with the body.
#[derive(Debug)]
pub struct HostPlan {
    pub publishing: Publishing,
    /// The most bytes that are added to the body at a time.
    pub slice_max: u64,
    /// The longest pause between two slices, and before the object is published.
    pub pause_max_ms: u64,
}

/// When the host publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishing {
    /// Before the body has its first byte.
    First,
    /// Together with the end of the body.
    AtEnd,
    /// Later, whether the body is sent or not; it was not staged.
    Later,
    /// Later, when all of it is staged.
    Staged(BufferPolicy),
    /// As it was staged, but whether all is sent or not.
    StagedInHaste(BufferPolicy),
}

/// How this store differs from others.
#[derive(Debug, Clone)]
pub struct Manners {
    pub whole_rule: PutRule,
    pub parts_rule: PutRule,
    /// Completing what is already completed: success again, instead of 404.
    pub completes_twice: bool,
    /// Of a hundred parts, how many are answered without an ETag, or with a wrong one.
    pub bad_etags: u64,
    /// The answer to a beginning names no upload.
    pub names_no_upload: bool,
}

/// Another writer of the same key.
#[derive(Debug, Clone)]
pub struct Rival {
    pub bytes: Vec<u8>,
    pub moment: Moment,
    /// It removes the multipart uploads of the key when it has stored its object.
    pub sweeps: bool,
    /// Its object is deleted so long after it came.
    pub gone_after_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the put begins.
    Before,
    At(u64),
    /// Right before the store's answer to so many requests.
    BeforeRequest(u32),
}

impl Plan {
    pub fn new(random: &mut Random) -> Self {
        let body: Vec<u8> = (0..random.below(75)).map(|_| random.below(256) as u8).collect();
        let trouble = random.pick(&[0, 0, 1, 4, 10, 20]);
        let when = |random: &mut Random, percent, within: u64| {
            random.chance(percent).then(|| BEGIN_MS + random.below(within))
        };
        Plan {
            part_bytes: random.pick(&[10, 10, 10, 1, 7, 40]),
            settings: settings(random),
            host: HostPlan::new(random),
            manners: Manners::new(random),
            trouble,
            host_trouble: random.pick(&[0, 0, 0, 0, 20]),
            outage: when(random, 10, 4_000)
                .map(|from| (from, from + random.pick(&[500, 5_000, 60_000, u64::MAX / 2]))),
            contention: when(random, 8, 4_000)
                .map(|from| (from, from + random.pick(&[500, 5_000, 60_000]))),
            abort_at: when(random, 8, 6_000),
            uploads_vanish_at: when(random, 6, 4_000),
            denied_from: when(random, 5, 6_000),
            rival: random.chance(30).then(|| Rival::new(random, &body)),
            body,
        }
    }

    /// Whether nothing stands in the way but perhaps another writer.
    pub fn is_fair(&self) -> bool {
        self.trouble + self.host_trouble + self.manners.bad_etags == 0
            && self.settings.total_timeout.is_none()
            && self.outage.is_none()
            && self.contention.is_none()
            && self.abort_at.is_none()
            && self.uploads_vanish_at.is_none()
            && self.denied_from.is_none()
            && !self.manners.names_no_upload
    }
}

fn settings(random: &mut Random) -> UploadSettings {
    let patience_ms = random.pick(&[None, None, Some(0), Some(700), Some(4_000), Some(12_000)]);
    UploadSettings {
        concurrency: 1 + random.below(4) as usize,
        retries_max: match patience_ms {
            Some(1..) => random.pick(&[5, u32::MAX]),
            _ => random.pick(&[0, 2, 5, 8]),
        },
        patience: patience_ms.map(Duration::from_millis),
        backoff: Duration::from_millis(random.pick(&[50, 300])),
        backoff_max: Duration::from_secs(2),
        retry_after_max: Duration::from_secs(10),
        timeout: Duration::from_secs(1),
        total_timeout: random.chance(15).then_some(Duration::from_secs(8)),
        ..UploadSettings::default()
    }
}

impl HostPlan {
    fn new(random: &mut Random) -> Self {
        let policy = match random.chance(50) {
            true => BufferPolicy::Nothing,
            false => BufferPolicy::UpTo(random.pick(&[0, 3, 10, 50])),
        };
        HostPlan {
            publishing: random.pick(&[
                Publishing::First,
                Publishing::AtEnd,
                Publishing::AtEnd,
                Publishing::Later,
                Publishing::Staged(policy),
                Publishing::Staged(policy),
                Publishing::StagedInHaste(policy),
            ]),
            slice_max: random.pick(&[1, 5, 15, 100]),
            pause_max_ms: random.pick(&[1, 30, 400, 3_000]),
        }
    }

    /// The policy of a body that is staged.
    pub fn policy(&self) -> Option<BufferPolicy> {
        match self.publishing {
            Publishing::Staged(policy) | Publishing::StagedInHaste(policy) => Some(policy),
            Publishing::First | Publishing::AtEnd | Publishing::Later => None,
        }
    }
}

impl Manners {
    fn new(random: &mut Random) -> Self {
        let rules = [PutRule::Conditional, PutRule::Conditional, PutRule::LookFirst];
        Manners {
            whole_rule: random.pick(&rules),
            parts_rule: random.pick(&rules),
            completes_twice: random.chance(30),
            bad_etags: random.pick(&[0, 0, 0, 0, 0, 0, 0, 15]),
            names_no_upload: random.chance(2),
        }
    }
}

impl Rival {
    fn new(random: &mut Random, body: &[u8]) -> Self {
        let mut bytes = body.to_vec();
        match bytes.first_mut() {
            _ if random.chance(40) => {}
            Some(first) if random.chance(50) => *first ^= 1,
            _ => bytes.push(7),
        }
        Rival {
            bytes,
            moment: match random.below(3) {
                0 => Moment::Before,
                1 => Moment::At(BEGIN_MS + random.below(3_000)),
                _ => Moment::BeforeRequest(random.below(12) as u32),
            },
            sweeps: random.chance(60),
            gone_after_ms: random.chance(15).then(|| random.below(2_000)),
        }
    }
}
