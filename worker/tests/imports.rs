//! The files of the Worker import each other without a cycle, and so do its folders. A module may import its own parent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn files_import_each_other_without_a_cycle() {
    let mut imports = file_imports();
    for (file, imported) in &mut imports {
        imported.retain(|other| !file.starts_with(&format!("{other}::")));
    }
    assert_eq!(find_cycle(&imports), None);
}

#[test]
fn folders_import_each_other_without_a_cycle() {
    let folder = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let mut folders = Graph::new();
    for (file, imported) in file_imports() {
        let others = imported.iter().map(|other| folder(other)).filter(|other| *other != folder(&file));
        folders.entry(folder(&file)).or_default().extend(others);
    }
    assert!(folders["call"].contains("platform"), "the test sees the imports");
    assert_eq!(find_cycle(&folders), None);
}

#[test]
fn finds_a_cycle() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).into()).or_default().insert((*to).into());
        }
        graph
    };
    assert_eq!(find_cycle(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let cycle = find_cycle(&graph(&[("a", "b"), ("b", "c"), ("c", "b")])).expect("a cycle");
    assert_eq!(cycle, ["b", "c"]);
    assert_eq!(paths("a::{b, c::{self, D}, e as f}"), ["a::b", "a::c::self", "a::c::D", "a::e"]);
}

/// The modules that each file imports, without its tests. The crate's root is left out: it imports every folder.
fn file_imports() -> Graph {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files: BTreeMap<String, String> = rust_files(&source)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&source).expect("below the folder").with_extension("");
            let text = fs::read_to_string(&path).expect("a readable file");
            (name.to_string_lossy().replace('/', "::"), text)
        })
        .filter(|(name, _)| name != "lib" && !name.ends_with("::tests"))
        .collect();
    files.iter().map(|(name, text)| (name.clone(), imports_of(name, text, &files))).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    files.chain(folders.iter().flat_map(|folder| rust_files(folder))).collect()
}

fn imports_of(name: &str, text: &str, files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let mut found = BTreeSet::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let rest = &code[at + root.len()..];
            let base = if root == "crate::" { "" } else { name.rsplit_once("::").map_or("", |(parent, _)| parent) };
            for path in paths(rest) {
                let path = if base.is_empty() { path } else { format!("{base}::{path}") };
                found.extend(module_of(&path, files).filter(|module| *module != name).map(str::to_owned));
            }
        }
    }
    found
}

/// The file that the longest beginning of `path` names.
fn module_of<'a>(path: &'a str, files: &BTreeMap<String, String>) -> Option<&'a str> {
    let ends = path.match_indices("::").map(|(at, _)| at).chain([path.len()]);
    ends.map(|end| &path[..end]).filter(|module| files.contains_key(*module)).last()
}

/// The paths that the beginning of `code` names: `a::{b, c}` names two.
fn paths(code: &str) -> Vec<String> {
    let end = code.find(|mark: char| !(mark.is_alphanumeric() || mark == '_' || mark == ':')).unwrap_or(code.len());
    let (prefix, rest) = code.split_at(end);
    let Some(list) = rest.strip_prefix('{') else { return vec![prefix.trim_end_matches(':').to_owned()] };
    let (mut depth, mut begin, mut found) = (0, 0, Vec::new());
    for (at, mark) in list.char_indices() {
        match mark {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                let entry = list[begin..at].trim();
                found.extend(paths(entry).into_iter().filter(|_| !entry.is_empty()));
                begin = at + 1;
                if mark == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    found.into_iter().map(|path| format!("{prefix}{path}")).collect()
}

/// The members of a cycle, if there is one: what is left when everything without imports is taken away, again and again.
fn find_cycle(graph: &Graph) -> Option<Vec<String>> {
    let mut left = graph.clone();
    loop {
        let before = left.len();
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.retain(|_, imported| {
            imported.retain(|other| names.contains(other));
            !imported.is_empty()
        });
        match left.len() {
            0 => return None,
            same if same == before => break,
            _ => {}
        }
    }
    // What only leads to the cycle is no member of it.
    loop {
        let before = left.len();
        let imported: BTreeSet<String> = left.values().flatten().cloned().collect();
        left.retain(|name, _| imported.contains(name));
        if left.len() == before {
            return Some(left.into_keys().collect());
        }
    }
}
