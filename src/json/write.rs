//! JSON text from its parts.

use super::Json;
use crate::text::text;

/// An object under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self("{".into())
    }
}

impl Object {
    /// Adds a field whose value is the JSON text `value`.
    pub fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_quoted(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(value);
        self
    }

    /// Adds a field whose value is the JSON text `value`, if there is one.
    pub fn maybe_raw(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.raw(name, value),
            None => self,
        }
    }

    /// Adds an array of the JSON texts `items`, if there are any.
    pub fn maybe_list(&mut self, name: &str, items: impl Iterator<Item = String>) -> &mut Self {
        match &*array(items) {
            "[]" => self,
            items => self.raw(name, items),
        }
    }

    /// Adds a field as another object has it.
    pub fn entry(&mut self, name: Json<'_>, value: &str) -> &mut Self {
        self.raw(&name.text().unwrap_or_default(), value)
    }

    /// Adds a string.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(name, &quoted(value))
    }

    /// Adds a string, if there is one.
    pub fn maybe_text(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds a whole number.
    pub fn whole(&mut self, name: &str, value: u64) -> &mut Self {
        self.raw(name, &decimal(value))
    }

    /// Adds a whole number, if there is one.
    pub fn maybe_whole(&mut self, name: &str, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.whole(name, value),
            None => self,
        }
    }

    /// Adds a boolean.
    pub fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// Adds the fields of the object `json`, which stands for itself.
    pub fn fields(&mut self, json: &str) -> &mut Self {
        let fields = json.trim_start_matches('{').strip_suffix('}').unwrap_or_default();
        if !fields.is_empty() {
            if self.0.len() > 1 {
                self.0.push(',');
            }
            self.0.push_str(fields);
        }
        self
    }

    /// The text of the object.
    pub fn end(&self) -> String {
        text!(&self.0, "}")
    }
}

/// The JSON text of an array.
pub fn array<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut text = String::from("[");
    for item in items {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(item.as_ref());
    }
    text.push(']');
    text
}

/// The JSON text of a string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "\\u00",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        out.push_str(escape);
        if escape.len() > 2 {
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from_digit(nibble.into(), 16).unwrap_or('0'));
            }
        }
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// A whole number in decimal digits. The formatting machinery of the standard library would cost a page more than this.
pub(crate) fn decimal(number: u64) -> String {
    let (mut rest, mut digits) = (number, Vec::new());
    loop {
        digits.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            return digits.iter().rev().map(|digit| *digit as char).collect();
        }
    }
}
