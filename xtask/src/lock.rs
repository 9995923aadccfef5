//! The versions of crates in Cargo.lock.

use std::fs;

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;

/// The version of `name` in the workspace's lock file, if it is there.
pub(crate) fn locked_version(workspace: &Workspace, name: &str) -> Result<Option<String>> {
    let path = workspace.root.join("Cargo.lock");
    let lock = fs::read_to_string(&path).map_err(Failure::file(&path))?;
    Ok(version(&lock, name).map(str::to_owned))
}

/// Only cargo writes the lock file, so the order of a package's lines is fixed: `name`, then `version`.
fn version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = lock.lines();
    lines.find(|line| line.strip_prefix("name = ").and_then(quoted) == Some(name))?;
    lines.next()?.strip_prefix("version = ").and_then(quoted)
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
[[package]]
name = "wasm-bindgen-macro"
version = "0.2.1"

[[package]]
name = "wasm-bindgen"
version = "0.2.130"
source = "registry+…"
"#;

    #[test]
    fn finds_the_version_of_exactly_that_crate() {
        assert_eq!(version(LOCK, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(version(LOCK, "wasm-bindgen-macro"), Some("0.2.1"));
        assert_eq!(version(LOCK, "bindgen"), None);
    }
}
