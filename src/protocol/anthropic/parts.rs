//! The blocks of a message: text, images and documents.

use super::super::body::add;
use crate::json::{Json, Object};
use crate::text::{cut, is_blank};

/// Adds the blocks of chat's `content`. Adds what has no form in Messages to `lost`. An empty text is a 400, so it is left
/// out.
pub(super) fn read(content: Json<'_>, blocks: &mut Vec<String>, lost: &mut Vec<String>) {
    if let Some(text) = content.text() {
        push_text(&text, Json::NULL, blocks);
    }
    for part in content.items() {
        let cache = part.get("cache_control");
        match part.get("type").word() {
            "text" => push_text(&part.get("text").text().unwrap_or_default(), cache, blocks),
            "refusal" => push_text(&part.get("refusal").text().unwrap_or_default(), cache, blocks),
            "image_url" => {
                let url = part.at("image_url.url").text().or_else(|| part.get("image_url").text());
                push("image", &url.unwrap_or_default(), cache, &mut Object::default(), blocks);
            }
            "file" => push_file(part, blocks, lost),
            other => add(lost, other),
        }
    }
}

/// Adds a block with `text`, unless the text is blank.
pub(super) fn push_text(text: &str, cache: Json<'_>, blocks: &mut Vec<String>) {
    if !is_blank(text) {
        let mut block = Object::default();
        block.text("type", "text").text("text", text);
        end(&mut block, cache, blocks);
    }
}

fn push_file(part: Json<'_>, blocks: &mut Vec<String>, lost: &mut Vec<String>) {
    let file = part.get("file");
    let data = file.get("file_data").text().unwrap_or_default();
    let mut title = Object::default();
    title.maybe_text("title", file.get("filename").text().as_deref());
    let cache = part.get("cache_control");
    if data.starts_with("data:image/") {
        push("image", &data, cache, &mut Object::default(), blocks);
    } else if data.starts_with("data:application/pdf") || data.starts_with("http") {
        push("document", &data, cache, &mut title, blocks);
    } else {
        add(lost, "file");
    }
}

/// Adds a block whose source is a URL, or the data in a `data:` URL.
fn push(kind: &str, url: &str, cache: Json<'_>, fields: &mut Object, blocks: &mut Vec<String>) {
    let mut block = Object::default();
    block.text("type", kind).open("source", "{");
    match url.strip_prefix("data:") {
        Some(data) => {
            let (kind, data) = cut(data, b',');
            block.text("type", "base64").text("media_type", cut(kind, b';').0).text("data", data);
        }
        None => _ = block.text("type", "url").text("url", url),
    }
    block.close("}").fields(&fields.end());
    end(&mut block, cache, blocks);
}

fn end(block: &mut Object, cache: Json<'_>, blocks: &mut Vec<String>) {
    if !cache.is_null() {
        block.raw("cache_control", cache.raw());
    }
    blocks.push(block.end());
}
