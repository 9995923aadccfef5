//! Checks every message of a request.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};

use crate::config::Limits;

/// Fields of a message. Those of an answer are among them: a client sends the conversation back.
const KNOWN: &str = "role content name tool_calls tool_call_id refusal reasoning reasoning_content reasoning_details \
                     annotations cache_control prefix";

/// The images of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Images {
    pub(super) count: u64,
    /// The bytes of their parts in the body.
    pub(super) bytes: usize,
}

/// Checks `messages`, in one pass.
///
/// # Errors
/// The first field that is unknown, refused or out of bounds, and what to do about it.
pub(super) fn check(messages: Json<'_>, limits: &Limits) -> Result<Images, Box<Invalid>> {
    let mut images = Images::default();
    for (at, message) in messages.items().enumerate() {
        if at == limits.messages {
            let (count, most) = (messages.items().count(), limits.messages);
            return Err(Invalid::new("messages", format!("has {count} entries; this edge takes {most} at most")));
        }
        // What is no object is refused when the request is read.
        if let Ok(message) = Section::object(format!("messages[{at}]"), message) {
            check_message(&message, at, limits, &mut images)?;
        }
    }
    Ok(images)
}

fn check_message(message: &Section<'_>, at: usize, limits: &Limits, images: &mut Images) -> Result<(), Box<Invalid>> {
    for (name, value) in message.fields() {
        // An empty field does no harm: answers have some.
        let is_empty = value.is_null() || value.is_array() && value.is_empty();
        if !is_empty && !KNOWN.split(' ').any(|known| name.is(known)) {
            return Err(Invalid::unknown(&format!("messages[{at}]"), &name.text().unwrap_or_default(), KNOWN));
        }
    }
    check_cache(message)?;
    for (name, value) in message.fields().filter(|(name, _)| !name.is("content")) {
        let hidden = match name.is("annotations") {
            true => value.items().find_map(find_in_annotation),
            false => find_hidden(value),
        };
        if let Some(problem) = hidden {
            return Err(message.wrong(&name.text().unwrap_or_default(), problem));
        }
    }
    let content = message.get("content");
    if content.is_object() {
        return Err(message.wrong("content", "must be a string, or an array of parts"));
    }
    for (nth, part) in content.items().enumerate() {
        let path = format!("messages[{at}].content[{nth}]");
        let section = Section::object(&*path, part)?;
        if section.get("type").is("image_url") {
            images.count += 1;
            images.bytes += part.raw().len();
        }
        check_part(&section)?;
        if images.count > limits.images {
            let most = match limits.images {
                0 => "no images; its owner can allow some in `limits.images`".into(),
                most => format!("{most} at most"),
            };
            return Err(Invalid::new(path, format!("is an image too many: this edge takes {most}")));
        }
    }
    Ok(())
}

/// Something in a field beside `content` that an upstream may charge, at any depth: an attachment, or a cache for an hour.
fn find_hidden(value: Json<'_>) -> Option<&'static str> {
    const ATTACHMENTS: [&str; 8] =
        ["image_url", "input_image", "image", "input_audio", "audio", "file", "input_file", "video_url"];
    if value.is_object() {
        let kind = value.get("type");
        if ATTACHMENTS.iter().any(|attachment| kind.is(attachment)) {
            return Some("holds an image or another attachment: attachments belong into `content`");
        }
        let lifetime = value.at("cache_control.ttl");
        if !lifetime.is_null() && !lifetime.is("5m") {
            return Some("asks for a cache that costs extra: `ttl` can be \"5m\" only");
        }
        return value.fields().find_map(|(_, inside)| find_hidden(inside));
    }
    value.items().find_map(find_hidden)
}

/// [`find_hidden`] for an annotation. OpenRouter's annotation of type `file` holds the text of a file that an earlier request
/// had. Its bytes count as text.
fn find_in_annotation(annotation: Json<'_>) -> Option<&'static str> {
    match annotation.get("type").is("file") {
        true => annotation.fields().find_map(|(_, inside)| find_hidden(inside)),
        false => find_hidden(annotation),
    }
}

fn check_part(part: &Section<'_>) -> Result<(), Box<Invalid>> {
    let check_text = |name: &str| match part.get(name).is_string() {
        true => Ok(()),
        false => Err(part.wrong(name, "must be a string")),
    };
    let kind = part.get("type");
    if kind.is("text") {
        part.only("type text cache_control")?;
        check_text("text")?;
    } else if kind.is("refusal") {
        part.only("type refusal")?;
        check_text("refusal")?;
    } else if kind.is("image_url") {
        part.only("type image_url cache_control")?;
        part.section("image_url")?.only("url detail")?;
    } else {
        return Err(part.wrong("type", "must be \"text\" or \"image_url\": this edge takes no sound, video and files"));
    }
    check_cache(part)
}

/// Checks `cache_control`. The price of a model covers a cache of five minutes; a cache of an hour costs twice as much.
pub(super) fn check_cache(of: &Section<'_>) -> Result<(), Box<Invalid>> {
    let given = of.section("cache_control")?;
    given.only("type ttl")?;
    given.choice("type", "ephemeral")?;
    given.choice("ttl", "5m").map(drop)
}
