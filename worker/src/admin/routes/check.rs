//! Checks a route against the catalog, before it is stored: what would make its models fail, or leave them out.

use failsoft::catalog::ModelInfo;
use failsoft::{Catalog, Dialect, Millis, Upstream};
use serde_json::{Value, json};

use crate::config::{Config, Route};

const DAY: Millis = 24 * 60 * 60 * 1_000;

/// A model that expires within this time is worth a warning.
const SOON: Millis = 14 * DAY;

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The path of the field, such as `route.models[1]`.
    pub(super) path: String,
    /// `unknownModel`, `expired`, `expiring`, `contextTooSmall`, `tooDear` or `noPrice`.
    pub(super) kind: &'static str,
    /// A sentence for people.
    pub(super) message: String,
    /// The route is not stored, unless the request says that it should be in spite of this.
    pub(super) blocks: bool,
}

impl Finding {
    pub(super) fn to_json(&self) -> Value {
        json!({"path": self.path, "kind": self.kind, "message": self.message, "blocks": self.blocks})
    }
}

/// What the check knows beside the route.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) config: &'a Config,
    pub(super) catalog: &'a Catalog,
    /// The tokens that one prompt of the route in a hundred exceeds, if the route has had calls.
    pub(super) long_prompt: Option<u64>,
    pub(super) now: Millis,
}

/// Checks the models of `route`, and its judge.
pub(super) fn find(route: &Route, known: &Known<'_>) -> Vec<Finding> {
    let upstreams = match route.upstreams[..] {
        [] => known.config.upstreams.to_vec(),
        _ => route.choose_upstreams(&known.config.upstreams),
    };
    // An upstream with models of its own is not asked for those of the route.
    let asked: Vec<&Upstream> = upstreams.iter().filter(|upstream| upstream.models.is_empty()).collect();
    let models = route.models.iter().enumerate().map(|(at, model)| (format!("route.models[{at}]"), model));
    let judge = route.policy.judge.as_ref().map(|judge| ("route.policy.judge.model".into(), &judge.model));
    let mut found = Vec::new();
    for (path, model) in models.chain(judge) {
        let finding = |kind, blocks, message: String| Finding { path: path.clone(), kind, message, blocks };
        let info = asked.iter().find_map(|upstream| upstream.model_info(model, known.catalog));
        let Some(info) = info else {
            found.extend(find_unknown(model, &asked, known.catalog).map(|text| finding("unknownModel", true, text)));
            continue;
        };
        for (kind, blocks, text) in check_model(info, route, known) {
            found.push(finding(kind, blocks, [model, text.as_str()].concat()));
        }
    }
    found
}

/// A sentence, if no upstream knows `model`. An upstream without a list of its models may know any.
fn find_unknown(model: &str, asked: &[&Upstream], catalog: &Catalog) -> Option<String> {
    let has_list = |upstream: &&Upstream| upstream.dialect == Dialect::OpenRouter;
    if asked.is_empty() || !asked.iter().all(has_list) || catalog.ids().next().is_none() {
        return None;
    }
    let near = catalog.near_miss(model).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Some([model, " is not in the catalog of the upstream", &near].concat())
}

/// The kind of each finding, whether it blocks, and the rest of a sentence that begins with the model.
fn check_model(info: &ModelInfo, route: &Route, known: &Known<'_>) -> Vec<(&'static str, bool, String)> {
    let mut found = Vec::new();
    match info.expires {
        Some(expires) if expires <= known.now => found.push(("expired", true, " is no longer offered".into())),
        Some(expires) if expires < known.now + SOON => {
            let days = (expires - known.now).div_ceil(DAY);
            found.push(("expiring", false, format!(" goes away within {days} days")));
        }
        _ => {}
    }
    if let (Some(length), Some(prompt)) = (info.context_length, known.long_prompt)
        && length < prompt
    {
        let text = format!(
            " has a context window of {length} tokens, but one prompt of this route in a hundred has more than {prompt}: such \
             calls leave it out"
        );
        found.push(("contextTooSmall", false, text));
    }
    let policy = &route.policy;
    let per_million = |price: failsoft::Usd| price.times(1_000_000);
    let caps = [(info.price.0, policy.max_price.0), (info.price.1, policy.max_price.1)];
    if caps.into_iter().any(|(price, most)| price.zip(most).is_some_and(|(price, most)| per_million(price) > most)) {
        found.push(("tooDear", false, " costs more than `policy.maxPrice`: every call leaves it out".into()));
    }
    if info.price.0.is_none() || info.price.1.is_none() {
        let text = " has no known price: a call whose cost is bounded leaves it out";
        found.push(("noPrice", false, text.into()));
    }
    found
}

/// What is known about the models of `route`, for an editor.
pub(super) fn describe_models(route: &Route, known: &Known<'_>) -> Vec<Value> {
    let describe = |model: &String| {
        let info = known.config.upstreams.iter().find_map(|upstream| upstream.model_info(model, known.catalog));
        let unknown = ModelInfo::default();
        let info = info.map_or(&unknown, |info| info);
        let price = |price: Option<failsoft::Usd>| price.map(|price| price.times(1_000_000).as_f64());
        json!({
            "id": model,
            "contextLength": info.context_length,
            "maxOutput": info.max_output,
            "prompt": price(info.price.0),
            "completion": price(info.price.1),
            "expires": info.expires,
        })
    };
    route.models.iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use failsoft::{Catalog, Json};

    use super::{Known, find};
    use crate::config::{Config, read_stored_route};

    const NOW: u64 = 1_800_000_000_000;

    fn catalog() -> Catalog {
        let row = |id: &str, length: u64, price: &str, expires: &str| {
            format!(
                r#"{{"id":"{id}","context_length":{length},"pricing":{{"prompt":"{price}","completion":"{price}"}}{expires}}}"#
            )
        };
        let rows = [
            row("anthropic/claude-opus-4.7", 200_000, "0.00001", ""),
            row("small/one", 4_000, "0.000001", ""),
            row("old/one", 100_000, "0.000001", r#","expiration_date":"2020-01-01""#),
            row("late/one", 100_000, "0.000001", r#","expiration_date":"2027-01-20""#),
        ];
        Catalog::read(
            Json::parse(&format!(r#"{{"data":[{},{{"id":"free/of-price"}}]}}"#, rows.join(","))).expect("JSON"),
        )
    }

    fn kinds(upstreams: &str, route: &str) -> Vec<(String, &'static str, bool)> {
        let config = format!(r#"{{"access": "loopback", "upstreams": {upstreams}}}"#);
        let config = Config::of(&config, "sk").expect("a configuration");
        let route = read_stored_route(&config, "route", ("r", 1), Json::parse(route).expect("JSON")).expect("a route");
        let known = Known { config: &config, catalog: &catalog(), long_prompt: Some(5_000), now: NOW };
        find(&route, &known).into_iter().map(|found| (found.path, found.kind, found.blocks)).collect()
    }

    #[test]
    fn what_would_make_a_model_fail_is_found_with_its_path() {
        let route = r#"{"models": ["anthropic/claude-opus-4-7", "small/one", "old/one", "late/one", "free/of-price"],
            "policy": {"judge": {"model": "smal/one"}, "maxPrice": {"prompt": 5}}}"#;
        let at = |at: usize| format!("route.models[{at}]");
        let expected = [
            (at(0), "unknownModel", true),
            (at(1), "contextTooSmall", false),
            (at(2), "expired", true),
            (at(3), "expiring", false),
            (at(4), "noPrice", false),
            ("route.policy.judge.model".into(), "unknownModel", true),
        ];
        assert_eq!(kinds("[{}]", route), expected);
        let dear = r#"{"models": ["anthropic/claude-opus-4.7"], "policy": {"maxPrice": {"completion": 5}}}"#;
        assert_eq!(kinds("[{}]", dear), [(at(0), "tooDear", false)]);
    }

    #[test]
    fn a_model_is_unknown_only_where_every_upstream_has_a_list() {
        let route = r#"{"models": ["no/such"]}"#;
        let other = r#"[{}, {"url": "https://a.example/v1"}]"#;
        assert_eq!(kinds(other, route), []);
        let own = r#"[{}, {"url": "https://a.example/v1", "models": ["x"]}]"#;
        assert_eq!(kinds(own, route).len(), 1, "that upstream is not asked for the models of the route");
        assert_eq!(kinds(other, r#"{"models": ["no/such"], "upstreams": ["openrouter.ai"]}"#).len(), 1);
    }

    #[test]
    fn an_unknown_model_is_named_with_its_near_miss() {
        let config = Config::of(r#"{"access": "loopback"}"#, "sk").expect("a configuration");
        let route = Json::parse(r#"{"models": ["anthropic/claude-opus-4-7"]}"#).expect("JSON");
        let route = read_stored_route(&config, "route", ("r", 1), route).expect("a route");
        let known = Known { config: &config, catalog: &catalog(), long_prompt: None, now: NOW };
        let message =
            "anthropic/claude-opus-4-7 is not in the catalog of the upstream; did you mean anthropic/claude-opus-4.7?";
        assert_eq!(find(&route, &known)[0].message, message);
    }
}
