//! Input that cannot be used: where it is and what to do about it.

use core::fmt;

use serde_json::{Map, Value};

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
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        f.write_str(&self.path)?;
        f.write_str("` ")?;
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Invalid {}

/// The path of `name` inside `parent`; the top level has no parent.
pub fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.into() } else { [parent, ".", name].concat() }
}

/// The object at `path`, whose fields all have to be `known`.
pub fn object<'a>(value: &'a Value, path: &str, known: &[&str]) -> Result<&'a Map<String, Value>, Invalid> {
    let map = value.as_object().ok_or_else(|| Invalid::new(path, "must be an object"))?;
    match map.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Invalid::unknown(path, name, known)),
        None => Ok(map),
    }
}

/// The whole number `name` of `map` within `range`, or `default` where it is absent.
pub fn whole(
    map: &Map<String, Value>,
    path: &str,
    name: &str,
    range: core::ops::RangeInclusive<u64>,
    default: u64,
) -> Result<u64, Invalid> {
    let Some(value) = map.get(name) else { return Ok(default) };
    match value.as_u64() {
        Some(number) if range.contains(&number) => Ok(number),
        _ => {
            let (low, high) = (range.start().to_string(), range.end().to_string());
            Err(Invalid::new(join(path, name), ["must be a whole number from ", &low, " to ", &high].concat()))
        }
    }
}

/// The boolean `name` of `map`, or `default` where it is absent.
pub fn flag(map: &Map<String, Value>, path: &str, name: &str, default: bool) -> Result<bool, Invalid> {
    match map.get(name) {
        None => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Invalid::new(join(path, name), "must be true or false")),
    }
}

/// The string `name` of `map`, if it is there.
pub fn text<'a>(map: &'a Map<String, Value>, path: &str, name: &str) -> Result<Option<&'a str>, Invalid> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Invalid::new(join(path, name), "must be a string")),
    }
}
