//! The sizes of what a page downloads and of what an isolate loads, in bytes, raw and with gzip.

mod groups;
mod worker;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::files;
use crate::npm;
use crate::package;
use crate::process::{output, report_step};
use crate::setup;
use crate::workspace::Workspace;

/// What a page may have to download for the default entry, in bytes with gzip. The commit that raises a budget, this
/// one or the Worker's, names the feature that needs the bytes, and how many bytes the feature needs.
const BUDGET: u64 = 112_350;

/// zlib measures, because servers compress with zlib.
const MEASURE: &str = "const { gzipSync } = require('zlib'); const { readFileSync } = require('fs');
for (const path of process.argv.slice(1)) {
  const bytes = readFileSync(path);
  console.log(bytes.length, gzipSync(bytes, { level: 9 }).length);
}";

/// The conditions of a bundler that builds for a page.
const CONDITIONS: [&str; 4] = ["browser", "module", "import", "default"];

/// The size of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    raw: u64,
    gzip: u64,
}

/// Builds the package and the Worker, and prints the size of each file and the composition of the WebAssembly of both.
pub(crate) fn show(workspace: &Workspace) -> Result<()> {
    setup::build(workspace)?;
    package::build(workspace)?;
    crate::worker::build(workspace)?;
    let package = workspace.package();
    table(workspace, "package", &package, &files::below(&package)?)?;
    groups::show(workspace, "package", &package::with_names(workspace)?)?;
    groups::show(workspace, "Worker", &crate::worker::with_names(workspace))?;
    check(workspace).map(drop)
}

/// Prints the sizes of the default entry and of the Worker, and returns whether both are within the budgets. Needs both
/// built.
pub(crate) fn check(workspace: &Workspace) -> Result<bool> {
    let package = workspace.package();
    let manifest = files::read(&package.join("package.json"))?;
    let invalid = || Failure::Invalid {
        what: "pkg-template/package.json".to_owned(),
        expected: "exports[\".\"] and exports[\"./slim\"] to name files of the package",
    };
    let [whole, slim] = [".", "./slim"].map(|name| entry(&manifest, name));
    let total = table(workspace, "default entry", &package, &reachable(&package, &whole.ok_or_else(invalid)?)?)?;
    table(workspace, "failsoft/slim", &package, &reachable(&package, &slim.ok_or_else(invalid)?)?)?;
    let fits = total.gzip <= BUDGET;
    let verdict = if fits { "within" } else { "OVER" };
    println!("default entry: {} bytes with gzip, {verdict} the budget of {BUDGET}", total.gzip);
    Ok(worker::check(workspace)? && fits)
}

fn table(workspace: &Workspace, title: &str, folder: &Path, files: &[PathBuf]) -> Result<Size> {
    report_step(&format!("sizes: {title}"));
    let sizes = measure(workspace, folder, files)?;
    let total = sizes.iter().fold(Size::default(), |a, b| Size { raw: a.raw + b.raw, gzip: a.gzip + b.gzip });
    println!("{:>10} {:>10}", "bytes", "gzip");
    for (file, size) in files.iter().zip(&sizes) {
        println!("{:>10} {:>10}  {}", size.raw, size.gzip, file.display());
    }
    println!("{:>10} {:>10}  {title}", total.raw, total.gzip);
    Ok(total)
}

fn measure(workspace: &Workspace, folder: &Path, files: &[PathBuf]) -> Result<Vec<Size>> {
    let mut node = npm::program(workspace, "node");
    node.current_dir(folder).args(["--eval", MEASURE, "--"]).args(files);
    let output = output(&mut node).unwrap_or_default();
    let sizes: Vec<Size> = output.lines().filter_map(size).collect();
    if sizes.len() == files.len() {
        return Ok(sizes);
    }
    Err(Failure::Invalid { what: folder.display().to_string(), expected: "files that can be read and compressed" })
}

fn size(line: &str) -> Option<Size> {
    let (raw, gzip) = line.split_once(' ')?;
    Some(Size { raw: raw.parse().ok()?, gzip: gzip.parse().ok()? })
}

/// The file that a page gets for the entry `name` of the package: `.` is what `import … from "failsoft"` names.
fn entry(manifest: &str, name: &str) -> Option<PathBuf> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    resolve(&manifest["exports"][name]).map(|path| PathBuf::from(path.trim_start_matches("./")))
}

fn resolve(target: &Value) -> Option<&str> {
    match target {
        Value::String(path) => Some(path),
        // The first matching condition, in the order of the file, decides.
        Value::Object(conditions) => conditions
            .iter()
            .filter(|(condition, _)| CONDITIONS.contains(&condition.as_str()))
            .find_map(|(_, target)| resolve(target)),
        _ => None,
    }
}

/// The entry and every file of the package that it names, as a static import, a dynamic import or a URL.
fn reachable(package: &Path, entry: &Path) -> Result<Vec<PathBuf>> {
    let mut reached = BTreeSet::from([entry.to_owned()]);
    let mut unread = vec![entry.to_owned()];
    while let Some(file) = unread.pop() {
        if file.extension().is_none_or(|extension| extension != "js") {
            continue;
        }
        let script = files::read(&package.join(&file))?;
        for name in relative_names(&script) {
            let named = normal(&file.with_file_name(name));
            if package.join(&named).is_file() && reached.insert(named.clone()) {
                unread.push(named);
            }
        }
    }
    Ok(reached.into_iter().collect())
}

/// All string literals that begin with `./` or `../`.
fn relative_names(script: &str) -> impl Iterator<Item = &str> {
    let starts = script.match_indices(['"', '\'', '`']);
    starts.filter_map(|(at, quote)| {
        let rest = &script[at + 1..];
        let name = &rest[..rest.find(quote)?];
        (name.starts_with("./") || name.starts_with("../")).then_some(name)
    })
}

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component::{CurDir, ParentDir};
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            CurDir => {}
            ParentDir => drop(path.pop()),
            other => path.push(other),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_condition_decides_the_entry() {
        let entry = |manifest| entry(manifest, ".").map(|path| path.to_string_lossy().into_owned());
        let nested = r#"{"exports":{".":{"types":"./index.d.ts","node":"./node.js","browser":{"import":"./web.js"},"default":"./x.js"}}}"#;
        assert_eq!(entry(nested).as_deref(), Some("web.js"));
        assert_eq!(entry(r#"{"exports":{".":"./index.js"}}"#).as_deref(), Some("index.js"));
        assert_eq!(
            entry(r#"{"exports":{".":{"types":"./index.d.ts","default":"./index.js"}}}"#).as_deref(),
            Some("index.js")
        );
        assert_eq!(entry(r#"{"exports":{"./other":"./x.js"}}"#), None);
    }

    #[test]
    fn names_are_found_in_imports_and_urls() {
        let script = r#"import{a}from"./core.js";export*from'../b.js';new URL("./x.wasm",import.meta.url);"no/./path""#;
        assert_eq!(relative_names(script).collect::<Vec<_>>(), ["./core.js", "../b.js", "./x.wasm"]);
    }

    #[test]
    fn dots_are_removed_from_paths() {
        assert_eq!(normal(Path::new("a/b/../c/./d.js")), Path::new("a/c/d.js"));
    }
}
