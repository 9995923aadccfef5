//! Checks the package's types with several versions of the TypeScript compiler: the declarations themselves, and
//! tests/package/*.ts and *.cts, which use them. And whether the reports of both APIs are still right.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::api;
use crate::failure::Result;
use crate::files;
use crate::npm;
use crate::process::{report_step, run_and_read};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// The packages of the compilers in tests/package.json.
const COMPILERS: [&str; 3] = ["typescript", "typescript-5.9", "typescript-5.4"];

/// The libraries of a page.
const PAGE: [&str; 5] = ["es2022", "dom", "dom.iterable", "dom.asynciterable", "esnext.disposable"];
/// The libraries of a program that declares nothing of its host.
const BARE: [&str; 1] = ["es2022"];

/// What is compiled in one run.
struct Project {
    name: &'static str,
    files: Vec<PathBuf>,
    libraries: &'static [&'static str],
    module: &'static str,
    resolution: &'static str,
    /// The files import declarations of other packages, which need types that are not installed here.
    skips_declarations: bool,
}

/// Checks all files with each compiler; each counts as a test. Needs a built package.
pub(crate) fn check(workspace: &Workspace) -> Result<Tally> {
    let projects = projects(workspace)?;
    let mut tally = Tally::default();
    for compiler in COMPILERS {
        report_step(compiler);
        for project in &projects {
            tally += check_project(workspace, compiler, project)?;
        }
    }
    tally += api::check(workspace)?;
    Ok(tally)
}

fn projects(workspace: &Workspace) -> Result<[Project; 4]> {
    let declarations = files_below(workspace.package(), ".d.ts")?;
    let commonjs = files_below(workspace.package(), ".d.cts")?;
    let uses = workspace.tests().join("package");
    let page = Project {
        name: "declarations",
        files: declarations.clone(),
        libraries: &PAGE,
        module: "esnext",
        resolution: "bundler",
        skips_declarations: false,
    };
    let uses_of_modules = files_below(uses.clone(), ".test-d.ts")?;
    let required = [commonjs, files_below(uses, ".test-d.cts")?].concat();
    let bare = Project { name: "bare", files: declarations, libraries: &BARE, ..page };
    let uses = Project { name: "uses", files: uses_of_modules, skips_declarations: true, ..page };
    let commonjs = Project { name: "commonjs", files: required, module: "node16", resolution: "node16", ..bare };
    Ok([page, uses, commonjs, bare])
}

fn check_project(workspace: &Workspace, compiler: &str, project: &Project) -> Result<Tally> {
    let path = workspace.scratch().join(format!("types/{}.json", project.name));
    files::write(&path, format!("{:#}\n", configuration(workspace, project)))?;
    let mut tsc = npm::program(workspace, "node");
    tsc.arg(workspace.tests().join(format!("node_modules/{compiler}/bin/tsc"))).arg("--project").arg(&path);
    tsc.current_dir(&workspace.root).args(["--pretty", "false"]);
    let (status, output) = run_and_read(&mut tsc)?;
    let failed = project.files.iter().filter(|file| is_blamed(&output, &workspace.root, file)).count();
    Ok(Tally { passed: project.files.len() - failed, failed, skipped: 0 }.check_exit(status.success()))
}

fn files_below(folder: PathBuf, ending: &str) -> Result<Vec<PathBuf>> {
    let found = files::below(&folder)?.into_iter().filter(|file| file.to_string_lossy().ends_with(ending));
    Ok(found.map(|file| folder.join(file)).collect())
}

fn configuration(workspace: &Workspace, project: &Project) -> Value {
    let package = workspace.package();
    let entry = if project.module == "node16" { "index.d.cts" } else { "index.d.ts" };
    json!({
        "compilerOptions": {
            "strict": true,
            "exactOptionalPropertyTypes": true,
            "noEmit": true,
            "skipLibCheck": project.skips_declarations,
            "target": "es2022",
            "module": project.module,
            "moduleResolution": project.resolution,
            "lib": project.libraries,
            "types": [],
            "paths": {
                "failsoft": [package.join(entry)],
                "failsoft/*": [package.join("*")],
            },
        },
        "files": project.files,
    })
}

/// Whether the output names `file`, as in `pkg/index.d.ts(12,3): error TS…`, relative to the compiler's folder.
fn is_blamed(output: &str, root: &Path, file: &Path) -> bool {
    let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy();
    output.lines().any(|line| line.strip_prefix(name.as_ref()).is_some_and(|rest| rest.starts_with('(')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_in_the_message_is_blamed() {
        let output = "pkg/index.d.ts(12,3): error TS2304: Cannot find name 'Chat'.\n";
        let root = Path::new("/checkout");
        assert!(is_blamed(output, root, Path::new("/checkout/pkg/index.d.ts")));
        assert!(!is_blamed(output, root, Path::new("/checkout/pkg/node.d.ts")));
        assert!(!is_blamed(output, root, Path::new("/checkout/index.d.ts")));
    }
}
