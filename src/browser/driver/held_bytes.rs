//! Bytes of a body that the machine has not got yet: a line whose end is still to come.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::browser::page::property;

#[wasm_bindgen(raw_module = "./result.js")]
extern "C" {
    /// Copies the bytes of what a reader of the web's own read. Gives their number, or -1 if there are none or `room` is too
    /// small. One call into JavaScript, because every chunk needs it.
    #[wasm_bindgen(js_name = copyBytes)]
    fn copy_bytes(result: &JsValue, room: &mut [u8]) -> i32;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Uint8Array)]
    type View;

    /// A view of `buffer`, which may be anything that the page calls a chunk.
    #[wasm_bindgen(constructor, catch, js_class = "Uint8Array")]
    fn new(buffer: &JsValue, offset: &JsValue, length: &JsValue) -> Result<View, JsValue>;
}

/// The bytes for which there is room from the start.
const ROOM: usize = 68 * 1024;

/// A line of more bytes than this is not held back.
const LONGEST: usize = 4 * 1024;

/// One buffer for all chunks of a body. A buffer for each chunk would lie behind the growing text of the answer, which could
/// then not grow in its place.
#[derive(Debug, Default)]
pub(super) struct HeldBytes {
    /// Longer than what is held, so that a chunk can be copied to its end.
    buffer: Vec<u8>,
    length: usize,
}

impl HeldBytes {
    /// Makes room for the chunks that are to come.
    pub(super) fn reserve(&mut self) {
        self.buffer.resize(ROOM, 0);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// The machine should get the bytes: a line ends behind the first `known` of them. Else the machine would only keep them.
    pub(super) fn has_line(&self, known: usize) -> bool {
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        // From the end, where most chunks have one.
        self.length > LONGEST || self.bytes()[known..].iter().rev().any(is_end)
    }

    /// Takes the chunk of a result of the web's own reader. False if that needs [`HeldBytes::push`].
    pub(super) fn push_result(&mut self, result: &JsValue) -> bool {
        let copied = usize::try_from(copy_bytes(result, &mut self.buffer[self.length..]));
        self.length += copied.unwrap_or_default();
        copied.is_ok()
    }

    /// Takes a chunk of any kind: bytes, a buffer, a view of one, or a string, which streams that were made by hand bring.
    ///
    /// # Errors
    /// If the chunk is none of these.
    pub(super) fn push(&mut self, chunk: &JsValue) -> Result<(), JsValue> {
        if let Some(text) = chunk.as_string() {
            self.room_for(text.len()).copy_from_slice(text.as_bytes());
            return Ok(());
        }
        let length = property(chunk, "byteLength");
        match length.as_f64() {
            None => return Err("a chunk of the body is neither bytes nor a string".into()),
            // Bytes that were transferred to another owner. A view of them would throw.
            Some(0.0) => return Ok(()),
            Some(_) => {}
        }
        // A view has a buffer; a buffer has none.
        let whole = property(chunk, "buffer");
        let whole = if whole.is_undefined() { chunk } else { &whole };
        let view = View::new(whole, &property(chunk, "byteOffset"), &length)?;
        let bytes: &Uint8Array = view.unchecked_ref();
        bytes.copy_to(self.room_for(bytes.length() as usize));
        Ok(())
    }

    /// The place of the next `length` bytes, which count as held from now on.
    fn room_for(&mut self, length: usize) -> &mut [u8] {
        let from = self.length;
        self.length += length;
        if self.buffer.len() < self.length {
            self.buffer.resize(self.length, 0);
        }
        &mut self.buffer[from..self.length]
    }
}
