//! JSON, read where it stands: a value is a piece of the text that holds it, checked once and never copied.
//!
//! A tree of values costs a page 50 KB of code, and every event of a stream its allocations. What passes through keeps
//! its order, its numbers and its unknown fields, because it keeps its text.
//!
//! ```
//! use failsoft::Json;
//!
//! let chunk = Json::parse(r#"{"choices": [{"delta": {"content": "Caf\u00e9"}}]}"#).expect("JSON");
//! let delta = chunk.get("choices").items().next().expect("a choice").get("delta");
//! assert_eq!(delta.get("content").text().as_deref(), Some("Café"));
//! assert!(chunk.get("usage").get("cost").is_null());
//! ```

mod pattern;
mod scan;
mod write;

use std::borrow::Cow;

use crate::text::{cut, of};
pub(crate) use pattern::Pattern;
pub(crate) use scan::whole_number;
use scan::{Scanner, plain};
pub use write::{Object, array, patched, quoted};
pub(crate) use write::{decimal, on_one_line, push_quoted};

/// A JSON value. Reading what is not there, or is of another type, gives `null`, nothing or an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// What is not there.
    pub const NULL: Json<'static> = Json("null");

    /// The value that is the whole of `text`, if `text` is JSON and not nested deeper than 128 levels.
    pub fn parse(text: &'a str) -> Option<Self> {
        Scanner::new(text).whole().map(Self)
    }

    /// The same, and `null` if it is not.
    pub(crate) fn or_null(text: &'a str) -> Self {
        Self::parse(text).unwrap_or(Self::NULL)
    }

    /// The value that `text` begins with, whatever follows it.
    pub fn prefix(text: &'a str) -> Option<Self> {
        Scanner::new(text).value().map(Self)
    }

    /// [`Json::parse`] of bytes.
    pub fn parse_bytes(bytes: &'a [u8]) -> Option<Self> {
        Self::parse(of(bytes)?)
    }

    /// The text of the value.
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// The field `name` of an object; of fields with one name, the first.
    pub fn get(self, name: &str) -> Self {
        let mut fields = self.fields();
        loop {
            match fields.next() {
                Some((key, value)) if key.is(name) => return value,
                Some(_) => {}
                None => return Json::NULL,
            }
        }
    }

    /// What `path` leads to, field by field: `metadata.headers`. For names without a dot.
    pub fn at(self, path: &str) -> Self {
        if path.is_empty() || self.is_null() {
            return self;
        }
        let (name, rest) = cut(path, b'.');
        self.get(name).at(rest)
    }

    /// The fields of an object, in order. A key is a string value.
    pub fn fields(self) -> impl Iterator<Item = (Self, Self)> {
        let mut parts = self.parts(b'{');
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// The items of an array, in order.
    pub fn items(self) -> impl Iterator<Item = Self> {
        self.parts(b'[')
    }

    /// It has no items.
    pub fn is_empty(self) -> bool {
        self.parts(b'[').0.is_over()
    }

    /// The values inside brackets, one after the other: of an object, keys and values in turn.
    #[inline(never)]
    fn parts(self, open: u8) -> Parts<'a> {
        Parts(Scanner::inside(if self.begin() == open { self.0 } else { "" }))
    }

    fn begin(self) -> u8 {
        self.0.as_bytes()[0]
    }

    /// It is `null`, or not there.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// It is an object.
    pub fn is_object(self) -> bool {
        self.begin() == b'{'
    }

    /// Itself, if it is an object.
    pub fn as_object(self) -> Option<Self> {
        self.is_object().then_some(self)
    }

    /// It is an array.
    pub fn is_array(self) -> bool {
        self.begin() == b'['
    }

    /// It is a string.
    pub fn is_string(self) -> bool {
        self.begin() == b'"'
    }

    /// It is a number.
    pub fn is_number(self) -> bool {
        matches!(self.begin(), b'-' | b'0'..=b'9')
    }

    /// It is the string `text`.
    pub fn is(self, text: &str) -> bool {
        let ours = &self.0.as_bytes()[1..];
        let is_alike = |(ours, theirs): &(&u8, &u8)| ours == theirs && **ours != b'\\';
        let alike = ours.iter().zip(text.as_bytes()).take_while(is_alike).count();
        // Most strings that differ do so in their first bytes, and not by an escape.
        match ours.get(alike) {
            Some(b'"') => alike == text.len() && self.is_string(),
            Some(b'\\') => self.is_string() && scan::unescaped(self.word()) == text,
            _ => false,
        }
    }

    /// The text of a string. A lone surrogate reads as U+FFFD.
    pub fn text(self) -> Option<Cow<'a, str>> {
        if self.is_string() { Some(scan::unescaped(self.word())) } else { None }
    }

    /// A string as it is written, with its escapes: for names, which have none. Empty, if it is no string.
    pub fn word(self) -> &'a str {
        if self.is_string() { &self.0[1..self.0.len() - 1] } else { "" }
    }

    /// It is `null` or an empty string.
    pub(crate) fn says_nothing(self) -> bool {
        matches!(self.0, "null" | "\"\"")
    }

    /// A boolean.
    pub fn flag(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A number without sign, fraction and exponent.
    pub fn whole(self) -> Option<u64> {
        whole_number(self.0)
    }

    /// [`Json::trillionths`] of a number, or of a string that holds one: prices come as strings.
    pub fn amount(self) -> Option<u64> {
        if self.is_string() { Json::or_null(self.word()).trillionths() } else { self.trillionths() }
    }

    /// A number that is not negative, in units of 10^-12, up to 18 million: exact for money, enough for seconds.
    pub fn trillionths(self) -> Option<u64> {
        if self.is_number() { scan::trillionths(self.0) } else { None }
    }
}

/// The fields of an object, found once: for objects that are large and asked often.
#[derive(Clone, Debug)]
pub struct Fields<'a>(Vec<(Json<'a>, Json<'a>)>);

impl<'a> Fields<'a> {
    /// The fields of `object`; none, if it is not one.
    pub fn of(object: Json<'a>) -> Self {
        let mut fields = Vec::with_capacity(8);
        fields.extend(object.fields());
        Self(fields)
    }

    /// The field `name`; of fields with one name, the first.
    pub fn get(&self, name: &str) -> Json<'a> {
        self.0.iter().find(|(key, _)| key.is(name)).map_or(Json::NULL, |(_, value)| *value)
    }

    /// What `path` leads to, as [`Json::at`] does.
    pub fn at(&self, path: &str) -> Json<'a> {
        let (name, rest) = cut(path, b'.');
        self.get(name).at(rest)
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Json<'a>, Json<'a>)> {
        self.0.iter().copied()
    }
}

struct Parts<'a>(Scanner<'a>);

impl<'a> Iterator for Parts<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        self.0.part().map(Json)
    }
}
