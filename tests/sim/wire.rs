//! An answer as bytes, as a stream of events or as one JSON body, with the offset at which each element is complete.

use serde_json::{Value, json};

use crate::answer::{Answer, Cost};
use crate::random::Random;
use crate::received::Element;

/// What an answer says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) id: String,
    /// The model's name, if the answer contains one.
    pub(crate) model: Option<String>,
    /// `openrouter_metadata`, if the answer contains it.
    pub(crate) metadata: Option<Value>,
}

/// Where an element is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offset {
    /// Behind this many bytes.
    pub(crate) bytes: usize,
    /// Behind this many bytes, if the body ends there.
    pub(crate) at_end: usize,
}

/// A body, and the elements that are complete at each offset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) elements: Vec<(Offset, Element)>,
}

/// One event, before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) data: Vec<u8>,
    pub(crate) elements: Vec<Element>,
}

impl Event {
    pub(crate) fn new(data: impl Into<Vec<u8>>, elements: impl IntoIterator<Item = Element>) -> Self {
        let elements = std::iter::once(Element::Event).chain(elements).collect();
        Self { data: data.into(), elements }
    }

    pub(crate) fn done() -> Self {
        Self::new("[DONE]", [Element::Done])
    }

    /// An event that no reader can parse.
    pub(crate) fn malformed(random: &mut Random) -> Self {
        Self::new(random.pick(&["{\"choices\": [{\"del", "oops", "[]", "\"\"", "{\"a\":1}}"]), [Element::Malformed])
    }
}

impl Label {
    /// A chunk with the choices `choices` and the further fields `beside`, both as JSON text.
    pub(crate) fn chunk(&self, choices: &str, beside: &str, elements: impl IntoIterator<Item = Element>) -> Event {
        let model = self.model.as_ref().map(|model| format!(",\"model\":\"{model}\"")).unwrap_or_default();
        let id = &self.id;
        let data = format!(
            "{{\"id\":\"{id}\",\"object\":\"chat.completion.chunk\",\"created\":1{model},\"choices\":[{choices}]{beside}}}"
        );
        Event::new(data, std::iter::once(Element::Named).chain(elements))
    }

    fn delta(&self, choice: usize, delta: &str, elements: impl IntoIterator<Item = Element>) -> Event {
        let choices = format!("{{\"index\":{choice},\"delta\":{{{delta}}},\"finish_reason\":null}}");
        self.chunk(&choices, "", std::iter::once(Element::Begins(choice)).chain(elements))
    }

    /// The events of `answer` before its end.
    pub(crate) fn spoken(&self, answer: &Answer, random: &mut Random) -> Vec<Event> {
        let mut events = vec![self.delta(0, "\"role\":\"assistant\",\"content\":\"\"", [])];
        for piece in &answer.reasoning {
            let name = random.pick(&["reasoning", "reasoning_content"]);
            events.push(self.delta(0, &format!("\"{name}\":{}", quoted(piece)), [Element::Reasoning]));
        }
        if answer.image {
            events.push(self.delta(0, "\"images\":[{\"type\":\"image_url\"}]", [Element::Image]));
        }
        let in_parts = random.one_in(20);
        for piece in &answer.text {
            let text = if in_parts { format!("[{{\"text\":{}}}]", quoted(piece)) } else { quoted(piece) };
            events.push(self.delta(0, &format!("\"content\":{text}"), [Element::Text(0, piece.clone())]));
        }
        if let Some(refusal) = answer.refusal {
            events.push(self.delta(0, &format!("\"refusal\":{}", quoted(refusal)), [Element::Refusal]));
        }
        for (at, piece) in answer.tool.iter().enumerate() {
            let id = if at == 0 { "\"id\":\"t\"," } else { "" };
            let name = if at == 0 { "\"name\":\"f\"," } else { "" };
            let call = format!("{{\"index\":0,{id}\"function\":{{{name}\"arguments\":{}}}}}", quoted(piece));
            events.push(self.delta(0, &format!("\"tool_calls\":[{call}]"), [Element::Tool(piece.clone())]));
        }
        if let Some(text) = answer.second {
            events.push(self.delta(1, &format!("\"content\":{}", quoted(text)), [Element::Text(1, text.into())]));
        }
        events
    }

    /// The events that end `answer`, without `[DONE]`.
    pub(crate) fn closing(&self, answer: &Answer, random: &mut Random) -> Vec<Event> {
        let end =
            |choice: usize| format!("{{\"index\":{choice},\"delta\":{{}},\"finish_reason\":\"{}\"}}", answer.finish.0);
        let mut events = Vec::new();
        if answer.second.is_some() {
            events.push(self.chunk(&end(1), "", [Element::Finish(1, answer.finish.1)]));
        }
        let (beside, mut elements) = self.beside(answer.cost.as_ref(), &answer.text);
        if random.chance(70) {
            events.push(self.chunk(&end(0), "", [Element::Finish(0, answer.finish.1)]));
            events.push(self.chunk("", &beside, elements));
        } else {
            elements.push(Element::Finish(0, answer.finish.1));
            events.push(self.chunk(&end(0), &beside, elements));
        }
        events
    }

    /// The usage and the metadata.
    fn beside(&self, cost: Option<&Cost>, pieces: &[String]) -> (String, Vec<Element>) {
        let mut elements = Vec::new();
        let mut usage = format!(",\"usage\":{{\"completion_tokens\":{}", pieces.len());
        if let Some(cost) = cost {
            usage.push_str(&format!(",\"cost\":{}", cost.text));
            elements.push(Element::Cost(cost.trillionths));
        }
        usage.push('}');
        if let Some(metadata) = &self.metadata {
            usage.push_str(&format!(",\"openrouter_metadata\":{metadata}"));
            elements.push(Element::Batch);
        }
        (usage, elements)
    }

    /// A chunk with the cost so far, in the middle of the answer.
    pub(crate) fn cost_so_far(&self, cost: &Cost) -> Event {
        self.chunk("", &format!(",\"usage\":{{\"cost\":{}}}", cost.text), [Element::Cost(cost.trillionths)])
    }

    /// `answer` as one JSON body, sometimes without its finish reason.
    pub(crate) fn whole(&self, answer: &Answer, random: &mut Random) -> Body {
        let mut elements = vec![Element::Whole, Element::Named, Element::Begins(0)];
        let mut message = json!({"role": "assistant", "content": answer.text.concat()});
        elements.extend(answer.text.iter().map(|piece| Element::Text(0, piece.clone())));
        if answer.image {
            message["images"] = json!([{"type": "image_url"}]);
            elements.push(Element::Image);
        }
        if !answer.reasoning.is_empty() {
            message["reasoning"] = answer.reasoning.concat().into();
            elements.push(Element::Reasoning);
        }
        if let Some(refusal) = answer.refusal {
            message["refusal"] = refusal.into();
            elements.push(Element::Refusal);
        }
        if !answer.tool.is_empty() {
            let arguments = answer.tool.concat();
            message["tool_calls"] =
                json!([{"id": "t", "type": "function", "function": {"name": "f", "arguments": arguments}}]);
            elements.push(Element::Tool(arguments));
        }
        let mut choices = vec![json!({"index": 0, "message": message})];
        if let Some(text) = answer.second {
            choices.push(json!({"index": 1, "message": {"content": text}, "finish_reason": "stop"}));
            elements.push(Element::Text(1, text.into()));
        }
        if !random.one_in(10) {
            choices[0]["finish_reason"] = answer.finish.0.into();
            elements.push(Element::Finish(0, answer.finish.1));
        }
        let (beside, more) = self.beside(answer.cost.as_ref(), &answer.text);
        elements.extend(more);
        let model = self.model.as_ref().map(|model| format!("\"model\":\"{model}\",")).unwrap_or_default();
        let choices = Value::Array(choices);
        let text =
            format!("{{\"id\":\"{}\",\"object\":\"chat.completion\",{model}\"choices\":{choices}{beside}}}", self.id);
        let mut bytes = if random.one_in(20) { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        bytes.extend_from_slice(text.as_bytes());
        Body::at_end(bytes, elements)
    }
}

impl Body {
    pub(crate) fn at_end(bytes: Vec<u8>, elements: Vec<Element>) -> Self {
        let offset = Offset { bytes: usize::MAX, at_end: 0 };
        Self { bytes, elements: elements.into_iter().map(|element| (offset, element)).collect() }
    }

    /// Appends an event whose lines end with `ending`. If the last line ends with CRLF, the CR completes the event.
    pub(crate) fn event(&mut self, event: Event, ending: &str, random: &mut Random) {
        if random.one_in(40) {
            self.bytes.extend_from_slice(random.pick(&["event: message", "id: 7", "retry: 5", "unknown"]).as_bytes());
            self.bytes.extend_from_slice(ending.as_bytes());
        }
        self.bytes.extend_from_slice(if random.one_in(20) { b"data:" } else { b"data: " });
        self.bytes.extend_from_slice(&event.data);
        // The end of a body also ends its last event, if the data are whole.
        let text = String::from_utf8_lossy(&event.data);
        let is_whole = text == "[DONE]" || serde_json::from_str::<Value>(&text).is_ok();
        let at_end = if is_whole { self.bytes.len() } else { usize::MAX };
        self.bytes.extend_from_slice(ending.as_bytes());
        self.bytes.extend_from_slice(ending.as_bytes());
        let offset = Offset { bytes: self.bytes.len() + 1 - ending.len(), at_end };
        self.elements.extend(event.elements.into_iter().map(|element| (offset, element)));
    }

    pub(crate) fn comment(&mut self, ending: &str) {
        self.bytes.extend_from_slice([": OPENROUTER PROCESSING", ending, ending].concat().as_bytes());
    }
}

/// The JSON text of a string.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
