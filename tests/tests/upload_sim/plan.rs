//! What stands in the way of one upload.

use coldpress_core::Sha256Digest;
use sha2::{Digest, Sha256};

use crate::random::Random;
use crate::store::{Manners, Object};

/// What a seed makes of the world.
#[derive(Debug)]
pub struct Plan {
    pub file: Vec<u8>,
    pub names_sha256: bool,
    pub names_length: bool,
    pub part_bytes: Option<u64>,
    pub lifetime_ms: u64,
    /// The client's clock is off by this.
    pub skew_ms: u64,
    /// Of a hundred requests, how many meet each kind of trouble.
    pub trouble: u64,
    pub grants_trouble: u64,
    /// After so many grants there are no more.
    pub grants_max: u64,
    pub outage: Option<(u64, u64)>,
    pub abort_at: Option<u64>,
    pub uploads_vanish_at: Option<u64>,
    pub rival: Option<(u64, Object)>,
    /// Nothing stands in the way but grants that expired before the upload began.
    pub is_good_day: bool,
}

pub fn digest(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(bytes).into())
}

impl Plan {
    pub fn new(random: &mut Random) -> Self {
        let file: Vec<u8> = (0..1 + random.below(60)).map(|_| random.below(256) as u8).collect();
        let begin = 1_000_000;
        let mut when =
            |percent, within: u64| random.chance(percent).then(|| begin + random.below(within));
        let (abort_at, uploads_vanish_at, rival_at) =
            (when(12, 8_000), when(6, 5_000), when(25, 3_000));
        let outage = when(15, 4_000)
            .map(|from| (from, from + random.pick(&[500, 5_000, 60_000, u64::MAX / 2])));
        let rival = rival_at.map(|at| {
            let mut bytes = file.clone();
            match random.below(3) {
                0 => {}
                1 => bytes[0] ^= 1,
                _ => bytes.push(7),
            }
            let sha256 = random.chance(75).then(|| digest(&bytes).to_string());
            let at = if random.chance(60) { 0 } else { at };
            (at, Object { bytes, sha256 })
        });
        let mut plan = Plan {
            is_good_day: false,
            file,
            names_sha256: random.chance(85),
            names_length: random.chance(50),
            part_bytes: random.chance(65).then_some(10),
            lifetime_ms: random.pick(&[50, 400, 2_000, 900_000, 900_000, 900_000]),
            skew_ms: random.pick(&[0, 0, 0, 3_600_000]),
            trouble: random.pick(&[0, 1, 4, 10, 20]),
            grants_trouble: random.pick(&[0, 0, 10, 50]),
            grants_max: random.pick(&[1, 2, 1_000, 1_000, 1_000]),
            outage,
            abort_at,
            uploads_vanish_at,
            rival,
        };
        plan.is_good_day = plan.trouble + plan.grants_trouble == 0
            && plan.grants_max > 2
            && plan.lifetime_ms > 2_000
            && plan.outage.is_none()
            && plan.abort_at.is_none()
            && plan.uploads_vanish_at.is_none()
            && plan.rival.is_none();
        plan
    }

    pub fn manners(random: &mut Random) -> Manners {
        Manners {
            hides_headers: random.chance(5),
            explains: random.chance(70),
            completes_twice: random.chance(30),
            denies: random.chance(3),
        }
    }
}
