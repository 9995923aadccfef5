//! The contents of messages and results: texts, images and files.

use super::super::body::add;
use crate::json::{Json, Object, array};

/// The JSON text of the content for chat's `content`: a string stays one. Adds what has no form in Responses to `lost`.
pub(super) fn read(content: Json<'_>, lost: &mut Vec<String>) -> String {
    if content.is_array() {
        array(content.items().filter_map(|part| read_part(part, lost)))
    } else {
        text(content).into()
    }
}

/// The JSON text of `text`; of no string, that of an empty one.
pub(super) fn text(text: Json<'_>) -> &str {
    if text.is_string() { text.raw() } else { "\"\"" }
}

fn read_part(part: Json<'_>, lost: &mut Vec<String>) -> Option<String> {
    let mut json = Object::default();
    match part.get("type").word() {
        "text" => json.text("type", "input_text").raw("text", text(part.get("text"))),
        "refusal" => json.text("type", "input_text").raw("text", text(part.get("refusal"))),
        "image_url" => {
            let image = part.get("image_url");
            let (url, detail) = (image.get("url"), image.get("detail"));
            json.text("type", "input_image").raw("image_url", text(if image.is_string() { image } else { url }));
            json.raw("detail", if detail.is_string() { detail.raw() } else { "\"auto\"" })
        }
        "file" => {
            let (data, name) = (part.at("file.file_data"), part.at("file.filename"));
            let is_url = data.text().is_some_and(|data| data.starts_with("http"));
            json.text("type", "input_file").maybe_raw("filename", name.is_string().then(|| name.raw()));
            json.raw(if is_url { "file_url" } else { "file_data" }, text(data))
        }
        other => {
            add(lost, other);
            return None;
        }
    };
    Some(json.end())
}
