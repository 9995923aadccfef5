//! Chunks on their way to the reader, and the reads that wait for them.

use std::collections::VecDeque;

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::browser::timer::now;
use crate::chunk::Brief;
use crate::shape::Shape;
use crate::text::text;
use crate::{Chunks, Failure};

#[wasm_bindgen(raw_module = "./result.js")]
extern "C" {
    /// Resolves the promise of an iterator's `next` with a value.
    #[wasm_bindgen(js_name = giveText)]
    fn give_text(settle: &Function, text: &str);

    /// The same with a copy of `bytes`.
    #[wasm_bindgen(js_name = giveBytes)]
    fn give_bytes(settle: &Function, bytes: &[u8]);

    /// Resolves it as the end.
    #[wasm_bindgen(js_name = giveEnd)]
    fn give_end(settle: &Function);

    /// Rejects it.
    #[wasm_bindgen(js_name = giveError)]
    fn give_error(settle: &Function, error: &JsValue);
}

/// What a reader gets of the chunks that one chunk of the network brought.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The text of the first choice. Chunks without text are skipped.
    Text,
    /// The chunks as JSON text, in the short form of [`Brief`].
    Chunks,
    /// The bytes of a line of JSON for each chunk. A failure is thrown.
    Lines,
    /// The bytes of server-sent events. The last is `[DONE]`, or an error if the call failed.
    Events,
}

/// A read that waits.
#[derive(Debug)]
pub(in crate::browser) struct Pull {
    pub(in crate::browser) form: Form,
    /// Settles the promise of the read; one function for both ends, because each function that Rust holds costs every read.
    pub(in crate::browser) settle: Function,
}

/// Chunks on their way to the reader, and its reads that wait, in order.
#[derive(Debug, Default)]
pub(in crate::browser) struct Outbox {
    chunks: Option<Chunks>,
    pub(in crate::browser) pulls: VecDeque<Pull>,
    brief: Brief,
    /// The reader wants only the end: chunks are dropped.
    is_draining: bool,
    is_cancelled: bool,
    /// The last event of [`Form::Events`] was given.
    has_ended: bool,
    /// How [`Form::Events`] tells of a failure.
    pub(in crate::browser) shape: Shape,
}

/// A promise that can be settled now.
pub(super) struct Delivery {
    pull: Pull,
    result: Result<Option<Content>, JsValue>,
}

enum Content {
    Text(String),
    Bytes(String),
}

impl Outbox {
    /// The reader wants only the end.
    pub(in crate::browser) fn drain(&mut self) {
        self.is_draining = true;
    }

    pub(super) fn put(&mut self, chunks: Chunks) {
        self.chunks = Some(chunks);
    }

    pub(super) fn has_chunks(&self) -> bool {
        self.chunks.is_some()
    }

    pub(super) fn cancel(&mut self) {
        self.is_cancelled = true;
    }

    /// The reader waits, so the machine may go on.
    pub(super) fn wants_more(&self) -> bool {
        self.chunks.is_none() && (self.is_draining || !self.pulls.is_empty())
    }

    /// What the first read that waits gets, if that is there. `end` is known once the call is over: the failure and the
    /// error of a call that failed.
    pub(super) fn next_delivery(&mut self, end: Option<(Option<&Failure>, &Option<JsValue>)>) -> Option<Delivery> {
        if self.is_draining {
            self.chunks = None;
        }
        let form = self.pulls.front()?.form;
        let result = match (self.take(form), end) {
            _ if self.is_cancelled => Ok(None),
            (Some(content), _) => Ok(Some(content)),
            (None, Some((failure, _))) if form == Form::Events && !self.has_ended => {
                self.has_ended = true;
                Ok(Some(Content::Bytes(last_event(failure, self.shape))))
            }
            (None, Some((_, Some(error)))) if form != Form::Events => Err(error.clone()),
            (None, Some(_)) => Ok(None),
            (None, None) => return None,
        };
        let pull = self.pulls.pop_front()?;
        Some(Delivery { pull, result })
    }

    fn take(&mut self, form: Form) -> Option<Content> {
        let chunks = self.chunks.take()?;
        match form {
            Form::Text if chunks.text().is_empty() => None,
            Form::Text => Some(Content::Text(chunks.into_text())),
            Form::Chunks => Some(Content::Text(self.brief.write(&chunks))),
            Form::Lines => Some(Content::Bytes(chunks.into_lines())),
            Form::Events => Some(Content::Bytes(self.shape.events(&chunks, now()))),
        }
    }
}

/// What an upstream would send at the end: the end mark, or an event with an error and no end mark.
fn last_event(failure: Option<&Failure>, shape: Shape) -> String {
    let data = failure.map_or_else(|| "[DONE]".into(), |failure| shape.error_event(failure, "", "", now()).end());
    text!("data: ", &data, "\n\n")
}

impl Delivery {
    pub(super) fn perform(self) {
        let Self { pull, result } = self;
        match result {
            Ok(Some(Content::Text(text))) => give_text(&pull.settle, &text),
            Ok(Some(Content::Bytes(bytes))) => give_bytes(&pull.settle, bytes.as_bytes()),
            Ok(None) => give_end(&pull.settle),
            Err(error) => give_error(&pull.settle, &error),
        }
    }
}
