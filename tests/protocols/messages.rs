//! Messages: requests, streams, message objects and errors.

mod reading;
mod writing;

use super::support::{parsed, with};
use failsoft::protocol::messages::{self, Context, Writer};
use failsoft::{ChatRequest, Json};
use serde_json::{Value, json};

const SEED: u64 = 7;

pub(crate) fn read(body: &Value) -> Result<(Value, Context), String> {
    let request = with(body, messages::read).map_err(|error| error.to_string())?;
    // Whatever is accepted is a chat request.
    ChatRequest::read(Json::parse(&request.chat).expect("JSON")).map_err(|error| error.to_string())?;
    Ok((parsed(&request.chat), request.context))
}

fn body(fields: Value) -> Value {
    let mut body = json!({"model": "m/one", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

pub(crate) fn context(fields: Value) -> Context {
    read(&body(fields)).expect("a valid request").1
}

pub(crate) fn thinking() -> Context {
    context(json!({"thinking": {"type": "adaptive"}}))
}

pub(crate) fn stream(context: Context, chunks: &[Value]) -> String {
    let mut writer = Writer::new(context, SEED);
    let mut sse: String = chunks.iter().map(|chunk| with(chunk, |chunk| writer.take_chunk(chunk))).collect();
    sse.push_str(&writer.finish(None));
    sse
}

fn chat_messages(messages: Value) -> Value {
    read(&body(json!({"messages": messages}))).expect("a valid request").0["messages"].clone()
}
