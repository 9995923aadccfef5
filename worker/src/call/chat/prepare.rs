//! From the body of a request to a call that is admitted, with everything that it needs to run.

use std::rc::Rc;

use failsoft::protocol::Protocol;
use failsoft::request::UsageChunk;
use failsoft::{Dialect, Lane, Report, Shape};
use worker::Env;

use super::cached::CacheUse;
use super::is_known_model;
use crate::access::Client;
use crate::account::{AccountClient, CallHold, HoldTerms, Quotas, SharedBudget, check_pause};
use crate::call::admission::{self, AdmittedCall, ROUTE};
use crate::call::delivery::Concealed;
use crate::call::disclosure::conceal_report;
use crate::call::repeats::{self, RequestName};
use crate::config::Config;
use crate::http::api_error::{ApiError, ErrorForm};
use crate::http::body;
use crate::http::in_flight::InFlight;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::http::trace_context::TraceContext;
use crate::ledger;
use crate::platform::disconnect::Disconnect;
use crate::platform::executor::Executor;
use crate::platform::host;
use crate::platform::timer::Timer;

/// Where a call comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) head: &'a RequestHead,
    pub(super) config: &'a Rc<Config>,
    pub(super) client: &'a Client<'a>,
    pub(super) env: &'a Env,
}

/// What a body leads to.
pub(super) enum Ready {
    Call(Box<PreparedCall>),
    /// A request that failed a moment ago, and that an SDK repeats: the same answer again.
    Repeated(Reply),
}

/// A call that is admitted, and everything that it needs to run.
pub(super) struct PreparedCall {
    pub(super) admitted: AdmittedCall,
    pub(super) config: Rc<Config>,
    pub(super) disconnect: Disconnect,
    pub(super) executor: Executor,
    pub(super) timer: Timer,
    pub(super) hold: CallHold,
    pub(super) context: ledger::Context,
    pub(super) trace: Option<TraceContext>,
    pub(super) env: Env,
    /// The name of the request among those that failed.
    pub(super) request_name: RequestName,
    /// Counts the body until the call is over.
    pub(super) in_flight: InFlight,
    /// How the client reads errors.
    pub(super) errors: ErrorForm,
    /// For a client that does not see what is behind the answer.
    pub(super) concealed: Option<Concealed>,
    /// If the route has a cache.
    pub(super) cache: Option<CacheUse>,
}

/// Admits the call that `body` asks for. Its bytes are counted by `in_flight` until the call is over.
pub(super) async fn prepare(
    (body, in_flight): (Vec<u8>, InFlight),
    disconnect: Disconnect,
    Origin { head, config, client, env }: Origin<'_>,
) -> Result<Ready, ApiError> {
    let mut admitted = admission::admit(&body, head.protocol, config, client, env).await?;
    if head.shape == Shape::OpenRouter {
        // OpenRouter's clients expect the usage of every stream.
        admitted.request.usage_chunk = UsageChunk::Annotated;
        // The bytes of another upstream have another shape.
        if admitted.upstreams.iter().any(|upstream| upstream.dialect != Dialect::OpenRouter) {
            admitted.request.lane = Lane::Gate;
        }
    }
    if head.protocol == Protocol::Messages {
        admitted.request.betas = head.betas.clone().unwrap_or_default();
    }
    let request_name = repeats::name(&client.account().name, head.caller.address.as_deref(), &body);
    // The edge itself waits before it repeats a call.
    if !head.is_of_edge()
        && let Some(failure) = repeats::find(&request_name, host::now())
    {
        let report = Report::default();
        let reply = Reply::failed(&failure, &conceal_report(&report, &[]), &head.error_form());
        return Ok(Ready::Repeated(if client.hides_report() { reply } else { reply.with_report(&report) }));
    }
    let cache = CacheUse::of(config, &client.account().name, &admitted, head, &body);
    drop(body);
    let context = ledger::Context {
        id: host::random_uuid(),
        call: head.id.clone(),
        account: client.account().name.clone(),
        client: client.name().into(),
        route: admitted.route.as_ref().map(|route| route.name.clone()),
        version: admitted.route.as_ref().and_then(|route| route.version),
        feature: head.feature.clone(),
        streams: admitted.request.stream,
        session: client.session().cloned(),
    };
    let route = admitted.route.as_deref();
    let is_known = |model: &str| is_known_model(config, model);
    let terms = HoldTerms {
        account: client.account().clone(),
        shared: SharedBudget::all_of(config, route, &client.account().name),
        quotas: Quotas::of(config, route, client.account()),
        most: admitted.worst,
        total: admitted.policy.timeouts.total,
        row: context.row(host::now(), &admitted.request.models, is_known),
    };
    let concealed = client.hides_report().then(|| conceal(&admitted));
    let prepared = PreparedCall {
        admitted,
        config: Rc::clone(config),
        disconnect,
        executor: head.executor.clone(),
        timer: Timer::new(&head.executor),
        hold: CallHold::new(AccountClient::new(env), terms),
        context,
        trace: head.trace.clone(),
        env: env.clone(),
        request_name,
        in_flight,
        errors: head.error_form(),
        concealed,
        cache,
    };
    check_pause(config, env).await?;
    Ok(Ready::Call(Box::new(prepared)))
}

/// Reads the body, within the limits of the configuration. Its bytes are counted until the count is dropped.
pub(super) async fn read_body(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    client: &Client<'_>,
) -> Result<(Vec<u8>, InFlight), ApiError> {
    let limits = &config.limits;
    let most = limits.body_bytes;
    let length = head.length.unwrap_or(most).min(most);
    let mut in_flight = InFlight::reserve(&client.account().name, length, limits.bytes_in_flight)?;
    let body = body::read(request, head, &mut Timer::new(&head.executor), limits).await?;
    in_flight.shrink(body.len());
    Ok((body, in_flight))
}

fn conceal(admitted: &AdmittedCall) -> Concealed {
    let asked = match &admitted.route {
        Some(route) => [ROUTE, &route.name].concat(),
        None => admitted.request.models.first().cloned().unwrap_or_default(),
    };
    Concealed { asked, warnings: admitted.request.warnings.clone() }
}
