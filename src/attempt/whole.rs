//! A body that is not a stream.

use crate::Millis;
use crate::chunk::{Seen, as_chunk};
use crate::events::Events;
use crate::failure::no_answer;
use crate::json::{Fields, Halves, Json, repaired};
use crate::sse::BYTE_ORDER_MARK;
use crate::text::lossy;

/// Reads a completion that came in one piece, and as much as possible of one that is an error. Returns its JSON text, if that
/// is the answer. `events` are new. With `as_stream`, the reader of a stream gets the completion as a single chunk.
pub(crate) fn read_whole(
    bytes: &[u8],
    mut events: Box<Events>,
    as_stream: bool,
    wall: Millis,
) -> (Option<String>, Box<Events>) {
    let text = lossy(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes));
    let strict = Json::parse(&text);
    let repaired = if strict.is_none() { repaired(&text, &mut Halves::default()) } else { None };
    let completion = strict.unwrap_or_else(|| repaired.as_deref().map_or(Json::NULL, Json::or_null));
    let shown = events.redacted(completion);
    let completion = shown.as_deref().map_or(completion, Json::or_null);
    let fields = &Fields::of(completion);
    let has_choices = !fields.get("choices").is_empty();
    if !has_choices && !completion.is_object() {
        // Some upstreams send the chunks of a stream as lines, or as a list.
        events.take_chunks(&text, wall);
        if !events.seen.is_nothing() || events.failure.is_some() {
            return (None, events);
        }
    }
    let mut is_foreign = as_stream;
    if as_stream && has_choices {
        events.done = true;
        events.take_chunk(Json::or_null(&as_chunk(completion)), wall);
    } else {
        is_foreign = events.take_completion(fields, wall).seen.has(Seen::FOREIGN);
    }
    if events.failure.is_none() && !has_choices {
        events.failure = Some(no_answer(text.trim_ascii(), wall));
    }
    events.answer.settle_calls();
    let completion = if is_foreign { events.answer.completion() } else { completion.raw().into() };
    (Some(completion), events)
}
