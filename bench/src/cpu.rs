//! The processor time this process has used, and the processor it stays on.

use std::io;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// User and system time of all threads of this process.
pub fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// What `work` gives, and the processor seconds it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = process_time();
    let result = work();
    (result, (process_time().saturating_sub(start)).as_secs_f64())
}

/// The highest-numbered processor this process may use: the first ones serve most interrupts.
///
/// # Errors
///
/// Where the system does not say.
pub fn last_allowed() -> io::Result<usize> {
    let allowed = sched_getaffinity(None)?;
    (0..CpuSet::MAX_CPU)
        .rev()
        .find(|&cpu| allowed.is_set(cpu))
        .ok_or_else(|| io::Error::other("this process may use no processor at all"))
}

/// Keeps this process on one processor, whatever threads it starts.
///
/// # Errors
///
/// Where the process may not use that processor.
pub fn stay_on(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_counts_in_whichever_thread_it_is_done() {
        let spin = || (0..20_000_000_u64).fold(0, |a, b| std::hint::black_box(a ^ b));
        let (sum, here) = timed(spin);
        assert!(here > 0.001, "{sum}");
        let (sum, elsewhere) = timed(|| std::thread::spawn(spin).join().unwrap());
        assert!(elsewhere > 0.001, "{sum}");
    }

    #[test]
    fn a_processor_can_be_had() {
        stay_on(last_allowed().unwrap()).unwrap();
        assert!(stay_on(CpuSet::MAX_CPU - 1).is_err());
    }
}
