//! Input that cannot be used: where it is and what to do about it.

use core::fmt;
use core::ops::RangeInclusive;
use std::borrow::Cow;

use crate::json::{Json, decimal};
use crate::spelling::closest;

/// A setting or a request that was refused before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The path of the offending field, as in `policy.timeouts.idle` or `messages[2].role`.
    pub path: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl Invalid {
    /// `path` is refused because of `problem`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }

    /// `name`, found inside `parent`, is not one of `known`; names the near miss if there is one.
    pub fn unknown(parent: &str, name: &str, known: &[&str]) -> Self {
        let mut problem = String::from("is not a known field");
        match closest(name, known.iter().copied()) {
            Some(near) => problem.extend(["; did you mean `", near, "`?"]),
            None => problem.extend(["; known are: ", &known.join(", ")]),
        }
        Self::new(join(parent, name), problem)
    }

    /// Path and problem in one sentence.
    pub fn sentence(&self) -> String {
        ["`", &self.path, "` ", &self.problem].concat()
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl std::error::Error for Invalid {}

/// The path of `name` inside `parent`; the top level has no parent.
pub fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.into() } else { [parent, ".", name].concat() }
}

/// The object at `path`, whose fields all have to be `known`.
pub fn object<'a>(value: Json<'a>, path: &str, known: &[&str]) -> Result<Json<'a>, Invalid> {
    if !value.is_object() {
        return Err(Invalid::new(path, "must be an object"));
    }
    match value.fields().map(|(name, _)| name).find(|name| !known.iter().any(|known| name.is(known))) {
        Some(name) => Err(Invalid::unknown(path, &name.text().unwrap_or_default(), known)),
        None => Ok(value),
    }
}

/// The whole number `name` of `map` within `range`, or `default` where it is absent.
pub fn whole(map: Json<'_>, path: &str, name: &str, range: RangeInclusive<u64>, default: u64) -> Result<u64, Invalid> {
    let value = map.get(name);
    if value.is_null() {
        return Ok(default);
    }
    let (low, high) = range.into_inner();
    match value.whole() {
        Some(number) if number >= low && number <= high => Ok(number),
        _ => {
            let problem = ["must be a whole number from ", &decimal(low), " to ", &decimal(high)].concat();
            Err(Invalid::new(join(path, name), problem))
        }
    }
}

/// The boolean `name` of `map`, or `default` where it is absent.
pub fn flag(map: Json<'_>, path: &str, name: &str, default: bool) -> Result<bool, Invalid> {
    let value = map.get(name);
    match value.flag() {
        Some(flag) => Ok(flag),
        None if value.is_null() => Ok(default),
        None => Err(Invalid::new(join(path, name), "must be true or false")),
    }
}

/// The string `name` of `map`, if it is there.
pub fn text<'a>(map: Json<'a>, path: &str, name: &str) -> Result<Option<Cow<'a, str>>, Invalid> {
    let value = map.get(name);
    match value.text() {
        None if !value.is_null() => Err(Invalid::new(join(path, name), "must be a string")),
        text => Ok(text),
    }
}
