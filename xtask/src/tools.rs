//! The tools that turn Rust into WebAssembly: the compiler's target, wasm-bindgen and worker-build. And cargo-deny, which checks
//! packages, and cargo-cyclonedx, which lists them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::lock;
use crate::process::{no_progress, output, report_step, run_quietly};
use crate::workspace::Workspace;

const WASM_TARGET: &str = "wasm32-unknown-unknown";
/// Used if Cargo.lock has no wasm-bindgen: the tool must have the version of the library.
const WASM_BINDGEN: &str = "0.2.130";
const WORKER_BUILD: &str = "0.8.7";
const CARGO_DENY: &str = "0.20.2";
const CARGO_CYCLONEDX: &str = "0.5.9";

/// A program and the crate that contains it.
struct Tool<'a> {
    program: &'static str,
    krate: &'static str,
    version: &'a str,
}

/// The compiler's target for WebAssembly, and the source of the standard library, which is compiled anew for the
/// package.
pub(crate) fn rust() -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))
        .ok_or(Failure::Missing { what: "rustc", how: "install Rust from https://rustup.rs" })?;
    let rustlib = Path::new(&sysroot).join("lib/rustlib");
    if !rustlib.join(WASM_TARGET).join("lib").is_dir() {
        rustup(["target", "add", WASM_TARGET])?;
    }
    if !rustlib.join("src/rust/library/Cargo.toml").is_file() {
        rustup(["component", "add", "rust-src"])?;
    }
    Ok(())
}

fn rustup(arguments: [&str; 3]) -> Result<()> {
    let step = format!("rustup {}", arguments.join(" "));
    if output(Command::new("rustup").arg("--version")).is_none() {
        let how = "install Rust by rustup from https://rustup.rs; it adds what the build needs";
        return Err(Failure::Missing { what: "rustup", how });
    }
    report_step(&step);
    run_quietly(&step, Command::new("rustup").args(arguments), no_progress)
}

/// The path of wasm-bindgen in the locked version. Installs it if it is missing.
pub(crate) fn wasm_bindgen(workspace: &Workspace) -> Result<PathBuf> {
    let locked = lock::locked_version(workspace, "wasm-bindgen")?;
    let version = locked.as_deref().unwrap_or(WASM_BINDGEN);
    install(workspace, &Tool { program: "wasm-bindgen", krate: "wasm-bindgen-cli", version })
}

/// The path of worker-build in the pinned version. Installs it if it is missing.
pub(crate) fn worker_build(workspace: &Workspace) -> Result<PathBuf> {
    install(workspace, &Tool { program: "worker-build", krate: "worker-build", version: WORKER_BUILD })
}

/// The path of cargo-deny in the pinned version. Installs it if it is missing.
pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    install(workspace, &Tool { program: "cargo-deny", krate: "cargo-deny", version: CARGO_DENY })
}

/// The path of cargo-cyclonedx in the pinned version. Installs it if it is missing.
pub(crate) fn cargo_cyclonedx(workspace: &Workspace) -> Result<PathBuf> {
    let tool = Tool { program: "cargo-cyclonedx", krate: "cargo-cyclonedx", version: CARGO_CYCLONEDX };
    install(workspace, &tool)
}

fn install(workspace: &Workspace, tool: &Tool<'_>) -> Result<PathBuf> {
    let root = workspace.cache.join(format!("{}-{}", tool.program, tool.version));
    let program = root.join("bin").join(tool.program);
    if program.is_file() {
        return Ok(program);
    }
    if is_on_path(tool) {
        return Ok(tool.program.into());
    }
    let step = format!("installing {} {}", tool.program, tool.version);
    report_step(&format!("{step} (some minutes, once)"));
    fs::create_dir_all(&root).map_err(Failure::file(&root))?;
    run_quietly(&step, &mut cargo_install(workspace, tool, &root), compiled)?;
    Ok(program)
}

/// Without `--locked`, because crates in a tool's own lock file may have been withdrawn. The tools share a target
/// folder, as they have many crates in common. They run for seconds but compile for minutes, so they are optimised
/// little.
fn cargo_install(workspace: &Workspace, tool: &Tool<'_>, root: &Path) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args(["install", tool.krate, "--bin", tool.program, "--root"]).arg(root);
    cargo.arg("--version").arg(format!("={}", tool.version));
    cargo.env("CARGO_TARGET_DIR", workspace.scratch().join("tools"));
    for (setting, value) in [("OPT_LEVEL", "1"), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "0")] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    cargo
}

fn is_on_path(tool: &Tool<'_>) -> bool {
    output(Command::new(tool.program).arg("--version"))
        .is_some_and(|output| output.split_whitespace().any(|word| word == tool.version))
}

/// Counts the crates in cargo's output, which has a line for each.
fn compiled(output: &str) -> Option<String> {
    let crates = output.lines().filter(|line| line.trim_start().starts_with("Compiling ")).count();
    (crates > 0).then(|| format!("{crates} crates compiled"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_counts_crates() {
        assert_eq!(compiled("    Updating index\n"), None);
        assert_eq!(compiled("   Compiling a v1\n   Compiling b v2\n").as_deref(), Some("2 crates compiled"));
    }
}
