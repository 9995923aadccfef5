//! The streams of vendors whose chunks differ from OpenAI's, or that break off. Each is a healthy stream with changed events.
//! The streams of Messages and Responses stay as they are.

use serde_json::{Value, json};

use crate::completion::{Event, Part};
use crate::fault::Vendor;

/// Changes the events of a healthy stream as `vendor` says.
pub(super) fn reshape(mut events: Vec<Event>, vendor: Vendor) -> Vec<Event> {
    match vendor {
        Vendor::FinishAlways => each_choice(&mut events, |choice, _| choice["finish_reason"] = json!("stop")),
        Vendor::FinishEmpty => each_choice(&mut events, |choice, part| {
            if part != Part::Finish {
                choice["finish_reason"] = json!("");
            }
        }),
        Vendor::FinishInCapitals => each_choice(&mut events, |choice, part| {
            remove(choice, "finish_reason");
            choice["finishReason"] =
                if part == Part::Finish { json!("STOP") } else { json!("FINISH_REASON_UNSPECIFIED") };
        }),
        Vendor::FinishTwice => {
            let at = events.iter().position(|event| event.part == Part::Finish);
            if let Some(at) = at {
                let text = events[at].text.replace("\"stop\"", "\"length\"");
                events.insert(at + 1, Event { text, ..events[at].clone() });
            }
        }
        Vendor::FinishAbort => {
            halve(&mut events);
            each_choice(&mut events, |choice, part| {
                if part == Part::Finish {
                    choice["finish_reason"] = json!("abort");
                    choice["native_finish_reason"] = json!("abort");
                }
            });
        }
        Vendor::NoFinish => {
            halve(&mut events);
            events.retain(|event| event.part != Part::Finish);
        }
        Vendor::Parts => each_choice(&mut events, |choice, _| in_parts(choice)),
        Vendor::Growing => grow(&mut events),
        Vendor::ErrorByName => {
            let text = json!({ "message": "The engine failed", "type": "internal_server_error" }).to_string();
            events = vec![Event { part: Part::Error, text, tokens: 0, name: Some("error") }];
        }
        Vendor::OneLineFeed | Vendor::NoSpace | Vendor::NamedEvents | Vendor::CalledJson => {}
    }
    events
}

/// Changes the first choice of each chunk.
fn each_choice(events: &mut [Event], mut change: impl FnMut(&mut Value, Part)) {
    for event in events {
        let Ok(mut chunk) = serde_json::from_str::<Value>(&event.text) else { continue };
        if let Some(choice) = chunk["choices"].as_array_mut().and_then(|choices| choices.first_mut()) {
            change(choice, event.part);
            event.text = chunk.to_string();
        }
    }
}

fn remove(object: &mut Value, name: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove(name);
    }
}

/// Without the second half of the text.
fn halve(events: &mut Vec<Event>) {
    let words = events.iter().filter(|event| event.part == Part::Text).count();
    let mut seen = 0;
    events.retain(|event| {
        seen += usize::from(event.part == Part::Text);
        event.part != Part::Text || seen <= words.div_ceil(2)
    });
}

/// The text as a list of parts, with a thought before it.
fn in_parts(choice: &mut Value) {
    let Some(text) = choice["delta"]["content"].as_str().filter(|text| !text.is_empty()).map(str::to_owned) else {
        return;
    };
    let thought = json!({ "type": "thinking", "thinking": [{ "type": "text", "text": "Hm. " }] });
    choice["delta"]["content"] = json!([thought, { "type": "text", "text": text }]);
}

/// The message so far in place of a delta.
fn grow(events: &mut [Event]) {
    let mut so_far = String::new();
    each_choice(events, |choice, _| {
        so_far.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        choice["message"] = json!({ "role": "assistant", "content": so_far });
        remove(choice, "delta");
    });
}
