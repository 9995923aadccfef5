//! Checks whether a JSON value matches a JSON Schema: OpenAI's strict subset, which needs no validator crate:
//! `type` (also several), `properties`, `required`, `additionalProperties: false`, `items`, `enum`, `const`, `anyOf`,
//! `$ref` into the schema itself. Other keywords are ignored.
//!
//! ```
//! use failsoft::{Json, schema::matches};
//!
//! let schema = r#"{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}"#;
//! let schema = Json::parse(schema).expect("JSON");
//! assert!(matches(Json::parse(r#"{"age": 7}"#).expect("JSON"), schema));
//! assert!(!matches(Json::parse(r#"{"age": "7"}"#).expect("JSON"), schema));
//! ```

use crate::json::Json;
use crate::text::{cut, split};

/// A schema may refer to itself, but not without an end.
const DEEPEST: u32 = 200;

/// `value` matches `schema`.
pub fn matches(value: Json<'_>, schema: Json<'_>) -> bool {
    fits(value, schema, schema, 0)
}

fn fits(value: Json<'_>, schema: Json<'_>, root: Json<'_>, depth: u32) -> bool {
    if depth == DEEPEST {
        return false;
    }
    let fits = |value, schema| fits(value, schema, root, depth + 1);
    let (reference, kind) = (schema.get("$ref"), schema.get("type"));
    if reference.is_string() {
        return fits(value, split(reference.word(), b'/').skip(1).fold(root, Json::get));
    }
    if !kind.is_null() && !is_of(value, kind) && !kind.items().any(|kind| is_of(value, kind)) {
        return false;
    }
    let (constant, listed, choices) = (schema.get("const"), schema.get("enum"), schema.get("anyOf"));
    // A `const` that is `null` reads as missing; a schema for `null` has `type` instead.
    if !constant.is_null() && !same(value, constant)
        || listed.is_array() && !listed.items().any(|one| same(value, one))
        || choices.is_array() && !choices.items().any(|choice| fits(value, choice))
    {
        return false;
    }
    let items = schema.get("items");
    if items.is_object() && !value.items().all(|item| fits(item, items)) {
        return false;
    }
    !value.is_object() || {
        let closed = schema.get("additionalProperties").flag() == Some(false);
        let properties = schema.get("properties");
        let has = |name: Json<'_>| value.fields().any(|(key, _)| same(key, name));
        schema.get("required").items().all(has)
            && value.fields().all(|(key, field)| match properties.fields().find(|(name, _)| same(*name, key)) {
                Some((_, property)) => fits(field, property),
                None => !closed,
            })
    }
}

fn is_of(value: Json<'_>, kind: Json<'_>) -> bool {
    match kind.word() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.flag().is_some(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        // 1.0 is an integer, too. A number with an exponent always counts as one.
        "integer" => {
            let (_, fraction) = cut(value.raw(), b'.');
            value.is_number()
                && fraction.bytes().skip_while(|byte| *byte == b'0').all(|byte| matches!(byte, b'e' | b'E'))
        }
        _ => false,
    }
}

/// Strings are compared by their text, other values as they are written.
fn same(one: Json<'_>, other: Json<'_>) -> bool {
    match other.text() {
        Some(text) => one.is(&text),
        None => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;
    use crate::json::Json;

    #[test]
    fn a_value_matches_if_it_has_the_described_shape() {
        let person = r##"{"type": "object", "additionalProperties": false, "required": ["name", "tags"],
            "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
                "boss": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "age": {"type": ["integer", "null"]}, "v": {"const": 1}}}"##;
        for (value, expected) in [
            (r#"{"name": "x", "tags": []}"#, true),
            (r#"{"name": "x", "tags": ["a", "\u0062"], "age": 3, "boss": null, "v": 1}"#, true),
            (r#"{"name": "x", "tags": [], "boss": {"name": "y", "tags": ["b"]}}"#, true),
            (r#"{"name": "x", "tags": [], "boss": {"name": "y"}}"#, false),
            (r#"{"name": "x"}"#, false),
            (r#"{"name": "x", "tags": ["c"]}"#, false),
            (r#"{"name": "x", "tags": [], "more": 1}"#, false),
            (r#"{"name": "x", "tags": [], "age": 3.5}"#, false),
            (r#"{"name": "x", "tags": [], "age": 3.0}"#, true),
            (r#"{"name": "x", "tags": [], "v": 2}"#, false),
            (r#"[]"#, false),
        ] {
            let (value, schema) = (Json::parse(value).expect("JSON"), Json::parse(person).expect("JSON"));
            assert_eq!(matches(value, schema), expected, "{}", value.raw());
        }
    }

    #[test]
    fn nothing_matches_a_schema_that_only_refers_to_itself() {
        let schema = Json::parse(r##"{"$ref": "#"}"##).expect("JSON");
        assert!(!matches(Json::NULL, schema));
    }
}
