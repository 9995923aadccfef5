//! From a body in any protocol to a call that may be made, if there is a price for it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use failsoft::invalid::Section;
use failsoft::protocol::{Context, Native, Protocol, Request};
use failsoft::request::{ACCOUNT_FIELDS, OwnerFields, UsageChunk, has_long_cache};
use failsoft::{Catalog, ChatRequest, Json, Lane, Policy, Upstream, Usd};

use super::hold_cost::{Bounded, Prices};
use super::{AdmittedCall, embeddings, fields, json_shape, models, native, openrouter, policy, upstream_choice};
use crate::access::Client;
use crate::account::Usage;
use crate::config::{Access, Budget, Config, HEADERS_WITHIN, Route, digest};
use crate::http::api_error::ApiError;

/// The fields with which every model can answer. Any other field may be the reason why a model fails: reasoning that stays
/// hidden until a clock runs out, or a parameter that a provider does not know.
const ORDINARY: &str = "model models messages stream stream_options max_tokens max_completion_tokens temperature top_p stop n \
                        seed user metadata usage tools tool_choice response_format failsoft input encoding_format";

/// A call that may be made, if there is a price for it.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) call: AdmittedCall,
    /// The most tokens that an answer may have.
    pub(super) output: u64,
    pub(super) bounded: Bounded,
}

/// The JSON of a request in any protocol, which chooses no upstream.
pub(super) fn read_json<'a>(body: &'a [u8], config: &Config) -> Result<Json<'a>, ApiError> {
    let body = json_shape::parse(body)?;
    upstream_choice::check(body, &config.fields)?;
    Ok(body)
}

/// `error`, with the name that `protocol` has for the field that is wrong.
fn rename_field(mut error: ApiError, protocol: Protocol) -> ApiError {
    if let Some(path) = error.param.take() {
        let own = protocol.name_of(&path);
        if own != path {
            error.message = error.message.replacen(&format!("`{path}`"), &format!("`{own}`"), 1);
        }
        error.param = Some(own.into());
    }
    error
}

impl Draft {
    pub(super) fn read(
        body: &[u8],
        protocol: Protocol,
        config: &Config,
        client: &Client<'_>,
    ) -> Result<Self, ApiError> {
        let body = read_json(body, config)?;
        let mut draft = match protocol.read(body)? {
            None => Self::read_call(body, protocol, config, client),
            Some(request) => Self::read_translated(request, protocol, config, client),
        }?;
        if let Some(prompt) = draft.call.route.as_ref().and_then(|route| route.system_prompt.as_ref()) {
            prompt.replace_in(&mut draft.call.request);
        }
        Ok(draft)
    }

    /// Reads a request that came in the form of `protocol`.
    pub(super) fn read_translated(
        mut request: Request<Context>,
        protocol: Protocol,
        config: &Config,
        client: &Client<'_>,
    ) -> Result<Self, ApiError> {
        request.check_unknown(config.limits.refuses_unknown)?;
        let Request { chat, mut context, warnings, native, foreign, .. } = request;
        let draft = Self::read_call(Json::parse(&chat).unwrap_or(Json::NULL), Protocol::Chat, config, client);
        let mut draft = draft.map_err(|error| rename_field(error, protocol))?;
        let call = &mut draft.call;
        context.set_prompt_tokens(call.request.prompt_tokens());
        call.context = Some(context);
        call.request.warnings.extend(warnings);
        let speaks = |upstream: &Upstream| upstream.protocol_for(protocol) == protocol;
        let is_spoken = call.upstreams.iter().any(speaks);
        if let Some(refused) = foreign {
            if !is_spoken {
                return Err(refused.into());
            }
            let warning =
                format!("`{}` is sent only to upstreams that speak the protocol of the request", refused.path);
            call.request.warnings.extend((!call.upstreams.iter().all(speaks)).then_some(warning));
        }
        if is_spoken {
            native::check(&native)?;
            call.request.hour_in_cache |= has_long_cache(Json::parse(&native).unwrap_or(Json::NULL).fields());
            let more = native::more_bytes(&native, &chat);
            call.request.prompt_most = call.request.prompt_most.map(|most| most.saturating_add(more));
            call.request.native = Some(Native { protocol, json: native });
        }
        // The answer is written from chunks, and no other protocol has an event that starts the answer over.
        call.request.lane = Lane::Gate;
        Arc::make_mut(&mut call.policy).restart_event = false;
        Ok(draft)
    }

    /// Reads a chat request, or a request for embeddings.
    fn read_call(body: Json<'_>, protocol: Protocol, config: &Config, client: &Client<'_>) -> Result<Self, ApiError> {
        let for_embeddings = protocol == Protocol::Embeddings;
        let body = Section::object("", body)?;
        let route = models::find_route(&body, config, client)?;
        let route = route.map(|route| Route::choose_version(route, &client.account().name, &body));
        let limits = route.map(|route| config.limits.lowered(&route.limits));
        let check = if for_embeddings { embeddings::check } else { fields::check };
        let checked = check(&body, limits.as_ref().unwrap_or(&config.limits), &config.fields)?;
        let body = &checked.fields;
        let read = if for_embeddings { ChatRequest::read_embeddings } else { ChatRequest::read_fields };
        let mut request = read(body)?;
        request.hour_in_cache = checked.hour_in_cache;
        let inputs = embeddings::check_inputs(&request, &config.limits)?;
        match route {
            Some(route) if for_embeddings => embeddings::choose_first(&mut request, &route.models)?,
            Some(route) => request.set_chain(&route.models)?,
            None => models::check_models(&request, config, client)?,
        }
        let mut upstreams = match route {
            Some(route) if !route.upstreams.is_empty() => Arc::new(route.choose_upstreams(&config.upstreams)),
            None if !for_embeddings => models::limit_upstreams(config, client, &mut request.warnings)?,
            Some(_) | None => Arc::clone(&config.upstreams),
        };
        if for_embeddings {
            upstreams = embeddings::find_upstreams(&request, &upstreams)?;
        }
        let provider = route.map_or(&config.provider, |route| &route.provider);
        openrouter::check_fixed_provider(body.get("provider"), provider.as_deref().unwrap_or_default())?;
        let upstreams = models::limit_to_data_policy(upstreams, body.get("provider"), &mut request.warnings);
        request.owner = owner_fields(config, client, provider.clone());
        request.owner.reads_files_for_free = checked.has_files;
        let owner = route.map_or(&config.policy, |route| &route.policy);
        let asked = body.get("failsoft");
        let mut policy = if asked.is_null() {
            owner.clone()
        } else {
            policy::narrow(owner, asked, config.access == Access::Loopback)?
        };
        if for_embeddings {
            // A judge reads texts.
            policy.judge = None;
        }
        let bounded = bounds(&policy, &config.budget, client, route);
        if bounded.money {
            models::check_searches(&request, config)?;
        }
        request.callers_clocks = policy.timeouts != owner.timeouts;
        // The other lanes pass on what the upstream says about itself, in the upstream's protocol.
        request.lane = route.map_or(Lane::Gate, |route| route.lane);
        let translates = |upstream: &Upstream| upstream.protocol_for(Protocol::Chat) != Protocol::Chat;
        if client.hides_report() || for_embeddings || upstreams.iter().any(translates) {
            request.lane = Lane::Gate;
        }
        request.usage_chunk = if request.asks_for_usage() { UsageChunk::Annotated } else { UsageChunk::Hidden };
        request.max_tokens = Some(checked.output);
        request.prompt_most = inputs.or(Some(checked.prompt));
        request.warnings.extend(checked.warnings);
        let call = AdmittedCall {
            request,
            upstreams,
            policy: Arc::new(policy),
            context: None,
            route: route.cloned(),
            headers_within: route.map_or(HEADERS_WITHIN, |route| route.headers_within),
            leaves_no_trace: !body.get("provider").is_null(),
            excuses_failures: body
                .iter()
                .any(|(name, value)| !value.is_null() && !ORDINARY.split(' ').any(|ordinary| name.is(ordinary))),
            account: (!config.has_one_account()).then(|| hash(&client.account().name)),
            worst: Usage { tokens: 0, usd: Usd(0) },
        };
        Ok(Self { call, output: checked.output, bounded })
    }

    /// Keeps the call within its bounds.
    pub(super) fn admit(self, catalog: &Catalog) -> Result<AdmittedCall, ApiError> {
        let Self { mut call, output, bounded } = self;
        models::check_writes_text(&call.request)?;
        let client = call.request.native.as_ref().map_or(Protocol::Chat, |native| native.protocol);
        let least = call.upstreams.iter().map(|upstream| upstream.protocol_for(client).least_output()).max();
        let output = output.max(least.unwrap_or_default());
        let prices = Prices { upstreams: &call.upstreams, catalog };
        call.worst = prices.bound(&call.request, output, Arc::make_mut(&mut call.policy), bounded)?;
        Ok(call)
    }
}

/// What the owner decides about a request of `client`. On a loopback edge, the client is the owner.
fn owner_fields(config: &Config, client: &Client<'_>, provider: Option<String>) -> OwnerFields {
    let account = (config.access != Access::Loopback).then(|| account_name(&client.account().name));
    let is_opened = |name: &&&str| config.fields.iter().any(|opened| opened == **name);
    OwnerFields {
        account,
        kept: ACCOUNT_FIELDS.iter().filter(is_opened).copied().collect(),
        provider,
        ..OwnerFields::default()
    }
}

/// The name of an account for upstreams. The name of the account itself would reveal the name of a client key.
fn account_name(account: &str) -> String {
    let mut name = digest::hex(&digest::of(&["upstream\0", account].concat()));
    name.truncate(32);
    name
}

/// A hash that tells accounts apart. It is no secret, and nobody can choose the name of another account.
fn hash(name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() as u32
}

/// What the policy and the budgets of the edge, the account and the route bound.
fn bounds(policy: &Policy, edge: &Budget, client: &Client<'_>, route: Option<&Rc<Route>>) -> Bounded {
    let budgets = [Some(edge), Some(&client.account().budget), route.map(|route| &route.budget)];
    let mut budgets = budgets.into_iter().flatten();
    Bounded {
        money: policy.max_cost.is_some() || budgets.clone().any(|budget| budget.usd != Default::default()),
        tokens: budgets.any(|budget| budget.tokens != Default::default()),
    }
}
