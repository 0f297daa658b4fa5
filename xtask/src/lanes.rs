//! Runs the steps of the test: two lanes side by side, and a summary at the end.

use std::thread;
use std::time::Instant;

use crate::disk;
use crate::output::{name_step, say};
use crate::project::Project;
use crate::setup;
use crate::steps::{Lane, Outcome, Step};

/// Sets up, runs `steps` and prints what came of each; an error where any failed.
pub fn run_steps(project: &Project, steps: &[&Step]) -> Result<(), String> {
    let start = Instant::now();
    tell_plan(steps);
    let set_up = done("setup", || disk::check(project).and_then(|()| setup::setup(project)));
    let mut outcomes = vec![set_up];
    if outcomes[0].result.is_ok() {
        let lane =
            |lane| -> Vec<_> { steps.iter().copied().filter(|step| step.lane == lane).collect() };
        let (native, web) = (lane(Lane::Native), lane(Lane::Web));
        thread::scope(|scope| {
            let web = scope.spawn(|| run_lane(project, &web));
            outcomes.extend(run_lane(project, &native));
            outcomes.extend(web.join().unwrap_or_default());
        });
    }
    name_step("");
    summary(&outcomes, steps.len(), start)
}

fn run_lane(project: &Project, steps: &[&Step]) -> Vec<Outcome> {
    steps.iter().map(|step| done(step.name, || (step.run)(project))).collect()
}

/// Runs one step, and says when it begins and ends.
fn done(name: &'static str, step: impl FnOnce() -> Result<(), String>) -> Outcome {
    name_step(name);
    say("begins");
    let start = Instant::now();
    let result = step();
    let outcome = Outcome { name, took: start.elapsed(), result };
    if let Err(problem) = &outcome.result {
        problem.lines().for_each(say);
    }
    say(&format!("══ {}", outcome.line()));
    outcome
}

fn tell_plan(steps: &[&Step]) {
    say("What is tested, beside one another in two lanes; a line begins with its step:\n");
    for step in steps {
        say(&format!("  {:<10}  {}", step.name, step.what));
    }
    say(
        "\nThe first run installs tools and compiles all dependencies. On two cores all steps take",
    );
    say("about half an hour. One step alone: cargo xtask test STEP\n");
}

/// The table of all steps, and below it each failure with the tests that failed.
fn summary(outcomes: &[Outcome], steps: usize, start: Instant) -> Result<(), String> {
    say(&format!("\n══ cargo xtask test: {} s in all", start.elapsed().as_secs()));
    outcomes.iter().for_each(|outcome| say(&outcome.line()));
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    for outcome in &failed {
        // Setting up comes before the steps, and is a command of its own.
        let alone =
            if outcome.name == "setup" { "setup".into() } else { format!("test {}", outcome.name) };
        say(&format!("\n{} failed; this step alone: cargo xtask {alone}", outcome.name));
        outcome.result.as_ref().err().into_iter().for_each(|problem| say(problem));
    }
    let passed = outcomes.iter().skip(1).filter(|outcome| outcome.result.is_ok()).count();
    say(&format!("\n{passed} passed, {} failed", steps - passed));
    if failed.is_empty() { Ok(()) } else { Err("the test failed; see above".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &'static str, result: Result<(), String>) -> Outcome {
        Outcome { name, took: std::time::Duration::from_millis(1_250), result }
    }

    #[test]
    fn a_step_is_a_line_and_any_failure_is_one_of_the_whole() {
        let (good, bad) = (outcome("web", Ok(())), outcome("lint", Err("no".to_owned())));
        assert_eq!(good.line(), "web        ok         1.2 s");
        assert_eq!(bad.line(), "lint       FAILED     1.2 s");
        let set_up = || outcome("setup", Ok(()));
        assert_eq!(summary(&[set_up(), good], 1, Instant::now()), Ok(()));
        assert!(summary(&[set_up(), bad], 1, Instant::now()).is_err());
        // Where setting up failed, no step was run, and none has passed.
        let failed = outcome("setup", Err("no network".to_owned()));
        assert!(summary(&[failed], 11, Instant::now()).is_err());
    }
}
