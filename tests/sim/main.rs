//! A simulator: worlds of faults, chains, policies and timings from a seed, in which the core has to keep its promises.
//!
//! ```text
//!             Plan            Ask                    Reply: pieces of bytes, and the facts in them
//!  World ───────────▶ Host ─────────▶ Site (upstream) ─────────▶ Flight
//!   seed               │ ▲                                         │ Head, Bytes, End, Failed; Heard
//!                      │ └─────────────────────────────────────────┘
//!                      ▼ Input, Action
//!                     Call ── Yield, Relay ──▶ Reader      Judge: what must hold, after every action and at the end
//! ```
//!
//! What is true is known from what an upstream meant, never read from its bytes by the code that is tested. Time is a
//! number; nothing here asks a clock.
//!
//! `cargo xtask fuzz sim --seed S --calls 1` lives one world again and tells it line by line: it sets `FAILSOFT_SIM_SEED`
//! and `FAILSOFT_SIM_CALLS` for this test. `FAILSOFT_SIM_ONLY` names the one promise to watch: with it,
//! `cargo xtask fuzz mutants` sees that each of the ways in `mutants.txt` to break the core is noticed as what it is.

mod account;
mod answer;
mod coverage;
mod deed;
mod ending;
mod fault;
mod flight;
mod gate;
mod heard;
mod host;
mod judge;
mod lesson;
mod money;
mod plan;
mod random;
mod reader;
mod reply;
mod report;
mod sending;
mod shadow;
mod speech;
mod trace;
mod upstream;
mod wait;
mod watch;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use coverage::Coverage;
use judge::{Invariant, Judge, Violation};
use trace::Trace;

/// Worlds that are lived between two looks at the count.
const BATCH: u64 = 512;

/// After this many calls the coverage is complete.
const ENOUGH: u64 = 20_000;

/// The calls of a long run (`cargo xtask test --long`).
const LONG: u64 = 1_000_000;

/// Calls after which a long run shows that it is alive.
const PROGRESS: u64 = 100_000;

/// Of so many worlds, one is lived twice.
const TWICE: u64 = 16;

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not understood")),
        Err(_) => default,
    }
}

/// Lives the world of `seed`; a panic of the core is a broken promise too.
fn live(seed: u64, judge: Judge, trace: &mut Trace) -> Result<Coverage, Violation> {
    let lived = catch_unwind(AssertUnwindSafe(|| world::live(seed, judge, trace)));
    lived.unwrap_or_else(|_| {
        judge.hold(Invariant::Panic, false, || "the core panicked".into())?;
        Ok(Coverage::default())
    })
}

/// Lives it, and every now and then once more, to see the same.
fn check(seed: u64, judge: Judge) -> Result<Coverage, Violation> {
    let mut trace = Trace::silent();
    let lived = live(seed, judge, &mut trace)?;
    if seed.is_multiple_of(TWICE) {
        let mut again = Trace::silent();
        live(seed, judge, &mut again)?;
        let same = trace.digest() == again.digest();
        judge.hold(Invariant::Deterministic, same, || "the same seed went another way".into())?;
    }
    Ok(lived)
}

/// Lives the worlds from `seed` on until that many calls are over, on every processor.
fn explore(seed: u64, calls: u64, judge: Judge) -> (Coverage, Vec<(u64, Violation)>) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut coverage, mut broken, mut first) = (Coverage::default(), Vec::new(), seed);
    while coverage.calls < calls && broken.is_empty() {
        let batch = first..first + if calls == 1 { 1 } else { BATCH };
        let share = |worker: usize| {
            let seeds = batch.clone().skip(worker).step_by(workers);
            seeds.map(|seed| (seed, check(seed, judge))).collect::<Vec<_>>()
        };
        let lived = std::thread::scope(|scope| {
            let share = &share;
            let workers: Vec<_> = (0..workers).map(|worker| scope.spawn(move || share(worker))).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("panics are caught")).collect::<Vec<_>>()
        });
        let before = coverage.calls / PROGRESS;
        for (seed, lived) in lived {
            match lived {
                Ok(more) => coverage.add(more),
                Err(violation) => broken.push((seed, violation)),
            }
        }
        if coverage.calls / PROGRESS > before {
            eprintln!("  … {} calls", coverage.calls);
        }
        first = batch.end;
    }
    broken.sort_by_key(|(seed, _)| *seed);
    (coverage, broken)
}

/// Tells a world, line by line.
fn tell(seed: u64, judge: Judge) {
    let mut trace = Trace::written();
    let _ = live(seed, judge, &mut trace);
    trace.lines().iter().for_each(|line| println!("{line}"));
}

#[test]
fn every_world_keeps_every_promise() {
    let is_long = std::env::var_os("FAILSOFT_LONG").is_some_and(|value| value == "1");
    let calls = setting("FAILSOFT_SIM_CALLS", if is_long { LONG } else { ENOUGH });
    let seed = setting("FAILSOFT_SIM_SEED", 1);
    let only = std::env::var("FAILSOFT_SIM_ONLY").ok();
    let only = only.map(|name| Invariant::named(&name).unwrap_or_else(|| panic!("no invariant is called {name}")));
    let judge = Judge { only };
    let (coverage, broken) = explore(seed, calls, judge);
    println!("{coverage}");
    if let Some(seed) = broken.first().map(|(seed, _)| *seed).or((calls == 1).then_some(seed)) {
        tell(seed, judge);
    }
    for (seed, Violation { invariant, what }) in &broken {
        println!("world {seed} breaks {invariant:?}: {what}");
    }
    if let Some((seed, Violation { invariant, .. })) = broken.first() {
        panic!("world {seed} breaks {invariant:?}; again: cargo xtask fuzz sim --seed {seed} --calls 1");
    }
    let missed = coverage.missed();
    assert!(calls < ENOUGH || only.is_some() || missed.is_empty(), "no world had in it: {missed:?}");
}
