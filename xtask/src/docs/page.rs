//! One page: from Markdown to HTML with anchors, and to sections for the search.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::link::Targets;
use crate::failure::Result;

/// A page of the documentation.
pub(super) struct Page {
    /// The name of its file, without `.md`.
    pub(super) name: String,
    /// Its first heading.
    pub(super) title: String,
    pub(super) html: String,
    pub(super) sections: Vec<Section>,
}

/// A heading and the text below it, up to the next heading.
pub(super) struct Section {
    pub(super) level: usize,
    pub(super) id: String,
    pub(super) heading: String,
    /// Without markup.
    pub(super) text: String,
}

impl Page {
    /// Reads the Markdown of a page.
    ///
    /// # Errors
    /// The first link that leads nowhere.
    pub(super) fn read(name: &str, markdown: &str, targets: &Targets<'_>) -> Result<Self> {
        let sections = sections(markdown);
        let mut ids = sections.iter().map(|section| section.id.clone());
        let mut events = Vec::new();
        let mut id = String::new();
        for event in parser(markdown) {
            match event {
                Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                    id = ids.next().unwrap_or_default();
                    events.push(Event::Start(Tag::Heading { level, id: Some(id.clone().into()), classes, attrs }));
                }
                Event::End(TagEnd::Heading(level)) => {
                    if level != HeadingLevel::H1 {
                        events.push(Event::InlineHtml(anchor(&id).into()));
                    }
                    events.push(Event::End(TagEnd::Heading(level)));
                }
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                    let dest_url = targets.resolve(name, &dest_url)?.into();
                    events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
                // A wide table scrolls by itself, so that a phone does not scroll the page.
                Event::Start(Tag::Table(alignments)) => {
                    events.push(Event::Html("<div class=\"table\">".into()));
                    events.push(Event::Start(Tag::Table(alignments)));
                }
                Event::End(TagEnd::Table) => {
                    events.push(Event::End(TagEnd::Table));
                    events.push(Event::Html("</div>".into()));
                }
                event => events.push(event),
            }
        }
        let mut html = String::new();
        html::push_html(&mut html, events.into_iter());
        // The Content-Security-Policy of the pages forbids inline styles.
        let html = html.replace(" style=\"text-align: right\"", " class=\"right\"");
        let title = sections.first().map(|section| section.heading.clone()).unwrap_or_default();
        Ok(Self { name: name.to_owned(), title, html, sections })
    }

    /// The title for lists of pages.
    pub(super) fn short_title(&self) -> &str {
        if self.name == super::FIRST { "Contents" } else { &self.title }
    }
}

/// The pages that a page links, in order.
pub(super) fn linked_pages(markdown: &str) -> Vec<String> {
    let mut pages = Vec::new();
    for event in parser(markdown) {
        if let Event::Start(Tag::Link { dest_url, .. }) = event
            && let Some(name) = dest_url.strip_suffix(".md").filter(|name| !name.contains('/'))
            && !pages.iter().any(|page| page == name)
        {
            pages.push(name.to_owned());
        }
    }
    pages
}

/// The ids of the headings of a page.
pub(super) fn heading_ids(markdown: &str) -> Vec<String> {
    sections(markdown).into_iter().map(|section| section.id).collect()
}

/// Text for HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::new();
    html::push_html(&mut html, [Event::Text(CowStr::from(text))].into_iter());
    html
}

fn parser(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, Options::ENABLE_TABLES)
}

fn anchor(id: &str) -> String {
    format!(" <a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to this section\">#</a>")
}

fn sections(markdown: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut in_heading = false;
    for event in parser(markdown) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                in_heading = true;
                let (id, heading, text) = (String::new(), String::new(), String::new());
                sections.push(Section { level: level as usize, id, heading, text });
            }
            Event::End(TagEnd::Heading(_)) => {
                in_heading = false;
                let id = free_id(&sections);
                if let Some(section) = sections.last_mut() {
                    section.id = id;
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(section) = sections.last_mut() {
                    let place = if in_heading { &mut section.heading } else { &mut section.text };
                    place.push_str(&text);
                }
            }
            Event::End(tag) if is_inline(tag) => {}
            Event::SoftBreak | Event::HardBreak | Event::End(_) => {
                if let Some(section) = sections.last_mut().filter(|section| !section.text.ends_with(' ')) {
                    section.text.push(' ');
                }
            }
            _ => {}
        }
    }
    sections
}

/// Whether text goes on behind the tag without a space.
fn is_inline(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link | TagEnd::Image)
}

/// The id of the last heading, as code hosts make it; of equal headings, the later ones are numbered.
fn free_id(sections: &[Section]) -> String {
    let Some((last, others)) = sections.split_last() else { return String::new() };
    let id = slug(&last.heading);
    let is_taken = |id: &str| others.iter().any(|section| section.id == id);
    if !is_taken(&id) {
        return id;
    }
    (1..).map(|number| format!("{id}-{number}")).find(|id| !is_taken(id)).unwrap_or(id)
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
    kept.map(|character| if character == ' ' { '-' } else { character }).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn headings_have_the_ids_that_a_code_host_gives_them() {
        let ids = heading_ids("# A `b` page\n## Who may call?\n## Web pages (CORS)\n## Who may call\n");
        assert_eq!(ids, ["a-b-page", "who-may-call", "web-pages-cors", "who-may-call-1"]);
    }

    #[test]
    fn a_page_has_anchors_links_and_text_for_the_search() {
        let targets = Targets { root: Path::new("."), folder: "www/docs", headings: [("b".to_owned(), vec![])].into() };
        let markdown = "# Title\nSee [b](b.md).\n\n## Part\n\n| a |\n|--:|\n| `1 < 2` |\n";
        let page = Page::read("a", markdown, &targets).unwrap_or_else(|failure| panic!("{failure}"));
        let texts = page.sections.iter().map(|section| section.text.trim()).collect::<Vec<_>>();
        assert_eq!((page.title.as_str(), texts), ("Title", vec!["See b.", "a 1 < 2"]));
        assert!(
            page.html.contains("<a href=\"b\">b</a>") && page.html.contains("<h2 id=\"part\">Part <a class=\"anchor\"")
        );
        assert!(
            page.html.contains("<div class=\"table\"><table>")
                && page.html.contains("<td class=\"right\"><code>1 &lt; 2")
        );
        assert_eq!((linked_pages(markdown), escaped("a & b")), (vec!["b".to_owned()], "a &amp; b".to_owned()));
    }
}
