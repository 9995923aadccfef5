//! JSON that is read in place: a value is a part of the text, which is checked once and never copied.
//!
//! A tree of values would cost a page 50 KB of code, and allocations for every event of a stream. A value that passes
//! through keeps its order, its numbers and its unknown fields, because it keeps its text.
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
mod repair;
mod scan;
mod write;

use std::borrow::Cow;

use crate::text::{cut, of};
pub(crate) use pattern::Pattern;
pub(crate) use repair::{Halves, repaired};
pub(crate) use scan::whole_number;
use scan::{Scanner, plain};
pub use write::{Object, array, patched, quoted};
pub(crate) use write::{decimal, on_one_line, push_quoted};

/// A JSON value. A field that is missing, or has another type, reads as `null`, as `None` or as an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// `null`, also for a value that is missing.
    pub const NULL: Json<'static> = Json("null");

    /// The value of `text`, if `text` is JSON that is nested at most 128 levels deep.
    pub fn parse(text: &'a str) -> Option<Self> {
        Scanner::new(text).whole().map(Self)
    }

    /// [`Json::parse`], if no string has half of a surrogate pair.
    pub(crate) fn parse_in_pairs(text: &'a str) -> Option<Self> {
        Scanner::new(text).whole_in_pairs().map(Self)
    }

    /// [`Json::parse`], with `null` for a text that is not JSON.
    pub(crate) fn or_null(text: &'a str) -> Self {
        Self::parse(text).unwrap_or(Self::NULL)
    }

    /// The value at the beginning of `text`, whatever follows it.
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

    /// The field `name` of an object. If several fields have this name, the first.
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

    /// The value at a `path` of names, such as `metadata.headers`. No name may contain a dot.
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

    /// It has no items, or is no array.
    pub fn is_empty(self) -> bool {
        self.parts(b'[').0.is_over()
    }

    /// The values inside the brackets, in order. For an object, keys and values in turn.
    #[inline(never)]
    fn parts(self, open: u8) -> Parts<'a> {
        Parts(Scanner::inside(if self.begin() == open { self.0 } else { "" }))
    }

    fn begin(self) -> u8 {
        self.0.as_bytes()[0]
    }

    /// It is `null`, or missing.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// It is an object.
    pub fn is_object(self) -> bool {
        self.begin() == b'{'
    }

    /// The value itself, if it is an object.
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
        // Most strings differ in their first bytes, and have no escape there.
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

    /// A string as it is written, with its escapes. For names, which have no escapes. Empty, if it is no string.
    pub fn word(self) -> &'a str {
        if self.is_string() { &self.0[1..self.0.len() - 1] } else { "" }
    }

    /// It is `null` or an empty string.
    pub(crate) fn is_null_or_empty(self) -> bool {
        matches!(self.0, "null" | "\"\"")
    }

    /// The value of a boolean.
    pub fn flag(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A number without a sign, a fraction or an exponent.
    pub fn whole(self) -> Option<u64> {
        whole_number(self.0)
    }

    /// [`Json::trillionths`] of a number, or of a string that contains a number: prices come as strings.
    pub fn amount(self) -> Option<u64> {
        if self.is_string() { Json::or_null(self.word()).trillionths() } else { self.trillionths() }
    }

    /// A number that is not negative, in units of 10^-12, up to 18 million. Exact for amounts of money.
    pub fn trillionths(self) -> Option<u64> {
        if self.is_number() { scan::trillionths(self.0) } else { None }
    }
}

/// The fields of an object, found once. For large objects of which several fields are read.
#[derive(Clone, Debug)]
pub struct Fields<'a>(Vec<(Json<'a>, Json<'a>)>);

impl<'a> Fields<'a> {
    /// The fields of `object`; none, if it is no object.
    pub fn of(object: Json<'a>) -> Self {
        let mut fields = Vec::with_capacity(8);
        fields.extend(object.fields());
        Self(fields)
    }

    /// The field `name`. If several fields have this name, the first.
    pub fn get(&self, name: &str) -> Json<'a> {
        self.0.iter().find(|(key, _)| key.is(name)).map_or(Json::NULL, |(_, value)| *value)
    }

    /// The value at `path`, as [`Json::at`].
    pub fn at(&self, path: &str) -> Json<'a> {
        let (name, rest) = cut(path, b'.');
        self.get(name).at(rest)
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Json<'a>, Json<'a>)> {
        self.0.iter().copied()
    }
}

impl<'a> FromIterator<(Json<'a>, Json<'a>)> for Fields<'a> {
    fn from_iter<T: IntoIterator<Item = (Json<'a>, Json<'a>)>>(fields: T) -> Self {
        Self(fields.into_iter().collect())
    }
}

struct Parts<'a>(Scanner<'a>);

impl<'a> Iterator for Parts<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        self.0.part().map(Json)
    }
}
