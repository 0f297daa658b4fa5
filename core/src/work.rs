//! How much was looked at, for tests that prove what work grows with: a count is the same on every
//! machine, and time is not. Outside of tests it costs nothing.

#[cfg(test)]
thread_local! {
    static COUNTED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts so many steps.
#[inline(always)]
pub(crate) fn count(steps: usize) {
    #[cfg(test)]
    COUNTED.with(|counted| counted.set(counted.get() + steps as u64));
    #[cfg(not(test))]
    let _ = steps;
}

/// The steps that `work` takes on this thread.
#[cfg(test)]
pub(crate) fn of(work: impl FnOnce()) -> u64 {
    let before = COUNTED.get();
    work();
    COUNTED.get() - before
}
