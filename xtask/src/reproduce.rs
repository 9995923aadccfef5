//! Checks that the package and the Worker can be built again: what is built names no path of this machine, and a build of the same
//! source in another folder, with another home of cargo, has the same bytes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::files;
use crate::hashes::{of_results, result_files};
use crate::process::{no_progress, output, report_step, run_quietly};
use crate::remap::{cargo_home, machine_paths};
use crate::tally::Tally;
use crate::workspace::{Workspace, without_this_crate};

/// What of cargo's home a build reads. The other home gets links to it, so that nothing is downloaded again.
const SHARED: [&str; 3] = ["registry", "git", "config.toml"];

/// Whether no built file names a path of this machine. Prints each file that does.
pub(crate) fn check_paths(workspace: &Workspace) -> Result<Tally> {
    report_step("paths of this machine in what is built");
    let paths: Vec<String> =
        machine_paths(workspace)?.into_iter().map(|(path, _)| path.to_string_lossy().into_owned()).collect();
    let mut is_free = true;
    for file in result_files(&workspace.root)? {
        let bytes = fs::read(workspace.root.join(&file)).map_err(Failure::file(&file))?;
        for path in paths.iter().filter(|path| names(&bytes, path.as_bytes())) {
            println!("{} names {path}", file.display());
            is_free = false;
        }
    }
    Ok(Tally::one(is_free))
}

/// Whether `bytes` name a file or folder below `path`. The end of a longer path that looks the same is another path.
fn names(bytes: &[u8], path: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let is_here = |at: usize| {
        let (before, from) = bytes.split_at(at);
        from.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/")) && !before.last().is_some_and(is_part)
    };
    !path.is_empty() && bytes.iter().enumerate().any(|(at, byte)| *byte == path[0] && is_here(at))
}

/// Builds a copy of the source in another folder, and compares the hashes. Prints each file that differs.
pub(crate) fn check_build(workspace: &Workspace) -> Result<Tally> {
    report_step("building again in another folder");
    let folder = workspace.scratch().join("reproduce");
    let tree = folder.join("another/folder");
    files::make_empty(&folder)?;
    copy_source(workspace, &tree)?;
    let home = folder.join("another-home");
    make_home(&home)?;
    let mut cargo = Command::new("cargo");
    cargo
        .args(["xtask", "build"])
        .current_dir(&tree)
        .env("CARGO_HOME", &home)
        .env("CARGO_TARGET_DIR", folder.join("target"));
    without_this_crate(&mut cargo);
    run_quietly("building again", &mut cargo, no_progress)?;
    let (ours, theirs) = (of_results(workspace, &workspace.root)?, of_results(workspace, &tree)?);
    for line in ours.lines().filter(|line| !theirs.contains(line)) {
        println!("differs in another build: {line}");
    }
    fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
    Ok(Tally::one(ours == theirs))
}

/// Copies what git knows of the checkout, or would know.
fn copy_source(workspace: &Workspace, tree: &Path) -> Result<()> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(&workspace.root);
    let listed = output(&mut git).ok_or(Failure::Missing { what: "git", how: "run the tests in a clone" })?;
    for file in listed.lines().map(PathBuf::from).filter(|file| workspace.root.join(file).is_file()) {
        files::copy(&workspace.root.join(&file), &tree.join(&file))?;
    }
    let modules = tree.join("tests/node_modules");
    symlink(workspace.tests().join("node_modules"), &modules).map_err(Failure::file(&modules))
}

fn make_home(home: &Path) -> Result<()> {
    fs::create_dir_all(home).map_err(Failure::file(home))?;
    let own = cargo_home()?;
    for name in SHARED {
        if own.join(name).exists() {
            symlink(own.join(name), home.join(name)).map_err(Failure::file(home))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_path_of_this_machine_is_found_and_another_path_that_ends_alike_is_not() {
        for text in ["\0/src/lib.rs\0", "/src/a", "at /src/worker/b.rs:7"] {
            assert!(names(text.as_bytes(), b"/src"), "{text}");
        }
        for text in ["failsoft/src/lib.rs", "/srcs/a", "/src", "", "//src/a", "crates/a-1.0/src/b.rs"] {
            assert!(!names(text.as_bytes(), b"/src"), "{text}");
        }
    }
}
