//! The scripts of the package: esbuild makes one file of each entry, and the WebAssembly goes into those for every host.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{WASM, literal, streams, template};
use crate::failure::{Failure, Result};
use crate::files;
use crate::npm;
use crate::process::{no_progress, run_quietly};
use crate::workspace::Workspace;

/// The entries of the package itself: one for each kind of host, and those with the WebAssembly in a separate file.
const HOSTS: [&str; 5] = ["index.js", "slim.js", "slim-node.js", "workerd.js", "edge-light.js"];
/// The entry for every host, for programs that call `require`.
const COMMONJS: &str = "index.cjs";
/// The entries that hold the WebAssembly.
const WHOLE: [&str; 2] = ["index.js", COMMONJS];

/// The small entries without WebAssembly, which a program imports as `failsoft/NAME`.
const SMALL: [&str; 6] = ["ai", "chat", "element", "react", "testing", "tools"];

/// Writes the entries to the folder `stage`, from the `scripts` of the template and of wasm-bindgen.
pub(super) fn bundle(workspace: &Workspace, scripts: &Path, stage: &Path) -> Result<()> {
    let decoder = decoder(workspace, scripts)?;
    let mut modules = esbuild(workspace, scripts, &decoder, "esm");
    modules.args(HOSTS).arg(format!("--outdir={}", stage.display())).arg("--sourcemap");
    run_quietly("running esbuild", &mut modules, no_progress)?;
    let mut commonjs = esbuild(workspace, scripts, &decoder, "cjs");
    commonjs.arg(HOSTS[0]).arg(format!("--outfile={}", stage.join(COMMONJS).display()));
    run_quietly("running esbuild", &mut commonjs, no_progress)?;
    WHOLE.iter().try_for_each(|entry| embed(stage, entry))?;
    SMALL.iter().try_for_each(|name| bundle_small(workspace, scripts, stage, name))
}

/// Writes the entry `name` for modules and for CommonJS.
fn bundle_small(workspace: &Workspace, scripts: &Path, stage: &Path, name: &str) -> Result<()> {
    for (format, ending) in [("esm", "js"), ("cjs", "cjs")] {
        let mut small = minifier(workspace, scripts, format);
        small.arg(format!("{name}.js")).arg(format!("--outfile={}", stage.join(name).with_extension(ending).display()));
        small.args(["--external:react", "--external:./index.js"]);
        if ending == "js" {
            small.arg("--sourcemap");
        }
        run_quietly("running esbuild", &mut small, no_progress)?;
    }
    Ok(())
}

/// esbuild for an entry with WebAssembly, in the format `format`.
fn esbuild(workspace: &Workspace, scripts: &Path, decoder: &str, format: &str) -> Command {
    let mut esbuild = minifier(workspace, scripts, format);
    esbuild.args(["--inject:./text.js", "--external:*.wasm", "--external:*.wasm?module", "--external:node:*"]);
    // Callers never free objects of the package, so `Symbol.dispose` has no use.
    esbuild.args(["--define:Symbol.dispose=false"]).arg(format!("--define:DECODER={decoder}"));
    esbuild
}

/// esbuild for one minified script in the format `format`.
fn minifier(workspace: &Workspace, scripts: &Path, format: &str) -> Command {
    let mut esbuild = npm::program(workspace, "esbuild");
    esbuild.current_dir(scripts).args(["--bundle", "--minify", "--target=es2022", "--legal-comments=none"]);
    // When nobody catches an error, Node prints the line of the first stack frame, so lines must be short.
    esbuild.args(["--line-limit=400", "--log-level=warning"]).arg(format!("--format={format}"));
    esbuild
}

/// The bytes of the program that reads the WebAssembly from its literal, as an array of JavaScript.
fn decoder(workspace: &Workspace, scripts: &Path) -> Result<String> {
    let wasm = scripts.join("decode.wasm");
    let mut wasm_opt = npm::program(workspace, "wasm-opt");
    wasm_opt.arg("-Oz").arg(template(workspace).join("decode.wat")).arg("-o").arg(&wasm);
    run_quietly("running wasm-opt", &mut wasm_opt, no_progress)?;
    Ok(format!("{:?}", fs::read(&wasm).map_err(Failure::file(&wasm))?))
}

/// Puts the WebAssembly into `entry`, in place of its name. This happens after esbuild, which would escape more characters
/// than necessary. The WebAssembly is the first line of the script: gzip compresses it best there, and no stack frame
/// points to this line.
fn embed(stage: &Path, entry: &str) -> Result<()> {
    // As long as the name in quotes, so that the positions in the source map stay right.
    const VARIABLE: &str = "webassembly_binary";
    let (path, wasm) = (stage.join(entry), stage.join(WASM));
    let script = files::read(&path)?;
    let Some((before, after)) = script.split_once(&format!("\"{WASM}\"")) else {
        let expected = "the name of the WebAssembly, where it is to be put";
        return Err(Failure::Invalid { what: format!("bundled {entry}"), expected });
    };
    let bytes = fs::read(&wasm).map_err(Failure::file(&wasm))?;
    let literal = literal::literal(&streams::split(&bytes)?)?;
    files::write(&path, ["const ", VARIABLE, "=", &literal, ";\n", before, VARIABLE, after].concat())?;
    let map = stage.join(format!("{entry}.map"));
    if map.is_file() {
        files::write(&map, files::read(&map)?.replacen("\"mappings\": \"", "\"mappings\": \";", 1))?;
    }
    Ok(())
}

/// The declarations of a module as those of a script of CommonJS, which imports such declarations.
pub(super) fn for_commonjs(declarations: &str) -> String {
    declarations.replace(".js';", ".cjs';")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_of_commonjs_import_declarations_of_commonjs() {
        let module = "import type { A } from './a.js';\nexport { B } from './b.js';\n";
        assert_eq!(for_commonjs(module), "import type { A } from './a.cjs';\nexport { B } from './b.cjs';\n");
    }
}
