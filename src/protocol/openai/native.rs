//! What a client sent in the form of Responses: the upstream gets it byte for byte, without the reasoning that it cannot read.

use super::super::issuer::Target;
use super::super::reasoning::{OPENAI, unpack};
use super::reasoning;
use crate::json::{Json, array, patched};

/// The JSON text of `input` for `target`. It is the client's own text, unless the target cannot read some reasoning in it: then that
/// reasoning is left out, or gets the form of its issuer, and the other items lose their ids, because an id without its reasoning is
/// refused (laravel/ai#1052).
pub(super) fn input(input: Json<'_>, target: &Target<'_>) -> String {
    let is_own = |item: Json<'_>| is_own(item, target);
    if input.items().all(is_own) {
        return input.raw().into();
    }
    let mut items: Vec<String> = Vec::new();
    for item in input.items() {
        if is_own(item) {
            let has_id = item.get("id").is_string() && !item.get("type").is("reasoning");
            items.push(if has_id { patched(item.raw(), r#"{"id":null}"#) } else { item.raw().into() });
        } else if let Some(detail) = item.get("encrypted_content").text().as_deref().and_then(unpack)
            && target.reads(&detail.get("format").text().unwrap_or_default(), true)
        {
            let details = array([detail.raw()]);
            items.extend(reasoning::read(Json::or_null(&details), target));
        }
    }
    array(items)
}

/// The item is no reasoning, or has what the target reads: a text that OpenAI encrypted, or one that is there in full.
fn is_own(item: Json<'_>, target: &Target<'_>) -> bool {
    if !item.get("type").is("reasoning") {
        return true;
    }
    let encrypted = item.get("encrypted_content").text().unwrap_or_default();
    if encrypted.is_empty() {
        return !item.get("content").is_empty() && !target.refuses_reasoning;
    }
    unpack(&encrypted).is_none() && target.reads(OPENAI, true)
}
