//! The size of what an isolate loads.

use std::path::{Path, PathBuf};

use crate::failure::Result;
use crate::files;
use crate::worker;
use crate::workspace::Workspace;

/// What an isolate may have to load, in bytes with gzip. The stored routes, their splits, comparisons and dry runs are 40,000 of it;
/// admin sessions, the sums and the figures of the dashboard are 25,000; Responses upstreams, embeddings, and what a change of the
/// vendor needs are 40,000; stored answers, with their object, their delivery and `/admin/cache`, are 20,000; samples, experiments and
/// their statistics are 28,000; App Attest, with its certificates, and Play Integrity are 20,000; answers that keep everything of
/// their protocol, and Gemini's signatures, are 17,000; the prices of models that make vectors, and the bounds of what an answer may
/// have in each protocol, are 13,000; the object that runs experiments is 6,000; the revocation of devices is 1,000.
const BUDGET: u64 = 687_000;

/// Prints the sizes of the Worker's files, and returns whether their sum is within the budget. Needs a built Worker.
pub(super) fn check(workspace: &Workspace) -> Result<bool> {
    let folder = worker::output(workspace);
    let loaded: Vec<PathBuf> = files::below(&folder)?.into_iter().filter(|file| is_loaded(file)).collect();
    let total = super::table(workspace, "Worker", &folder, &loaded)?;
    let fits = total.gzip <= BUDGET;
    let verdict = if fits { "within" } else { "OVER" };
    println!("Worker: {} bytes with gzip, {verdict} the budget of {BUDGET}", total.gzip);
    Ok(fits)
}

/// An isolate loads the script and its WebAssembly. The assets are only served.
fn is_loaded(file: &Path) -> bool {
    !file.starts_with("assets") && file.extension().is_some_and(|extension| extension == "js" || extension == "wasm")
}
