//! Responses, for clients: requests, streams and response objects.

mod foreign;
mod reading;
mod writing;

use super::support::{parsed, with};
use failsoft::protocol::responses::{self, Context, Writer};
use failsoft::{ChatRequest, Json};
use serde_json::{Value, json};
pub(crate) use writing::check_message;

const SEED: u64 = 7;

pub(crate) fn read(body: &Value) -> Result<(Value, Context), String> {
    let request = with(body, responses::read).map_err(|error| error.to_string())?;
    // Whatever is accepted is a chat request.
    ChatRequest::read(Json::parse(&request.chat).expect("JSON")).map_err(|error| error.to_string())?;
    Ok((parsed(&request.chat), request.context))
}

pub(crate) fn context(fields: Value) -> Context {
    let mut body = json!({"model": "m/one", "input": "hi"});
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    read(&body).expect("a valid request").1
}

pub(crate) fn stream(context: Context, chunks: &[Value]) -> String {
    let mut writer = Writer::new(context, SEED, 9);
    let mut sse: String = chunks.iter().map(|chunk| with(chunk, |chunk| writer.take_chunk(chunk))).collect();
    sse.push_str(&writer.finish(None));
    sse
}

fn messages(input: Value) -> Value {
    read(&json!({"model": "m/one", "input": input})).expect("a valid request").0["messages"].clone()
}
