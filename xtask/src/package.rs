//! The npm package: Rust → WebAssembly → wasm-bindgen → wasm-opt, and pkg-template/ around it.
//!
//! ```text
//!  src/ ── cargo ── failsoft.wasm ── wasm-bindgen ──▶ failsoft_bg.wasm ── wasm-opt ──┐
//!                                               └───▶ failsoft_bg.js ─── esbuild ────┼──▶ pkg/
//!  pkg-template/ ──────────── *.js ── esbuild; package.json ── version; the rest ────┘
//! ```
//!
//! The glue is one file for all entries. It does not know where its WebAssembly lies: each entry tells it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::files;
use crate::fingerprint::Fingerprint;
use crate::npm;
use crate::process::{no_progress, run, run_quietly, say};
use crate::tools;
use crate::workspace::Workspace;

const GLUE: &str = "failsoft_bg.js";
const WASM: &str = "failsoft_bg.wasm";
/// The profile of Cargo.toml for what a page downloads.
const PROFILE: &str = "page";

/// What rustc emits for wasm32-unknown-unknown. Named one by one, so that wasm-opt uses nothing newer.
const WASM_FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Builds pkg/, or finds that nothing has changed. Needs what [`crate::setup::build`] sets up.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    say("building the package");
    compile(workspace)?;
    let template = files::below(&template(workspace))?;
    let stamp = workspace.scratch().join("package.stamp");
    let inputs = fingerprint(workspace, &template)?;
    if inputs.is_stamped(&stamp) && workspace.package().join(WASM).is_file() {
        return Ok(());
    }
    let stage = workspace.scratch().join("package");
    files::make_empty(&stage)?;
    bind(workspace, &stage)?;
    optimise(workspace, &stage)?;
    dress(workspace, &template, &stage)?;
    minify(workspace, &stage)?;
    files::replace(&stage, &workspace.package())?;
    inputs.stamp(&stamp)
}

fn template(workspace: &Workspace) -> PathBuf {
    workspace.root.join("pkg-template")
}

/// The version that the package gets.
fn version() -> &'static str {
    // All crates of the workspace share theirs.
    env!("CARGO_PKG_VERSION")
}

/// The standard library is compiled along, for size, and a panic is a trap without words: a seventh less to download.
/// Both are switches that the stable compiler has and keeps behind RUSTC_BOOTSTRAP.
fn compile(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["rustc", "--package=failsoft", "--lib", "--profile", PROFILE, "--features=browser"]);
    cargo.args(["--target=wasm32-unknown-unknown", "--crate-type=cdylib"]);
    cargo.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zunstable-options -Cpanic=immediate-abort");
    run("compiling the package", &mut cargo)
}

fn fingerprint(workspace: &Workspace, template: &[PathBuf]) -> Result<Fingerprint> {
    let mut inputs = Fingerprint::new(include_str!("package.rs"));
    inputs.add(version());
    inputs.add_file(&workspace.wasm(PROFILE, "failsoft"))?;
    inputs.add_file(&workspace.tests().join("package-lock.json"))?;
    for file in template {
        inputs.add(&file.to_string_lossy());
        inputs.add_file(&self::template(workspace).join(file))?;
    }
    Ok(inputs)
}

fn bind(workspace: &Workspace, stage: &Path) -> Result<()> {
    let mut bindgen = Command::new(tools::wasm_bindgen(workspace)?);
    bindgen.arg(workspace.wasm(PROFILE, "failsoft")).arg("--out-dir").arg(stage);
    bindgen.args(["--out-name=failsoft", "--target=web", "--no-typescript", "--omit-default-module-path"]);
    run_quietly("running wasm-bindgen", &mut bindgen, no_progress)?;
    let glue = stage.join("failsoft.js");
    fs::rename(&glue, stage.join(GLUE)).map_err(Failure::file(&glue))
}

fn optimise(workspace: &Workspace, stage: &Path) -> Result<()> {
    let wasm = stage.join(WASM);
    let mut wasm_opt = npm::program(workspace, "wasm-opt");
    wasm_opt.args(WASM_FEATURES).args(["-Oz", "--strip-producers"]).arg(&wasm).arg("-o").arg(&wasm);
    run_quietly("running wasm-opt", &mut wasm_opt, no_progress)
}

/// Puts the template's files beside what was generated.
fn dress(workspace: &Workspace, template: &[PathBuf], stage: &Path) -> Result<()> {
    for file in template {
        let (from, to) = (self::template(workspace).join(file), stage.join(file));
        if file == Path::new("package.json") {
            files::write(&to, with_version(&files::read(&from)?, version())?)?;
        } else {
            files::copy(&from, &to)?;
        }
    }
    Ok(())
}

fn with_version(manifest: &str, version: &str) -> Result<String> {
    let invalid = || Failure::Invalid { what: "pkg-template/package.json".to_owned(), expected: "a JSON object" };
    let mut manifest: Value = serde_json::from_str(manifest).map_err(|_| invalid())?;
    manifest.as_object_mut().ok_or_else(invalid)?.insert("version".to_owned(), version.into());
    Ok(format!("{manifest:#}\n"))
}

/// File by file, so that the entries go on sharing their modules.
fn minify(workspace: &Workspace, stage: &Path) -> Result<()> {
    let scripts: Vec<PathBuf> = files::below(stage)?.into_iter().filter(|file| is_script(file)).collect();
    let before = count_wasm_urls(stage, &scripts)?;
    let mut esbuild = npm::program(workspace, "esbuild");
    esbuild.current_dir(stage).args(&scripts);
    esbuild.args(["--minify", "--format=esm", "--target=es2022", "--charset=utf8", "--legal-comments=none"]);
    esbuild.args(["--outdir=.", "--outbase=.", "--allow-overwrite", "--log-level=warning"]);
    run_quietly("running esbuild", &mut esbuild, no_progress)?;
    if count_wasm_urls(stage, &scripts)? == before {
        return Ok(());
    }
    let expected = "every `new URL('./failsoft_bg.wasm', import.meta.url)` to stay as it is, or bundlers miss it";
    Err(Failure::Invalid { what: "minified JavaScript".to_owned(), expected })
}

fn is_script(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "js")
}

fn count_wasm_urls(stage: &Path, scripts: &[PathBuf]) -> Result<usize> {
    let mut count = 0;
    for script in scripts {
        count += wasm_urls(&files::read(&stage.join(script))?);
    }
    Ok(count)
}

fn wasm_urls(script: &str) -> usize {
    let bare: String = script.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '\'' { '"' } else { c }).collect();
    bare.matches(r#"newURL("./failsoft_bg.wasm",import.meta.url)"#).count()
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

    #[test]
    fn a_wasm_url_counts_minified_or_not() {
        assert_eq!(wasm_urls("new URL('./failsoft_bg.wasm', import.meta.url)"), 1);
        assert_eq!(wasm_urls(r#"a=new URL("./failsoft_bg.wasm",import.meta.url)"#), 1);
        assert_eq!(wasm_urls("new URL(`./failsoft_bg.wasm`,import.meta.url)"), 0);
    }
}
