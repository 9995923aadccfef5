//! The composition of the package's WebAssembly: bytes of code by the core's module. Inlined code counts for the
//! function that contains it, so much of `call` appears in `browser`, whose exports call it.

use std::collections::BTreeMap;

use crate::failure::{Failure, Result};
use crate::npm;
use crate::package;
use crate::process::{output, report_step};
use crate::workspace::Workspace;

const CRATE: &str = "failsoft";
/// The group of strings and tables, which are not functions.
const DATA: &str = "strings and tables";

/// Prints the groups, the largest first. Needs a built package.
pub(super) fn show(workspace: &Workspace) -> Result<()> {
    report_step("sizes: the package's WebAssembly by module, before the names are removed");
    let named = package::with_names(workspace)?;
    let mut wasm_opt = npm::program(workspace, "wasm-opt");
    let output = output(wasm_opt.args(package::WASM_FEATURES).arg("--func-metrics").arg(&named)).unwrap_or_default();
    let groups = groups(&output);
    if groups.len() < 2 {
        return Err(Failure::Invalid { what: "wasm-opt's output".to_owned(), expected: "the size of each function" });
    }
    let total: u64 = groups.values().map(|group| group.bytes).sum();
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_by_key(|(_, group)| std::cmp::Reverse(group.bytes));
    println!("{:>10} {:>10} {:>7}", "bytes", "functions", "share");
    for (name, Group { bytes, functions }) in rows {
        println!("{bytes:>10} {functions:>10} {:>6.1}%  {name}", bytes as f64 * 100.0 / total as f64);
    }
    println!("{total:>10} {:>18}  total", "");
    Ok(())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Group {
    bytes: u64,
    functions: u64,
}

/// Parses lines such as `func: NAME`, `[binary-bytes] : 12`, `[memory-data] : 34`.
fn groups(output: &str) -> BTreeMap<&str, Group> {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    let mut function = None;
    for line in output.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("func: ") {
            function = Some(module(name));
        } else if let Some((what, number)) = line.split_once(':')
            && let Ok(bytes) = number.trim().parse::<u64>()
        {
            match (what.trim(), function) {
                ("[binary-bytes]", Some(module)) => {
                    let group = groups.entry(module).or_default();
                    (group.bytes, group.functions) = (group.bytes + bytes, group.functions + 1);
                }
                ("[memory-data]", None) => groups.entry(DATA).or_default().bytes += bytes,
                _ => {}
            }
        }
    }
    groups
}

/// The module of a function of this crate, such as `chunk` of `<failsoft[6822]::chunk::node::Node>::grow`; for other
/// crates, the name of the crate.
fn module(function: &str) -> &str {
    let ours = function.split_once(CRATE).and_then(|(_, rest)| rest.split_once("]::")).map(|(_, rest)| word(rest));
    match ours {
        Some(module) => module,
        None if function.starts_with("client_") || function.starts_with("session_") => "browser",
        None => match word(function.trim_start_matches(['<', '&', '[', '('])) {
            "core" | "alloc" | "std" | "str" | "u8" | "__rustc" | "compiler_builtins" => "the standard library",
            name if name.starts_with("__wb") => "wasm_bindgen",
            name => name,
        },
    }
}

fn word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Group, groups};

    #[test]
    fn a_function_counts_for_its_own_module() {
        let output = "Metrics\nglobal\n [memory-data]  : 90\nfunc: session_poll\n [binary-bytes] : 10\n Block : 5\n\
                    func: <failsoft[68f]::chunk::node::Node>::grow\n [binary-bytes] : 20\n\
                    func: failsoft[68f]::chunk::sum\n [binary-bytes] : 3\n\
                    func: <[&str]>::concat::<str>\n [binary-bytes] : 4\n func: <talc[ff]::base::Talc>::allocate\n [binary-bytes] : 7";
        let group = |bytes, functions| Group { bytes, functions };
        let expected = [
            ("browser", group(10, 1)),
            ("chunk", group(23, 2)),
            ("strings and tables", group(90, 0)),
            ("talc", group(7, 1)),
            ("the standard library", group(4, 1)),
        ];
        assert_eq!(groups(output).into_iter().collect::<Vec<_>>(), expected);
    }
}
