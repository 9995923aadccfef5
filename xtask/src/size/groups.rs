//! The composition of the WebAssembly of the package and of the Worker: bytes of code by module. Inlined code counts for
//! the function that contains it, so much of `call` appears in `browser`, whose exports call it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::{Failure, Result};
use crate::npm;
use crate::process::{output, report_step};
use crate::workspace::Workspace;

/// The crates whose modules are shown: the Worker, and the core.
const CRATES: [(&str, &str); 2] = [("failsoft_worker[", "worker/"), ("failsoft[", "")];
/// The group of strings and tables, which are not functions.
const DATA: &str = "strings and tables";

/// Prints the groups of `named`, a WebAssembly that has the names of its functions, the largest first.
pub(super) fn show(workspace: &Workspace, title: &str, named: &Path) -> Result<()> {
    report_step(&format!("sizes: the WebAssembly of the {title} by module, before the names are removed"));
    let mut wasm_opt = npm::program(workspace, "wasm-opt");
    let output = output(wasm_opt.args(["--all-features", "--func-metrics"]).arg(named)).unwrap_or_default();
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
fn groups(output: &str) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut function = None;
    for line in output.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("func: ") {
            function = Some(module(name));
        } else if let Some((what, number)) = line.split_once(':')
            && let Ok(bytes) = number.trim().parse::<u64>()
        {
            match (what.trim(), &function) {
                ("[binary-bytes]", Some(module)) => {
                    let group = groups.entry(String::clone(module)).or_default();
                    (group.bytes, group.functions) = (group.bytes + bytes, group.functions + 1);
                }
                ("[memory-data]", None) => groups.entry(DATA.to_owned()).or_default().bytes += bytes,
                _ => {}
            }
        }
    }
    groups
}

/// The module of a function of these crates, such as `chunk` of `<failsoft[6822]::chunk::node::Node>::grow`, or
/// `worker/call` of `failsoft_worker[9a]::call::chat::answer`; for other crates, the name of the crate.
fn module(function: &str) -> String {
    for (name, prefix) in CRATES {
        let path = function.split_once(name).and_then(|(_, rest)| rest.split_once("]::"));
        if let Some((_, path)) = path {
            return [prefix, word(path)].concat();
        }
    }
    if function.starts_with("client_") || function.starts_with("session_") {
        return "browser".to_owned();
    }
    match word(function.trim_start_matches(['<', '&', '[', '('])) {
        "core" | "alloc" | "std" | "str" | "u8" | "__rustc" | "compiler_builtins" => "the standard library",
        name if name.starts_with("__wb") => "wasm_bindgen",
        name => name,
    }
    .to_owned()
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
                    func: <[&str]>::concat::<str>\n [binary-bytes] : 4\n func: <talc[ff]::base::Talc>::allocate\n [binary-bytes] : 7\n\
                    func: <failsoft_worker[9a]::call::chat::answer::{closure#0} as x>::<failsoft[68f]::call::Call>\n [binary-bytes] : 8";
        let group = |bytes, functions| Group { bytes, functions };
        let expected = [
            ("browser", group(10, 1)),
            ("chunk", group(23, 2)),
            ("strings and tables", group(90, 0)),
            ("talc", group(7, 1)),
            ("the standard library", group(4, 1)),
            ("worker/call", group(8, 1)),
        ];
        let groups = groups(output);
        assert_eq!(groups.into_iter().collect::<Vec<_>>(), expected.map(|(name, group)| (name.to_owned(), group)));
    }
}
