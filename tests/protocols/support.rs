//! Small functions for all tests.

use failsoft::reader::StreamReader;
use failsoft::{Chunks, Json};
use serde_json::Value;

pub(crate) fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// `json` for a reader that keeps the text.
pub(crate) fn with<T>(json: &Value, read: impl FnOnce(Json<'_>) -> T) -> T {
    read(Json::parse(&json.to_string()).expect("JSON"))
}

/// The names and the data of server-sent events.
pub(crate) fn events(sse: &str) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    for frame in sse.split_terminator("\n\n") {
        let lines: Vec<&str> = frame.lines().filter(|line| !line.starts_with(':')).collect();
        let [name, data] = lines[..] else { panic!("an event has a name and one line of data: {frame}") };
        let name = name.strip_prefix("event: ").expect("a name").to_owned();
        let data = parsed(data.strip_prefix("data: ").expect("data"));
        assert_eq!(data["type"], name, "the name of an event is its type");
        events.push((name, data));
    }
    events
}

/// Server-sent events with these chunks, as an upstream sends them.
pub(crate) fn upstream_sse(chunks: &[Value]) -> String {
    let mut sse: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    sse.push_str("data: [DONE]\n\n");
    sse
}

/// What a client gets of the bytes of an upstream, which come in two pieces: what `write` makes of the chunks.
pub(crate) fn through_core(pieces: [&[u8]; 2], mut write: impl FnMut(&Chunks) -> String) -> String {
    let mut reader = StreamReader::default();
    let mut out: String = pieces.iter().map(|piece| write(&reader.feed(piece, 0))).collect();
    out += &write(&reader.end(0));
    reader.finish().expect("a whole answer");
    out
}

/// The completion that the core makes of chunks.
pub(crate) fn completion(chunks: &[Value]) -> String {
    let mut reader = StreamReader::default();
    reader.feed(upstream_sse(chunks).as_bytes(), 0);
    reader.answer().completion()
}
