//! Random answers in the form of Responses.

use super::super::random::Random;
use super::{pieces, with_novelty};
use serde_json::{Value, json};

/// The events and the whole response of one answer.
#[derive(Default)]
pub(super) struct Response {
    events: Vec<Value>,
    output: Vec<Value>,
}

impl Response {
    pub(super) fn random(random: &mut Random) -> (Vec<Value>, Value) {
        let mut response = Self::default();
        let head = json!({"id": "resp_up", "object": "response", "created_at": 1, "model": "m", "status": "in_progress", "output": [], "usage": null, "service_tier": "priority", "novel_head": {"a": 1}});
        response.events.push(json!({"type": "response.created", "response": head}));
        for _ in 0..1 + random.below(5) {
            match random.below(5) {
                0 => response.reasoning(random),
                1 => response.call(random, "function_call", "arguments", "{\"a\": \"b\"}"),
                2 => response.call(random, "custom_tool_call", "input", "any } text"),
                3 => response.foreign(random),
                _ => response.message(random),
            }
        }
        // An answer without a text or a call is a soft failure.
        response.message(random);
        let usage = json!({"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2}, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 7, "novel_tokens": 5});
        let whole = json!({"id": "resp_up", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": response.output, "usage": usage, "service_tier": "priority", "novel_head": {"a": 1}, "novel_end": [1]});
        response.events.push(json!({"type": "response.completed", "response": whole}));
        for (at, event) in response.events.iter_mut().enumerate() {
            event["sequence_number"] = json!(at);
        }
        (response.events, whole)
    }

    fn place(&self) -> usize {
        self.output.len()
    }

    fn begin(&mut self, item: &Value) {
        self.events.push(json!({"type": "response.output_item.added", "output_index": self.place(), "item": item}));
    }

    fn end(&mut self, item: Value) {
        self.events.push(json!({"type": "response.output_item.done", "output_index": self.place(), "item": item}));
        self.output.push(item);
    }

    /// An event about the open item.
    fn event(&mut self, kind: &str, id: &Value, fields: Value) {
        let mut event = json!({"type": kind, "item_id": id, "output_index": self.place()});
        fields.as_object().expect("an object").iter().for_each(|(name, value)| event[name] = value.clone());
        self.events.push(event);
    }

    fn message(&mut self, random: &mut Random) {
        let id = json!(format!("msg_{}", self.place()));
        let mut item =
            json!({"id": id, "type": "message", "status": "in_progress", "role": "assistant", "content": []});
        if random.once_in(2) {
            item["phase"] = json!("commentary");
        }
        let mut item = with_novelty(random, item);
        self.begin(&item);
        for at in 0..1 + random.below(3) {
            let part = match random.below(5) {
                0 => self.part(random, &id, at, "refusal", "refusal"),
                1 => {
                    let part = with_novelty(random, json!({"type": "novel_part", "anything": at}));
                    self.event("response.content_part.added", &id, json!({"content_index": at, "part": part}));
                    self.event("response.content_part.done", &id, json!({"content_index": at, "part": part}));
                    part
                }
                _ => self.part(random, &id, at, "output_text", "text"),
            };
            item["content"].as_array_mut().expect("parts").push(part);
        }
        if self.output.len() > 4 && item["content"].as_array().expect("parts").iter().all(|part| part["text"].is_null())
        {
            let at = item["content"].as_array().expect("parts").len();
            let part = self.part(random, &id, at, "output_text", "text");
            item["content"].as_array_mut().expect("parts").push(part);
        }
        item["status"] = json!("completed");
        self.end(item);
    }

    fn part(&mut self, random: &mut Random, id: &Value, at: usize, kind: &str, field: &str) -> Value {
        let mut part = with_novelty(random, json!({"type": kind, field: ""}));
        let is_text = kind == "output_text";
        if is_text {
            part["annotations"] = json!([]);
            part["logprobs"] = json!([]);
        }
        self.event("response.content_part.added", id, json!({"content_index": at, "part": part}));
        let mut text = String::new();
        for piece in pieces(random) {
            let logprobs = json!([{"token": piece, "logprob": -0.5, "bytes": [1], "top_logprobs": []}]);
            let mut fields = json!({"content_index": at, "delta": piece});
            if is_text {
                fields["logprobs"] = logprobs.clone();
                part["logprobs"].as_array_mut().expect("a list").push(logprobs[0].clone());
            }
            self.event(&format!("response.{kind}.delta"), id, fields);
            text.push_str(&piece);
        }
        for place in 0..if is_text { random.below(3) } else { 0 } {
            // The same citation twice is two citations.
            let annotation = json!({"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 1, "novel": true});
            let annotation =
                if random.once_in(3) { json!({"type": "novel_citation", "file_id": "f"}) } else { annotation };
            self.event(
                "response.output_text.annotation.added",
                id,
                json!({"content_index": at, "annotation_index": place, "annotation": annotation}),
            );
            part["annotations"].as_array_mut().expect("a list").push(annotation);
        }
        let mut done = json!({"content_index": at, field: text});
        if is_text {
            done["logprobs"] = part["logprobs"].clone();
        }
        self.event(&format!("response.{kind}.done"), id, done);
        part[field] = text.into();
        self.event("response.content_part.done", id, json!({"content_index": at, "part": part}));
        part
    }

    fn reasoning(&mut self, random: &mut Random) {
        let id = json!(format!("rs_{}", self.place()));
        let mut item = with_novelty(random, json!({"id": id, "type": "reasoning", "summary": []}));
        let (list, kind, part_kind, index) = match random.below(2) {
            0 => ("summary", "summary_text", "reasoning_summary_part", "summary_index"),
            _ => ("content", "reasoning_text", "content_part", "content_index"),
        };
        item[list] = json!([]);
        self.begin(&item);
        let text_kind = if list == "summary" { "reasoning_summary_text" } else { "reasoning_text" };
        for at in 0..random.below(3) {
            let mut part = with_novelty(random, json!({"type": kind, "text": ""}));
            self.event(&format!("response.{part_kind}.added"), &id, json!({index: at, "part": part}));
            let mut text = String::new();
            for piece in pieces(random) {
                self.event(&format!("response.{text_kind}.delta"), &id, json!({index: at, "delta": piece}));
                text.push_str(&piece);
            }
            self.event(&format!("response.{text_kind}.done"), &id, json!({index: at, "text": text}));
            part["text"] = text.into();
            self.event(&format!("response.{part_kind}.done"), &id, json!({index: at, "part": part}));
            item[list].as_array_mut().expect("parts").push(part);
        }
        if random.once_in(2) {
            item["encrypted_content"] = json!(format!("gAAAA{}", random.below(99)));
        }
        self.end(item);
    }

    fn call(&mut self, random: &mut Random, kind: &str, field: &str, content: &str) {
        let id = json!(format!("call_item_{}", self.place()));
        let mut item = json!({"id": id, "type": kind, "status": "in_progress", "call_id": format!("call_{}", self.place()), "name": "f", field: ""});
        if random.once_in(2) {
            item["caller"] = json!({"type": "program", "caller_id": "p"});
        }
        let mut item = with_novelty(random, item);
        self.begin(&item);
        let (head, tail) = content.split_at(random.below(content.len()));
        let event = if field == "input" { "custom_tool_call_input" } else { "function_call_arguments" };
        for piece in [head, tail].iter().filter(|piece| !piece.is_empty()) {
            self.event(&format!("response.{event}.delta"), &id, json!({"delta": piece}));
        }
        let mut done = json!({field: content});
        if field == "arguments" {
            done["name"] = json!("f");
        }
        self.event(&format!("response.{event}.done"), &id, done);
        (item[field], item["status"]) = (content.into(), json!("completed"));
        self.end(item);
    }

    fn foreign(&mut self, random: &mut Random) {
        let id = json!(format!("nv_{}", self.place()));
        let mut item =
            with_novelty(random, json!({"id": id, "type": "novel_call", "status": "in_progress", "code": "x"}));
        self.begin(&item);
        for at in 0..random.below(3) {
            self.event("response.novel_call.searching", &id, json!({"delta": "same", "at": at % 2}));
        }
        item["status"] = json!("completed");
        self.end(item);
    }
}
