//! Holds `www/schema/*.json` to the readers: names, ranges, words and defaults of the schemas are tried on the readers.

mod places;

use std::collections::BTreeSet;

use failsoft::{Invalid, Json};
use places::{PLACES, Place, Step, is_object, required};
use serde_json::{Value, json};

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
        let may_be_derived = ["dialect", "action", "reasoningBeyondLimit"].contains(&field.as_str());
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
