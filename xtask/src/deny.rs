//! Checks the packages in Cargo.lock with cargo-deny, by the rules of deny.toml: their licenses, their sources, and what is banned.
//! The advisories about known problems are in the network: `cargo deny --workspace check` reads them, too.

use std::process::Command;

use crate::failure::Result;
use crate::process::Program;
use crate::tally::Tally;
use crate::tools;
use crate::workspace::{Workspace, without_this_crate};

/// What cargo-deny can check without the network.
const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// Runs each check. Installs cargo-deny if it is missing.
pub(crate) fn check(workspace: &Workspace) -> Result<Tally> {
    let program = tools::cargo_deny(workspace)?;
    let mut tally = Tally::default();
    for check in CHECKS {
        let mut deny = Command::new(&program);
        // Without --workspace it checks the packages of the crate at the root alone.
        deny.args(["--workspace", "--log-level", "error", "check", "--hide-inclusion-graph", check]);
        deny.current_dir(&workspace.root);
        without_this_crate(&mut deny);
        tally += Tally::one(Program::start(&mut deny)?.wait(|_| {})?.success());
    }
    Ok(tally)
}
