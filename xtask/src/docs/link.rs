//! Links of the Markdown, which also work on a code host, become links between pages.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::{address, invalid, is_source};
use crate::failure::Result;

/// Where the files that are not pages can be read.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// What a link may point at.
pub(super) struct Targets<'a> {
    /// The checkout.
    pub(super) root: &'a Path,
    /// The folder of the pages in the checkout.
    pub(super) folder: &'static str,
    /// The ids of the headings of each page.
    pub(super) headings: BTreeMap<String, Vec<String>>,
}

impl Targets<'_> {
    /// The link of the page `from` to `target`, as a link of its HTML.
    pub(super) fn resolve(&self, from: &str, target: &str) -> Result<String> {
        let broken = || {
            invalid(format!("the link to {target} in {}/{from}.md", self.folder), "a page, heading or file that exists")
        };
        if target.starts_with("https://") || target.starts_with("http://") {
            return Ok(target.to_owned());
        }
        let (path, heading) = target.split_once('#').unwrap_or((target, ""));
        let page =
            if path.is_empty() { Some(from) } else { path.strip_suffix(".md").filter(|name| !name.contains('/')) };
        let Some(page) = page else {
            return self.outside(path, heading).ok_or_else(broken);
        };
        let headings = self.headings.get(page).ok_or_else(broken)?;
        if heading.is_empty() {
            return Ok(address(page).to_owned());
        }
        if !headings.iter().any(|id| id == heading) {
            return Err(broken());
        }
        Ok(if path.is_empty() { format!("#{heading}") } else { format!("{}#{heading}", address(page)) })
    }

    /// A file that is served beside the pages, or a file of the repository.
    fn outside(&self, path: &str, heading: &str) -> Option<String> {
        let file = normalized(&Path::new(self.folder).join(path))?;
        if !self.root.join(&file).exists() {
            return None;
        }
        let anchor = if heading.is_empty() { String::new() } else { format!("#{heading}") };
        Some(match file.strip_prefix("www") {
            Ok(served) if !is_source(served) => format!("/{}", served.display()),
            _ => format!("{REPOSITORY}{}{anchor}", file.display()),
        })
    }
}

/// The path without `..`; nothing, if it leaves the repository.
fn normalized(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if !clean.pop() => return None,
            Component::Normal(name) => clean.push(name),
            _ => {}
        }
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::super::FIRST;
    use super::*;

    fn resolve(target: &str) -> Option<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
        let headings = [(FIRST, vec![]), ("lanes", vec!["lean"]), ("edge", vec!["call-it"])];
        let headings = headings.map(|(name, ids)| (name.to_owned(), ids.into_iter().map(str::to_owned).collect()));
        Targets { root, folder: "www/docs", headings: headings.into() }.resolve("lanes", target).ok()
    }

    #[test]
    fn links_lead_to_pages_and_their_headings() {
        for (target, expected) in [
            ("edge.md", "edge"),
            ("edge.md#call-it", "edge#call-it"),
            ("README.md", "./"),
            ("#lean", "#lean"),
            ("https://rustup.rs", "https://rustup.rs"),
            ("../style.css", "/style.css"),
        ] {
            assert_eq!(resolve(target).as_deref(), Some(expected), "{target}");
        }
        for (target, end) in
            [("../../LICENSE", "/blob/main/LICENSE"), ("../examples/README.md", "/blob/main/www/examples/README.md")]
        {
            assert!(resolve(target).is_some_and(|url| url.ends_with(end)), "{target}");
        }
    }

    #[test]
    fn a_link_to_nothing_is_an_error() {
        for target in ["edges.md", "edge.md#call", "#gate", "../../NOTHING.md", "../../../etc/passwd"] {
            assert_eq!(resolve(target), None, "{target}");
        }
    }
}
