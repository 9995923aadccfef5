//! `cargo xtask api`: the public APIs of the core and of the npm package, as reports that a review sees. A change of an API without
//! a change of its report fails the suite `types`.

use crate::failure::{Failure, Result};
use crate::npm;
use crate::process::{Program, no_progress, report_step, run_quietly};
use crate::setup;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Compares both APIs with their reports, or with `writes` writes the reports.
pub(crate) fn run(workspace: &Workspace, writes: bool) -> Result<()> {
    setup::build(workspace)?;
    if describe(workspace, writes)? { Ok(()) } else { Err(Failure::Reported) }
}

/// Counts as one test.
pub(crate) fn check(workspace: &Workspace) -> Result<Tally> {
    describe(workspace, false).map(Tally::one)
}

fn describe(workspace: &Workspace, writes: bool) -> Result<bool> {
    report_step("the reports of the APIs");
    let mut rustdoc = workspace.cargo();
    rustdoc.args(["rustdoc", "--quiet", "--package", "failsoft", "--features", "protocols", "--lib", "--target-dir"]);
    rustdoc.arg(workspace.scratch().join("api"));
    // rustdoc's JSON is behind this switch; the pinned compiler decides its form.
    rustdoc
        .args(["--", "-Zunstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .env("RUSTC_BOOTSTRAP", "1");
    run_quietly("rustdoc", &mut rustdoc, no_progress)?;
    let mut node = npm::program(workspace, "node");
    node.current_dir(workspace.tests()).arg("api/main.mjs").args(writes.then_some("--write"));
    node.env("FAILSOFT_RUSTDOC", workspace.scratch().join("api/doc/failsoft.json"));
    Ok(Program::start(&mut node)?.wait(|_| {})?.success())
}
