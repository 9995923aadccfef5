//! The command line: its commands, options and help text.

use std::path::PathBuf;

use crate::bench::{OLD, PARTS};
use crate::failure::{Failure, Problem};
use crate::suite::Suite;
use crate::upstream::Dialect;

pub(crate) const HELP: &str = include_str!("help.txt");

/// A command with its options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Dev(Dev),
    Build { package: bool, worker: bool },
    Test(Test),
    Simulate(Simulate),
    Mutants(Vec<String>),
    Faults { dialect: Dialect },
    Matrix { writes: bool },
    Newcomer { writes: bool },
    Api { writes: bool },
    Reference { writes: bool },
    Live { upstream: Option<String> },
    Size,
    Hash,
    Bench(Bench),
    Release,
    Deploy,
    Setup,
    Help,
}

/// The options of `dev`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dev {
    pub(crate) port: u16,
    pub(crate) upstream: Option<String>,
    pub(crate) dialect: Option<Dialect>,
    /// Web pages that may call the edge, besides its own.
    pub(crate) origins: Vec<String>,
}

impl Default for Dev {
    fn default() -> Self {
        Self { port: 8787, upstream: None, dialect: None, origins: Vec::new() }
    }
}

/// The options of `test`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Test {
    /// The suites to run; an empty list means all of them.
    pub(crate) suites: Vec<Suite>,
    /// Also run the tests that take long.
    pub(crate) long: bool,
}

/// The options of `bench`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bench {
    /// The parts to measure; an empty list means all of them.
    pub(crate) parts: Vec<String>,
    /// The built Worker to compare with.
    pub(crate) baseline: Option<PathBuf>,
}

/// The options of `fuzz sim`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Simulate {
    pub(crate) calls: u64,
    pub(crate) seed: u64,
}

impl Default for Simulate {
    fn default() -> Self {
        Self { calls: 1_000_000, seed: 1 }
    }
}

/// Parses the command line without the program's name.
pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Task, Failure> {
    let mut words = Words(words.collect::<Vec<_>>().into_iter());
    let Some(command) = words.0.next() else { return Ok(Task::Help) };
    match command.as_str() {
        "dev" => dev(words).map(Task::Dev),
        "build" => build(words),
        "test" => test(words).map(Task::Test),
        "fuzz" => fuzz(words),
        "faults" => faults(words),
        "matrix" => writes(words).map(|writes| Task::Matrix { writes }),
        "newcomer" => writes(words).map(|writes| Task::Newcomer { writes }),
        "api" => writes(words).map(|writes| Task::Api { writes }),
        "reference" => writes(words).map(|writes| Task::Reference { writes }),
        "live" => live(words),
        "size" => words.end(Task::Size),
        "hash" => words.end(Task::Hash),
        "bench" => bench(words).map(Task::Bench),
        "release" => words.end(Task::Release),
        "deploy" => words.end(Task::Deploy),
        "setup" => words.end(Task::Setup),
        "help" | "--help" | "-h" => Ok(Task::Help),
        _ => Err(usage(Problem::UnknownCommand, &command)),
    }
}

fn dev(mut words: Words) -> Result<Dev, Failure> {
    let mut dev = Dev::default();
    while let Some((name, inline)) = words.option() {
        match name.as_str() {
            "--port" => dev.port = words.value(&name, inline, Problem::NotAPort, port)?,
            "--upstream" => dev.upstream = Some(words.value(&name, inline, Problem::NotAUrl, url)?),
            "--origin" => dev.origins.push(words.value(&name, inline, Problem::NotAUrl, url)?),
            "--dialect" => dev.dialect = Some(words.value(&name, inline, Problem::NotADialect, Dialect::named)?),
            _ => return Err(usage(Problem::UnknownOption, &name)),
        }
    }
    Ok(dev)
}

fn build(words: Words) -> Result<Task, Failure> {
    let (mut package, mut worker) = (false, false);
    for word in words.0 {
        match word.as_str() {
            "package" => package = true,
            "worker" => worker = true,
            _ => return Err(usage(Problem::UnknownPart, &word)),
        }
    }
    let all = !package && !worker;
    Ok(Task::Build { package: package || all, worker: worker || all })
}

fn test(words: Words) -> Result<Test, Failure> {
    let mut test = Test::default();
    for word in words.0 {
        match word.as_str() {
            "--long" => test.long = true,
            option if option.starts_with("--") => return Err(usage(Problem::UnknownOption, option)),
            name => test.suites.push(Suite::named(name).ok_or_else(|| usage(Problem::UnknownSuite, name))?),
        }
    }
    Ok(test)
}

fn bench(mut words: Words) -> Result<Bench, Failure> {
    let mut bench = Bench::default();
    while let Some((name, inline)) = words.option() {
        match name.as_str() {
            "--baseline" => bench.baseline = Some(words.value(&name, inline, Problem::NotAFolder, folder)?),
            option if option.starts_with("--") => return Err(usage(Problem::UnknownOption, option)),
            part if PARTS.contains(&part) => bench.parts.push(part.to_owned()),
            part => return Err(usage(Problem::UnknownPart, part)),
        }
    }
    if bench.baseline.is_none() && bench.parts.iter().any(|part| part == OLD) {
        return Err(usage(Problem::NoBaseline, OLD));
    }
    Ok(bench)
}

fn fuzz(mut words: Words) -> Result<Task, Failure> {
    let part = words.0.next().unwrap_or_default();
    match part.as_str() {
        "sim" => simulate(words).map(Task::Simulate),
        "mutants" => Ok(Task::Mutants(words.0.collect())),
        _ => Err(usage(Problem::UnknownFuzz, if part.is_empty() { "fuzz" } else { &part })),
    }
}

fn simulate(mut words: Words) -> Result<Simulate, Failure> {
    let mut simulate = Simulate::default();
    while let Some((name, inline)) = words.option() {
        match name.as_str() {
            "--calls" => simulate.calls = words.value(&name, inline, Problem::NotANumber, |word| word.parse().ok())?,
            "--seed" => simulate.seed = words.value(&name, inline, Problem::NotANumber, |word| word.parse().ok())?,
            _ => return Err(usage(Problem::UnknownOption, &name)),
        }
    }
    Ok(simulate)
}

fn faults(mut words: Words) -> Result<Task, Failure> {
    let mut dialect = Dialect::OpenAi;
    while let Some((name, inline)) = words.option() {
        match name.as_str() {
            "--dialect" => dialect = words.value(&name, inline, Problem::NotADialect, Dialect::named)?,
            _ => return Err(usage(Problem::UnknownOption, &name)),
        }
    }
    Ok(Task::Faults { dialect })
}

/// Whether the command changes the documentation, or only compares.
fn writes(mut words: Words) -> Result<bool, Failure> {
    let mut writes = false;
    while let Some((name, _)) = words.option() {
        match name.as_str() {
            "--write" => writes = true,
            _ => return Err(usage(Problem::UnknownOption, &name)),
        }
    }
    Ok(writes)
}

fn live(mut words: Words) -> Result<Task, Failure> {
    let mut upstream = None;
    while let Some((name, inline)) = words.option() {
        match name.as_str() {
            "--upstream" => upstream = Some(words.value(&name, inline, Problem::NotAUrl, url)?),
            _ => return Err(usage(Problem::UnknownOption, &name)),
        }
    }
    Ok(Task::Live { upstream })
}

fn port(word: &str) -> Option<u16> {
    word.parse().ok().filter(|port| *port != 0)
}

fn folder(word: &str) -> Option<PathBuf> {
    (!word.is_empty()).then(|| word.into())
}

fn url(word: &str) -> Option<String> {
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"))?;
    (!rest.is_empty()).then(|| word.trim_end_matches('/').to_owned())
}

fn usage(problem: Problem, word: &str) -> Failure {
    Failure::Usage { problem, word: word.to_owned() }
}

struct Words(std::vec::IntoIter<String>);

impl Words {
    /// The next word, split into `--name` and `value` at the first `=`.
    fn option(&mut self) -> Option<(String, Option<String>)> {
        let word = self.0.next()?;
        Some(match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        })
    }

    fn value<T>(
        &mut self,
        name: &str,
        inline: Option<String>,
        problem: Problem,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Failure> {
        let value = inline.or_else(|| self.0.next()).ok_or_else(|| usage(Problem::NoValue, name))?;
        read(&value).ok_or_else(|| usage(problem, name))
    }

    fn end(mut self, task: Task) -> Result<Task, Failure> {
        match self.0.next() {
            None => Ok(task),
            Some(word) => Err(usage(Problem::UnknownOption, &word)),
        }
    }
}

#[cfg(test)]
mod tests;
