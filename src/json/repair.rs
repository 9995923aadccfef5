//! Text that is not quite JSON, as widespread encoders write it, changed to JSON.
//!
//! - A control character in a string is escaped. A backslash before a character that needs none is dropped.
//! - Python's `NaN`, `Infinity` and `None` become `null`; `True` and `False` become small letters.
//! - A comma before a closing bracket is dropped.
//! - A half of a surrogate pair at the end of a string waits for its other half at the beginning of a string of a later text.

use super::Json;
use super::scan::hex;

/// The halves of characters that wait for their other halves.
#[derive(Debug, Default)]
pub(crate) struct Halves(Vec<u32>);

struct Writer<'a> {
    text: &'a str,
    at: usize,
    json: Vec<u8>,
    /// The halves at the ends of strings of earlier texts, and of this text.
    earlier: Vec<u32>,
    found: Vec<u32>,
    has_joined: bool,
}

/// The JSON that `text` stands for, if there is one.
#[cold]
#[inline(never)]
pub(crate) fn repaired(text: &str, halves: &mut Halves) -> Option<String> {
    let mut writer = Writer {
        text,
        at: 0,
        json: Vec::with_capacity(text.len() + 16),
        earlier: std::mem::take(&mut halves.0),
        found: Vec::new(),
        has_joined: false,
    };
    let is_read = writer.write_all().is_some() && Json::parse_bytes(&writer.json).is_some();
    halves.0 = if is_read && (writer.has_joined || !writer.found.is_empty()) { writer.found } else { writer.earlier };
    if is_read { String::from_utf8(writer.json).ok() } else { None }
}

impl Writer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    fn write_all(&mut self) -> Option<()> {
        while let Some(byte) = self.next() {
            match byte {
                b'"' => self.write_string()?,
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ if is_of_word(byte) => self.write_word(),
                close => {
                    if matches!(close, b']' | b'}') && self.json.last() == Some(&b',') {
                        self.json.pop();
                    }
                    self.json.push(close);
                }
            }
        }
        Some(())
    }

    /// A number, or a word.
    fn write_word(&mut self) {
        let start = self.at - 1;
        while self.peek().is_some_and(is_of_word) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        let json = if Json::parse(word).is_some() {
            word
        } else if word.eq_ignore_ascii_case("true") {
            "true"
        } else if word.eq_ignore_ascii_case("false") {
            "false"
        } else {
            "null"
        };
        self.json.extend_from_slice(json.as_bytes());
    }

    /// The rest of a string. `None`, if the text ends in it.
    fn write_string(&mut self) -> Option<()> {
        self.json.push(b'"');
        let start = self.at;
        loop {
            let begin = self.at == start;
            match self.next()? {
                b'"' => break,
                b'\\' => self.write_escape(begin)?,
                control @ 0..=0x1f => self.write_code(control.into()),
                plain => self.json.push(plain),
            }
        }
        self.json.push(b'"');
        Some(())
    }

    fn write_escape(&mut self, begins: bool) -> Option<()> {
        let letter = self.next()?;
        let code = if letter == b'u' { hex(self.text, self.at) } else { None };
        let Some(code) = code else {
            if matches!(letter, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') {
                self.json.push(b'\\');
            }
            if letter >= b' ' {
                self.json.push(letter);
            }
            return Some(());
        };
        self.at += 4;
        if code >> 10 == 0x36 {
            // The first half of a pair.
            let rest = self.text.get(self.at..)?;
            let low = if rest.starts_with("\\u") { hex(rest, 2) } else { None };
            match low.filter(|low| low >> 10 == 0x37) {
                Some(low) => {
                    self.at += 6;
                    self.write_code(code);
                    self.write_code(low);
                }
                None if rest.starts_with('"') => self.found.push(code),
                None => self.write_code(0xfffd),
            }
        } else if code >> 10 != 0x37 {
            self.write_code(code);
        } else if begins && !self.earlier.is_empty() {
            self.has_joined = true;
            let high = self.earlier.remove(0);
            self.write_code(high);
            self.write_code(code);
        } else {
            self.write_code(0xfffd);
        }
        Some(())
    }

    fn write_code(&mut self, code: u32) {
        self.json.extend_from_slice(b"\\u");
        for shift in [12, 8, 4, 0] {
            self.json.push(b"0123456789abcdef"[(code >> shift & 15) as usize]);
        }
    }
}

/// A byte of a number or of a word.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

#[cfg(test)]
mod tests {
    use super::{Halves, repaired};

    #[test]
    fn what_widespread_encoders_write_becomes_json() {
        for (text, json) in [
            ("{\"a\": \"x\u{1b}[0m\ty\"}", r#"{"a":"x\u001b[0m\u0009y"}"#),
            (r#"{"a": NaN, "b": [-Infinity, Infinity, nan]}"#, r#"{"a":null,"b":[null,null,null]}"#),
            (r#"{"a": None, "b": True, "c": False}"#, r#"{"a":null,"b":true,"c":false}"#),
            (r#"{"a": [1, 2, ], "b": {"c": 1e-5,}, }"#, r#"{"a":[1,2],"b":{"c":1e-5}}"#),
            (r#"{"a": "it\'s \x41", "b": "\u00e9\n"}"#, r#"{"a":"it's x41","b":"\u00e9\n"}"#),
            ("{\"a\": \"one\ntwo\"}", r#"{"a":"one\u000atwo"}"#),
        ] {
            assert_eq!(repaired(text, &mut Halves::default()).as_deref(), Some(json), "{text}");
        }
        for text in ["", "{", r#"{"a": "x"#, r#"{"a" 1}"#, "{} {}", "<html>"] {
            assert_eq!(repaired(text, &mut Halves::default()), None, "{text}");
        }
    }

    #[test]
    fn the_halves_of_a_character_meet_across_texts() {
        let halves = &mut Halves::default();
        for (text, json) in [
            (r#"{"a":"x\ud83d"}"#, Some(r#"{"a":"x"}"#)),
            (r#"{"a":"#, None),
            (r#"{"b":1,"a":"\ude00\ud83e"}"#, Some(r#"{"b":1,"a":"\ud83d\ude00"}"#)),
            (r#"{"a":"\udd80"}"#, Some(r#"{"a":"\ud83e\udd80"}"#)),
            (r#"{"a":"\udd80 \ud83d \ud83d\ude00"}"#, Some(r#"{"a":"\ufffd \ufffd \ud83d\ude00"}"#)),
        ] {
            assert_eq!(repaired(text, halves).as_deref(), json, "{text}");
        }
    }
}
