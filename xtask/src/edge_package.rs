//! The npm packages for an edge without Rust: `failsoft-edge` is the built Worker with all its files, and
//! `create-failsoft-edge` makes a folder that uses it.
//!
//! ```text
//!  worker/entry.mjs, build/, migrations/, wrangler.jsonc ─┐
//!  www/schema/, pkg/testing.js ────────────────────────────┼──▶ pkg-edge/
//!  pkg-template/edge/ ──────────────────────────────────────┘
//!  pkg-template/create-edge/ ──────────────────────────────────▶ pkg-create-edge/
//! ```

use std::path::Path;

use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::files;
use crate::package::with_version;
use crate::worker;
use crate::workspace::Workspace;

/// The folder of the package in the project of its user.
const INSTALLED: &str = "node_modules/failsoft-edge";

/// Writes both packages. Needs the built Worker and the built package.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let stage = workspace.scratch().join("edge-package");
    files::make_empty(&stage)?;
    let build = worker::output(workspace);
    for file in ["index.js", "index_bg.wasm", "functions.txt"] {
        files::copy(&build.join(file), &stage.join("build").join(file))?;
    }
    copy_folder(&build.join("assets"), &stage.join("assets"))?;
    copy_folder(&workspace.worker().join("migrations"), &stage.join("migrations"))?;
    copy_folder(&workspace.root.join("www/schema"), &stage)?;
    files::copy(&workspace.worker().join("entry.mjs"), &stage.join("entry.mjs"))?;
    files::copy(&workspace.package().join("testing.js"), &stage.join("testing.js"))?;
    let settings = settings(&files::read(&workspace.worker().join("wrangler.jsonc"))?)?;
    files::write(&stage.join("wrangler.json"), format!("{settings:#}\n"))?;
    finish(workspace, "edge", &stage, "pkg-edge")?;
    files::make_empty(&stage)?;
    finish(workspace, "create-edge", &stage, "pkg-create-edge")
}

/// Adds the files of the template `name` and the license, and moves the package to its place.
fn finish(workspace: &Workspace, name: &str, stage: &Path, place: &str) -> Result<()> {
    let template = workspace.root.join("pkg-template").join(name);
    copy_folder(&template, stage)?;
    let manifest = files::read(&template.join("package.json"))?;
    files::write(&stage.join("package.json"), with_version(&manifest, env!("CARGO_PKG_VERSION"))?)?;
    files::copy(&workspace.root.join("LICENSE"), &stage.join("LICENSE"))?;
    files::replace(stage, &workspace.root.join(place))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    files::below(from)?.iter().try_for_each(|file| files::copy(&from.join(file), &to.join(file)))
}

/// The settings for wrangler in the project of a user, from those of the repository.
fn settings(wrangler: &str) -> Result<Value> {
    let invalid = || Failure::Invalid { what: "worker/wrangler.jsonc".to_owned(), expected: "settings for wrangler" };
    let lines = wrangler.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut settings: Value = serde_json::from_str(&text).map_err(|_| invalid())?;
    let fields = settings.as_object_mut().ok_or_else(invalid)?;
    fields.remove("build").ok_or_else(invalid)?;
    fields.insert("$schema".to_owned(), json!("node_modules/wrangler/config-schema.json"));
    fields.insert("main".to_owned(), json!(format!("{INSTALLED}/entry.mjs")));
    settings["assets"]["directory"] = json!(format!("{INSTALLED}/assets"));
    settings["d1_databases"][0]["migrations_dir"] = json!(format!("{INSTALLED}/migrations"));
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_name_the_files_of_the_package_and_build_nothing() {
        let settings = settings(include_str!("../../worker/wrangler.jsonc")).expect("settings");
        assert_eq!(settings["main"], "node_modules/failsoft-edge/entry.mjs");
        assert_eq!(settings["assets"]["directory"], "node_modules/failsoft-edge/assets");
        assert_eq!(settings["d1_databases"][0]["migrations_dir"], "node_modules/failsoft-edge/migrations");
        assert_eq!(settings["d1_databases"][0]["database_id"], "00000000-0000-0000-0000-000000000000");
        assert!(settings.get("build").is_none());
        assert!(super::settings("[]").is_err());
    }
}
