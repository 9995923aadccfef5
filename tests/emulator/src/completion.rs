//! An answer in OpenRouter's format: one completion, or the chunks of a stream.

use std::iter;

use serde_json::{Value, json};

use crate::answer::{Answer, ToolCall};
use crate::billing::{Billing, remove_cost};
use crate::catalog::{Candidate, usd};
use crate::chat_request::{ChatRequest, Wire};
use crate::fault::{Behaviour, Effect, Format};
use crate::{azure, embeddings, issuer, messages, responses};

/// The answer of one model to a request.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) request: &'a ChatRequest,
    pub(crate) model: &'a Candidate,
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) answer: Answer,
    pub(crate) billing: Billing,
    /// The generation id.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) created: u64,
    /// The name in `model`; `None` omits the field.
    pub(crate) name: Option<String>,
    /// `openrouter_metadata`, if the request asks for it.
    pub(crate) metadata: Option<Value>,
}

/// The purpose of an event. Faults choose their place by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Comment,
    Role,
    Reasoning,
    Text,
    Tool,
    Error,
    Finish,
    Usage,
    Done,
}

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) part: Part,
    /// The comment or the data.
    pub(crate) text: String,
    pub(crate) tokens: u64,
    /// The name of the event, in the streams of Messages and Responses.
    pub(crate) name: Option<&'static str>,
}

/// Sets each of `fields` in `object`.
pub(crate) fn merge(object: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
}

/// OpenRouter's keep-alive comment.
pub(crate) const PROCESSING: &str = "OPENROUTER PROCESSING";

impl Turn<'_> {
    pub(crate) fn usage(&self) -> Value {
        let reasoning = self.answer.reasoning.len() as u64;
        let completion = self.answer.completion_tokens();
        let mut usage = usage(self.model, self.request.prompt_tokens, completion, reasoning);
        usage["prompt_tokens_details"]["cached_tokens"] = json!(self.cached());
        self.billing.report(&mut usage, reasoning);
        if self.behaviour.effect() == Some(Effect::Format(Format::NoCost)) {
            remove_cost(&mut usage);
        }
        usage
    }

    pub(crate) fn completion(&self) -> Value {
        match self.request.wire {
            Wire::Messages => return messages::message(self),
            Wire::Responses => return responses::object(self),
            Wire::Embeddings => return embeddings::list(self, &self.request.inputs),
            Wire::Chat | Wire::OpenAi | Wire::Azure => {}
        }
        let answer = &self.answer;
        let has_text = !answer.pieces.is_empty() || (answer.tools.is_empty() && answer.refusal.is_none());
        let mut message = json!({
            "role": "assistant",
            "content": has_text.then(|| answer.text()),
            "refusal": answer.refusal,
            "reasoning": (!answer.reasoning.is_empty()).then(|| answer.reasoning.concat()),
        });
        if self.signs() {
            let text = issuer::piece(&self.model.id, &answer.reasoning.concat());
            message["reasoning_details"] = issuer::join(text, issuer::last_piece(&self.model.id));
        }
        if !answer.tools.is_empty() {
            let call = |tool: &ToolCall| {
                let (kind, field) = tool.words();
                let called = json!({ "name": tool.name, field: tool.arguments.concat() });
                json!({ "id": tool.id, "index": tool.index, "type": kind, kind: called })
            };
            message["tool_calls"] = answer.tools.iter().map(call).collect();
        }
        let mut body = self.envelope("chat.completion");
        body["choices"] = json!([{
            "index": 0,
            "message": message,
            "finish_reason": answer.finish.name(),
            "native_finish_reason": answer.finish.native(),
            "logprobs": null,
        }]);
        body["usage"] = self.usage();
        self.add_metadata(&mut body);
        body
    }

    /// The whole stream, from the first comment to `[DONE]`.
    pub(crate) fn events(&self) -> Vec<Event> {
        let answer = &self.answer;
        let begin = match self.request.wire {
            Wire::Messages => return messages::events(self),
            Wire::Responses => return responses::events(self),
            Wire::Azure => azure::first_chunk(),
            Wire::Chat | Wire::OpenAi | Wire::Embeddings => Event::comment(),
        };
        let mut events = vec![begin, self.delta(Part::Role, &json!({ "role": "assistant", "content": "" }))];
        for piece in &answer.reasoning {
            let mut delta = json!({ "content": "", "reasoning": piece });
            if self.signs() {
                delta["reasoning_details"] = json!([issuer::piece(&self.model.id, piece)]);
            }
            events.push(self.delta(Part::Reasoning, &delta).worth(1));
        }
        if self.signs() {
            let delta = json!({ "content": "", "reasoning_details": [issuer::last_piece(&self.model.id)] });
            events.push(self.delta(Part::Reasoning, &delta));
        }
        events.extend(answer.pieces.iter().map(|piece| self.text(piece)));
        if let Some(refusal) = &answer.refusal {
            let tokens = refusal.split_whitespace().count() as u64;
            events.push(self.delta(Part::Text, &json!({ "refusal": refusal })).worth(tokens));
        }
        events.extend(self.tool_events());
        events.push(self.finish());
        events.push(self.usage_chunk());
        events.push(Event { part: Part::Done, text: "[DONE]".to_owned(), tokens: 0, name: None });
        events
    }

    /// The tokens of the prompt that came from a cache. They are charged as the others are.
    pub(crate) fn cached(&self) -> u64 {
        self.request.directive("cached").unwrap_or_default().min(self.request.prompt_tokens)
    }

    /// The tokens of the prompt that were written to a cache: for five minutes, and for an hour.
    pub(crate) fn written(&self) -> (u64, u64) {
        let left = self.request.prompt_tokens - self.cached();
        let minutes = self.request.directive("written").unwrap_or_default().min(left);
        (minutes, self.request.directive("written-hour").unwrap_or_default().min(left - minutes))
    }

    fn signs(&self) -> bool {
        self.request.signs && !self.answer.reasoning.is_empty()
    }

    /// What keeps the connection alive.
    pub(crate) fn keep_alive(&self) -> Event {
        if self.request.wire == Wire::Messages { messages::ping() } else { Event::comment() }
    }

    /// The chunk for a piece of text.
    pub(crate) fn text(&self, piece: &str) -> Event {
        match self.request.wire {
            Wire::Messages => return messages::text(piece),
            Wire::Responses => return responses::text(piece),
            Wire::Chat | Wire::OpenAi | Wire::Azure | Wire::Embeddings => {}
        }
        self.delta(Part::Text, &json!({ "content": piece })).worth(1)
    }

    /// The chunk that ends a stream with an error, with or without a choice.
    pub(crate) fn error(&self, error: &Value, with_choice: bool) -> Event {
        match self.request.wire {
            Wire::Messages => return messages::error_event(error),
            Wire::Responses => return responses::error_event(self, error, with_choice),
            Wire::Chat | Wire::OpenAi | Wire::Azure | Wire::Embeddings => {}
        }
        let mut body = self.envelope("chat.completion.chunk");
        body["error"] = error.clone();
        let choice = json!({
            "index": 0, "delta": { "content": "" }, "finish_reason": "error", "native_finish_reason": "error",
        });
        body["choices"] = if with_choice { json!([choice]) } else { json!([]) };
        self.add_metadata(&mut body);
        Event { part: Part::Error, text: body.to_string(), tokens: 0, name: None }
    }

    /// The chunks of the calls of tools. If the calls come at once, the pieces of their arguments alternate.
    fn tool_events(&self) -> Vec<Event> {
        let calls = self.answer.tools.iter().map(|tool| {
            let (kind, field) = tool.words();
            let called = json!({ "name": tool.name, field: "" });
            let start = self.tool(&json!({ "index": tool.index, "id": tool.id, "type": kind, kind: called }));
            let piece = |piece| self.tool(&json!({ "index": tool.index, kind: { field: piece } })).worth(1);
            iter::once(start).chain(tool.arguments.iter().map(piece)).collect()
        });
        let calls: Vec<Vec<Event>> = calls.collect();
        if !self.request.at_once {
            return calls.concat();
        }
        let longest = calls.iter().map(Vec::len).max().unwrap_or_default();
        (0..longest).flat_map(|at| calls.iter().filter_map(move |call| call.get(at).cloned())).collect()
    }

    fn tool(&self, call: &Value) -> Event {
        self.delta(Part::Tool, &json!({ "tool_calls": [call] }))
    }

    fn delta(&self, part: Part, delta: &Value) -> Event {
        let mut body = self.envelope("chat.completion.chunk");
        body["choices"] = json!([{
            "index": 0, "delta": delta, "finish_reason": null, "native_finish_reason": null, "logprobs": null,
        }]);
        Event { part, text: body.to_string(), tokens: 0, name: None }
    }

    fn finish(&self) -> Event {
        let mut body = self.envelope("chat.completion.chunk");
        body["choices"] = json!([{
            "index": 0,
            "delta": { "content": "" },
            "finish_reason": self.answer.finish.name(),
            "native_finish_reason": self.answer.finish.native(),
            "logprobs": null,
        }]);
        Event { part: Part::Finish, text: body.to_string(), tokens: 0, name: None }
    }

    fn usage_chunk(&self) -> Event {
        let mut body = self.envelope("chat.completion.chunk");
        body["choices"] = json!([]);
        body["usage"] = self.usage();
        self.add_metadata(&mut body);
        Event { part: Part::Usage, text: body.to_string(), tokens: 0, name: None }
    }

    fn envelope(&self, object: &str) -> Value {
        let mut body = json!({ "id": self.id, "provider": self.model.row.provider });
        if let Some(name) = &self.name {
            body["model"] = json!(name);
        }
        body["object"] = json!(object);
        body["created"] = json!(self.created);
        body
    }

    fn add_metadata(&self, body: &mut Value) {
        if let Some(metadata) = &self.metadata {
            body["openrouter_metadata"] = metadata.clone();
        }
    }
}

impl Event {
    pub(crate) fn comment() -> Self {
        Self { part: Part::Comment, text: PROCESSING.to_owned(), tokens: 0, name: None }
    }

    fn worth(mut self, tokens: u64) -> Self {
        self.tokens = tokens;
        self
    }
}

/// The token counts and their cost.
pub(crate) fn usage(model: &Candidate, prompt: u64, completion: u64, reasoning: u64) -> Value {
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": usd(model.cost(prompt, completion)),
        "is_byok": false,
        "prompt_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0, "audio_tokens": 0, "video_tokens": 0 },
        "cost_details": {
            "upstream_inference_cost": null,
            "upstream_inference_prompt_cost": usd(model.cost(prompt, 0)),
            "upstream_inference_completions_cost": usd(model.cost(0, completion)),
        },
        "completion_tokens_details": { "reasoning_tokens": reasoning, "audio_tokens": 0, "image_tokens": 0 },
    })
}
