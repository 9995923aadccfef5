//! `POST /v1/chat/completions`.

use std::rc::Rc;

use futures_channel::oneshot;
use futures_util::future::join;
use worker::Env;

use crate::account::{AccountClient, AttemptLog, CallHold, HoldTerms, RouteBudget};
use crate::breakers::BreakerClient;
use crate::call::admission::{self, AdmittedCall};
use crate::call::delivery::Delivery;
use crate::call::driver::Driver;
use crate::call::{log, model_state};
use crate::config::Config;
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::http::trace_context::TraceContext;
use crate::ops::spans;
use crate::platform::disconnect::Disconnect;
use crate::platform::exchange::Exchange;
use crate::platform::executor::{Executor, all, apart};
use crate::platform::timer::Timer;
use crate::{access, catalog, http::body, ledger, platform::host};

/// A call that may be made, if it can be paid.
struct Task {
    ask: AdmittedCall,
    config: Rc<Config>,
    gone: Disconnect,
    bell: Executor,
    timer: Timer,
    held: CallHold,
    context: ledger::Context,
    trace: Option<TraceContext>,
    env: Env,
}

/// Answers, or refuses. The answer's body may still be coming when this returns.
pub(crate) async fn answer(
    request: &web_sys::Request,
    visit: &RequestHead,
    config: &Rc<Config>,
    env: &Env,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
    let client = access::admit(config, &visit.caller, env).await?;
    let mut timer = Timer::new(&visit.bell);
    let limits = &config.limits;
    let body = body::read(request, visit, &mut timer, limits.body_bytes, limits.body_within).await?;
    let ask = admission::admit(&body, config, &client, env).await?;
    let booked = ledger::Context {
        id: host::random_uuid(),
        call: visit.id.clone(),
        account: client.account().name.clone(),
        client: client.name().into(),
        route: ask.route.clone(),
        feature: visit.feature.clone(),
    };
    let route = ask.route.as_deref().and_then(|name| config.route(name));
    let terms = HoldTerms {
        account: client.account().clone(),
        route: route.map(|route| RouteBudget {
            route: route.name.clone(),
            budget: route.budget.clone(),
            total: route.policy.timeouts.total,
        }),
        most: ask.worst,
        total: ask.policy.timeouts.total,
        row: booked.row(host::now(), &ask.request.models),
    };
    let held = CallHold::new(AccountClient::new(env), terms);
    let (respond, response) = oneshot::channel();
    let (gone, bell) = (Disconnect::listen(request, &visit.bell), visit.bell.clone());
    let (config, trace, env) = (Rc::clone(config), visit.trace.clone(), env.clone());
    // A client that leaves does not take it along: it has money to account for, an upstream to stop and a line to log.
    let task = Task { ask, config, gone, bell, timer, held, context: booked, trace, env };
    let reply = exchange.answer(task.run(respond), response).await;
    reply.ok_or_else(|| ApiError::new(Code::Internal, "the call ended without an answer"))
}

impl Task {
    async fn run(mut self, respond: oneshot::Sender<Reply>) {
        let refused = self.held.hold().await.err();
        if refused.is_some() || self.gone.is_gone() {
            if let Some(refusal) = refused {
                // A handler that is not there any more has no client either.
                let _ = respond.send(refusal.into());
            }
            return self.held.release().await;
        }
        self.call(respond).await;
    }

    async fn call(self, respond: oneshot::Sender<Reply>) {
        let Self { ask, config, gone, bell, timer, held, context, trace, env } = self;
        let link = BreakerClient::new(&env);
        let began = host::now();
        let streams = ask.request.stream;
        let delivery = Delivery::new(&bell, respond, streams.then_some(began + ask.headers_within));
        let (call, news) = model_state::start_call(&ask, &config.upstreams, began);
        let trail = AttemptLog::default();
        let mut driver =
            Driver::new(call, ask.request.lane, delivery, (gone, bell, timer), trail.clone(), held.deadline(began));
        let answered = async {
            let outcome = driver.run().await;
            let now = host::now();
            host::log(&log::line(&context, &ask, &outcome, now.saturating_sub(began)).to_string());
            let rows = ledger::rows(&context, began, &outcome);
            let mut behind = Vec::new();
            behind.extend(model_state::record_outcome(&outcome, &ask, now).map(|news| apart(link.report(news))));
            behind.extend(config.operations.otlp.as_ref().map(|target| {
                let (rows, times) = (rows.clone(), (began, now));
                apart(spans::send(target, trace.as_ref(), &context, rows, times))
            }));
            behind.extend(held.settle(rows, trail.close()));
            join(driver.finish(outcome, streams), all(behind)).await;
        };
        // What others should know goes out beside the call: nothing of it waits for that.
        let mut beside = Vec::new();
        beside.extend(news.map(|news| apart(link.report(news))));
        beside.extend(held.report_attempts(&trail));
        beside.extend(held.return_lease());
        join(answered, all(beside)).await;
        if let Some(refreshed) = catalog::refresh(&config.upstreams, &env) {
            refreshed.await;
        }
    }
}
