//! The contents of items: texts, images, files and refusals.

use super::super::content::{Foreign, Part, Transcript};
use super::state::refuse_file;
use crate::invalid::{Invalid, join};
use crate::json::{Json, decimal};
use crate::text::text;

/// The parts of `content`, a string or a list of parts. A refusal counts as a text.
pub(super) fn read(content: Json<'_>, path: &str, foreign: &mut Foreign) -> Result<Vec<Part>, Box<Invalid>> {
    if let Some(text) = content.text() {
        return Ok(vec![Part::text(&text, Json::NULL)]);
    }
    if !content.is_array() && !content.is_null() {
        return Err(Invalid::new(path, "must be a string or an array of content parts"));
    }
    let mut parts = Vec::new();
    for (at, part) in content.items().enumerate() {
        parts.extend(read_part(part, &text!(path, "[", &decimal(at as u64), "]"), foreign)?);
    }
    Ok(parts)
}

/// Adds the content of a message by the assistant.
pub(super) fn read_assistant(content: Json<'_>, path: &str, messages: &mut Transcript) -> Result<(), Box<Invalid>> {
    let is_refusal = |part: &Json<'_>| part.get("type").is("refusal");
    for part in content.items().filter(is_refusal) {
        messages.refusal(&part.get("refusal").text().unwrap_or_default());
    }
    if content.items().any(|part| is_refusal(&part)) {
        let others = content.items().filter(|part| !is_refusal(part)).map(Json::raw);
        let others = crate::json::array(others);
        let parts = read(Json::or_null(&others), path, &mut messages.foreign)?;
        messages.assistant(parts);
        return Ok(());
    }
    let parts = read(content, path, &mut messages.foreign)?;
    messages.assistant(parts);
    Ok(())
}

/// The part. `None`, if a chat request has no form for it, as `foreign` says then.
fn read_part(part: Json<'_>, path: &str, foreign: &mut Foreign) -> Result<Option<Part>, Box<Invalid>> {
    if let Some(text) = part.text() {
        return Ok(Some(Part::text(&text, Json::NULL)));
    }
    let cache = part.get("cache_control");
    match part.get("type").word() {
        // `text` and `summary_text` are what some clients send in the place of the documented types.
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            let text = part.get("text").text();
            let text = text.ok_or_else(|| Invalid::new(join(path, "text"), "must be a string"))?;
            Ok(Some(Part::text(&text, cache)))
        }
        "refusal" => Ok(Some(Part::text(&part.get("refusal").text().unwrap_or_default(), cache))),
        "input_image" | "image_url" => read_image(part, path).map(Some),
        "input_file" | "file" => read_file(part, path).map(Some),
        kind => {
            let known = "must be \"input_text\", \"input_image\", \"input_file\", \"output_text\" or \"refusal\"";
            let refusal = Invalid::new(join(path, "type"), known);
            if kind.is_empty() {
                return Err(refusal);
            }
            foreign.get_or_insert(refusal);
            Ok(None)
        }
    }
}

fn read_image(part: Json<'_>, path: &str) -> Result<Part, Box<Invalid>> {
    let url = part.get("image_url");
    let url = url.text().or_else(|| url.get("url").text());
    match url {
        // `original` is a detail of Responses alone.
        Some(url) => {
            let detail = part.get("detail").text().filter(|detail| detail != "original");
            Ok(Part::image(&url, detail.as_deref(), part.get("cache_control")))
        }
        None if !part.get("file_id").is_null() => Err(refuse_file(path)),
        None => Err(Invalid::new(join(path, "image_url"), "must be a URL, or a data URL")),
    }
}

fn read_file(part: Json<'_>, path: &str) -> Result<Part, Box<Invalid>> {
    let name = part.get("filename").text().unwrap_or("file".into());
    let data = part.get("file_data").text().or_else(|| part.get("file_url").text());
    match data {
        Some(data) => Ok(Part::file(&name, &data, part.get("cache_control"))),
        None if !part.get("file_id").is_null() => Err(refuse_file(path)),
        None => Err(Invalid::new(join(path, "file_data"), "is missing; send the data of the file, or `file_url`")),
    }
}
