//! A simulator for the core: it draws worlds of upstreams, faults, policies and callers from a seed, runs the calls of
//! each world, and checks the invariants of the core.
//!
//! ```text
//!             Plan         UpstreamRequest            Reply: the bytes to send, and the elements that they contain
//!  World ───────────▶ Host ───────────────▶ Server ───────────▶ Exchange
//!   seed               │ ▲                                         │ Head, Bytes, End, Failed; Received
//!                      │ └─────────────────────────────────────────┘
//!                      ▼ Input, Action
//!                     Call ── Yield, Relay ──▶ Reader      Checker: the invariants, after every action and at the end
//! ```
//!
//! The checks never use the code under test to find out what a response says: each response carries its elements beside
//! its bytes. The time is a number, and no code here reads a clock.
//!
//! `cargo xtask fuzz sim --seed S --calls 1` runs one world again and prints its trace: the command sets
//! `FAILSOFT_SIM_SEED` and `FAILSOFT_SIM_CALLS` for this test. `FAILSOFT_SIM_ONLY` names the one invariant to check.
//! `cargo xtask fuzz mutants` sets this variable to make sure that each mutant in `mutants.txt` breaks the invariant
//! that the list names.

mod action;
mod answer;
mod breaker_model;
mod check;
mod checker;
mod clock;
mod coverage;
mod exchange;
mod fault;
mod host;
mod money;
mod plan;
mod random;
mod reader;
mod received;
mod reply;
mod response;
mod retry_after;
mod trace;
mod upstream;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use checker::{Checker, Invariant, Violation};
use coverage::Coverage;
use trace::Trace;

/// The worlds that run between two looks at the number of calls.
const BATCH: u64 = 512;

/// After this many calls the coverage is complete.
const ENOUGH: u64 = 20_000;

/// The calls of a long run (`cargo xtask test --long`).
const LONG: u64 = 1_000_000;

/// A run prints a line each time it has completed this many calls.
const PROGRESS: u64 = 100_000;

/// One world in this many runs twice, and both runs have to be the same.
const REPEATED: u64 = 16;

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not understood")),
        Err(_) => default,
    }
}

/// Runs the world of `seed`. A panic of the core breaks an invariant too.
fn run_world(seed: u64, checker: Checker, trace: &mut Trace) -> Result<Coverage, Violation> {
    let result = catch_unwind(AssertUnwindSafe(|| world::run(seed, checker, trace)));
    result.unwrap_or_else(|_| {
        checker.require(Invariant::Panic, false, || "the core panicked".into())?;
        Ok(Coverage::default())
    })
}

/// Runs the world of `seed`, and some worlds a second time to compare the two runs.
fn check_world(seed: u64, checker: Checker) -> Result<Coverage, Violation> {
    let mut trace = Trace::silent();
    let coverage = run_world(seed, checker, &mut trace)?;
    if seed.is_multiple_of(REPEATED) {
        let mut second = Trace::silent();
        run_world(seed, checker, &mut second)?;
        let same = trace.digest() == second.digest();
        checker.require(Invariant::Deterministic, same, || "two runs of the same seed differ".into())?;
    }
    Ok(coverage)
}

/// Runs the worlds from `seed` on until `calls` calls are over, on all processors.
fn explore(seed: u64, calls: u64, checker: Checker) -> (Coverage, Vec<(u64, Violation)>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut coverage, mut violations, mut first) = (Coverage::default(), Vec::new(), seed);
    while coverage.calls < calls && violations.is_empty() {
        let batch = first..first + if calls == 1 { 1 } else { BATCH };
        let run_part = |thread: usize| {
            let seeds = batch.clone().skip(thread).step_by(threads);
            seeds.map(|seed| (seed, check_world(seed, checker))).collect::<Vec<_>>()
        };
        let results = std::thread::scope(|scope| {
            let run_part = &run_part;
            let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run_part(thread))).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("panics are caught")).collect::<Vec<_>>()
        });
        let before = coverage.calls / PROGRESS;
        for (seed, result) in results {
            match result {
                Ok(more) => coverage.add(more),
                Err(violation) => violations.push((seed, violation)),
            }
        }
        if coverage.calls / PROGRESS > before {
            eprintln!("  … {} calls", coverage.calls);
        }
        first = batch.end;
    }
    violations.sort_by_key(|(seed, _)| *seed);
    (coverage, violations)
}

/// Runs the world of `seed` and prints its trace.
fn print_trace(seed: u64, checker: Checker) {
    let mut trace = Trace::written();
    let _ = run_world(seed, checker, &mut trace);
    trace.lines().iter().for_each(|line| println!("{line}"));
}

#[test]
fn every_world_keeps_every_invariant() {
    let is_long = std::env::var_os("FAILSOFT_LONG").is_some_and(|value| value == "1");
    let calls = setting("FAILSOFT_SIM_CALLS", if is_long { LONG } else { ENOUGH });
    let seed = setting("FAILSOFT_SIM_SEED", 1);
    let only = std::env::var("FAILSOFT_SIM_ONLY").ok();
    let only = only.map(|name| Invariant::named(&name).unwrap_or_else(|| panic!("there is no invariant {name}")));
    let checker = Checker { only };
    let (coverage, violations) = explore(seed, calls, checker);
    println!("{coverage}");
    if let Some(seed) = violations.first().map(|(seed, _)| *seed).or((calls == 1).then_some(seed)) {
        print_trace(seed, checker);
    }
    for (seed, Violation { invariant, what }) in &violations {
        println!("world {seed} breaks {invariant:?}: {what}");
    }
    if let Some((seed, Violation { invariant, .. })) = violations.first() {
        panic!("world {seed} breaks {invariant:?}; to repeat: cargo xtask fuzz sim --seed {seed} --calls 1");
    }
    let missed = coverage.missed();
    assert!(calls < ENOUGH || only.is_some() || missed.is_empty(), "no world contained {missed:?}");
}
