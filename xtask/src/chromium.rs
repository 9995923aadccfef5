//! A Chromium for the browser tests: the one in CHROMIUM_BIN, an installed one, or the distribution's.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;
use crate::failure::{Failure, Result};
use crate::process::output;

const PROGRAMS: [&str; 6] = [
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const HOW: &str = "apt-get install chromium, or install Chrome, or set CHROMIUM_BIN to one";

/// The path of a Chromium that starts. Installs one where this needs no questions: as root, with apt.
pub(crate) fn find_or_install() -> Result<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM_BIN").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        let how = "CHROMIUM_BIN names a program that does not start";
        return if starts(&named) { Ok(named) } else { Err(Failure::Missing { what: "Chromium", how }) };
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    apt::install("chromium")?;
    find().ok_or(Failure::Missing { what: "Chromium", how: HOW })
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    // Joining an absolute name to a folder gives the absolute name.
    let candidates = PROGRAMS.iter().flat_map(|program| folders.iter().map(move |folder| folder.join(program)));
    candidates.into_iter().find(|candidate| candidate.is_file() && starts(candidate))
}

/// Some distributions have a program `chromium` that only explains how to install one.
fn starts(program: &Path) -> bool {
    output(Command::new(program).arg("--version")).is_some_and(|output| output.contains("Chrom"))
}
