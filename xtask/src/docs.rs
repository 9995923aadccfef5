//! The documentation as web pages.
//!
//! ```text
//!  www/docs/*.md ── page ──┬─ page.html, the frame ──▶ docs/NAME.html
//!                          └─ sections ──────────────▶ docs/search.json
//!  www/docs/docs.js ── esbuild, with MiniSearch ─────▶ docs/docs.js
//! ```
//!
//! `README.md` is the first page, and its links give the order of the others.

mod link;
mod page;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::bundle::bundle;
use crate::failure::{Failure, Result};
use crate::files;
use crate::workspace::Workspace;
use link::Targets;
use page::{Page, escaped};

/// The page without a name of its own: `docs/`.
const FIRST: &str = "README";
/// The folder of the pages.
const FOLDER: &str = "www/docs";

/// Writes the pages, their index and their script into `output`.
///
/// # Errors
/// Also a link to a page, a heading or a file that does not exist.
pub(crate) fn build(workspace: &Workspace, output: &Path) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    let frame = files::read(&folder.join("page.html"))?;
    let pages = read(&workspace.root, &folder)?;
    for page in &pages {
        let navigation = navigation(&pages, page);
        let html = frame
            .replace("{{title}}", &escaped(&page.title))
            .replace("{{navigation}}", &navigation)
            .replace("{{content}}", &page.html);
        files::write(&output.join(format!("{}.html", file_name(&page.name))), html)?;
    }
    files::write(&output.join("search.json"), index(&pages).to_string())?;
    bundle(workspace, &folder.join("docs.js"), &output.join("docs.js"))
}

/// A file of `www/` that becomes something else before the edge serves it, or that the edge does not serve.
pub(crate) fn is_source(file: &Path) -> bool {
    let is_page = file.extension().is_some_and(|extension| matches!(extension.to_str(), Some("md" | "html" | "js")));
    file.starts_with("examples") || file.starts_with("docs") && is_page
}

/// All pages, in the order in which the first one links them.
fn read(root: &Path, folder: &Path) -> Result<Vec<Page>> {
    let mut texts = BTreeMap::new();
    for file in files::below(folder)?.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md"))
    {
        let name = file.with_extension("").to_string_lossy().into_owned();
        texts.insert(name, files::read(&folder.join(file))?);
    }
    let first =
        texts.get(FIRST).ok_or_else(|| invalid(format!("{FOLDER}/{FIRST}.md"), "a page with links to all others"))?;
    let order = page::linked_pages(first);
    if let Some(name) = texts.keys().find(|name| *name != FIRST && !order.contains(name)) {
        return Err(invalid(format!("{FOLDER}/{FIRST}.md does not link {name}.md"), "a link to every page"));
    }
    let targets = Targets {
        root,
        folder: FOLDER,
        headings: texts.iter().map(|(name, text)| (name.clone(), page::heading_ids(text))).collect(),
    };
    let names = [FIRST.to_owned()].into_iter().chain(order);
    names.map(|name| Page::read(&name, texts.get(&name).map_or("", String::as_str), &targets)).collect()
}

fn invalid(what: String, expected: &'static str) -> Failure {
    Failure::Invalid { what, expected }
}

/// The list of all pages; below the page that is shown, its chapters.
fn navigation(pages: &[Page], shown: &Page) -> String {
    let mut list = String::from("<ol>");
    for page in pages {
        let current = if page.name == shown.name { " aria-current=\"page\"" } else { "" };
        list.push_str(&format!("<li><a href=\"{}\"{current}>{}</a>", address(&page.name), escaped(page.short_title())));
        if page.name == shown.name {
            list.push_str("<ol>");
            for section in page.sections.iter().filter(|section| section.level == 2) {
                list.push_str(&format!("<li><a href=\"#{}\">{}</a></li>", section.id, escaped(&section.heading)));
            }
            list.push_str("</ol>");
        }
        list.push_str("</li>");
    }
    list + "</ol>"
}

/// What the search looks at: a row for each section.
fn index(pages: &[Page]) -> Value {
    let rows = pages.iter().flat_map(|page| {
        page.sections.iter().map(|section| {
            let anchor = if section.level == 1 { String::new() } else { format!("#{}", section.id) };
            json!({
                "url": format!("{}{anchor}", address(&page.name)),
                "page": page.short_title(),
                "heading": section.heading,
                "text": section.text,
            })
        })
    });
    rows.collect()
}

/// The address of a page, for the other pages.
fn address(name: &str) -> &str {
    if name == FIRST { "./" } else { name }
}

fn file_name(name: &str) -> &str {
    if name == FIRST { "index" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_the_documentation_leads_somewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let pages = read(root, &root.join(FOLDER)).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(pages.len() > 10 && pages.iter().all(|page| !page.title.is_empty()));
    }
}
