//! `GET /v1/models`: what a client may ask for, in the shape of OpenAI's list.

use serde_json::{Value, json};

use crate::access::{Client, covers};
use crate::call::admission::ROUTE;
use crate::http::reply::list;

/// Routes first, then models: those that are named, and of those `known` the ones that a `*` stands for.
pub(crate) fn listed(client: &Client<'_>, known: &[String]) -> Value {
    let mut rows: Vec<Value> = client.routes().map(|route| row(&[ROUTE, &route.name].concat(), "failsoft")).collect();
    let patterns = client.models();
    let (open, named): (Vec<&str>, Vec<&str>) = patterns.iter().partition(|pattern| pattern.ends_with('*'));
    let more = known.iter().map(String::as_str);
    let more = more.filter(|id| !named.contains(id) && open.iter().any(|pattern| covers(pattern, id)));
    rows.extend(named.iter().copied().chain(more).map(|id| row(id, id.split('/').next().unwrap_or(id))));
    list(rows)
}

fn row(id: &str, owner: &str) -> Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": owner})
}

#[cfg(test)]
mod tests {
    use super::listed;
    use crate::access::admit_at_once as admit;
    use crate::config::Config;
    use crate::http::caller::Caller;
    use serde_json::Value;

    #[test]
    fn a_star_lists_what_is_known_and_a_name_itself() {
        let config = r#"{"access": "loopback", "models": ["b/b", "a/*"], "routes": {"r": {"models": ["c/c"]}}}"#;
        let config = Config::of(config, "sk").expect("a configuration");
        let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
        let list = listed(&client, &["a/1".into(), "b/b".into(), "c/c".into(), "a/2".into()]);
        let ids: Vec<&str> =
            list["data"].as_array().expect("rows").iter().filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(ids, ["route/r", "b/b", "a/1", "a/2"]);
        assert_eq!(list["data"][1]["owned_by"], Value::from("b"));
    }
}
