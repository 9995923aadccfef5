//! Writes JSON text.

use super::{Fields, Json, plain};
use crate::text::{line_end, push};

/// The capacity of a new object, in bytes. Most objects fit, so that they grow at most once.
const USUAL: usize = 256;

/// An object under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        let mut text = String::with_capacity(USUAL);
        text.push('{');
        Self(text)
    }
}

impl Object {
    /// Adds a field whose value is the JSON text `value`.
    pub fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
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

    /// Adds a field whose name comes from another object.
    pub fn entry(&mut self, name: Json<'_>, value: &str) -> &mut Self {
        self.item(name.raw());
        self.0.push(':');
        self.0.push_str(value);
        self
    }

    /// Adds a string.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        push_quoted(&mut self.0, value);
        self
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

    /// Adds a list of strings.
    pub fn texts(&mut self, name: &str, items: &[String]) -> &mut Self {
        self.open(name, "[");
        for item in items {
            self.item_text(item);
        }
        self.close("]")
    }

    /// Adds a list of strings, if there are any.
    pub fn maybe_texts(&mut self, name: &str, items: &[String]) -> &mut Self {
        if items.is_empty() { self } else { self.texts(name, items) }
    }

    /// Adds a list or an object, named by its opening bracket, and puts everything into it until [`Object::close`].
    pub fn open(&mut self, name: &str, bracket: &str) -> &mut Self {
        self.raw(name, bracket)
    }

    /// Adds the JSON text `item` to the open list.
    pub fn item(&mut self, item: &str) -> &mut Self {
        self.separate();
        self.0.push_str(item);
        self
    }

    /// Adds a string to the open list.
    pub fn item_text(&mut self, item: &str) -> &mut Self {
        self.separate();
        push_quoted(&mut self.0, item);
        self
    }

    /// Ends the open list or object with its closing bracket.
    pub fn close(&mut self, bracket: &str) -> &mut Self {
        self.0.push_str(bracket);
        self
    }

    /// Adds the fields of the object `json`.
    pub fn fields(&mut self, json: &str) -> &mut Self {
        let fields = json.strip_prefix('{').and_then(|json| json.strip_suffix('}')).unwrap_or_default();
        if !fields.is_empty() {
            self.item(fields);
        }
        self
    }

    /// Ends the object. Returns its text.
    pub fn end(&mut self) -> String {
        self.close("}");
        std::mem::take(&mut self.0)
    }

    fn name(&mut self, name: &str) {
        self.separate();
        push_quoted(&mut self.0, name);
        self.0.push(':');
    }

    fn separate(&mut self) {
        if !matches!(self.0.as_bytes().last(), Some(b'{' | b'[')) {
            self.0.push(',');
        }
    }
}

/// The JSON text of `object` with the fields of `patch`. They replace fields of the same name, and remove them where they are
/// `null`: JSON Merge Patch (RFC 7396), one level deep. A text that is no object counts as an empty object.
pub fn patched(object: &str, patch: &str) -> String {
    let (object, patch) = (Json::or_null(object), Fields::of(Json::or_null(patch)));
    let mut json = Object::default();
    for (name, value) in object.fields() {
        // A name with an escape is the same name.
        let text = name.text().unwrap_or_default();
        if !patch.iter().any(|(other, _)| other.is(&text)) {
            json.entry(name, value.raw());
        }
    }
    for (name, value) in patch.iter() {
        if !value.is_null() {
            json.entry(name, value.raw());
        }
    }
    json.end()
}

/// Adds the JSON text `json` to `line`, without its line ends. They are white space, because a JSON string contains none.
pub(crate) fn on_one_line(json: &str, line: &mut String) {
    let mut rest = json;
    loop {
        let end = line_end(rest.as_bytes());
        line.push_str(&rest[..end]);
        if end == rest.len() {
            break;
        }
        rest = &rest[end + 1..];
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

/// Adds the JSON text of a string.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    loop {
        let end = plain(rest.as_bytes());
        push(out, &rest[..end]);
        let Some(&byte) = rest.as_bytes().get(end) else { break };
        rest = &rest[end + 1..];
        let letter = match byte {
            b'\n' => 'n',
            b'\r' => 'r',
            b'\t' => 't',
            0..=0x1f => 'u',
            itself => char::from(itself),
        };
        out.push('\\');
        out.push(letter);
        if letter == 'u' {
            out.push_str(if byte < 0x10 { "000" } else { "001" });
            out.push(char::from_digit(u32::from(byte) & 15, 16).unwrap_or_default());
        }
    }
    out.push('"');
}

/// A whole number in decimal digits. The formatting code of the standard library would be a larger download.
pub(crate) fn decimal(number: u64) -> String {
    let mut text = if number < 10 { String::with_capacity(20) } else { decimal(number / 10) };
    text.push(char::from(b'0' + (number % 10) as u8));
    text
}

#[cfg(test)]
mod tests {
    use super::{Object, decimal, patched};

    #[test]
    fn a_patch_replaces_adds_and_removes_fields() {
        let (object, patch) = (r#"{"a": 1, "b": [2], "c": 3}"#, r#"{"b":{"d":4},"c":null,"e":"x"}"#);
        assert_eq!(patched(object, patch), r#"{"a":1,"b":{"d":4},"e":"x"}"#);
        assert_eq!(
            (patched(object, "{}"), patched("nothing", patch)),
            (r#"{"a":1,"b":[2],"c":3}"#.into(), r#"{"b":{"d":4},"e":"x"}"#.into())
        );
    }

    #[test]
    fn commas_separate_fields_and_items_and_nothing_else() {
        let mut json = Object::default();
        json.text("a", "[").open("b", "[").item("{").flag("c", true).close("}").item("{").close("}").item_text("{");
        json.close("]").open("d", "{").close("}").texts("e", &[]).whole("f", 10);
        assert_eq!(json.end(), r#"{"a":"[","b":[{"c":true},{},"{"],"d":{},"e":[],"f":10}"#);
    }

    #[test]
    fn a_string_is_escaped_as_serde_json_escapes_it() {
        let text: String = (0..0x100).filter_map(char::from_u32).chain("🦀日本\u{7f}".chars()).collect();
        let mut json = Object::default();
        let expected = serde_json::json!({ "a": &text });
        let written: serde_json::Value = serde_json::from_str(&json.text("a", &text).end()).expect("JSON");
        assert_eq!(written, expected);
    }

    #[test]
    fn whole_numbers_are_written_in_decimal_digits() {
        for number in [0, 9, 10, 1_000_000_007, u64::MAX] {
            assert_eq!(decimal(number), number.to_string());
        }
    }
}
