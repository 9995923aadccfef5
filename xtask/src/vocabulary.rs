//! The vocabulary of the code: words of a former private language must not come back as names.
//!
//! The test looks at identifiers and file names. Comments and strings are free, because names on the wire stay readable.

use std::path::{Path, PathBuf};

use crate::files;

/// The folders of the code.
const FOLDERS: [&str; 6] = ["src", "worker/src", "pkg-template", "xtask/src", "tests/sim", "tests/emulator"];

/// The retired words and their replacements. A word stands for every spelling: `take_off`, `takeOff` and `TakeOff`.
const RETIRED: [(&str, &str); 31] = [
    ("anew", "restart"),
    ("apart", "boxed"),
    ("ask", "admission"),
    ("bell", "Executor"),
    ("books", "usage, balance or ledger"),
    ("curtain", "delivery"),
    ("facts", "ModelInfo or context"),
    ("flight", "UpstreamRequest"),
    ("flights", "upstream requests"),
    ("gone", "disconnect"),
    ("grounded", "Unsent"),
    ("handed", "init"),
    ("hang", "wait_for"),
    ("lesson", "outcome"),
    ("lessons", "outcomes"),
    ("mailbox", "shared buffer"),
    ("model_facts", "ModelInfo"),
    ("noting", "reporting"),
    ("outrun", "superseded"),
    ("play", "response"),
    ("player", "writer"),
    ("ring", "Pending or KeySet"),
    ("say", "read or notify"),
    ("share", "lease"),
    ("speech", "answer"),
    ("splice", "resume"),
    ("take_off", "start"),
    ("tell", "notify"),
    ("told", "report"),
    ("trail", "attempt log"),
    ("visit", "RequestHead"),
];

/// Words that are no names of functions, because a function is a verb.
const NO_FUNCTIONS: [(&str, &str); 3] = [("admitted", "admit"), ("listed", "list_models"), ("looked_up", "find")];

/// A retired word in the code.
#[derive(Debug, PartialEq, Eq)]
struct Find {
    file: PathBuf,
    line: usize,
    name: String,
    instead: &'static str,
}

/// All retired words in the files below `root`.
fn search(root: &Path) -> Vec<Find> {
    let mut finds = Vec::new();
    for folder in FOLDERS {
        for file in files::below(&root.join(folder)).expect("a readable folder") {
            let path = Path::new(folder).join(&file);
            let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if !["rs", "js", "mjs", "ts"].contains(&extension) {
                continue;
            }
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let add = |line: usize, name: &str, instead: &'static str| Find {
                file: path.clone(),
                line,
                name: name.to_owned(),
                instead,
            };
            finds.extend(replacement(&RETIRED, stem).map(|instead| add(0, stem, instead)));
            let text = files::read(&root.join(&path)).expect("a text file");
            let names = identifiers(&text, extension == "rs");
            finds.extend(retired(&names).map(|(line, name, instead)| add(line, name, instead)));
        }
    }
    finds
}

/// The retired words among the identifiers of a file, with their replacements.
fn retired<'a>(names: &[(usize, &'a str)]) -> impl Iterator<Item = (usize, &'a str, &'static str)> {
    let previous = std::iter::once("").chain(names.iter().map(|(_, name)| *name));
    names.iter().zip(previous).filter_map(|(&(line, name), previous)| {
        let is_function = matches!(previous, "fn" | "function");
        let participle = || replacement(&NO_FUNCTIONS, name).filter(|_| is_function);
        let instead = replacement(&RETIRED, name).or_else(participle)?;
        Some((line, name, instead))
    })
}

fn replacement(words: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let name = snake_case(name);
    words.iter().find(|(word, _)| *word == name).map(|(_, instead)| *instead)
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for letter in name.trim_matches('_').chars() {
        if letter.is_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = letter.is_lowercase() || letter.is_ascii_digit();
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// The identifiers of a source text with their lines, without comments and strings.
fn identifiers(text: &str, is_rust: bool) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let (mut line, mut rest) = (1, text);
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest, is_rust).unwrap_or_else(|| {
            let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
            let length = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
            if length > 0 {
                names.push((line, &rest[..length]));
            }
            length.max(first.len_utf8())
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    names
}

/// The length of the comment, string or character at the beginning of `rest`, if there is one.
fn skipped(rest: &str, is_rust: bool) -> Option<usize> {
    let until = |from: usize, end: &str| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    match rest.as_bytes() {
        [b'/', b'/', ..] => Some(rest.find('\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(until(2, "*/")),
        [b'r', b'#', b'"', ..] if is_rust => Some(until(3, "\"#")),
        [b'r', b'"', ..] if is_rust => Some(until(2, "\"")),
        [b'"', ..] => Some(quoted(rest, '"')),
        [b'\'', ..] if is_rust => Some(character(rest)),
        [b'\'', ..] => Some(quoted(rest, '\'')),
        [b'`', ..] if !is_rust => Some(quoted(rest, '`')),
        _ => None,
    }
}

/// The length of a string with escapes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal, or of the quotation mark of a lifetime.
fn character(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), _) => quoted(rest, '\''),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[test]
fn names_are_found_outside_of_comments_and_strings() {
    let found = |text, is_rust| retired(&identifiers(text, is_rust)).map(|(line, name, _)| (line, name)).collect();
    let rust =
        "// told\nlet tell = \"told \\\" tell\"; /* told */ fn f<'a>(c: char) { c == 'x'; r#\"told\"#; takeOff }\n";
    let finds: Vec<_> = found(rust, true);
    assert_eq!(finds, [(2, "tell"), (2, "takeOff")]);
    let script = "const x = 'told'; // told\nconst y = `told`; const told = 1;";
    let finds: Vec<_> = found(script, false);
    assert_eq!(finds, [(2, "told")]);
    let functions: Vec<_> = found("fn listed() {} let listed = 1;", true);
    assert_eq!(functions, [(1, "listed")]);
}

#[test]
fn every_spelling_of_a_retired_word_is_found() {
    for name in ["take_off", "takeOff", "TakeOff", "TAKE_OFF", "_take_off"] {
        assert_eq!(replacement(&RETIRED, name), Some("start"), "{name}");
    }
    assert_eq!(replacement(&RETIRED, "taken_off"), None);
}

#[test]
fn the_code_has_no_retired_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
    let finds = search(root);
    for Find { file, line, name, instead } in &finds {
        println!("{}:{line}: `{name}` is retired: use {instead}", file.display());
    }
    assert!(finds.is_empty(), "{} retired names", finds.len());
}
