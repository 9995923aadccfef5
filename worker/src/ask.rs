//! From the body of a chat request to what this client may ask for.

use failsoft::failure::Kind;
use failsoft::invalid::{Invalid, join};
use failsoft::json::{Object, array, quoted};
use failsoft::report::Usd;
use failsoft::request::{Lane, UsageChunk};
use failsoft::{ChatRequest, Json, Millis, Policy};

use crate::access::Client;
use crate::config::{Config, HEADERS_WITHIN, Route};
use crate::refusal::Refusal;

/// How a client names a route, in the place of a model.
pub(crate) const ROUTE: &str = "route/";

/// What a client may say about the policy of its call.
const OPEN: &str = "attempts timeouts empty reasoningOnly refusal invalidJson schemaMismatch length tooShort pattern \
                    onContentFilter holdChars buffer recover restartEvent maxCostUsd maxPrice";
/// What costs the owner money, or concerns the calls of others.
const CLOSED: [&str; 5] = ["retry", "assemble", "breaker", "hedge", "judge"];

/// A call that may be made.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) request: ChatRequest,
    pub(crate) policy: Policy,
    /// Their names, for the log.
    pub(crate) client: String,
    pub(crate) route: Option<String>,
    pub(crate) headers_within: Millis,
    /// The client chose among providers by itself: what comes of it says nothing about the model for others.
    pub(crate) leaves_no_trace: bool,
}

/// Reads and checks `body`.
///
/// # Errors
/// What is wrong with it, or what this client may not do, with the path of the field.
pub(crate) fn read(body: &[u8], config: &Config, client: &Client<'_>) -> Result<Ask, Refusal> {
    let body = parse(body)?;
    count_messages(body, config.limits.messages)?;
    let route = named_route(body, client)?;
    let mut request = match route {
        Some(route) => ChatRequest::read(Json::parse(&routed(body, route)).unwrap_or(Json::NULL))?,
        None => ChatRequest::read(body)?,
    };
    if route.is_none() {
        check_models(&request, client)?;
    }
    let ours = route.map_or(&config.policy, |route| &route.policy);
    let policy = match &request.policy {
        Some(asked) => narrowed(ours, Json::parse(asked).unwrap_or(Json::NULL))?,
        None => ours.clone(),
    };
    request.callers_clocks = policy.timeouts != ours.timeouts;
    request.lane = route.map_or(Lane::Gate, |route| route.lane);
    request.usage_chunk = if request.asks_for_usage() { UsageChunk::Annotated } else { UsageChunk::Hidden };
    let headers_within = route.map_or(HEADERS_WITHIN, |route| route.headers_within);
    let route = route.map(|route| route.name.clone());
    let leaves_no_trace = !body.get("provider").is_null();
    Ok(Ask { request, policy, client: client.name().into(), route, headers_within, leaves_no_trace })
}

fn parse(body: &[u8]) -> Result<Json<'_>, Refusal> {
    match Json::parse_bytes(body) {
        Some(json) if json.is_object() => Ok(json),
        Some(_) => Err(Refusal::invalid("invalid_json", "the body must be a JSON object")),
        None => {
            let error = serde_json::from_slice::<serde_json::Value>(body).err();
            let place = error.map_or_else(|| "nested too deeply".into(), |error| error.to_string());
            Err(Refusal::invalid("invalid_json", format!("the body is not JSON: {place}")))
        }
    }
}

fn count_messages(body: Json<'_>, most: usize) -> Result<(), Refusal> {
    let count = body.get("messages").items().count();
    if count <= most {
        return Ok(());
    }
    Err(Invalid::new("messages", format!("has {count} entries; this edge takes {most} at most")).into())
}

/// The body with the chain of `route` in the place of its name.
fn routed(body: Json<'_>, route: &Route) -> String {
    let mut json = Object::default();
    for (name, value) in body.fields().filter(|(name, _)| !name.is("model") && !name.is("models")) {
        json.entry(name, value.raw());
    }
    json.raw("models", &array(route.models.iter().map(|model| quoted(model))));
    json.end()
}

/// The route that `model` names.
fn named_route<'a>(body: Json<'_>, client: &Client<'a>) -> Result<Option<&'a Route>, Refusal> {
    let model = body.get("model").text();
    let Some(name) = model.as_deref().and_then(|model| model.strip_prefix(ROUTE)) else {
        return Ok(None);
    };
    if !body.get("models").is_null() {
        return Err(Invalid::new("models", "cannot stand beside a route: the route names its models").into());
    }
    let Some(route) = client.routes().find(|route| route.name == name) else {
        let known: Vec<String> = client.routes().map(|route| [ROUTE, &route.name].concat()).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        let message = format!("there is no such route for this key; there are: {known}");
        return Err(Refusal::new(Kind::UnknownModel, "model_not_found", message).about("model"));
    };
    Ok(Some(route))
}

fn check_models(request: &ChatRequest, client: &Client<'_>) -> Result<(), Refusal> {
    let Some(model) = request.models.iter().find(|model| !client.may_name(model)) else { return Ok(()) };
    if model.starts_with(ROUTE) {
        return Err(Invalid::new("models", "holds a route; name it as `model`, and nothing beside it").into());
    }
    let routes = client.routes().map(|route| [ROUTE, &route.name].concat());
    let allowed: Vec<String> = routes.chain(client.models().into_iter().map(String::from)).collect();
    let message = format!("this key may not ask for this model; it may ask for: {}", allowed.join(", "));
    Err(Refusal::new(Kind::Forbidden, "model_not_allowed", message).about("model"))
}

/// `ours`, with what the client `asked` for: less of what costs, and what it wants done about an answer.
fn narrowed(ours: &Policy, asked: Json<'_>) -> Result<Policy, Box<Invalid>> {
    const PATH: &str = "failsoft";
    if !asked.is_object() {
        return Err(Invalid::new(PATH, "must be an object"));
    }
    for (name, _) in asked.fields() {
        let name = name.text().unwrap_or_default();
        if CLOSED.contains(&&*name) {
            return Err(Invalid::new(join(PATH, &name), "is decided by the edge"));
        }
        if !OPEN.split(' ').any(|open| open == name) {
            return Err(Invalid::unknown(PATH, &name, OPEN));
        }
    }
    let renamed = |invalid: Box<Invalid>| Invalid::new(invalid.path.replacen("policy", PATH, 1), invalid.problem);
    // Clocks that leave a hedge no time are no mistake of the client: then there is none.
    let mut policy = Policy { hedge: None, ..ours.clone() }.with(asked).map_err(renamed)?;
    policy.hedge = ours.hedge.filter(|after| *after < policy.timeouts.first_token.min(policy.timeouts.total));
    let (new, old) = (&policy.timeouts, &ours.timeouts);
    let count = |name, new: u64, old: u64| (name, new, Some(old), old.to_string());
    let usd = |name, new: Option<Usd>, old: Option<Usd>| {
        let most = old.map(Usd::decimal).unwrap_or_default();
        (name, new.map_or(u64::MAX, |new| new.0), old.map(|old| old.0), most)
    };
    for (name, new, old, most) in [
        count("attempts", policy.attempts.into(), ours.attempts.into()),
        count("timeouts.headers", new.headers, old.headers),
        count("timeouts.firstToken", new.first_token, old.first_token),
        count("timeouts.idle", new.idle, old.idle),
        count("timeouts.total", new.total, old.total),
        usd("maxCostUsd", policy.max_cost, ours.max_cost),
        usd("maxPrice.prompt", policy.max_price.0, ours.max_price.0),
        usd("maxPrice.completion", policy.max_price.1, ours.max_price.1),
    ] {
        if old.is_some_and(|old| new > old) {
            return Err(Invalid::new(join(PATH, name), format!("cannot be more than {most} here")));
        }
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::access::{Caller, admit_locally as admit};
    use crate::config::Config;
    use crate::refusal::Refusal;
    use failsoft::policy::Recover;
    use failsoft::report::Usd;
    use failsoft::request::{Lane, UsageChunk};
    use serde_json::{Value, json};

    fn config() -> Config {
        let config = json!({
            "access": "loopback",
            "models": ["openai/gpt-4o", "anthropic/*"],
            "policy": {"attempts": 5, "maxCostUsd": 0.5, "maxPrice": {"completion": 10}, "hedge": {"after": 2000}},
            "routes": {"support": {"models": ["a/a", "b/b"], "lane": "relay", "policy": {"timeouts": {"idle": 300}}}},
            "limits": {"messages": 2},
        });
        Config::of(&config.to_string(), "sk").expect("a configuration")
    }

    fn hello(mut body: Value) -> Value {
        if body.get("messages").is_none() {
            body["messages"] = json!([{"role": "user", "content": "hello"}]);
        }
        body
    }

    fn refused(body: &str) -> (u16, String) {
        let config = config();
        let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
        let Refusal { failure, .. } = read(body.as_bytes(), &config, &client).expect_err("a refusal");
        (failure.http_status(), failure.message)
    }

    #[test]
    fn a_route_brings_its_chain_lane_and_policy() {
        let config = config();
        let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
        let body = hello(json!({"model": "route/support", "failsoft": {"attempts": 2, "empty": "next"}}));
        let ask = read(body.to_string().as_bytes(), &config, &client).expect("a call");
        assert_eq!(ask.request.models, ["a/a", "b/b"]);
        assert_eq!((ask.request.lane, ask.request.usage_chunk), (Lane::Relay, UsageChunk::Hidden));
        assert_eq!((ask.policy.attempts, ask.policy.timeouts.idle), (2, 300));
    }

    #[test]
    fn a_client_says_what_it_wants_of_an_answer_and_tightens_bounds() {
        let config = config();
        let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
        let asked = json!({
            "timeouts": {"firstToken": 1_000}, "reasoningOnly": "accept", "schemaMismatch": "fail", "tooShort": {"chars": 5},
            "pattern": {"literals": ["x"]}, "buffer": true, "recover": "error", "restartEvent": true, "maxCostUsd": 0.1,
            "maxPrice": {"prompt": 3, "completion": 9.5}, "invalidJson": {"action": "next", "repair": true},
        });
        let body = hello(json!({"model": "openai/gpt-4o", "failsoft": asked}));
        let policy = read(body.to_string().as_bytes(), &config, &client).expect("a call").policy;
        assert!(policy.buffer && policy.restart_event && policy.repair_json);
        assert_eq!((policy.shortest, policy.literals, policy.recover), (5, vec!["x".to_owned()], Recover::Error));
        assert_eq!(policy.max_cost, Some(Usd(100_000_000_000)));
        assert_eq!(policy.max_price, (Some(Usd(3_000_000_000_000)), Some(Usd(9_500_000_000_000))));
        // The second model would be asked after the first is given up.
        assert_eq!(policy.hedge, None);
        let body = hello(json!({"model": "openai/gpt-4o", "failsoft": {"holdChars": 40}}));
        let policy = read(body.to_string().as_bytes(), &config, &client).expect("a call").policy;
        assert_eq!((policy.hold_chars, policy.hedge, policy.max_cost), (40, Some(2_000), Some(Usd(500_000_000_000))));
    }

    #[test]
    fn what_a_client_may_not_ask_for_is_refused_with_its_path() {
        for (body, status, message) in [
            (
                json!({"model": "openai/o3"}),
                403,
                "this key may not ask for this model; it may ask for: route/support, openai/gpt-4o, anthropic/*",
            ),
            (
                json!({"models": ["anthropic/claude-opus-4.7", "a/a"]}),
                403,
                "this key may not ask for this model; it may ask for: route/support, openai/gpt-4o, anthropic/*",
            ),
            (json!({"model": "route/nope"}), 404, "there is no such route for this key; there are: route/support"),
            (
                json!({"model": "route/support", "models": ["a/a"]}),
                400,
                "`models` cannot stand beside a route: the route names its models",
            ),
            (
                json!({"models": ["route/support"]}),
                400,
                "`models` holds a route; name it as `model`, and nothing beside it",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"attempts": 6}}),
                400,
                "`failsoft.attempts` cannot be more than 5 here",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"timeouts": {"idle": 60_000}}}),
                400,
                "`failsoft.timeouts.idle` cannot be more than 30000 here",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"timeouts": {"firsttoken": 1}}}),
                400,
                "`failsoft.timeouts.firsttoken` is not a known field; did you mean `firstToken`?",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"retry": {}}}),
                400,
                "`failsoft.retry` is decided by the edge",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"hedge": {"after": 1}}}),
                400,
                "`failsoft.hedge` is decided by the edge",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"judge": {"model": "a/a"}}}),
                400,
                "`failsoft.judge` is decided by the edge",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"maxCostUsd": 0.51}}),
                400,
                "`failsoft.maxCostUsd` cannot be more than 0.5 here",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"maxPrice": {"completion": 10.5}}}),
                400,
                "`failsoft.maxPrice.completion` cannot be more than 10 here",
            ),
            (
                json!({"model": "openai/gpt-4o", "failsoft": {"atempts": 1}}),
                400,
                "`failsoft.atempts` is not a known field; did you mean `attempts`?",
            ),
            (json!({"model": "openai/gpt-4o", "failsoft": 1}), 400, "`failsoft` must be an object"),
            (
                json!({"model": "openai/gpt-4o", "messages": [{}, {}, {}]}),
                400,
                "`messages` has 3 entries; this edge takes 2 at most",
            ),
            (json!({"model": "openai/gpt-4o", "messages": []}), 400, "`messages` is empty; give at least one message"),
            (json!({}), 400, "`models` is missing; name at least one model"),
        ] {
            assert_eq!(refused(&hello(body).to_string()), (status, message.to_owned()));
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused_with_the_place() {
        assert_eq!(refused("{\"model\": }").1, "the body is not JSON: expected value at line 1 column 11");
        assert_eq!(refused("").1, "the body is not JSON: EOF while parsing a value at line 1 column 0");
        assert_eq!(refused("[]").1, "the body must be a JSON object");
    }
}
