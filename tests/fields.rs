//! Every list of request fields outside the core has the names and the types of the registry.

use failsoft::request::fields::{FIELDS, Type, names};

const DECLARATIONS: &str = include_str!("package/fields.test-d.ts");

#[test]
fn is_sorted_and_names_each_field_once() {
    assert!(names().is_sorted_by(|one, next| one < next));
}

#[test]
fn the_types_suite_compares_the_declarations_with_every_row() {
    let rows: String = FIELDS.iter().map(|field| format!("  {}: {};\n", field.name, typescript(field.types))).collect();
    let expected = format!("interface Registry {{\n{rows}}}\n");
    assert!(DECLARATIONS.contains(&expected), "tests/package/fields.test-d.ts must contain:\n{expected}");
}

fn typescript(types: &[Type]) -> String {
    let names = types.iter().map(|kind| match kind {
        Type::String => "string",
        Type::Number => "number",
        Type::Boolean => "boolean",
        Type::Array => "readonly unknown[]",
        Type::Object => "object",
    });
    names.collect::<Vec<_>>().join(" | ")
}
