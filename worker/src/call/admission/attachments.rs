//! Attachments of a message: images and files are counted, and nothing else may hide one. An upstream bills an attachment by what
//! is in it, and the edge does not look inside.

use failsoft::Json;

/// The types of values that are attachments, or that refer to one.
const TYPES: [&str; 20] = [
    "image_url",
    "input_image",
    "image",
    "image_file",
    "input_audio",
    "audio",
    "audio_url",
    "file",
    "input_file",
    "file_url",
    "document",
    "document_url",
    "video",
    "video_url",
    "input_video",
    "media",
    "container_upload",
    "item_reference",
    "image_generation_call",
    "computer_screenshot",
];

/// A word of a name that tells of an attachment.
const WORDS: [&str; 15] = [
    "image",
    "images",
    "audio",
    "audios",
    "video",
    "videos",
    "file",
    "files",
    "document",
    "documents",
    "attachment",
    "attachments",
    "media",
    "picture",
    "pictures",
];

/// A word of a name that tells of something outside the request.
const REFERENCES: [&str; 4] = ["url", "urls", "uri", "uris"];

/// The attachments of a request that are counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attachments {
    pub(super) images: u64,
    pub(super) files: u64,
    /// The bytes of their parts in the body, where the parts are not text.
    pub(super) bytes: usize,
}

/// Whether the field `name` holds an attachment, as `images`, `inputAudio` and `file_id` do.
pub(super) fn is_attachment(name: &str) -> bool {
    has_word(name, &WORDS)
}

/// What a value at any depth holds that an upstream may charge: an attachment.
pub(super) fn find_hidden(value: Json<'_>) -> Option<&'static str> {
    if value.is_object() {
        let kind = value.get("type");
        if TYPES.iter().any(|attachment| kind.is(attachment)) {
            return Some("holds an image or another attachment: attachments belong into `content`");
        }
        return value.fields().find_map(|(_, inside)| find_hidden(inside));
    }
    value.items().find_map(find_hidden)
}

/// [`find_hidden`] for an annotation. OpenRouter's annotation of type `file` holds the text of a file that an earlier request
/// had. Its bytes count as text.
pub(super) fn find_in_annotation(annotation: Json<'_>) -> Option<&'static str> {
    match annotation.get("type").is("file") {
        true => annotation.fields().find_map(|(_, inside)| find_hidden(inside)),
        false => find_hidden(annotation),
    }
}

/// Whether `value`, of a kind that the edge does not know, has a field for an attachment or for something outside the request.
pub(super) fn refers_outside(value: Json<'_>) -> bool {
    let is_reference = |name: &str| has_word(name, &WORDS) || has_word(name, &REFERENCES);
    value.fields().any(|(name, inside)| {
        !is_nothing(inside) && (name.text().is_some_and(|name| is_reference(&name)) || refers_outside(inside))
    }) || value.items().any(refers_outside)
}

/// An empty field does no harm: SDKs write all fields of their types.
pub(super) fn is_nothing(value: Json<'_>) -> bool {
    value.is_null() || value.is_array() && value.is_empty() || value.is("")
}

/// Whether one of the `words` is in `name`, which writes words as `in_name`, `in-name` or `inName`.
fn has_word(name: &str, words: &[&str]) -> bool {
    let name = name.as_bytes();
    let mut start = 0;
    for at in 0..=name.len() {
        let byte = name.get(at).copied().unwrap_or(b'_');
        let begins = byte.is_ascii_uppercase() && at > 0 && name[at - 1].is_ascii_lowercase();
        if begins || !byte.is_ascii_alphanumeric() {
            if words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(&name[start..at])) {
                return true;
            }
            start = if begins { at } else { at + 1 };
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{is_attachment, refers_outside};
    use failsoft::Json;

    #[test]
    fn a_name_is_read_by_its_words() {
        for name in ["image", "images", "imageUrl", "image_url", "input-audio", "fileIds", "FILE", "x.media", "é_file"]
        {
            assert!(is_attachment(name), "{name}");
        }
        for name in ["profile", "profile_id", "imagine", "parsed", "provider_specific_fields", "filed", "", "é", "_"] {
            assert!(!is_attachment(name), "{name}");
        }
    }

    #[test]
    fn an_unknown_value_refers_outside_by_a_name_at_any_depth() {
        let refers = |json: &str| refers_outside(Json::parse(json).expect("JSON"));
        for json in [r#"{"a":[{"b":{"source_url":"x"}}]}"#, r#"{"video":1}"#, r#"{"\u0075rl":"x"}"#] {
            assert!(refers(json), "{json}");
        }
        for json in [r#"{"url":null,"images":[],"file":""}"#, r#"{"type":"novel","text":"https://a.example"}"#, "[1]"] {
            assert!(!refers(json), "{json}");
        }
    }
}
