//! Storing one object: the table of answers, and [`Put`], the machine that decides. A host drives
//! the machine and performs what it asks for.

mod abort;
mod action;
mod answers;
mod check;
mod chunks;
mod ending;
mod fault;
mod granting;
mod grants;
mod machine;
mod own;
mod own_state;
mod own_work;
mod progress;
mod question;
mod response;
mod settings;
mod stage;
mod telling;
mod verdict;
mod work;

pub use action::{Action, Found, OwnAction, PutRule, PutWay, RequestBody, StoreRequest, Uploaded};
pub use answers::{judge, judge_deleted};
pub use fault::PutFault;
pub use machine::Put;
pub use progress::{NextTry, Phase, Progress};
pub use question::FirstGrant;
pub use settings::{BufferPolicy, PutBody, UploadSettings};
pub use verdict::{Meaning, Next, SignedBy, StoreAnswer, StoreStep, Verdict};

#[cfg(test)]
#[path = "grant_tests.rs"]
mod tests;

#[cfg(test)]
mod own_tests;
