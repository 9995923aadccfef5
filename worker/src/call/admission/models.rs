//! The models of a request: the chain of a route, or models that this client may name.

use std::rc::Rc;
use std::sync::Arc;

use failsoft::invalid::{Invalid, Section};
use failsoft::{ChatRequest, Dialect, Json, Upstream};

use crate::access::Client;
use crate::catalog;
use crate::config::{Config, Route};
use crate::http::api_error::{ApiError, Code};

/// What stands before the name of a route, in the place of a model.
pub(crate) const ROUTE: &str = "route/";

/// The route that the field `model` names, if it names one.
pub(super) fn find_route<'a>(
    body: &Section<'_>,
    config: &Config,
    client: &Client<'a>,
) -> Result<Option<&'a Rc<Route>>, ApiError> {
    let model = body.get("model").text();
    let Some(name) = model.as_deref().and_then(|model| model.strip_prefix(ROUTE)) else {
        return Ok(None);
    };
    if !body.get("models").is_null() {
        return Err(Invalid::new("models", "cannot stand beside a route: the route names its models").into());
    }
    let Some(route) = client.routes().find(|route| route.name == name) else {
        if config.lacks_routes {
            let message = "the routes that the owner stored cannot be read at the moment; try again";
            return Err(ApiError::new(Code::RoutesUnavailable, message));
        }
        let known: Vec<String> = client.routes().map(|route| [ROUTE, &route.name].concat()).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        let message = format!("there is no such route for this key; there are: {known}");
        return Err(ApiError::new(Code::ModelNotFound, message).about("model"));
    };
    Ok(Some(route))
}

/// Refuses a model that this client may not name.
pub(super) fn check_models(request: &ChatRequest, config: &Config, client: &Client<'_>) -> Result<(), ApiError> {
    for model in request.models.iter().filter(|model| client.may_name(model)) {
        if !is_one_model(model, config, client) {
            let message =
                format!("`{model}` stands for more than a model; the owner of this edge can list it in `models`");
            return Err(ApiError::new(Code::ModelNotAllowed, message).about("model"));
        }
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

/// The upstreams that a call without a route may reach. The models that the owner listed for the client bound every request of
/// the call: of the models that an upstream is asked for in place of the named ones, only those remain that the client may name.
/// Adds a warning for each of the others.
///
/// # Errors
/// If no upstream remains.
pub(super) fn limit_upstreams(
    config: &Config,
    client: &Client<'_>,
    warnings: &mut Vec<String>,
) -> Result<Arc<Vec<Upstream>>, ApiError> {
    let is_open = |upstream: &Upstream| upstream.models.iter().all(|model| client.may_name(model));
    if !client.has_own_models() || config.upstreams.iter().all(is_open) {
        return Ok(Arc::clone(&config.upstreams));
    }
    let mut reached = Vec::new();
    for upstream in config.upstreams.iter() {
        let (models, others): (Vec<_>, Vec<_>) =
            upstream.models.iter().cloned().partition(|model| client.may_name(model));
        if upstream.models.is_empty() || !models.is_empty() {
            reached.push(Upstream { models, ..upstream.clone() });
        }
        let missing = others.iter().filter(|_| !upstream.is_spare);
        warnings.extend(missing.map(|model| format!("`{model}` was left out, because this key may not ask for it")));
    }
    if reached.is_empty() {
        let message = "every upstream is asked for models that this key may not ask for; the owner of this edge can list them \
                       in `models` of the key";
        return Err(ApiError::new(Code::ModelNotAllowed, message).about("model"));
    }
    Ok(Arc::new(reached))
}

/// `upstreams` without those that do not know OpenRouter's `provider`, if the client forbids in `given`, its `provider`, that the
/// conversation is kept. Where no upstream knows the field, each decides by itself. Adds a warning if an upstream is left out.
pub(super) fn limit_to_data_policy(
    upstreams: Arc<Vec<Upstream>>,
    given: Json<'_>,
    warnings: &mut Vec<String>,
) -> Arc<Vec<Upstream>> {
    let is_forbidden = given.get("data_collection").is("deny") || given.get("zdr").flag() == Some(true);
    let knows_providers = |upstream: &&Upstream| upstream.dialect == Dialect::OpenRouter;
    let count = upstreams.iter().filter(knows_providers).count();
    if !is_forbidden || count == 0 || count == upstreams.len() {
        return upstreams;
    }
    let warning = "an upstream was left out, because it does not know `provider.data_collection` and `provider.zdr`";
    warnings.push(warning.into());
    Arc::new(upstreams.iter().filter(knows_providers).cloned().collect())
}

/// Refuses a model that is known to make vectors, where the answer is to be a text.
pub(super) fn check_writes_text(request: &ChatRequest) -> Result<(), ApiError> {
    let model = request.models.iter().find(|model| catalog::embeds(model));
    let Some(model) = model.filter(|_| !request.is_for_embeddings()) else { return Ok(()) };
    let problem = format!("is {model}, which makes vectors and writes no text; send the texts to POST /v1/embeddings");
    Err(Invalid::new("model", problem).into())
}

/// Refuses a model that searches the web, where money is bounded: the cost of a search is not known beforehand.
pub(super) fn check_searches(request: &ChatRequest, config: &Config) -> Result<(), ApiError> {
    let models = request.models.iter().chain(config.upstreams.iter().flat_map(|upstream| &upstream.models));
    let Some(model) = models.into_iter().find(|model| model.ends_with(":online") || model.contains("@preset")) else {
        return Ok(());
    };
    let message = format!("what this call may cost is bounded, and what `{model}` costs cannot be known beforehand");
    Err(ApiError::new(Code::ModelNotAllowed, message).about("model"))
}

/// Whether `model` is the id of one model with one price, or the owner lists it by name. An id that a pattern covers may
/// also be a preset, a router over all models, or a model with plugins.
fn is_one_model(model: &str, config: &Config, client: &Client<'_>) -> bool {
    /// They choose among the providers of a model, or the catalog lists them with a price of their own.
    const VARIANTS: [&str; 6] = ["free", "floor", "nitro", "exacto", "thinking", "extended"];
    if client.models().contains(&model) {
        return true;
    }
    let takes_any_model = |upstream: &Upstream| upstream.dialect == Dialect::OpenRouter && upstream.models.is_empty();
    let is_id = model.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:~".contains(&byte));
    let has_known_variant = model.split_once(':').is_none_or(|(_, variant)| VARIANTS.contains(&variant));
    let is_router = model.starts_with("openrouter/");
    is_id && !model.contains("..") && (!config.upstreams.iter().any(takes_any_model) || has_known_variant && !is_router)
}
