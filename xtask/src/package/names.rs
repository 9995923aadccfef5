//! Short names for what wasm-bindgen adds to the WebAssembly: the imports, and the exports that call closures. It puts
//! hashes into these hundred names, and a hash does not compress: short names save 4 KB of the download. The exports of
//! the library keep their names.

use std::ffi::OsStr;
use std::path::Path;

use crate::failure::Result;
use crate::files;
use crate::npm;
use crate::process::{no_progress, run_quietly};
use crate::workspace::Workspace;

use super::WASM_FEATURES;

/// Renames the imports in `wasm` and in the script `glue` that provides them.
pub(super) fn shorten(workspace: &Workspace, wasm: &Path, glue: &Path) -> Result<()> {
    let text = wasm.with_extension("wat");
    convert(workspace, &[wasm.as_os_str(), "-S".as_ref(), "-o".as_ref(), text.as_os_str()])?;
    let (module, script) = rename(&files::read(&text)?, &files::read(glue)?);
    files::write(&text, module)?;
    files::write(glue, script)?;
    convert(workspace, &[text.as_os_str(), "-o".as_ref(), wasm.as_os_str()])
}

fn convert(workspace: &Workspace, arguments: &[&OsStr]) -> Result<()> {
    let mut wasm_opt = npm::program(workspace, "wasm-opt");
    wasm_opt.args(WASM_FEATURES).arg("--quiet").args(arguments);
    run_quietly("running wasm-opt", &mut wasm_opt, no_progress)
}

/// The text of the module and the script with new names.
fn rename(module: &str, script: &str) -> (String, String) {
    let (mut module, mut script) = (module.to_owned(), script.to_owned());
    for (name, at) in names(&module, "(import \"", 3).into_iter().zip(0..) {
        module = module.replace(&format!("\"{name}\""), &format!("\"w{at}\""));
        script = script.replace(&format!(" {name}: "), &format!(" w{at}: "));
    }
    for (name, at) in names(&module, "(export \"wasm_bindgen_", 1).into_iter().zip(0..) {
        module = module.replace(&format!("\"{name}\""), &format!("\"c{at}\""));
        script = script.replace(&format!("wasm.{name}("), &format!("wasm.c{at}("));
    }
    (module, script)
}

/// Of the lines that begin with `start`, what stands between quotation mark `quote` and the next one.
fn names(module: &str, start: &str, quote: usize) -> Vec<String> {
    let lines = module.lines().filter(|line| line.trim_start().starts_with(start));
    lines.filter_map(|line| line.split('"').nth(quote)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::rename;

    #[test]
    fn a_name_is_as_short_on_both_sides_and_exports_of_the_library_keep_theirs() {
        let module = r#"(module
 (import "./glue.js" "__wbg_now_0a1b" (func $now))
 (export "chat" (func $chat))
 (export "wasm_bindgen_0a1b___invoke" (func $invoke))
)"#;
        let script = "{\n  __wbg_now_0a1b: function() { return Date.now(); },\n}\nwasm.wasm_bindgen_0a1b___invoke(0);";
        let (module, script) = rename(module, script);
        for line in
            [r#"(import "./glue.js" "w0" (func $now))"#, r#"(export "chat" "#, r#"(export "c0" (func $invoke))"#]
        {
            assert!(module.contains(line), "{module}");
        }
        assert_eq!(script, "{\n  w0: function() { return Date.now(); },\n}\nwasm.c0(0);");
    }
}
