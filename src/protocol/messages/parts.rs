//! Texts, images, documents and search results.

use super::super::content::{Foreign, Part};
use crate::invalid::{Invalid, join};
use crate::json::{Json, decimal};
use crate::text::text;

/// The parts of `content`, a string or an array of blocks.
pub(super) fn read(content: Json<'_>, path: &str, foreign: &mut Foreign) -> Result<Vec<Part>, Box<Invalid>> {
    if let Some(text) = content.text() {
        return Ok(vec![Part::text(&text, Json::NULL)]);
    }
    if !content.is_array() && !content.is_null() {
        return Err(Invalid::new(path, "must be a string or an array of content blocks"));
    }
    let mut parts = Vec::new();
    for (at, block) in content.items().enumerate() {
        read_block(block, &text!(path, "[", &decimal(at as u64), "]"), &mut parts, foreign)?;
    }
    Ok(parts)
}

/// Adds the parts of one block, or to `foreign` that a chat request has no form for it.
pub(super) fn read_block(
    block: Json<'_>,
    path: &str,
    parts: &mut Vec<Part>,
    foreign: &mut Foreign,
) -> Result<(), Box<Invalid>> {
    let cache = block.get("cache_control");
    match block.get("type").word() {
        "text" => {
            let text = block.get("text").text();
            let text = text.ok_or_else(|| Invalid::new(join(path, "text"), "must be a string"))?;
            parts.push(Part::text(&text, cache));
        }
        "image" => parts.push(Part::image(&read_url(block.get("source"), path, "image/png")?, None, cache)),
        "document" => read_document(block, path, parts, foreign)?,
        "search_result" => {
            let (title, source) = (block.get("title").text(), block.get("source").text());
            let head = text!(&title.unwrap_or_default(), "\n", &source.unwrap_or_default());
            parts.push(Part::text(&head, Json::NULL));
            parts.extend(read(block.get("content"), &join(path, "content"), foreign)?);
            mark_last(parts, cache);
        }
        "" | "tool_use" | "tool_result" => return Err(refuse(block, path)),
        _ => {
            foreign.get_or_insert_with(|| refuse(block, path));
        }
    }
    Ok(())
}

/// What was one block is several parts, and a cache keeps them all.
fn mark_last(parts: &mut [Part], cache: Json<'_>) {
    if let Some(last) = parts.last_mut() {
        last.mark(cache);
    }
}

fn read_document(
    block: Json<'_>,
    path: &str,
    parts: &mut Vec<Part>,
    foreign: &mut Foreign,
) -> Result<(), Box<Invalid>> {
    let (source, cache) = (block.get("source"), block.get("cache_control"));
    let title = block.get("title").text();
    match source.get("type").word() {
        "text" => {
            let data = source.get("data").text().unwrap_or_default();
            let text = title.map_or(data.clone().into_owned(), |title| text!(&title, "\n\n", &data));
            parts.push(Part::text(&text, cache));
        }
        "content" => {
            parts.extend(title.map(|title| Part::text(&title, Json::NULL)));
            parts.extend(read(source.get("content"), &join(path, "source.content"), foreign)?);
            mark_last(parts, cache);
        }
        _ => {
            let url = read_url(source, path, "application/pdf")?;
            parts.push(Part::file(&title.unwrap_or("document.pdf".into()), &url, cache));
        }
    }
    Ok(())
}

/// The URL of a source, or its data as a `data:` URL.
fn read_url(source: Json<'_>, path: &str, usual: &str) -> Result<String, Box<Invalid>> {
    let missing = |name: &str| Invalid::new(join(path, &text!("source.", name)), "must be a string");
    match source.get("type").word() {
        "base64" => {
            let data = source.get("data").text().ok_or_else(|| missing("data"))?;
            let kind = source.get("media_type").text().unwrap_or(usual.into());
            Ok(text!("data:", &kind, ";base64,", &data))
        }
        "url" => Ok(source.get("url").text().ok_or_else(|| missing("url"))?.into_owned()),
        "file" => {
            let problem = "is stored at one vendor, and the models of a chain have different vendors; send the data itself, \
                           with a source of the type \"base64\"";
            Err(Invalid::new(join(path, "source.file_id"), problem))
        }
        _ => Err(Invalid::new(join(path, "source.type"), "must be \"base64\" or \"url\"")),
    }
}

/// The refusal of a block that has no form in a chat request.
fn refuse(block: Json<'_>, path: &str) -> Box<Invalid> {
    let kind = block.get("type").text().unwrap_or_default();
    if kind.is_empty() {
        return Invalid::new(join(path, "type"), "is missing; a content block needs a `type`");
    }
    let problem = text!(
        "\"",
        &kind,
        "\" cannot stand here, or is of a tool that runs at Anthropic; send its contents as a block of the type \"text\" \
         instead"
    );
    Invalid::new(join(path, "type"), problem)
}
