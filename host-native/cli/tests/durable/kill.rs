//! Kills the command at a request of its own: at the same place on every machine.

use std::process::{Command, Stdio};

use crate::common::child::{Running, run};
use crate::common::proxy::{Fault, FaultProxy, Reach, Rule};
use crate::harness::{LIMIT, Place, behind_proxy, wait_for};

/// The proxy that the command's requests pass.
pub struct Killer(FaultProxy);

impl Killer {
    /// A place whose command passes the proxy; its `bucket()` does not.
    pub fn before(prefix: &str, seed: u64) -> (Place<'static>, Self) {
        let (place, proxy) = behind_proxy(prefix, seed);
        (place, Killer(proxy))
    }

    /// Runs the command to its end, and counts its requests.
    #[track_caller]
    pub fn requests_of(&self, command: &mut Command) -> u64 {
        let before = self.0.counts().requests;
        run(command, LIMIT).ok();
        self.0.counts().requests - before
    }

    /// Kills the command at the request that comes after so many others, once so much of that one
    /// has reached the server. A command that asks for less runs to its end.
    #[track_caller]
    pub fn kill_after(&self, command: &mut Command, requests: u64, reach: Reach) {
        let stalled = self.0.counts().stalled;
        self.0.follow([Rule::new(Fault::Stall(reach)).after(requests).times(1)]);
        let mut running = Running::start(command.stdin(Stdio::null()));
        wait_for(|| self.0.counts().stalled > stalled || running.has_ended());
        running.kill();
        self.0.follow([]);
    }
}

/// How far the request gets at which this kill falls.
pub fn reach_of(kill: u64) -> Reach {
    [Reach::Nothing, Reach::Half, Reach::Whole][kill as usize % 3]
}
