//! The places in a configuration that the schemas describe, and configurations with a value at one of them.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

const CONFIGURATION: &str = include_str!("../../../../www/schema/failsoft.schema.json");
const POLICY: &str = include_str!("../../../../www/schema/policy.schema.json");

/// One step from the top of a configuration to a value in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Field(String),
    /// The first item of an array.
    Item,
    /// The value of any name, in an object whose names are free.
    Entry,
}

/// A place in the configuration, and what the schema says about the value there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: Vec<Step>,
    pub(super) schema: Value,
}

impl Place {
    pub(super) fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.path {
            match step {
                Step::Field(field) if name.is_empty() => name.push_str(field),
                Step::Field(field) => name.extend([".", field]),
                Step::Item => name.push_str("[0]"),
                Step::Entry => name.push_str(".entry"),
            }
        }
        name
    }

    /// A configuration with `value` at this place, and around it only what is required.
    pub(super) fn with(&self, value: Value) -> Value {
        build(&SCHEMA, &self.path, value)
    }

    /// A configuration in which this field is absent.
    pub(super) fn without(&self) -> Value {
        let Some((Step::Field(_), above)) = self.path.split_last() else { panic!("{} is no field", self.name()) };
        let object = PLACES.iter().find(|place| place.path == above && is_object(&place.schema));
        build(&SCHEMA, above, required(&object.expect("an object").schema))
    }
}

/// The schema of the configuration, without references.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(CONFIGURATION).expect("JSON");
    let policy = serde_json::from_str(POLICY).expect("JSON");
    let mut schema = document.clone();
    expand(&mut schema, &document, &policy);
    schema
});

/// Every place that the schema describes. A place with alternatives is there once for each of them.
pub(super) static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| {
    let mut places = Vec::new();
    collect(SCHEMA.clone(), &[], &mut places);
    places
});

/// Replaces each `$ref` by what it names. The words beside a `$ref` are added, or take the place of those that it names.
fn expand(schema: &mut Value, document: &Value, policy: &Value) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str).map(str::to_owned) {
        let (mut target, home) = match reference.strip_prefix('#') {
            Some(pointer) => (document.pointer(pointer).expect(&reference).clone(), document),
            None => (policy.clone(), policy),
        };
        expand(&mut target, home, policy);
        let mut beside = schema.as_object().expect("a schema").clone();
        beside.remove("$ref");
        merge(&mut target, &Value::Object(beside));
        *schema = target;
        return;
    }
    let Value::Object(words) = schema else { return };
    for (word, value) in words.iter_mut() {
        match (word.as_str(), value) {
            ("items" | "additionalProperties", value) => expand(value, document, policy),
            ("anyOf", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| expand(schema, document, policy));
            }
            ("properties", Value::Object(fields)) => {
                fields.values_mut().for_each(|schema| expand(schema, document, policy));
            }
            _ => {}
        }
    }
}

fn merge(target: &mut Value, more: &Value) {
    match (target, more) {
        (Value::Object(target), Value::Object(more)) => {
            for (name, value) in more {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, more) => *target = more.clone(),
    }
}

fn collect(schema: Value, path: &[Step], places: &mut Vec<Place>) {
    let below = |step| [path, &[step]].concat();
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        for alternative in alternatives {
            let mut alternative = alternative.clone();
            // What stands beside the alternatives is true for all of them.
            alternative["description"] = schema["description"].clone();
            if let (Some(default), false) = (schema.get("default"), is_object(&alternative)) {
                alternative["default"] = default.clone();
            }
            collect(alternative, path, places);
        }
        return;
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        collect(field.clone(), &below(Step::Field(name.clone())), places);
    }
    if schema["items"].is_object() {
        collect(schema["items"].clone(), &below(Step::Item), places);
    }
    if schema["additionalProperties"].is_object() {
        collect(schema["additionalProperties"].clone(), &below(Step::Entry), places);
    }
    places.push(Place { path: path.to_vec(), schema });
}

pub(super) fn is_object(schema: &Value) -> bool {
    schema["type"] == "object"
}

/// An object with the fields that have an example: those that are required.
pub(super) fn required(schema: &Value) -> Value {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let examples = fields.filter_map(|(name, field)| Some((name.clone(), field["examples"].get(0)?.clone())));
    examples.collect::<Map<_, _>>().into()
}

fn build(schema: &Value, path: &[Step], value: Value) -> Value {
    let Some((step, rest)) = path.split_first() else { return value };
    let alternatives = schema["anyOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
    let schema = alternatives.iter().find(|schema| !below(schema, step).is_null()).expect("a schema");
    let value = build(below(schema, step), rest, value);
    match step {
        Step::Field(name) => {
            let mut object = required(schema);
            object[name] = value;
            object
        }
        Step::Item => json!([value]),
        Step::Entry => json!({ "entry": value }),
    }
}

fn below<'a>(schema: &'a Value, step: &Step) -> &'a Value {
    match step {
        Step::Field(name) => &schema["properties"][name],
        Step::Item => &schema["items"],
        Step::Entry => &schema["additionalProperties"],
    }
}
