//! Checks every message of a request. Clients send the conversation back with what they found in an answer, so unknown content
//! passes, unless an upstream may charge more for it than for the text of the request.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};

use super::attachments::{Attachments, find_hidden, find_in_annotation, is_attachment, is_nothing, refers_outside};
use crate::config::Limits;

/// Fields of a message. Those of an answer are among them: a client sends the conversation back.
const KNOWN: &str = "role content name tool_calls tool_call_id refusal reasoning reasoning_content reasoning_details \
                     annotations cache_control prefix";

/// The types of parts that the edge knows. Each has its content in a field of the same name.
const PARTS: [&str; 4] = ["text", "refusal", "image_url", "file"];

const WRONG_PART: &str = "must be \"text\", \"image_url\" or \"file\": this edge takes no sound and no video";

/// Checks `messages`, in one pass.
///
/// # Errors
/// The first field that is refused or out of bounds, and what to do about it.
pub(super) fn check(messages: Json<'_>, limits: &Limits) -> Result<Attachments, Box<Invalid>> {
    let mut attachments = Attachments::default();
    for (at, message) in messages.items().enumerate() {
        if at == limits.messages {
            let (count, most) = (messages.items().count(), limits.messages);
            let problem = format!("has {count} entries; this edge takes {most} at most");
            return Err(Invalid::new("messages", problem).within("limits.messages"));
        }
        // What is no object is refused when the request is read.
        if let Ok(message) = Section::object(format!("messages[{at}]"), message) {
            check_message(&message, at, limits, &mut attachments)?;
        }
    }
    Ok(attachments)
}

fn check_message(
    message: &Section<'_>,
    at: usize,
    limits: &Limits,
    attachments: &mut Attachments,
) -> Result<(), Box<Invalid>> {
    check_cache(message)?;
    for (name, value) in message.fields().filter(|(name, value)| !name.is("content") && !is_nothing(*value)) {
        let text = name.text().unwrap_or_default();
        if limits.refuses_unknown && !KNOWN.split(' ').any(|known| text == known) {
            return Err(Invalid::unknown(&format!("messages[{at}]"), &text, KNOWN));
        }
        let hidden = match name.is("annotations") {
            true => value.items().find_map(find_in_annotation),
            false if is_attachment(&text) => Some("is an attachment: attachments belong into `content`"),
            false => find_hidden(value),
        };
        if let Some(problem) = hidden {
            return Err(message.wrong(&text, problem));
        }
    }
    let content = message.get("content");
    if content.is_object() {
        return Err(message.wrong("content", "must be a string, or an array of parts"));
    }
    for (nth, part) in content.items().enumerate() {
        let path = format!("messages[{at}].content[{nth}]");
        let section = Section::object(&*path, part)?;
        count(part, &path, limits, attachments)?;
        check_part(&section, part, limits)?;
    }
    Ok(())
}

/// Counts `part`, if it is an attachment.
fn count(part: Json<'_>, path: &str, limits: &Limits, attachments: &mut Attachments) -> Result<(), Box<Invalid>> {
    let kind = part.get("type");
    let (count, most, name, limit) = if kind.is("image_url") {
        (&mut attachments.images, limits.images, "an image", "limits.images")
    } else if kind.is("file") {
        (&mut attachments.files, limits.files, "a file", "limits.files")
    } else {
        return Ok(());
    };
    *count += 1;
    if !kind.is("file") || !is_text_file(part) {
        attachments.bytes += part.raw().len();
    }
    if *count > most {
        let most = match most {
            0 => format!("none; its owner can allow some in `{limit}`"),
            most => format!("{most} at most (`{limit}`)"),
        };
        return Err(Invalid::new(path, format!("is {name} too many: this edge takes {most}")));
    }
    Ok(())
}

/// Whether the file is a text, which counts as the text that it is.
fn is_text_file(part: Json<'_>) -> bool {
    let data = part.at("file.file_data").text().unwrap_or_default();
    data.starts_with("data:") && !data.starts_with("data:application/pdf")
}

fn check_part(part: &Section<'_>, json: Json<'_>, limits: &Limits) -> Result<(), Box<Invalid>> {
    let kind = part.get("type");
    let Some(own) = PARTS.into_iter().find(|known| kind.is(known)) else {
        return check_unknown_part(part, json, limits);
    };
    match own {
        // Some vendors take the URL itself in place of an object.
        "image_url" if part.get(own).is_string() => {}
        "image_url" => check_object(&part.section(own)?, "url detail", limits)?,
        "file" => check_file(&part.section(own)?, limits)?,
        _ if part.get(own).is_string() => {}
        _ => return Err(part.wrong(own, "must be a string")),
    }
    for (name, value) in part.fields().filter(|(name, value)| !name.is("type") && !name.is(own) && !is_nothing(*value))
    {
        let name = name.text().unwrap_or_default();
        if is_attachment(&name) {
            return Err(part.wrong(&name, format!("is an attachment in a part of the type \"{own}\"")));
        }
        if let Some(problem) = find_hidden(value) {
            return Err(part.wrong(&name, problem));
        }
    }
    if limits.refuses_unknown {
        part.only(&["type cache_control ", own].concat())?;
    }
    check_cache(part)
}

/// A part of another type: text in the words of another vendor, such as thinking. Something that an upstream would fetch, look at
/// or listen to is refused.
fn check_unknown_part(part: &Section<'_>, json: Json<'_>, limits: &Limits) -> Result<(), Box<Invalid>> {
    let kind = part.get("type").text().filter(|kind| !kind.is_empty() && !is_attachment(kind));
    if limits.refuses_unknown || kind.is_none() || refers_outside(json) {
        return Err(part.wrong("type", WRONG_PART));
    }
    match find_hidden(json) {
        Some(problem) => Err(part.wrong("type", problem)),
        None => check_cache(part),
    }
}

fn check_file(file: &Section<'_>, limits: &Limits) -> Result<(), Box<Invalid>> {
    if !is_nothing(file.get("file_id")) {
        let problem = "names a file in the account of this edge's owner: send the file itself, as `file_data`";
        return Err(file.wrong("file_id", problem));
    }
    if !file.get("file_data").is_string() {
        return Err(file.wrong("file_data", "must be a string: a data URL, or the URL of the file"));
    }
    check_object(file, "filename file_data file_id", limits)
}

/// Refuses an unknown field of an attachment that is more than a plain value.
fn check_object(of: &Section<'_>, known: &str, limits: &Limits) -> Result<(), Box<Invalid>> {
    let is_plain = |value: Json<'_>| !value.is_object() && !value.is_array();
    if !limits.refuses_unknown && of.fields().all(|(_, value)| is_plain(value)) { Ok(()) } else { of.only(known) }
}

/// Checks `cache_control`. The hold covers a cache of five minutes, and one of an hour, which costs more.
pub(super) fn check_cache(of: &Section<'_>) -> Result<(), Box<Invalid>> {
    let given = of.section("cache_control")?;
    given.only("type ttl")?;
    given.choice("type", "ephemeral")?;
    given.choice("ttl", "5m 1h").map(drop)
}
