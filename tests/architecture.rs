//! No two modules of a crate import each other, directly or over others. A module and its own submodules may.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module by its path in the crate: `["call", "sending"]`. The root of the crate is empty.
type Module = Vec<String>;
type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// The source text of each module of a crate, without its unit tests.
struct Crate(BTreeMap<Module, String>);

impl Crate {
    fn read(folder: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut modules = BTreeMap::new();
        read_folder(&root, &Module::new(), &mut modules);
        assert!(modules.len() > 20, "{folder} has {} modules", modules.len());
        Self(modules)
    }

    /// The modules that `module` imports.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let mut imports: BTreeSet<_> =
            paths(&self.0[module]).iter().filter_map(|path| self.find(module, path)).collect();
        imports.remove(module);
        imports
    }

    /// The module that `path` leads to from `module`.
    fn find(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut found = if path[0] == "crate" { Module::new() } else { module.clone() };
        let mut rest = &path[1..];
        if path[0] == "super" {
            found.pop();
        }
        while rest.first().is_some_and(|name| name == "super") {
            found.pop();
            rest = &rest[1..];
        }
        let start = found.clone();
        for name in rest {
            found.push(name.clone());
            if !self.0.contains_key(&found) {
                found.pop();
                break;
            }
        }
        // `crate::Call` is a name that the root of the crate takes from a module.
        if found == start && path[0] == "crate" {
            return self.reexport(rest.first()?);
        }
        Some(found)
    }

    /// The module from which the root of the crate exports `name`.
    fn reexport(&self, name: &str) -> Option<Module> {
        let root = &self.0[&Module::new()];
        let line = root.lines().find(|line| {
            line.starts_with("pub use ") && line.split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
        })?;
        let module = line.strip_prefix("pub use ")?.split("::").next()?;
        Some(vec![module.to_owned()])
    }
}

fn read_folder(folder: &Path, module: &Module, modules: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        if name.ends_with("tests") {
            continue;
        }
        if entry.is_dir() {
            read_folder(&entry, &[&module[..], &[name]].concat(), modules);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let path = if name == "lib" { Module::new() } else { [&module[..], &[name]].concat() };
            modules.insert(path, fs::read_to_string(&entry).expect("a file"));
        }
    }
}

/// The paths in `source` that begin at the root of the crate or at a parent module, without those of its unit tests.
fn paths(source: &str) -> Vec<Vec<String>> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: Vec<&str> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let mut paths = Vec::new();
    for start in ["crate", "super"] {
        for (at, _) in code.match_indices(&[start, "::"].concat()) {
            let is_part =
                code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':');
            if !is_part {
                read_tree(&code[at..], &mut Vec::new(), &mut paths);
            }
        }
    }
    paths
}

/// Reads a path, or a tree of paths in braces. Returns what is behind it.
fn read_tree<'a>(code: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let mut code = code.trim_start();
    if let Some(list) = code.strip_prefix('{') {
        code = list;
        loop {
            code = code.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if let Some(rest) = code.strip_prefix('}') {
                return rest;
            }
            code = read_tree(code, prefix, paths);
            // The rest of an item is `as` and another name.
            code = &code[code.find([',', '}']).expect("the end of a list")..];
        }
    }
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    if name.is_empty() {
        paths.push(prefix.clone());
        return rest.strip_prefix('*').unwrap_or(rest);
    }
    prefix.push(name.to_owned());
    let rest = match rest.strip_prefix("::") {
        Some(rest) => read_tree(rest, prefix, paths),
        None => {
            paths.push(prefix.clone());
            rest
        }
    };
    prefix.pop();
    rest
}

/// Which file imports which. A module and its own submodules are left out.
fn graph_of_files(source: &Crate) -> Graph {
    let mut graph = Graph::new();
    for module in source.0.keys().filter(|module| !module.is_empty()) {
        let mut imports = source.imports(module);
        imports.retain(|import| !import.starts_with(module) && !module.starts_with(import));
        graph.insert(module.clone(), imports);
    }
    graph
}

/// Which module imports which of its siblings, where what a submodule does counts for its parent.
fn graph_of_siblings(source: &Crate) -> Graph {
    let mut graph = Graph::new();
    for (module, imports) in graph_of_files(source) {
        for import in imports {
            let common = module.iter().zip(&import).take_while(|(a, b)| a == b).count();
            graph.entry(module[..=common].to_vec()).or_default().insert(import[..=common].to_vec());
        }
    }
    graph
}

/// A cycle of `graph`, if it has one: `a -> b -> a`.
fn find_cycle(graph: &Graph) -> Option<String> {
    let mut finished = BTreeSet::new();
    for module in graph.keys() {
        let mut trail = Vec::new();
        if let Some(cycle) = walk(graph, module, &mut trail, &mut finished) {
            return Some(cycle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" -> "));
        }
    }
    None
}

fn walk(
    graph: &Graph,
    module: &Module,
    trail: &mut Vec<Module>,
    finished: &mut BTreeSet<Module>,
) -> Option<Vec<Module>> {
    if let Some(at) = trail.iter().position(|earlier| earlier == module) {
        return Some([&trail[at..], std::slice::from_ref(module)].concat());
    }
    if finished.contains(module) {
        return None;
    }
    trail.push(module.clone());
    let cycle = graph.get(module).into_iter().flatten().find_map(|import| walk(graph, import, trail, finished));
    trail.pop();
    finished.insert(module.clone());
    cycle
}

#[test]
fn no_two_modules_of_the_core_import_each_other() {
    let core = Crate::read("src");
    assert_eq!(find_cycle(&graph_of_siblings(&core)), None);
}

#[test]
fn no_two_modules_of_the_worker_import_each_other() {
    assert_eq!(find_cycle(&graph_of_siblings(&Crate::read("worker/src"))), None);
}

#[test]
fn a_cycle_over_submodules_is_found_and_a_module_with_its_own_submodules_is_none() {
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
    let source = |files: &[(&str, &str)]| {
        let root = (Module::new(), "pub use a::Name;\n".to_owned());
        Crate(files.iter().map(|(path, code)| (module(path), (*code).to_owned())).chain([root]).collect())
    };
    let family = source(&[
        ("a", "use crate::a::child::Name;"),
        ("a::child", "use super::Name; use super::super::c::X;"),
        ("c", ""),
    ]);
    assert_eq!(find_cycle(&graph_of_siblings(&family)), None);
    let cycle = source(&[
        ("a", "mod child;"),
        ("a::child", "// use crate::c;\nuse crate::{Millis, b::{Name as Other, More}};"),
        ("b", "fn f() { crate::Name::new() }"),
        ("c", ""),
    ]);
    assert_eq!(find_cycle(&graph_of_siblings(&cycle)).as_deref(), Some("a -> b -> a"));
    assert_eq!(graph_of_files(&cycle)[&module("a::child")], BTreeSet::from([module("b")]));
}
