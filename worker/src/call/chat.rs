//! The life of a call at the edge: `POST /v1/chat/completions`, `/v1/responses`, `/v1/messages` and `/v1/embeddings`.

mod cached;

use std::rc::Rc;

use cached::CacheUse;
use failsoft::protocol::Protocol;
use failsoft::request::UsageChunk;
use failsoft::{Dialect, Lane, Report, Shape};
use futures_channel::oneshot;
use futures_util::future::join;
use serde_json::json;
use worker::Env;

use crate::access::{self, Client};
use crate::account::{AccountClient, AttemptLog, CallHold, HoldTerms, Quotas, SharedBudget, check_pause};
use crate::breakers::BreakerClient;
use crate::call::admission::{self, AdmittedCall, ROUTE};
use crate::call::delivery::{Concealed, Delivery, Form, Respond};
use crate::call::disclosure::{conceal_error, conceal_report};
use crate::call::driver::Driver;
use crate::call::repeats::{self, RequestName};
use crate::call::{conversations, cost_check, log, model_state, owner_notice};
use crate::config::Config;
use crate::http::api_error::{ApiError, Code, ErrorForm};
use crate::http::body;
use crate::http::in_flight::InFlight;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::http::trace_context::TraceContext;
use crate::ledger::alerts::{Alert, send_once};
use crate::ops::spans;
use crate::platform::disconnect::Disconnect;
use crate::platform::exchange::Exchange;
use crate::platform::executor::{Boxed, Executor, boxed, join_all};
use crate::platform::host;
use crate::platform::timer::Timer;
use crate::{catalog, ledger, samples};

/// A call that is admitted, and everything that it needs to run.
struct PreparedCall {
    admitted: AdmittedCall,
    config: Rc<Config>,
    disconnect: Disconnect,
    executor: Executor,
    timer: Timer,
    hold: CallHold,
    context: ledger::Context,
    trace: Option<TraceContext>,
    env: Env,
    /// The name of the request among those that failed.
    request_name: RequestName,
    /// Counts the body until the call is over.
    in_flight: InFlight,
    /// How the client reads errors.
    errors: ErrorForm,
    /// For a client that does not see what is behind the answer.
    concealed: Option<Concealed>,
    /// If the route has a cache.
    cache: Option<CacheUse>,
}

/// Answers a call, or refuses it. The body of the answer may still be under way when this function returns.
pub(crate) async fn answer(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Rc<Config>,
    env: &Env,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
    let client = access::admit(config, &head.caller, env).await?;
    match answer_client(request, head, config, &client, env, exchange).await {
        Err(error) => Err(refuse(error, &client, env).await),
        reply => reply,
    }
}

/// Returns the error for a call of `client` that is refused before anything is held. A refused call counts against the minute
/// limit of the account, and against no longer limit.
async fn refuse(error: ApiError, client: &Client<'_>, env: &Env) -> ApiError {
    let is_callers = error.code.status() < 500;
    let limited = if is_callers { boxed(AccountClient::new(env).count_refusal(client.account())).await } else { None };
    let error = limited.unwrap_or(error);
    if client.hides_report() { conceal_error(error) } else { error }
}

async fn answer_client(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Rc<Config>,
    client: &Client<'_>,
    env: &Env,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
    let (body, in_flight) = read_body(request, head, config, client, &mut Timer::new(&head.executor)).await?;
    let disconnect = Disconnect::watch(request, &head.executor);
    answer_body((body, in_flight), disconnect, head, config, client, env, exchange).await
}

/// Makes the call that `body` asks for inside a request of the owner, who waits for the whole answer.
pub(crate) async fn make_call(
    body: Vec<u8>,
    head: &RequestHead,
    config: &Rc<Config>,
    client: &Client<'_>,
    env: &Env,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
    let in_flight = InFlight::reserve(&client.account().name, body.len(), config.limits.bytes_in_flight)?;
    // The call counts also if the owner's page is closed.
    answer_body((body, in_flight), Disconnect::Never, head, config, client, env, exchange).await
}

async fn answer_body(
    (body, in_flight): (Vec<u8>, InFlight),
    disconnect: Disconnect,
    head: &RequestHead,
    config: &Rc<Config>,
    client: &Client<'_>,
    env: &Env,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
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
    if let Some(failure) = repeats::find(&request_name, host::now()) {
        let report = Report::default();
        let reply = Reply::failed(&failure, &conceal_report(&report, &[]), &head.error_form());
        return Ok(if client.hides_report() { reply } else { reply.with_report(&report) });
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
        session: client.session().map(Into::into),
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
    let (respond, response) = oneshot::channel();
    // A call goes on when its client disconnects: it has a hold to settle, an upstream to stop and a line to log.
    let reply = exchange.answer(prepared.run(respond), response).await;
    reply.ok_or_else(|| ApiError::new(Code::Internal, "the call ended without an answer"))?
}

/// Reads the body, within the limits of the configuration. Its bytes are counted until the count is dropped.
async fn read_body(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    client: &Client<'_>,
    timer: &mut Timer,
) -> Result<(Vec<u8>, InFlight), ApiError> {
    let limits = &config.limits;
    let most = limits.body_bytes;
    let length = head.length.unwrap_or(most).min(most);
    let mut in_flight = InFlight::reserve(&client.account().name, length, limits.bytes_in_flight)?;
    let body = body::read(request, head, timer, limits).await?;
    in_flight.shrink(body.len());
    Ok((body, in_flight))
}

/// `POST /v1/messages/count_tokens`: estimates the tokens of a prompt. Nothing is sent to an upstream, and a request counts
/// against the minute limit of the account alone, as a refused call does.
pub(crate) async fn count_tokens(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    let client = access::admit(config, &head.caller, env).await?;
    if let Some(limited) = AccountClient::new(env).count_refusal(client.account()).await {
        return Err(limited);
    }
    let (body, _in_flight) = read_body(request, head, config, &client, &mut Timer::new(&head.executor)).await?;
    let tokens = admission::count_tokens(&body, config, &client)?;
    Ok(Reply::json(200, json!({"input_tokens": tokens})))
}

fn conceal(admitted: &AdmittedCall) -> Concealed {
    let asked = match &admitted.route {
        Some(route) => [ROUTE, &route.name].concat(),
        None => admitted.request.models.first().cloned().unwrap_or_default(),
    };
    Concealed { asked, warnings: admitted.request.warnings.clone() }
}

/// Whether the configuration or the catalog has `model`.
fn is_known_model(config: &Config, model: &str) -> bool {
    config.models().any(|known| known == model) || catalog::with(|catalog| catalog.find(model).is_some())
}

fn send_alert(env: &Env, alert: Alert) -> Boxed<'_, ()> {
    boxed(async move { send_once(env, &alert).await })
}

impl PreparedCall {
    async fn run(mut self, respond: Respond) {
        let stored = match &self.cache {
            Some(cache) => boxed(cache.find(&self.env)).await,
            None => None,
        };
        if stored.is_some() {
            self.hold.need_no_cost();
        }
        let refused = self.hold.hold().await.err();
        if refused.is_some() || self.disconnect.has_happened() {
            if let Some(error) = refused {
                // If the handler is gone, so is the client.
                let error = if self.concealed.is_some() { conceal_error(error) } else { error };
                let _ = respond.send(Err(error));
            }
            return self.hold.release().await;
        }
        match stored {
            Some(stored) => boxed(self.deliver_stored(stored, respond)).await,
            None => self.run_held(respond).await,
        }
    }

    /// Runs the call, once its cost is held.
    async fn run_held(self, respond: Respond) {
        let Self {
            mut admitted,
            config,
            disconnect,
            executor,
            timer,
            hold,
            context,
            trace,
            env,
            request_name,
            in_flight,
            errors,
            concealed,
            cache,
        } = self;
        let breakers = BreakerClient::new(&env);
        let began = host::now();
        let streams = admitted.request.stream;
        let headers_at = streams.then_some(began + admitted.headers_within);
        let writer = admitted.context.take().map(|context| context.writer(host::seed(), began / 1_000));
        let delivery = Delivery::new(&executor, respond, headers_at, Form { errors, writer, concealed });
        let conversation = conversations::name(&context.account, &admitted.request);
        let sample = samples::choose(&context, admitted.route.as_deref(), &admitted.request, &config);
        let (mut call, news) = model_state::start_call(&mut admitted, began);
        if let Some(before) = conversations::find(conversation, began) {
            call.resume_conversation(before);
        }
        let attempts = AttemptLog::default();
        let waits = (disconnect, executor.clone(), timer);
        let mut driver = Driver::new(call, &admitted.request, delivery, waits, attempts.clone(), hold.deadline(began));
        let run = async {
            let mut outcome = driver.run().await;
            let times = (began, host::now());
            if let Some(turn) = outcome.turn.take() {
                conversations::record(conversation, turn, times.1);
            }
            let took = times.1.saturating_sub(began);
            host::log(&log::line(&context, &admitted, &outcome, took).to_string());
            let lines = owner_notice::lines(&context, &outcome, &config.upstreams);
            lines.iter().for_each(|line| host::log(&line.to_string()));
            // A client that has the headers does not repeat its request.
            let failure = outcome.result.as_ref().err().filter(|_| !driver.has_begun());
            repeats::record(request_name, failure.map(|failure| &**failure), times.1);
            let alerts = owner_notice::alerts(&outcome, times.1);
            let rows = ledger::rows(&context, began, took, &outcome, |model| is_known_model(&config, model));
            let sample = sample.and_then(|chosen| chosen.finish(&context, &outcome, &rows));
            let news = model_state::record_outcome(&outcome, &admitted, times.1);
            let mut after: Vec<Boxed<'_, ()>> = Vec::new();
            after.extend(news.map(|news| boxed(breakers.report(news))));
            after.extend(sample.map(|sample| boxed(samples::store::keep(&env, &config, sample))));
            after.extend(config.operations.otlp.as_ref().map(|target| {
                let rows = rows.clone();
                boxed(spans::send(target, trace.as_ref(), &context, rows, times))
            }));
            after.extend(cache.as_ref().and_then(|cache| cache.store(&outcome, &env)));
            after.extend(alerts.iter().map(|alert| boxed(ledger::alerts::send_once(&env, alert))));
            let abandoned = driver.take_abandoned();
            after.push(boxed(async {
                abandoned.close(&attempts, &executor).await;
                if let Some(settlement) = hold.settle(rows, attempts.close()) {
                    settlement.await;
                }
            }));
            if config.operations.alerts.is_some() {
                let find = |catalog: &_| cost_check::find_alerts(&outcome.report, &config.upstreams, catalog, times.1);
                after.extend(catalog::with(find).into_iter().map(|alert| send_alert(&env, alert)));
            }
            join(driver.finish(outcome, streams), join_all(after)).await;
        };
        // The call waits for nothing of this.
        let mut beside: Vec<Boxed<'_, ()>> = Vec::new();
        beside.extend(news.map(|news| boxed(breakers.report(news))));
        beside.extend(hold.report_attempts(&attempts));
        beside.extend(hold.return_lease());
        join(run, join_all(beside)).await;
        drop(in_flight);
        if let Some(refresh) = catalog::refresh(&config.upstreams, &env) {
            refresh.await;
        }
    }
}
