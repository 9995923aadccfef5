//! Checks whether a JSON value matches a JSON Schema: OpenAI's strict subset, which needs no validator crate:
//! `type` (also several), `properties`, `required`, `additionalProperties: false`, `items`, `enum`, `const`, `anyOf`,
//! `$ref` into the schema itself. Other keywords are ignored.
//!
//! A schema may come from a stranger, so the work is bounded. A value is compared with the target of a `$ref` once. All
//! comparisons together have a budget of steps, which grows with the sizes of the value and the schema. When the budget is
//! used up, the value counts as matching: only a schema that was made for this needs so many steps.
//!
//! ```
//! use failsoft::{Json, schema::matches};
//!
//! let schema = r#"{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}"#;
//! let schema = Json::parse(schema).expect("JSON");
//! assert!(matches(Json::parse(r#"{"age": 7}"#).expect("JSON"), schema));
//! assert!(!matches(Json::parse(r#"{"age": "7"}"#).expect("JSON"), schema));
//! ```

use crate::json::{Fields, Json};
use crate::text::{cut, split};

/// A schema may refer to itself, but not without an end.
const DEEPEST: u32 = 200;

/// The steps for each byte of the value and the schema, and the bounds of all steps. A step reads about eight bytes. An
/// answer that follows its schema takes one to three steps for each byte.
const STEPS_PER_BYTE: usize = 16;
const LEAST_STEPS: usize = 500_000;
const MOST_STEPS: usize = 1_000_000;

/// `value` matches `schema`.
pub fn matches(value: Json<'_>, schema: Json<'_>) -> bool {
    let steps = STEPS_PER_BYTE.saturating_mul(value.raw().len() + schema.raw().len());
    let mut check = Check { root: schema, targets: Vec::new(), steps: steps.clamp(LEAST_STEPS, MOST_STEPS), depth: 0 };
    let fits = check.fits(value, schema, &mut Vec::new());
    fits || check.steps == 0
}

/// The targets of references that one value was compared with: where each stands in the schema, and whether the value fits.
/// While the comparison runs, the value does not fit, so a reference to itself is no reason to fit.
type Compared = Vec<(*const u8, bool)>;

struct Check<'a> {
    root: Json<'a>,
    /// The references that were followed: where each stands in the schema, and its target.
    targets: Vec<(*const u8, Json<'a>)>,
    /// The steps that are left. At 0, nothing is compared any more.
    steps: usize,
    depth: u32,
}

impl<'a> Check<'a> {
    /// Takes the steps for reading `text`. Returns false if none are left.
    fn spend(&mut self, text: &str) -> bool {
        self.steps = self.steps.saturating_sub(1 + text.len() / 8);
        self.steps > 0
    }

    fn fits(&mut self, value: Json<'_>, schema: Json<'a>, compared: &mut Compared) -> bool {
        if self.depth == DEEPEST || !self.spend(schema.raw()) {
            return false;
        }
        self.depth += 1;
        let keywords = &Fields::of(schema);
        let reference = keywords.get("$ref");
        let fits = if reference.is_string() {
            self.fits_reference(value, reference, compared)
        } else {
            fits_kind(value, keywords.get("type"))
                && self.fits_value(value, keywords)
                && self.fits_choices(value, keywords.get("anyOf"), compared)
                && self.fits_items(value, keywords.get("items"))
                && self.fits_fields(value, keywords)
        };
        self.depth -= 1;
        fits
    }

    fn fits_reference(&mut self, value: Json<'_>, reference: Json<'_>, compared: &mut Compared) -> bool {
        let Some(target) = self.find_target(reference) else { return false };
        let place = target.raw().as_ptr();
        if let Some((_, fits)) = compared.iter().find(|(known, _)| *known == place) {
            return *fits;
        }
        let at = compared.len();
        compared.push((place, false));
        let fits = self.fits(value, target, compared);
        compared[at].1 = fits;
        if fits {
            // What referred back to this target did not fit only because the comparison was not over.
            compared.truncate(at + 1);
        }
        fits
    }

    /// The target of `reference`. `None`: no steps are left.
    fn find_target(&mut self, reference: Json<'_>) -> Option<Json<'a>> {
        let place = reference.raw().as_ptr();
        if let Some((_, target)) = self.targets.iter().find(|(known, _)| *known == place) {
            return Some(*target);
        }
        let mut target = self.root;
        for name in split(reference.word(), b'/').skip(1) {
            if !self.spend(target.raw()) {
                return None;
            }
            target = target.get(name);
        }
        self.targets.push((place, target));
        Some(target)
    }

    /// `const` and `enum`.
    fn fits_value(&mut self, value: Json<'_>, keywords: &Fields<'a>) -> bool {
        let (constant, listed) = (keywords.get("const"), keywords.get("enum"));
        if constant.is_null() && !listed.is_array() {
            return true;
        }
        // Strings are compared by their text, other values as they are written.
        let text = value.text();
        let is_same = |known: Json<'_>| text.as_ref().map_or(value == known, |text| known.is(text));
        // A `const` that is `null` reads as missing; a schema for `null` has `type` instead.
        self.spend(value.raw())
            && (constant.is_null() || is_same(constant))
            && (!listed.is_array() || listed.items().any(is_same))
    }

    fn fits_choices(&mut self, value: Json<'_>, choices: Json<'a>, compared: &mut Compared) -> bool {
        !choices.is_array() || choices.items().any(|choice| self.fits(value, choice, compared))
    }

    fn fits_items(&mut self, value: Json<'_>, items: Json<'a>) -> bool {
        !items.is_object() || value.items().all(|item| self.fits(item, items, &mut Vec::new()))
    }

    /// `properties`, `required` and `additionalProperties`.
    fn fits_fields(&mut self, value: Json<'_>, keywords: &Fields<'a>) -> bool {
        if !value.is_object() {
            return true;
        }
        let is_closed = keywords.get("additionalProperties").flag() == Some(false);
        let properties = Fields::of(keywords.get("properties"));
        let fields = Fields::of(value);
        let (mut from, mut begin) = (0, 0);
        for name in keywords.get("required").items() {
            if self.find(&fields, &mut from, name).is_none() {
                return false;
            }
        }
        self.spend(value.raw())
            && fields.iter().all(|(name, field)| match self.find(&properties, &mut begin, name) {
                Some(property) => self.fits(field, property, &mut Vec::new()),
                None => !is_closed,
            })
    }

    /// The field `name`. The search begins `from` a place, and leaves there the place behind the find: most answers have their
    /// fields in the order of the schema. It takes steps for each field that it passes over.
    fn find<'v>(&mut self, fields: &Fields<'v>, from: &mut usize, name: Json<'_>) -> Option<Json<'v>> {
        let name = name.text()?;
        let turned = fields.iter().skip(*from).chain(fields.iter().take(*from));
        for (passed, (key, value)) in turned.enumerate() {
            if !self.spend(key.raw()) {
                return None;
            }
            if key.is(&name) {
                *from = (*from + passed + 1) % fields.iter().count();
                return Some(value);
            }
        }
        None
    }
}

fn fits_kind(value: Json<'_>, kind: Json<'_>) -> bool {
    kind.is_null() || is_of(value, kind) || kind.items().any(|kind| is_of(value, kind))
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

    #[test]
    fn a_value_is_compared_with_each_target_of_a_reference_once() {
        let doubling: String = (0..40)
            .map(|at| {
                format!(r##""d{at}":{{"anyOf":[{{"$ref":"#/$defs/d{0}"}},{{"$ref":"#/$defs/d{0}"}}]}},"##, at + 1)
            })
            .collect();
        let doubling = format!(r##"{{"$defs":{{{doubling}"d40":{{"const":2}}}},"$ref":"#/$defs/d0"}}"##);
        for (schema, one, two) in [
            (r##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}"##, false, false),
            (r##"{"anyOf": [{"$ref": "#"}, {"const": 2}]}"##, false, true),
            (
                r##"{"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}, {"const": 2}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}},
                    "anyOf": [{"type": "string", "anyOf": [{"$ref": "#/$defs/a"}]}, {"$ref": "#/$defs/b"}]}"##,
                false,
                true,
            ),
            (&*doubling, false, true),
        ] {
            let fits = |value| matches(Json::parse(value).expect("JSON"), Json::parse(schema).expect("JSON"));
            assert_eq!((fits("1"), fits("2")), (one, two), "{schema}");
        }
    }

    #[test]
    fn a_value_whose_check_takes_too_many_steps_counts_as_matching() {
        let choices: Vec<String> = (10_000..40_000).map(|number| format!("{{\"const\":{number}}}")).collect();
        let schema = format!(r#"{{"items":{{"anyOf":[{}]}}}}"#, choices.join(","));
        let fits = |value: &str| matches(Json::parse(value).expect("JSON"), Json::parse(&schema).expect("JSON"));
        assert!(!fits("[1]"));
        assert!(fits(&format!("[{}1]", "39999,".repeat(10_000))));
    }
}
