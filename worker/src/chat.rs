//! `POST /v1/chat/completions`.

use std::rc::Rc;

use failsoft::Kind;
use futures_channel::oneshot;
use futures_util::future::join3;
use worker::{Context, Env};

use crate::account::{Accounts, Claim, Held, Trail};
use crate::ask::{self, Ask};
use crate::breakers::Link;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::driver::Driver;
use crate::gone::Gone;
use crate::ledger::{Trace, span};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::visit::Visit;
use crate::{access, body, catalog, host, ledger, log, memory};

/// A call that may be made, if it can be paid.
struct Task {
    ask: Ask,
    config: Rc<Config>,
    env: Env,
    gone: Gone,
    held: Held,
    context: ledger::Context,
    trace: Option<Trace>,
}

/// Answers, or refuses. The answer's body may still be coming when this returns.
pub(crate) async fn answer(
    request: &web_sys::Request,
    visit: &Visit,
    config: &Rc<Config>,
    env: &Env,
    context: &Context,
) -> Result<Reply, Refusal> {
    let client = access::admit(config, &visit.caller)?;
    let ask = ask::read(&body::read(request, config.limits.body_bytes).await?, config, &client, env).await?;
    let account = client.account().clone();
    let told = ledger::Context {
        id: host::random_uuid(),
        call: visit.id.clone(),
        account: account.name.clone(),
        client: ask.client.clone(),
        route: ask.route.clone(),
        feature: visit.feature.clone(),
    };
    let route = ask.route.as_deref().and_then(|name| config.route(name));
    let held = Accounts::of(env).claim(Claim {
        account,
        route: route.map(|route| (route.name.clone(), route.budget.clone())),
        most: ask.worst,
        total: ask.policy.timeouts.total,
        row: told.row(host::now(), &ask.request.models),
    });
    let (respond, response) = oneshot::channel();
    let gone = Gone::listen(request.signal());
    // A task of its own, which a client that leaves does not take along: it has money to account for, an upstream to stop
    // and a line to log.
    let (config, env, trace) = (Rc::clone(config), env.clone(), visit.trace.clone());
    let task = Task { ask, config, env, gone, held, context: told, trace };
    context.wait_until(task.run(respond));
    response.await.map_err(|_| Refusal::new(Kind::ServerError, "internal", "the call ended without an answer"))
}

impl Task {
    async fn run(mut self, respond: oneshot::Sender<Reply>) {
        let refused = self.held.hold().await.err();
        if refused.is_some() || self.gone.is_gone() {
            if let Some(refusal) = refused {
                // A handler that is not there any more has no client either.
                let _ = respond.send(refusal.into());
            }
            return self.held.free().await;
        }
        self.call(respond).await;
    }

    async fn call(self, respond: oneshot::Sender<Reply>) {
        let Self { ask, config, env, gone, held, context, trace } = self;
        let link = Link::of(&env);
        let began = host::now();
        let streams = ask.request.stream;
        let delivery = Delivery::new(respond, streams.then_some(began + ask.headers_within));
        let (call, news) = memory::call(&ask, &config.upstreams, began);
        let trail = Trail::default();
        let mut driver = Driver::new(call, delivery, gone, trail.clone());
        let answered = async {
            let outcome = driver.run().await;
            let now = host::now();
            let news = memory::learn(&outcome, &ask, now);
            host::log(&log::line(&context, &ask, &outcome, now.saturating_sub(began)).to_string());
            let rows = ledger::rows(&context, began, &outcome);
            let settled = held.settle(rows.clone(), trail.end());
            join3(driver.finish(outcome, streams), link.tell(news), settled).await;
            if let Some(target) = &config.operations.otlp {
                span::send(target, trace.as_ref(), &context, &rows, (began, now)).await;
            }
        };
        // What others should know goes out beside the call: nothing of it waits for that.
        join3(answered, link.tell(news), held.follow(&trail)).await;
        catalog::refresh(&config.upstreams, &env).await;
    }
}
