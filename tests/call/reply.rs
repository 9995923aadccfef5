//! The scripted responses of upstreams.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// The response of an upstream to one request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) head_after: u64,
    pub(crate) pieces: VecDeque<Piece>,
}

/// A part of the body, or how the body goes on.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    Silence(u64),
    Hang,
    Reset,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".into(), content_type.into())];
        Self { status, headers, head_after: 10, pieces: [Piece::Bytes(body.into())].into() }
    }

    /// A status with OpenRouter's error envelope.
    pub(crate) fn error(status: u16, error: Value) -> Self {
        Self::new(status, "application/json", json!({ "error": error }).to_string())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::error(status, json!({"code": status, "message": format!("status {status}")}))
    }

    /// A completion in one piece.
    pub(crate) fn says(model: &str, text: &str) -> Self {
        let body = json!({
            "id": "gen-1", "model": model, "usage": {"cost": 0.5},
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        });
        Self::new(200, "application/json", body.to_string())
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new(200, "application/json", body.to_string())
    }

    /// A stream whose body is `text`.
    pub(crate) fn stream(text: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "text/event-stream", text)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn head_after(mut self, millis: u64) -> Self {
        self.head_after = millis;
        self
    }

    pub(crate) fn then(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.pieces.push_back(Piece::Bytes(bytes.into()));
        self
    }

    pub(crate) fn then_silence(mut self, millis: u64) -> Self {
        self.pieces.push_back(Piece::Silence(millis));
        self
    }

    pub(crate) fn then_hangs(mut self) -> Self {
        self.pieces.push_back(Piece::Hang);
        self
    }

    pub(crate) fn then_resets(mut self) -> Self {
        self.pieces.push_back(Piece::Reset);
        self
    }

    /// The connection breaks before a response.
    pub(crate) fn reset() -> Self {
        Self { status: 0, headers: Vec::new(), head_after: 5, pieces: VecDeque::new() }
    }

    /// No response ever comes.
    pub(crate) fn silent() -> Self {
        Self::status(200).head_after(u64::MAX / 4)
    }
}

/// One event of a stream.
pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

pub(crate) fn delta(model: &str, delta: Value) -> String {
    event(&json!({"id": "gen-1", "model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
}

pub(crate) fn words(model: &str, words: &[&str]) -> String {
    words.iter().map(|word| delta(model, json!({"content": word}))).collect()
}

pub(crate) fn finish(model: &str, reason: &str) -> String {
    let end = json!({"id": "gen-1", "model": model, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]});
    let usage = json!({"id": "gen-1", "model": model, "choices": [], "usage": {"cost": 0.25}});
    format!("{}{}data: [DONE]\n\n", event(&end), event(&usage))
}

/// A whole stream of `text`, one word in each event.
pub(crate) fn streamed(model: &str, text: &[&str]) -> Reply {
    let role = delta(model, json!({"role": "assistant", "content": ""}));
    Reply::stream([": OPENROUTER PROCESSING\n\n", &role, &words(model, text), &finish(model, "stop")].concat())
}
