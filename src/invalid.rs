//! Input that cannot be used: the path of the field, and what would be right.

pub use crate::text::shortened;
use crate::text::{comma_separated, split, text};
use core::fmt;
use std::borrow::Cow;

use crate::json::{Fields, Json, decimal};
use crate::near_miss::closest;
use crate::usd::Usd;

/// The longest path that an error names, in bytes. A caller's own names stand in a path, and an error must not grow with them.
const LONGEST_PATH: usize = 200;

/// A setting or a request that was refused before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The path of the field, for example `policy.timeouts.idle` or `messages[2].role`.
    pub path: String,
    /// What is wrong with the field, and what would be right. Continues a sentence that begins with the path.
    pub problem: String,
}

impl Invalid {
    /// The field at `path` has this `problem`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Box<Self> {
        Box::new(Self { path: shortened(path.into(), LONGEST_PATH), problem: problem.into() })
    }

    /// The field `name` inside `parent` is not one of the `known` names, which are separated by spaces. The problem names the
    /// near miss, or else the known names.
    pub fn unknown(parent: &str, name: &str, known: &str) -> Box<Self> {
        let mut problem = String::from("is not a known field");
        match closest(name, &mut split(known, b' ')) {
            Some(near) => problem.extend(["; did you mean `", near, "`?"]),
            None => problem.extend(["; known are: ", &comma_separated(known)]),
        }
        Self::new(join(parent, name), problem)
    }

    /// The problem, with the `limit` of a configuration that decides it.
    #[must_use]
    pub fn within(mut self: Box<Self>, limit: &str) -> Box<Self> {
        self.problem.extend([" (`", limit, "`)"]);
        self
    }

    /// The path and the problem in one sentence.
    pub fn sentence(&self) -> String {
        text!("`", &self.path, "` ", &self.problem)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl std::error::Error for Invalid {}

/// A warning: the field `name` was not sent, because it is not one of the `known` names, which are separated by spaces. It names
/// the near miss.
pub fn not_sent(name: &str, known: &str) -> String {
    let mut warning = text!("`", &shortened(name.into(), LONGEST_PATH), "` is not a known field, and was not sent");
    if let Some(near) = closest(name, &mut split(known, b' ')) {
        warning.extend(["; did you mean `", near, "`?"]);
    }
    warning
}

/// The path of `name` inside `parent`. At the top level, `parent` is empty.
pub fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.into() } else { text!(parent, ".", name) }
}

/// An object of settings, and its path. A setting that is missing leaves its value as it is.
#[derive(Clone, Debug)]
pub struct Section<'a> {
    path: String,
    fields: Fields<'a>,
}

impl<'a> Section<'a> {
    /// The object `json` at `path`. `null` is an object without fields.
    ///
    /// # Errors
    /// [`Invalid`], if `json` is no object.
    pub fn object(path: impl Into<String>, json: Json<'a>) -> Result<Self, Box<Invalid>> {
        let path = path.into();
        if json.is_object() || json.is_null() {
            Ok(Self { path, fields: Fields::of(json) })
        } else {
            Err(Invalid::new(path, "must be an object"))
        }
    }

    /// The object in the field `name`.
    ///
    /// # Errors
    /// As [`Section::object`].
    pub fn section(&self, name: &str) -> Result<Self, Box<Invalid>> {
        Self::object(join(&self.path, name), self.get(name))
    }

    /// The object in the field `name`. `None`, if the field is missing.
    ///
    /// # Errors
    /// As [`Section::object`].
    pub fn optional(&self, name: &str) -> Result<Option<Self>, Box<Invalid>> {
        if self.get(name).is_null() { Ok(None) } else { self.section(name).map(Some) }
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The field `name`.
    pub fn get(&self, name: &str) -> Json<'a> {
        self.fields.get(name)
    }

    /// Its fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = (Json<'a>, Json<'a>)> {
        self.fields.iter()
    }

    /// The field `name` has this `problem`.
    pub fn wrong(&self, name: &str, problem: impl Into<String>) -> Box<Invalid> {
        Invalid::new(join(&self.path, name), problem)
    }

    /// Refuses every field outside `known`, names that are separated by spaces.
    ///
    /// # Errors
    /// [`Invalid`] for the first unknown field, with its near miss.
    pub fn only(&self, known: &str) -> Result<(), Box<Invalid>> {
        for (name, _) in self.fields() {
            if !split(known, b' ').any(|known| name.is(known)) {
                return Err(Invalid::unknown(&self.path, &name.text().unwrap_or_default(), known));
            }
        }
        Ok(())
    }

    /// The whole number in the field `name`, from `low` to `high`.
    ///
    /// # Errors
    /// [`Invalid`], with the range, if the field is something else.
    pub fn whole(&self, name: &str, low: u64, high: u64, number: &mut u64) -> Result<(), Box<Invalid>> {
        let value = self.get(name);
        match value.whole() {
            _ if value.is_null() => {}
            Some(given) if low <= given && given <= high => *number = given,
            _ => {
                let problem = text!("must be a whole number from ", &decimal(low), " to ", &decimal(high));
                return Err(self.wrong(name, problem));
            }
        }
        Ok(())
    }

    /// [`Section::whole`] for small numbers.
    ///
    /// # Errors
    /// As [`Section::whole`].
    pub fn count(&self, name: &str, low: u32, high: u32, count: &mut u32) -> Result<(), Box<Invalid>> {
        let mut number = u64::from(*count);
        self.whole(name, low.into(), high.into(), &mut number)?;
        *count = number as u32;
        Ok(())
    }

    /// The boolean in the field `name`.
    ///
    /// # Errors
    /// [`Invalid`], if the field is something else.
    pub fn flag(&self, name: &str, flag: &mut bool) -> Result<(), Box<Invalid>> {
        let value = self.get(name);
        match value.flag() {
            Some(given) => *flag = given,
            None if value.is_null() => {}
            None => return Err(self.wrong(name, "must be true or false")),
        }
        Ok(())
    }

    /// The word in the field `name`, one of the `allowed` words, which are separated by spaces. `None`, if the field is missing.
    ///
    /// # Errors
    /// [`Invalid`], with the allowed words.
    pub fn choice(&self, name: &str, allowed: &str) -> Result<Option<&'a str>, Box<Invalid>> {
        let value = self.get(name);
        if value.is_null() {
            return Ok(None);
        }
        if split(allowed, b' ').any(|word| value.is(word)) {
            return Ok(Some(value.word()));
        }
        Err(self.wrong(name, text!("must be one of: ", &comma_separated(allowed))))
    }

    /// The amount in US dollars in the field `name`, from 0 to a million.
    ///
    /// # Errors
    /// [`Invalid`], if the field is something else.
    pub fn usd(&self, name: &str, amount: &mut Option<Usd>) -> Result<(), Box<Invalid>> {
        const MILLION: u64 = 1_000_000_000_000_000_000;
        let value = self.get(name);
        match value.trillionths() {
            _ if value.is_null() => {}
            Some(given) if given <= MILLION => *amount = Some(Usd(given)),
            _ => return Err(self.wrong(name, "must be an amount in USD, from 0 to 1000000")),
        }
        Ok(())
    }

    /// The array of strings in the field `name`. No string may be empty. Every text is searched for all strings, so their number
    /// and their lengths are bounded.
    ///
    /// # Errors
    /// [`Invalid`], if the field is something else.
    pub fn texts(&self, name: &str, texts: &mut Vec<String>) -> Result<(), Box<Invalid>> {
        let value = self.get(name);
        if value.is_null() {
            return Ok(());
        }
        let given: Vec<String> = value.items().filter_map(Json::text).map(Cow::into_owned).collect();
        if !value.is_array() || given.len() < value.items().count() || given.iter().any(String::is_empty) {
            return Err(self.wrong(name, "must be an array of strings that are not empty"));
        }
        if given.len() > 100 || given.iter().any(|text| text.len() > 1_000) {
            return Err(self.wrong(name, "must have at most 100 strings, of at most 1000 bytes each"));
        }
        *texts = given;
        Ok(())
    }

    /// The string in the field `name`; `None`, if the field is missing.
    ///
    /// # Errors
    /// [`Invalid`], if the field is something else.
    pub fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Box<Invalid>> {
        let value = self.get(name);
        match value.text() {
            None if !value.is_null() => Err(self.wrong(name, "must be a string")),
            text => Ok(text),
        }
    }
}
