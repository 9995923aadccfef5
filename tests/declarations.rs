//! The type declarations state the same ranges and defaults of a policy as its JSON Schema, which the code is tested against.

use std::collections::BTreeMap;

use serde_json::Value;

const DECLARATIONS: &str = include_str!("../pkg-template/policy.d.ts");
const SCHEMA: &str = include_str!("../www/schema/policy.schema.json");

/// The comment of each field of `interface Policy`, by the path of the field.
fn comments() -> BTreeMap<String, String> {
    let (_, rest) = DECLARATIONS.split_once("export interface Policy {\n").expect("the interface");
    let (body, _) = rest.split_once("\n}\n").expect("its end");
    let (mut comments, mut path, mut comment) = (BTreeMap::new(), Vec::new(), String::new());
    for line in body.lines().map(str::trim) {
        if line.starts_with("/**") || line.starts_with('*') {
            comment.extend([line.trim_matches(['/', '*', ' ']), " "]);
        } else if let Some((name, kind)) = line.split_once(':') {
            path.push(name.trim_end_matches('?'));
            comments.insert(path.join("."), std::mem::take(&mut comment));
            if !kind.ends_with('{') {
                path.pop();
            }
        } else {
            path.pop();
        }
    }
    comments
}

/// Each property of `schema` with its path.
fn properties(schema: &Value, path: &str) -> Vec<(String, Value)> {
    let rule = schema["anyOf"].as_array().into_iter().flatten().find(|variant| variant["properties"].is_object());
    let fields = rule.unwrap_or(schema)["properties"].as_object();
    let mut found = Vec::new();
    // Every rule has an action, which the type `Rule` declares once for all.
    for (name, field) in fields.into_iter().flatten().filter(|(name, _)| rule.is_none() || *name != "action") {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        found.push((path.clone(), field.clone()));
        found.extend(properties(field, &path));
    }
    found
}

fn schema_properties() -> Vec<(String, Value)> {
    properties(&serde_json::from_str(SCHEMA).expect("JSON"), "")
}

/// A whole number with a comma between thousands.
fn with_commas(number: &Value) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}

#[test]
fn declare_every_field_of_a_policy_and_no_other() {
    let mut expected: Vec<String> = schema_properties().into_iter().map(|(path, _)| path).collect();
    expected.sort_unstable();
    assert_eq!(comments().into_keys().collect::<Vec<_>>(), expected);
}

#[test]
fn state_the_range_of_every_number() {
    let comments = comments();
    for (path, field) in schema_properties().into_iter().filter(|(_, field)| field["maximum"].is_number()) {
        let range = format!("From {} to {}.", with_commas(&field["minimum"]), with_commas(&field["maximum"]));
        assert!(comments[&path].contains(&range), "{path}: {range}");
    }
}

#[test]
fn state_every_default() {
    let comments = comments();
    for (path, field) in schema_properties().into_iter().filter(|(_, field)| !field["default"].is_null()) {
        let stated = comments[&path]
            .split_once("@default ")
            .map(|(_, stated)| stated.split(" @").next().unwrap_or_default().trim());
        assert_eq!(stated, Some(field["default"].to_string().replace('"', "'").as_str()), "{path}");
    }
}
