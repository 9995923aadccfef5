//! What differs between two versions of a route.

use serde_json::{Map, Value, json};

/// The fields that differ, by their paths, with the value before and after; `null` where the field is absent. Lists are compared
/// as a whole, because their order counts.
pub(super) fn compare(before: &Value, after: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    compare_at("", before, after, &mut found);
    found
}

fn compare_at(path: &str, before: &Value, after: &Value, found: &mut Vec<Value>) {
    if before == after {
        return;
    }
    let none = Map::new();
    let (old, new) = match (before, after) {
        (Value::Object(old), Value::Object(new)) => (old, new),
        (Value::Object(old), Value::Null) if !path.is_empty() => (old, &none),
        (Value::Null, Value::Object(new)) if !path.is_empty() => (&none, new),
        _ => return found.push(json!({"path": path, "before": before, "after": after})),
    };
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        let below = if path.is_empty() { name.clone() } else { [path, ".", name].concat() };
        let value = |fields: &Map<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
        compare_at(&below, &value(old), &value(new), found);
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_listed_with_its_path() {
        let before = json!({"models": ["a", "b"], "lane": "gate", "policy": {"attempts": 3, "timeouts": {"idle": 5}}});
        let after = json!({"models": ["b", "a"], "policy": {"attempts": 3, "timeouts": {"idle": 6}}, "budget": {"usd": {"day": 1}}});
        assert_eq!(compare(&before, &before), Vec::<serde_json::Value>::new());
        assert_eq!(
            json!(compare(&before, &after)),
            json!([
                {"path": "models", "before": ["a", "b"], "after": ["b", "a"]},
                {"path": "lane", "before": "gate", "after": null},
                {"path": "policy.timeouts.idle", "before": 5, "after": 6},
                {"path": "budget.usd.day", "before": null, "after": 1},
            ])
        );
    }
}
