//! `cargo xtask`: the one way to set up, build, run, test and measure.

mod api;
mod apt;
mod arguments;
mod bench;
mod browser;
mod bundle;
mod deny;
mod deploy;
mod dev;
mod docs;
mod dotenv;
mod edge;
mod edge_package;
mod emulator;
mod failure;
mod files;
mod fingerprint;
mod fuzz;
mod hashes;
mod instructions;
mod libtest;
mod live;
mod lock;
mod mutant;
mod npm;
mod package;
mod prerequisites;
mod process;
mod python;
mod reference;
mod release;
mod remap;
mod reproduce;
mod setup;
mod signal;
mod size;
mod suite;
mod tables;
mod tally;
mod tap;
mod test;
mod tools;
mod types;
mod upstream;
#[cfg(test)]
mod vocabulary;
mod worker;
mod workspace;

use std::process::ExitCode;

use arguments::Task;
use failure::{Failure, Result};
use workspace::Workspace;

fn main() -> ExitCode {
    match arguments::read(std::env::args().skip(1)).and_then(perform) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Reported) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(match failure {
                Failure::Usage { .. } => 2,
                Failure::Interrupted => 130,
                _ => 1,
            })
        }
    }
}

fn perform(task: Task) -> Result<()> {
    if task == Task::Help {
        print!("{}", arguments::HELP);
        return Ok(());
    }
    signal::watch().map_err(|source| Failure::Start { program: "the signal handler".to_owned(), source })?;
    let workspace = Workspace::find()?;
    match task {
        Task::Dev(options) => dev::run(&workspace, &options),
        Task::Build { package, worker } => build(&workspace, package, worker),
        Task::Test(options) => test::run(&workspace, &options),
        Task::Simulate(options) => fuzz::simulate(&workspace, &options),
        Task::Mutants(named) => mutant::run(&workspace, &named),
        Task::Faults { dialect } => tables::faults(&workspace, dialect),
        Task::Matrix { writes } => tables::matrix(&workspace, writes),
        Task::Newcomer { writes } => tables::newcomer(&workspace, writes),
        Task::Api { writes } => api::run(&workspace, writes),
        Task::Reference { writes } => reference::run(&workspace, writes),
        Task::Live { upstream } => live::run(&workspace, upstream.as_deref()),
        Task::Size => size::show(&workspace),
        Task::Hash => hashes::show(&workspace),
        Task::Bench(options) => bench::run(&workspace, &options),
        Task::Release => release::run(&workspace),
        Task::Deploy => deploy::run(&workspace),
        Task::Setup => setup::everything(&workspace),
        Task::Help => Ok(()),
    }
}

fn build(workspace: &Workspace, package: bool, worker: bool) -> Result<()> {
    setup::build(workspace)?;
    // The package comes first, because the page that the Worker serves loads it.
    if package {
        package::build(workspace)?;
    }
    if worker {
        worker::build(workspace)?;
    }
    Ok(())
}
