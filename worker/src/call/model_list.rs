//! `GET /v1/models`: the models that a client may ask for, in the shape of OpenAI's list.

use serde_json::{Value, json};

use crate::access::{Client, covers};
use crate::call::admission::ROUTE;
use crate::catalog;
use crate::http::reply::list;

/// The client's routes, then the models that `models` names, then the known models that its patterns cover.
pub(crate) fn list_models(client: &Client<'_>) -> Value {
    catalog::with(|catalog| list_known(client, &catalog.ids().collect::<Vec<_>>()))
}

fn list_known(client: &Client<'_>, known: &[&str]) -> Value {
    let mut rows: Vec<Value> = client.routes().map(|route| row(&[ROUTE, &route.name].concat(), "failsoft")).collect();
    let models = client.models();
    let (patterns, named): (Vec<&str>, Vec<&str>) = models.iter().partition(|model| model.ends_with('*'));
    let is_covered = |id: &&str| !named.contains(id) && patterns.iter().any(|pattern| covers(pattern, id));
    let covered = known.iter().copied().filter(is_covered);
    rows.extend(named.iter().copied().chain(covered).map(|id| row(id, id.split('/').next().unwrap_or(id))));
    list(rows)
}

fn row(id: &str, owner: &str) -> Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": owner})
}

#[cfg(test)]
mod tests {
    use super::list_known;
    use crate::access::admit_at_once as admit;
    use crate::config::Config;
    use crate::http::caller::Caller;
    use serde_json::Value;

    #[test]
    fn a_pattern_lists_the_known_models_and_a_name_lists_itself() {
        let config = r#"{"access": "loopback", "models": ["b/b", "a/*"], "routes": {"r": {"models": ["c/c"]}}}"#;
        let config = Config::of(config, "sk").expect("a configuration");
        let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
        let list = list_known(&client, &["a/1", "b/b", "c/c", "a/2"]);
        let ids: Vec<&str> =
            list["data"].as_array().expect("rows").iter().filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(ids, ["route/r", "b/b", "a/1", "a/2"]);
        assert_eq!(list["data"][1]["owned_by"], Value::from("b"));
    }
}
