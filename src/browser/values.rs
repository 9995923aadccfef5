//! Values of JavaScript as JSON text, and back.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, JSON, Object};
use serde::Serialize;
use serde_wasm_bindgen::{Serializer, preserve};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::misuse::misuse;
use super::page::property;
use crate::Failure;
use crate::json::decimal;
use crate::text::text;

/// No value nests deeper: the core reads 128 levels.
const DEEPEST: usize = 128;

/// A field of an object for JavaScript. A field that is `None` is left out: the types of the package declare it as optional.
pub(super) enum Field<'a> {
    Text(Option<&'a str>),
    Number(Option<f64>),
    /// A value of JavaScript, as it is.
    Value(JsValue),
}

impl Serialize for Field<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Value(value) => preserve::serialize(value, serializer),
        }
    }
}

/// An object for JavaScript with these fields.
///
/// A map, because the serializer caches the field names of a struct, and the code of the cache would add 1 KB to the package.
struct Record<'a, 'b>(&'b [(&'static str, Field<'a>)]);

impl Serialize for Record<'_, '_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_given = |field: &Field<'_>| !matches!(field, Field::Text(None) | Field::Number(None));
        serializer.collect_map(self.0.iter().filter(|(_, field)| is_given(field)).map(|(name, field)| (name, field)))
    }
}

/// These fields as a plain object of JavaScript.
pub(super) fn object(fields: &[(&'static str, Field<'_>)]) -> JsValue {
    Record(fields).serialize(&Serializer::new().serialize_maps_as_objects(true)).unwrap_or_default()
}

/// JSON text as a value of JavaScript.
pub(super) fn parse(json: &str) -> JsValue {
    JSON::parse(json).unwrap_or_default()
}

/// `value` as JSON text. A whole tree passes through `JSON.stringify`, which is faster than a visit to each value from Rust.
///
/// # Errors
/// What JSON would drop or change without notice (`NaN`, a function, …), with its path.
pub(super) fn stringify(value: &JsValue) -> Result<String, Box<Failure>> {
    let found = Rc::new(RefCell::new(None));
    let noted = Rc::clone(&found);
    let check = Closure::<dyn FnMut(JsValue, JsValue) -> JsValue>::new(move |_key: JsValue, value: JsValue| {
        match name_unsendable(&value) {
            None => value,
            Some(name) => {
                noted.replace(Some(name));
                JsValue::UNDEFINED
            }
        }
    });
    let json = JSON::stringify_with_replacer(value, check.as_ref());
    if let Some(name) = found.take() {
        return Err(misuse(match find_unsendable(value, String::new(), DEEPEST) {
            Some((path, name)) => text!("`", &path, "` is ", &name, ", which JSON cannot carry"),
            None => text!("the options hold ", &name, ", which JSON cannot carry"),
        }));
    }
    match json {
        // `undefined` has no JSON.
        Ok(json) => Ok(json.as_string().unwrap_or_else(|| "null".into())),
        Err(thrown) => {
            let reason = property(&thrown, "message").as_string().unwrap_or_default();
            Err(misuse(text!("the options cannot be written as JSON: ", &reason)))
        }
    }
}

/// What `value` is, if JSON cannot carry it.
fn name_unsendable(value: &JsValue) -> Option<String> {
    if value.is_string() || value.is_object() {
        return None;
    }
    match value.as_f64() {
        Some(number) if number.is_finite() => None,
        Some(number) if number.is_nan() => Some("NaN".into()),
        Some(number) => Some(String::from(if number > 0.0 { "Infinity" } else { "-Infinity" })),
        None if value.is_function() => Some("a function".into()),
        None if value.is_bigint() => Some("a BigInt".into()),
        None if value.is_symbol() => Some("a symbol".into()),
        None => None,
    }
}

/// The path of the first value that JSON cannot carry, and what the value is.
fn find_unsendable(value: &JsValue, path: String, levels: usize) -> Option<(String, String)> {
    if let Some(name) = name_unsendable(value) {
        return Some((path, name));
    }
    let is_written_by_itself = property(value, "toJSON").is_function();
    if levels == 0 || !value.is_object() || is_written_by_itself {
        return None;
    }
    let is_array = Array::is_array(value);
    let entries = Object::entries(value.unchecked_ref());
    entries.iter().zip(0..).find_map(|(entry, at)| {
        let entry: Array = entry.unchecked_into();
        let key = entry.get(0).as_string().unwrap_or_default();
        let path = match is_array {
            true => text!(&path, "[", &decimal(at), "]"),
            false if path.is_empty() => key,
            false => text!(&path, ".", &key),
        };
        find_unsendable(&entry.get(1), path, levels - 1)
    })
}
