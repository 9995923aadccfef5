//! The copy of the tree in which mutants are tested. It has a target folder of its own, so that cargo never takes a
//! result of the checkout for one of the copy, and one run at a time uses it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Mutant, Outcome};
use crate::arguments::Simulate;
use crate::failure::Result;
use crate::files;
use crate::fuzz;
use crate::process::{no_progress, run_captured};
use crate::workspace::Workspace;

/// The parts of the workspace that cargo needs in order to test the core.
const FILES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "tests/bench/instructions.rs",
    "tests/emulator/Cargo.toml",
    "worker/Cargo.toml",
    "xtask/Cargo.toml",
];
const FOLDERS: [&str; 5] = ["src", "tests/sim", "tests/emulator/src", "worker/src", "xtask/src"];

/// The same number of calls as in the suite `core`.
const CALLS: u64 = 20_000;

/// A copy of the tree. Dropping the value lets another run use the folder.
pub(super) struct Copy<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    _lock: File,
}

impl<'a> Copy<'a> {
    /// Copies the tree.
    ///
    /// # Errors
    /// Also if another run tests mutants in this checkout.
    pub(super) fn make(workspace: &'a Workspace) -> Result<Self> {
        let folder = workspace.scratch().join("mutants");
        let lock = files::lock(&folder.join("lock"), "fuzz mutants")?;
        let copy = Self { workspace, folder, _lock: lock };
        files::make_empty(&copy.tree())?;
        let mut paths: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
        for folder in FOLDERS {
            paths.extend(files::below(&workspace.root.join(folder))?.iter().map(|file| Path::new(folder).join(file)));
        }
        paths.iter().try_for_each(|path| files::copy(&workspace.root.join(path), &copy.tree().join(path)))?;
        Ok(copy)
    }

    fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    fn cargo(&self) -> Command {
        let mut cargo = self.workspace.cargo();
        cargo.current_dir(self.tree()).env("CARGO_TARGET_DIR", self.folder.join("target"));
        cargo
    }

    /// Makes the change, runs the simulator, and takes the change back.
    pub(super) fn test(&self, mutant: &Mutant) -> Result<Outcome> {
        let path = self.tree().join(&mutant.file);
        let text = files::read(&path)?;
        if text.matches(&mutant.find).count() != 1 {
            return Ok(Outcome::Outdated);
        }
        files::write(&path, text.replace(&mutant.find, &mutant.put))?;
        let outcome = self.simulate(Some(&mutant.breaks));
        files::write(&path, text)?;
        outcome
    }

    /// Runs the simulator with all invariants or only one.
    pub(super) fn simulate(&self, only: Option<&str>) -> Result<Outcome> {
        let mut build = self.cargo();
        build.args(["test", "--quiet", "--package=failsoft", "--test=sim", "--no-run"]);
        let (built, output) = run_captured("building", &mut build, no_progress)?;
        if !built.success() {
            eprintln!("{output}");
            return Ok(Outcome::DoesNotRun);
        }
        let mut cargo = self.cargo();
        fuzz::set_arguments(&mut cargo, &Simulate { calls: CALLS, seed: 1 });
        cargo.env("RUST_BACKTRACE", "0").envs(only.map(|only| ("FAILSOFT_SIM_ONLY", only)));
        let (status, output) = run_captured("running", &mut cargo, no_progress)?;
        let breaks = only.map(|only| format!(" breaks {only}: "));
        let is_report =
            |line: &&str| breaks.as_ref().is_some_and(|breaks| line.starts_with("world ") && line.contains(breaks));
        match output.lines().find(is_report) {
            Some(line) => {
                println!("  {line}");
                Ok(Outcome::Caught)
            }
            None if status.success() => Ok(Outcome::Survived),
            None => {
                eprintln!("{output}");
                Ok(Outcome::DoesNotRun)
            }
        }
    }
}
