//! The shape of a body: JSON, nested at most [`DEEPEST`] levels, no name twice in one object.
//!
//! Two readers of an object with a name twice might take different values: the checks of the edge would see one value, and
//! the upstream the other.

use std::borrow::Cow;

use failsoft::Json;
use failsoft::invalid::{Invalid, join};

use crate::http::api_error::{ApiError, Code};

/// How deep the values of a request may nest. Schemas of tools nest a dozen levels.
const DEEPEST: usize = 40;

/// Reads `body` as a JSON object of the right shape.
pub(super) fn parse(body: &[u8]) -> Result<Json<'_>, ApiError> {
    let Some(json) = Json::parse_bytes(body) else { return Err(not_json(body)) };
    if !json.is_object() {
        return Err(ApiError::new(Code::InvalidJson, "the body must be a JSON object"));
    }
    match find_problem(json.raw()) {
        None => Ok(json),
        Some(Problem::TooDeep) => Err(too_deep()),
        Some(Problem::Repeated { path }) => Err(Invalid::new(path, "is given twice").into()),
    }
}

fn not_json(body: &[u8]) -> ApiError {
    // The reader of the core stops at a depth of its own.
    if let Some(Problem::TooDeep) = std::str::from_utf8(body).ok().and_then(find_problem) {
        return too_deep();
    }
    let place = match std::str::from_utf8(body) {
        // A reader that keeps no value is told nothing about the bytes of a string.
        Err(error) => {
            let line = 1 + body[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            format!("invalid unicode code point at line {line}")
        }
        Ok(text) => {
            let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err();
            error.map(|error| error.to_string()).unwrap_or_default()
        }
    };
    ApiError::new(Code::InvalidJson, format!("the body is not JSON: {place}"))
}

fn too_deep() -> ApiError {
    ApiError::new(Code::InvalidJson, format!("the body nests deeper than {DEEPEST} levels"))
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    TooDeep,
    Repeated { path: String },
}

/// An object or array that is not closed yet.
enum Level<'a> {
    Object { names: Vec<Cow<'a, str>>, expects_name: bool },
    Array { index: usize },
}

/// Passes over `text` once. Of text that is not JSON, only [`Problem::TooDeep`] means something.
fn find_problem(text: &str) -> Option<Problem> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        at += 1;
        let depth = levels.len();
        match (byte, levels.last_mut()) {
            (b'{' | b'[', _) if depth == DEEPEST => return Some(Problem::TooDeep),
            (b'{', _) => levels.push(Level::Object { names: Vec::new(), expects_name: true }),
            (b'[', _) => levels.push(Level::Array { index: 0 }),
            (b'}' | b']', _) => {
                if let Some(name) = levels.pop().and_then(repeated_name) {
                    return Some(Problem::Repeated { path: path(&levels, &name) });
                }
            }
            (b',', Some(Level::Array { index })) => *index += 1,
            (b',', Some(Level::Object { expects_name, .. })) => *expects_name = true,
            (b'"', level) => {
                // Nothing behind a broken string is JSON. To look for another string in it could take a pass for each quote.
                let string = Json::prefix(&text[at - 1..])?;
                at += string.raw().len() - 1;
                if let Some(Level::Object { names, expects_name: expects_name @ true }) = level {
                    names.extend(string.text());
                    *expects_name = false;
                }
            }
            _ => {}
        }
    }
    None
}

fn repeated_name(level: Level<'_>) -> Option<Cow<'_, str>> {
    let Level::Object { mut names, .. } = level else { return None };
    names.sort_unstable();
    let at = names.windows(2).position(|pair| pair[0] == pair[1])?;
    Some(names.swap_remove(at))
}

/// The path of the field `name` below all `levels`, as in `tools[0].function.name`.
fn path(levels: &[Level<'_>], name: &str) -> String {
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Object { names, .. } => path = join(&path, names.last().map_or("", |name| name)),
            Level::Array { index } => path += &format!("[{index}]"),
        }
    }
    join(&path, name)
}

#[cfg(test)]
mod tests {
    use super::{Problem, find_problem, parse};

    fn repeated(text: &str) -> Option<String> {
        match find_problem(text) {
            Some(Problem::Repeated { path }) => Some(path),
            Some(Problem::TooDeep) | None => None,
        }
    }

    #[test]
    fn a_name_twice_in_one_object_is_found_at_every_depth() {
        for (text, path) in [
            (r#"{"a":1,"a":2}"#, "a"),
            (r#"{"b":"a","a":1,"c":"}","\u0061":2}"#, "a"),
            (r#"{"x":[0,{"y":{"a":[],"b":{},"a":null}}]}"#, "x[1].y.a"),
            (r#"{"x":[[{"a":"\"","a":[1,2]}]]}"#, "x[0][0].a"),
        ] {
            assert_eq!(repeated(text).as_deref(), Some(path), "{text}");
        }
        for text in [r#"{"a":{"a":{"a":"a"}},"b":["a","a"],"c":[{"a":1},{"a":1}]}"#, "{}", "[]", r#""\"""#] {
            assert_eq!(find_problem(text), None, "{text}");
        }
    }

    #[test]
    fn a_body_nests_forty_levels_and_no_more() {
        let refused = |levels: usize| {
            let deep = ["[".repeat(levels), "]".repeat(levels)].concat();
            let body = format!(r#"{{"model": "openai/gpt-4o", "messages": [], "metadata": {deep}, "user": "[[\"[["}}"#);
            parse(body.as_bytes()).err().map(|error| error.message)
        };
        assert_eq!(refused(39), None);
        let too_deep = Some("the body nests deeper than 40 levels".to_owned());
        assert_eq!((refused(40), refused(200)), (too_deep.clone(), too_deep));
    }
}
