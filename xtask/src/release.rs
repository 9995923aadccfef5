//! `cargo xtask release`: everything that a release publishes, in `dist/`. It publishes nothing itself.
//!
//! ```text
//!  pkg/, pkg-edge/, pkg-create-edge/ ── npm pack ─────────▶ dist/*.tgz
//!  the core ─────────────────────────── cargo package ────▶ dist/failsoft-VERSION.crate
//!  Cargo.lock, tests/package-lock.json ─ cargo-cyclonedx, npm sbom ─▶ dist/*.cdx.json
//!  all of them ──────────────────────── SHA-256 ───────────▶ dist/SHA256SUMS
//! ```

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::files;
use crate::hashes;
use crate::npm;
use crate::package;
use crate::process::{no_progress, output, report_step, run_quietly};
use crate::setup;
use crate::tally::Tally;
use crate::tools;
use crate::worker;
use crate::workspace::{Workspace, without_this_crate};

/// The packages of npm.
const PACKAGES: [&str; 3] = ["./pkg", "./pkg-edge", "./pkg-create-edge"];
/// The name that cargo-cyclonedx gives to its file in the folder of each crate.
const BOM: &str = "failsoft.cdx";
/// The folders of all crates of the workspace.
const CRATES: [&str; 4] = ["", "worker", "xtask", "tests/emulator"];

/// Builds everything, and writes what a release publishes into `dist/`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::build(workspace)?;
    package::build(workspace)?;
    worker::build(workspace)?;
    let dist = workspace.root.join("dist");
    files::make_empty(&dist)?;
    report_step("packing the packages of npm");
    let mut pack = npm::program(workspace, "npm");
    pack.current_dir(&workspace.root).arg("pack").args(PACKAGES).arg("--pack-destination").arg(&dist);
    run_quietly("npm pack", &mut pack, no_progress)?;
    package_core(workspace, true)?;
    let krate = format!("failsoft-{}.crate", env!("CARGO_PKG_VERSION"));
    files::copy(&workspace.target.join("package").join(&krate), &dist.join(&krate))?;
    write_boms(workspace, &dist)?;
    let published = files::below(&dist)?;
    let sums = hashes::of_files(workspace, &dist, &published)?;
    files::write(&dist.join("SHA256SUMS"), &sums)?;
    print!("{sums}");
    Ok(())
}

/// Packs the crate of the core, and in a long run also compiles what is packed, and lists the components of what is built.
pub(crate) fn check(workspace: &Workspace, long: bool) -> Result<Tally> {
    let mut tally = Tally::one(package_core(workspace, long).is_ok());
    if long {
        let folder = workspace.scratch().join("boms");
        files::make_empty(&folder)?;
        tally += Tally::one(write_boms(workspace, &folder).is_ok());
    }
    Ok(tally)
}

/// Makes the crate that the registry would get.
fn package_core(workspace: &Workspace, compiles: bool) -> Result<()> {
    report_step("packing the crate of the core");
    let mut cargo = workspace.cargo();
    cargo.args(["package", "--quiet", "--package", "failsoft", "--allow-dirty"]);
    cargo.args((!compiles).then_some("--no-verify"));
    run_quietly("cargo package", &mut cargo, no_progress)
}

/// Lists the components in the form of CycloneDX: of the package's WebAssembly, of the Worker, and of the npm packages that
/// build and test both.
fn write_boms(workspace: &Workspace, folder: &Path) -> Result<()> {
    report_step("listing the components");
    let program = tools::cargo_cyclonedx(workspace)?;
    let mut cyclonedx = Command::new(program);
    cyclonedx.current_dir(&workspace.root);
    without_this_crate(&mut cyclonedx);
    cyclonedx.args(["cyclonedx", "--format", "json", "--features", "browser", "--target", "wasm32-unknown-unknown"]);
    cyclonedx.args(["--no-build-deps", "--override-filename", BOM]);
    run_quietly("cargo cyclonedx", &mut cyclonedx, no_progress)?;
    let made = |krate: &str| workspace.root.join(krate).join(format!("{BOM}.json"));
    files::copy(&made(""), &folder.join("failsoft.cdx.json"))?;
    files::copy(&made("worker"), &folder.join("failsoft-edge.cdx.json"))?;
    for krate in CRATES {
        std::fs::remove_file(made(krate)).map_err(Failure::file(&made(krate)))?;
    }
    files::write(&folder.join("build.cdx.json"), bom_of_npm(workspace)?)?;
    ["failsoft", "failsoft-edge", "build"]
        .iter()
        .try_for_each(|name| check_bom(&folder.join(format!("{name}.cdx.json"))))
}

/// The npm packages of tests/package-lock.json. npm lists the components of a package with a version only, which that one has not.
fn bom_of_npm(workspace: &Workspace) -> Result<String> {
    let folder = workspace.scratch().join("failsoft-build");
    let manifest = files::read(&workspace.tests().join("package.json"))?;
    files::write(&folder.join("package.json"), package::with_version(&manifest, env!("CARGO_PKG_VERSION"))?)?;
    files::copy(&workspace.tests().join("package-lock.json"), &folder.join("package-lock.json"))?;
    let mut sbom = npm::program(workspace, "npm");
    sbom.current_dir(&folder).args(["sbom", "--package-lock-only", "--sbom-format", "cyclonedx"]);
    Ok(output(&mut sbom).unwrap_or_default())
}

/// A list of components that names none would be of no use.
fn check_bom(path: &Path) -> Result<()> {
    let bom: Value = serde_json::from_str(&files::read(path)?).unwrap_or_default();
    let has_components = bom["components"].as_array().is_some_and(|components| !components.is_empty());
    if bom["bomFormat"] == "CycloneDX" && has_components {
        return Ok(());
    }
    Err(Failure::Invalid { what: path.display().to_string(), expected: "a list of components" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_components_is_none() {
        let path = std::env::temp_dir().join(format!("failsoft-bom-{}.json", std::process::id()));
        for (text, expected) in [
            (r#"{"bomFormat": "CycloneDX", "components": [{"name": "a"}]}"#, true),
            (r#"{"bomFormat": "CycloneDX", "components": []}"#, false),
            ("", false),
        ] {
            files::write(&path, text).unwrap_or_else(|failure| panic!("{failure}"));
            assert_eq!(check_bom(&path).is_ok(), expected, "{text}");
        }
        let _ = std::fs::remove_file(&path);
    }
}
