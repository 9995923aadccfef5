//! Checks the package's types with the TypeScript compiler: the declarations themselves, and tests/package/*.ts, which
//! use them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::failure::Result;
use crate::files;
use crate::npm;
use crate::process::run_and_read;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Checks all files; each counts as a test. Needs a built package.
pub(crate) fn check(workspace: &Workspace) -> Result<Tally> {
    let declarations = files_below(workspace.package(), ".d.ts")?;
    let uses = files_below(workspace.tests().join("package"), ".ts")?;
    let mut tally = check_files(workspace, "declarations", &declarations, false)?;
    // The uses import declarations of other packages, which need types that are not installed here.
    tally += check_files(workspace, "uses", &uses, true)?;
    Ok(tally)
}

fn check_files(workspace: &Workspace, name: &str, checked: &[PathBuf], skip_declarations: bool) -> Result<Tally> {
    let project = workspace.scratch().join(format!("types/{name}.json"));
    files::write(&project, format!("{:#}\n", configuration(workspace, checked, skip_declarations)))?;
    let mut tsc = npm::program(workspace, "tsc");
    tsc.current_dir(&workspace.root).arg("--project").arg(&project).arg("--pretty").arg("false");
    let (status, output) = run_and_read(&mut tsc)?;
    let failed = checked.iter().filter(|file| is_blamed(&output, &workspace.root, file)).count();
    Ok(Tally { passed: checked.len() - failed, failed, skipped: 0 }.check_exit(status.success()))
}

fn files_below(folder: PathBuf, ending: &str) -> Result<Vec<PathBuf>> {
    let found = files::below(&folder)?.into_iter().filter(|file| file.to_string_lossy().ends_with(ending));
    Ok(found.map(|file| folder.join(file)).collect())
}

fn configuration(workspace: &Workspace, checked: &[PathBuf], skip_declarations: bool) -> Value {
    let package = workspace.package();
    json!({
        "compilerOptions": {
            "strict": true,
            "exactOptionalPropertyTypes": true,
            "noEmit": true,
            "skipLibCheck": skip_declarations,
            "target": "es2022",
            "module": "esnext",
            "moduleResolution": "bundler",
            "lib": ["es2022", "dom", "dom.iterable", "dom.asynciterable", "esnext.disposable"],
            "types": [],
            "paths": {
                "failsoft": [package.join("index.d.ts")],
                "failsoft/*": [package.join("*")],
                "openai/*": [workspace.tests().join("node_modules/openai/*")],
            },
        },
        "files": checked,
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
