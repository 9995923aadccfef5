//! The npm package: Rust → WebAssembly → wasm-bindgen → wasm-opt, and pkg-template/ around it.
//!
//! ```text
//!  src/ ── cargo ── failsoft.wasm ── wasm-bindgen ──▶ failsoft_bg.wasm ── wasm-opt ──┐
//!                                               └───▶ failsoft_bg.js ────┐           │
//!  pkg-template/ ── *.js ────────────────────────────────────────────────┴ esbuild ──┼──▶ pkg/
//!                └─ package.json ── version; the rest ───────────────────────────────┘
//! ```
//!
//! Each entry becomes one file with everything that it imports ([`bundle`]). The default entry also holds the WebAssembly as
//! text, so that a page loads one file. The entries for workers import the WebAssembly, because workers cannot compile at run
//! time.

mod bundle;
mod literal;
mod names;
mod streams;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::files;
use crate::fingerprint::Fingerprint;
use crate::npm;
use crate::process::{no_progress, report_step, run, run_quietly};
use crate::remap;
use crate::tools;
use crate::workspace::Workspace;

const GLUE: &str = "failsoft_bg.js";
const WASM: &str = "failsoft_bg.wasm";
/// The profile of Cargo.toml for what a page downloads.
const PROFILE: &str = "page";
const TARGET: &str = "wasm32-unknown-unknown";

/// - A panic is a trap without a message, so the package contains no code that formats messages of panics.
/// - The stack has 256 KiB instead of 1 MiB, because the addresses of the data behind the stack are shorter then. The
///   deepest recursion, for a schema that refers to itself, needs 66 KiB.
/// - There are no reference types: objects of JavaScript are passed as numbers. V8 up to Node 22 crashes when it
///   deoptimises code around an inlined call that returns a reference (tests/package/soak.mjs provokes the crash).
/// - The switches of LLVM turn off optimisations that make loops faster and code longer, and turn on the merging of
///   instructions that several branches have in common.
const RUSTFLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort -Clink-arg=-zstack-size=262144 \
                         -Ctarget-feature=-reference-types -Cllvm-args=-disable-lsr -Cllvm-args=-hoist-common-insts \
                         -Cllvm-args=-sink-common-insts -Cllvm-args=-enable-pre=false";

/// The features that rustc uses for wasm32-unknown-unknown. The list keeps wasm-opt from using newer ones.
pub(crate) const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];

/// - `--low-memory-unused` requires that the first kilobyte of the memory stays unused. It is the end of the stack.
/// - A function with one caller is inlined only if it is tiny, because small repeated functions compress better than one
///   large function.
/// - `--flatten --rereloop` makes new control flow out of the branches, and this control flow has fewer branches.
const WASM_OPTIMISATIONS: [&str; 8] = [
    "--flatten",
    "--rereloop",
    "-Oz",
    "-Oz",
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=20",
    "--strip-producers",
    "--strip-target-features",
];

/// Builds pkg/, or finds that nothing has changed. Needs what [`crate::setup::build`] sets up.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    report_step("building the package");
    compile(workspace)?;
    let template = template_files(workspace)?;
    let stamp = workspace.scratch().join("package.stamp");
    let inputs = fingerprint(workspace, &template)?;
    if inputs.is_stamped(&stamp) && workspace.package().join(WASM).is_file() {
        return Ok(());
    }
    let (scripts, stage) = (workspace.scratch().join("scripts"), workspace.scratch().join("package"));
    files::make_empty(&scripts)?;
    files::make_empty(&stage)?;
    bind(workspace, &scripts, &[])?;
    optimise(workspace, &scripts.join(WASM), &[])?;
    names::shorten(workspace, &scripts.join(WASM), &scripts.join(GLUE))?;
    // The second run removes half a kilobyte that the first run leaves.
    optimise(workspace, &scripts.join(WASM), &[])?;
    files::copy(&scripts.join(WASM), &stage.join(WASM))?;
    copy_template(workspace, &template, &scripts, &stage)?;
    bundle::bundle(workspace, &scripts, &stage)?;
    files::replace(&stage, &workspace.package())?;
    inputs.stamp(&stamp)
}

fn template(workspace: &Workspace) -> PathBuf {
    workspace.root.join("pkg-template")
}

/// The files that become this package. Folders of the template are packages of their own.
fn template_files(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let found = files::below(&template(workspace))?;
    Ok(found.into_iter().filter(|file| file.components().count() == 1).collect())
}

/// The version that the package gets.
fn version() -> &'static str {
    // All crates of the workspace share theirs.
    env!("CARGO_PKG_VERSION")
}

/// Compiles the core together with the standard library, both for size. This makes the download a seventh smaller. The
/// stable compiler accepts the switches for it only with RUSTC_BOOTSTRAP.
fn compile(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["rustc", "--package=failsoft", "--lib", "--profile", PROFILE, "--features=browser"]);
    cargo.arg("--target").arg(TARGET).arg("--crate-type=cdylib");
    cargo.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
    cargo.env("RUSTC_BOOTSTRAP", "1");
    remap::set_flags(workspace, &mut cargo, RUSTFLAGS)?;
    run("compiling the package", &mut cargo)
}

fn fingerprint(workspace: &Workspace, template: &[PathBuf]) -> Result<Fingerprint> {
    let mut inputs = Fingerprint::new(include_str!("package.rs"));
    inputs.add(include_str!("package/bundle.rs"));
    inputs.add(include_str!("package/names.rs"));
    inputs.add(include_str!("package/literal.rs"));
    inputs.add(include_str!("package/streams.rs"));
    inputs.add(version());
    inputs.add_file(&workspace.wasm(TARGET, PROFILE, "failsoft"))?;
    inputs.add_file(&workspace.tests().join("package-lock.json"))?;
    for file in template {
        inputs.add(&file.to_string_lossy());
        inputs.add_file(&self::template(workspace).join(file))?;
    }
    Ok(inputs)
}

/// The WebAssembly as the package has it, but with the names of its functions. Needs a built package.
pub(crate) fn with_names(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.scratch().join("named");
    files::make_empty(&folder)?;
    bind(workspace, &folder, &["--keep-debug"])?;
    let wasm = folder.join(WASM);
    optimise(workspace, &wasm, &["--debuginfo"])?;
    Ok(wasm)
}

fn bind(workspace: &Workspace, scripts: &Path, also: &[&str]) -> Result<()> {
    let mut bindgen = Command::new(tools::wasm_bindgen(workspace)?);
    bindgen.arg(workspace.wasm(TARGET, PROFILE, "failsoft")).arg("--out-dir").arg(scripts).args(also);
    bindgen.args(["--out-name=failsoft", "--target=web", "--no-typescript", "--omit-default-module-path"]);
    run_quietly("running wasm-bindgen", &mut bindgen, no_progress)?;
    let glue = scripts.join("failsoft.js");
    // `initSync` compiles and instantiates at once, which browsers may refuse, so the loader calls the steps of `initSync`.
    let script = files::read(&glue)? + "export { __wbg_finalize_init, __wbg_get_imports };\n";
    files::write(&scripts.join(GLUE), script)
}

fn optimise(workspace: &Workspace, wasm: &Path, also: &[&str]) -> Result<()> {
    let mut wasm_opt = npm::program(workspace, "wasm-opt");
    wasm_opt.args(WASM_FEATURES).args(WASM_OPTIMISATIONS).args(also).arg(wasm).arg("-o").arg(wasm);
    run_quietly("running wasm-opt", &mut wasm_opt, no_progress)
}

/// Copies the template's scripts to the glue, for esbuild, and its other files to the folder of the package.
fn copy_template(workspace: &Workspace, template: &[PathBuf], scripts: &Path, stage: &Path) -> Result<()> {
    for file in template {
        let from = self::template(workspace).join(file);
        if file == Path::new("package.json") {
            files::write(&stage.join(file), with_version(&files::read(&from)?, version())?)?;
        } else if file != Path::new("decode.wat") {
            let folder = if is_script(file) { scripts } else { stage };
            files::copy(&from, &folder.join(file))?;
            if let Some(name) = file.to_str().and_then(|name| name.strip_suffix(".d.ts")) {
                let declarations = bundle::for_commonjs(&files::read(&from)?);
                files::write(&stage.join(format!("{name}.d.cts")), declarations)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn with_version(manifest: &str, version: &str) -> Result<String> {
    let invalid = || Failure::Invalid { what: "pkg-template/package.json".to_owned(), expected: "a JSON object" };
    let mut manifest: Value = serde_json::from_str(manifest).map_err(|_| invalid())?;
    manifest.as_object_mut().ok_or_else(invalid)?.insert("version".to_owned(), version.into());
    Ok(format!("{manifest:#}\n"))
}

fn is_script(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "js")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_written_and_the_rest_kept_in_order() {
        let manifest =
            with_version(r#"{"name":"failsoft","version":"0.0.0","type":"module"}"#, "1.2.3").expect("a value");
        let expected = "{\n  \"name\": \"failsoft\",\n  \"version\": \"1.2.3\",\n  \"type\": \"module\"\n}\n";
        assert_eq!(manifest, expected);
        assert!(with_version("[]", "1.2.3").is_err());
    }
}
