//! Holds `www/schema/*.json` to the readers: names, ranges, words and defaults of the schemas are tried on the readers.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use failsoft::{Invalid, Json};
use serde_json::{Map, Value, json};

const CONFIGURATION: &str = include_str!("../../../www/schema/failsoft.schema.json");
const POLICY: &str = include_str!("../../../www/schema/policy.schema.json");

/// One step from the top of a configuration to a value in it.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    /// The first item of an array.
    Item,
    /// The value of any name, in an object whose names are free.
    Entry,
}

/// A place in the configuration, and what the schema says about the value there.
#[derive(Clone, Debug)]
struct Place {
    path: Vec<Step>,
    schema: Value,
}

impl Place {
    fn name(&self) -> String {
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
    fn with(&self, value: Value) -> Value {
        build(&SCHEMA, &self.path, value)
    }

    /// A configuration in which this field is absent.
    fn without(&self) -> Value {
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
static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| {
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

fn is_object(schema: &Value) -> bool {
    schema["type"] == "object"
}

/// An object with the fields that have an example: those that are required.
fn required(schema: &Value) -> Value {
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

/// What the reader makes of `configuration`, as text.
fn read(configuration: &Value) -> Result<String, Invalid> {
    let text = configuration.to_string();
    let (config, key_names) = super::check(Json::parse(&text).expect("JSON")).map_err(|invalid| *invalid)?;
    let models =
        config.upstreams.iter().flat_map(|upstream| upstream.catalog.ids().map(|id| upstream.catalog.find(id)));
    Ok(format!("{config:?} {:?} {key_names:?}", models.collect::<Vec<_>>()))
}

/// What the reader says against the value at `place`; nothing, if something else is wrong.
fn problem(place: &Place, value: Value) -> Option<String> {
    let invalid = read(&place.with(value)).err()?;
    (invalid.path == place.name()).then_some(invalid.problem)
}

#[test]
fn the_schemas_and_the_readers_know_the_same_fields() {
    for place in PLACES.iter().filter(|place| is_object(&place.schema)) {
        let name = place.name();
        if place.schema["additionalProperties"].is_object() {
            assert!(place.schema["properties"].is_null(), "{name} has free names and known ones");
            continue;
        }
        assert_eq!(place.schema["additionalProperties"], json!(false), "{name}");
        let mut object = required(&place.schema);
        object["zzzzzzzzzzzz"] = json!(1);
        let invalid = read(&place.with(object)).expect_err(&name);
        let known = invalid.problem.strip_prefix("is not a known field; known are: ").expect(&invalid.problem);
        let known: BTreeSet<&str> = known.split(", ").collect();
        let described: BTreeSet<&str> =
            place.schema["properties"].as_object().expect(&name).keys().map(String::as_str).collect();
        assert_eq!(described, known, "{name}");
    }
}

#[test]
fn the_schemas_and_the_readers_know_the_same_ranges() {
    let mut count = 0;
    for place in PLACES.iter() {
        let (name, schema) = (place.name(), &place.schema);
        let words = match schema["type"].as_str() {
            Some("integer") => "must be a whole number from ",
            Some("number") => "must be an amount in USD, from ",
            _ => continue,
        };
        count += 1;
        let (low, high) = (schema["minimum"].as_i64().expect(&name), schema["maximum"].as_i64().expect(&name));
        // A value in range may contradict another field.
        let is_refused = |value: Value| problem(place, value).is_some_and(|problem| problem.starts_with(words));
        assert!(!is_refused(json!(low)) && !is_refused(json!(high)), "{name}");
        assert!(is_refused(json!(low - 1)) && is_refused(json!(high + 1)), "{name}");
        assert!(is_refused(json!("1")), "{name}");
        assert_eq!(is_refused(json!(low as f64 + 0.5)), schema["type"] == "integer", "{name}");
    }
    assert!(count > 50, "{count}");
}

#[test]
fn the_schemas_and_the_readers_know_the_same_words() {
    let mut count = 0;
    for place in PLACES.iter() {
        let (name, Some(words)) = (place.name(), place.schema["enum"].as_array()) else { continue };
        count += 1;
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        assert_eq!(
            problem(place, json!("no-such-word")),
            Some(format!("must be one of: {}", words.join(", "))),
            "{name}"
        );
        for word in words {
            assert_eq!(problem(place, json!(word)), None, "{name}: {word}");
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn a_default_of_the_schemas_changes_nothing_and_a_field_without_one_does() {
    for place in PLACES.iter() {
        let (name, schema) = (place.name(), &place.schema);
        let Some(Step::Field(field)) = place.path.last() else { continue };
        if field == "$schema" || is_object(schema) {
            continue;
        }
        let absent = Ok(read(&place.without()).expect(&name));
        let with = |value: &Value| read(&place.with(value.clone()));
        if let Some(default) = schema.get("default") {
            assert_eq!(with(default), absent, "{name}");
            continue;
        }
        // A number, a boolean or a word that can be left out has a default, or leaving it out means something else.
        let values = match (&schema["type"], schema["enum"].as_array()) {
            (_, Some(words)) => words.clone(),
            (Value::String(kind), _) if kind == "boolean" => vec![json!(true), json!(false)],
            (Value::String(kind), _) if kind == "integer" || kind == "number" => {
                vec![schema["minimum"].clone(), json!(7)]
            }
            _ => continue,
        };
        let same = values.iter().filter(|value| with(value) == absent).count();
        let may_be_derived = field == "dialect" || field == "action";
        assert!(may_be_derived || same == 0, "{name} is {values:?} by default");
        let description = schema["description"].as_str().unwrap_or_default();
        assert!(may_be_derived || description.contains("Without this field"), "{name}");
    }
}

#[test]
fn the_readers_refuse_a_value_of_another_type() {
    for place in PLACES.iter() {
        let name = place.name();
        let wrong = match place.schema["type"].as_str() {
            Some("string") => json!(7),
            Some("boolean") => json!("true"),
            Some("array") => json!("a"),
            Some("object") => json!(7),
            _ => continue,
        };
        // The reader may describe the field above.
        let invalid = if name.is_empty() { read(&wrong) } else { read(&place.with(wrong)) }.expect_err(&name);
        let above = name.rsplit_once(['.', '[']).map_or("", |(above, _)| above);
        assert!(invalid.path == name || invalid.path == above, "{name}: {invalid}");
    }
}

#[test]
fn every_field_is_described_in_sentences() {
    for place in PLACES.iter() {
        let (name, Some(Step::Field(_))) = (place.name(), place.path.last()) else { continue };
        let description = place.schema["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.'), "{name}: {description}");
    }
}
