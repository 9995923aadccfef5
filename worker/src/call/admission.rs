//! From the body of a chat request to what this client may ask for, and what that can cost.

mod bound;
mod fields;

use std::sync::Arc;

use failsoft::invalid::{Invalid, join};
use failsoft::json::{Object, array, quoted};
use failsoft::report::Usd;
use failsoft::request::{Lane, UsageChunk};
use failsoft::{ChatRequest, Dialect, Json, Millis, Policy, Upstream};
use worker::Env;

use crate::access::Client;
use crate::account::Usage;
use crate::catalog;
use crate::config::{Budget, Config, HEADERS_WITHIN, Route};
use crate::http::api_error::{ApiError, Code};
use crate::platform::executor::apart;
use bound::{Bounded, Prices};

/// How a client names a route, in the place of a model.
pub(crate) const ROUTE: &str = "route/";

/// What a client may say about the policy of its call.
const OPEN: &str = "attempts timeouts empty reasoningOnly refusal invalidJson schemaMismatch length tooShort pattern \
                    onContentFilter holdChars buffer recover restartEvent maxCostUsd maxPrice";
/// What costs the owner money, or concerns the calls of others.
const CLOSED: [&str; 5] = ["retry", "assemble", "breaker", "hedge", "judge"];

/// Values of a request nest at most so deep. Schemas of tools take a dozen levels.
const DEEPEST: usize = 40;

/// A call that may be made.
#[derive(Debug)]
pub(crate) struct AdmittedCall {
    pub(crate) request: ChatRequest,
    pub(crate) policy: Arc<Policy>,
    /// Its name, for the log.
    pub(crate) route: Option<String>,
    pub(crate) headers_within: Millis,
    /// The client chose among providers by itself: what comes of it says nothing about the model for others.
    pub(crate) leaves_no_trace: bool,
    /// The most that the whole call can use, and what its policy lets it cost.
    pub(crate) worst: Usage,
}

/// A call that may be made, if it can be paid.
#[derive(Debug)]
struct Draft {
    ask: AdmittedCall,
    /// The most tokens that an answer may have.
    output: u64,
    bounded: Bounded,
}

/// Reads and checks `body`. Where money is bounded and no price is known yet, it waits for the catalog, for a while and only
/// in an isolate that has none.
///
/// # Errors
/// What is wrong with it, or what this client may not do, with the path of the field.
pub(crate) async fn read(
    body: &[u8],
    config: &Config,
    client: &Client<'_>,
    env: &Env,
) -> Result<AdmittedCall, ApiError> {
    let draft = Draft::read(body, config, client)?;
    let known =
        || catalog::with(|catalog| Prices { upstreams: &config.upstreams, catalog }.are_known(&draft.ask.request));
    if draft.bounded.money && !known() {
        apart(catalog::wait_for_first(&config.upstreams, env)).await;
    }
    catalog::with(|catalog| draft.bounded(&Prices { upstreams: &config.upstreams, catalog }))
}

impl Draft {
    fn read(body: &[u8], config: &Config, client: &Client<'_>) -> Result<Self, ApiError> {
        let body = parse(body)?;
        count_messages(body, config.limits.messages)?;
        let output = fields::check(body, &config.limits, &config.fields)?;
        let route = named_route(body, client)?;
        let mut request = match route {
            Some(route) => ChatRequest::read(Json::parse(&routed(body, route)).unwrap_or(Json::NULL))?,
            None => ChatRequest::read(body)?,
        };
        if route.is_none() {
            check_models(&request, config, client)?;
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
        let budgets = [Some(&client.account().budget), route.map(|route| &route.budget)];
        let route = route.map(|route| route.name.clone());
        let leaves_no_trace = !body.get("provider").is_null();
        request.max_tokens = Some(output);
        request.prompt_most = Some(fields::most_tokens(body));
        let budgets: Vec<&Budget> = budgets.into_iter().flatten().collect();
        let bounded = Bounded {
            money: policy.max_cost.is_some() || budgets.iter().any(|budget| budget.usd != Default::default()),
            tokens: budgets.iter().any(|budget| budget.tokens != Default::default()),
        };
        let worst = Usage { tokens: 0, usd: Usd(0) };
        if bounded.money {
            check_searches(&request, config)?;
        }
        let ask = AdmittedCall { request, policy: Arc::new(policy), route, headers_within, leaves_no_trace, worst };
        Ok(Self { ask, output, bounded })
    }

    /// The call, kept within its bounds.
    fn bounded(self, prices: &Prices<'_>) -> Result<AdmittedCall, ApiError> {
        let Self { mut ask, output, bounded } = self;
        ask.worst = prices.bound(&ask.request, output, Arc::make_mut(&mut ask.policy), bounded)?;
        Ok(ask)
    }
}

fn parse(body: &[u8]) -> Result<Json<'_>, ApiError> {
    if depth(body) > DEEPEST {
        return Err(ApiError::new(Code::InvalidJson, format!("the body nests deeper than {DEEPEST} levels")));
    }
    match Json::parse_bytes(body) {
        Some(json) if json.is_object() => match fields::twice(json) {
            Some(path) => Err(Invalid::new(path, "is given twice").into()),
            None => Ok(json),
        },
        Some(_) => Err(ApiError::new(Code::InvalidJson, "the body must be a JSON object")),
        None => {
            let error = serde_json::from_slice::<serde_json::Value>(body).err();
            let place = error.map_or_else(|| "nested too deeply".into(), |error| error.to_string());
            Err(ApiError::new(Code::InvalidJson, format!("the body is not JSON: {place}")))
        }
    }
}

/// How deep the brackets of `json` nest. What is looked for at every level is looked for in all that is below it.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn count_messages(body: Json<'_>, most: usize) -> Result<(), ApiError> {
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
fn named_route<'a>(body: Json<'_>, client: &Client<'a>) -> Result<Option<&'a Route>, ApiError> {
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
        return Err(ApiError::new(Code::ModelNotFound, message).about("model"));
    };
    Ok(Some(route))
}

fn check_models(request: &ChatRequest, config: &Config, client: &Client<'_>) -> Result<(), ApiError> {
    if let Some(model) = request.models.iter().find(|model| client.may_name(model) && !is_plain(model, config, client))
    {
        let message = format!("`{model}` stands for more than a model; the owner of this edge can list it in `models`");
        return Err(ApiError::new(Code::ModelNotAllowed, message).about("model"));
    }
    let Some(model) = request.models.iter().find(|model| !client.may_name(model)) else { return Ok(()) };
    if model.starts_with(ROUTE) {
        return Err(Invalid::new("models", "holds a route; name it as `model`, and nothing beside it").into());
    }
    let routes = client.routes().map(|route| [ROUTE, &route.name].concat());
    let allowed: Vec<String> = routes.chain(client.models().into_iter().map(String::from)).collect();
    let message = format!("this key may not ask for this model; it may ask for: {}", allowed.join(", "));
    Err(ApiError::new(Code::ModelNotAllowed, message).about("model"))
}

/// `model` is the id of one model, whose price is that of its name, or stands in a list as it is. What a pattern covers may
/// also be a preset, a router over all models, or a model with plugins.
fn is_plain(model: &str, config: &Config, client: &Client<'_>) -> bool {
    /// They choose among those who provide a model, or are listed with a price of their own.
    const VARIANTS: [&str; 6] = ["free", "floor", "nitro", "exacto", "thinking", "extended"];
    if client.models().contains(&model) {
        return true;
    }
    let openrouter = |upstream: &Upstream| upstream.dialect == Dialect::OpenRouter && upstream.models.is_empty();
    let is_id = model.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:~".contains(&byte));
    let variant = model.split_once(':').is_none_or(|(_, variant)| VARIANTS.contains(&variant));
    is_id && !model.contains("..") && (!config.upstreams.iter().any(openrouter) || variant && !is_router(model))
}

/// It chooses among models by itself.
fn is_router(model: &str) -> bool {
    model.starts_with("openrouter/")
}

/// Where money is bounded, nobody is asked who searches: what that costs is not told beforehand.
fn check_searches(request: &ChatRequest, config: &Config) -> Result<(), ApiError> {
    let models = request.models.iter().chain(config.upstreams.iter().flat_map(|upstream| &upstream.models));
    let Some(model) = models.into_iter().find(|model| model.ends_with(":online") || model.contains("@preset")) else {
        return Ok(());
    };
    let message = format!("what this call may cost is bounded, and what `{model}` costs cannot be known beforehand");
    Err(ApiError::new(Code::ModelNotAllowed, message).about("model"))
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
mod tests;
