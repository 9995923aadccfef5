//! `POST /v1/chat/completions`.

use std::rc::Rc;

use failsoft::Kind;
use futures_channel::oneshot;
use futures_util::future::join;
use worker::{Context, Env};

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

/// Answers, or refuses. The answer's body may still be coming when this returns.
pub(crate) async fn answer(
    request: &web_sys::Request,
    visit: &Visit,
    config: &Rc<Config>,
    env: &Env,
    context: &Context,
) -> Result<Reply, Refusal> {
    let client = access::admit(config, &visit.caller)?;
    let ask = ask::read(&body::read(request, config.limits.body_bytes).await?, config, &client)?;
    let (respond, response) = oneshot::channel();
    let gone = Gone::listen(request.signal());
    let books = Books {
        context: ledger::Context {
            id: host::random_uuid(),
            call: visit.id.clone(),
            account: client.account().name.clone(),
            client: client.name().into(),
            route: ask.route.clone(),
            feature: visit.feature.clone(),
        },
        trace: visit.trace.clone(),
        env: env.clone(),
    };
    // A task of its own, which a client that leaves does not take along: it has an upstream to stop and a line to log.
    context.wait_until(run(ask, Rc::clone(config), books, gone, respond));
    response.await.map_err(|_| Refusal::new(Kind::ServerError, "internal", "the call ended without an answer"))
}

/// What a call is booked by.
struct Books {
    context: ledger::Context,
    trace: Option<Trace>,
    env: Env,
}

async fn run(ask: Ask, config: Rc<Config>, books: Books, gone: Gone, respond: oneshot::Sender<Reply>) {
    let Books { context, trace, env } = &books;
    let link = Link::of(env);
    let began = host::now();
    let streams = ask.request.stream;
    let delivery = Delivery::new(respond, streams.then_some(began + ask.headers_within));
    let (call, news) = memory::call(&ask, &config.upstreams, began);
    let mut driver = Driver::new(call, delivery, gone);
    let answered = async {
        let outcome = driver.run().await;
        let now = host::now();
        let news = memory::learn(&outcome, &ask, now);
        host::log(&log::line(context, &ask, &outcome, now.saturating_sub(began)).to_string());
        let rows = ledger::rows(context, began, &outcome);
        join(driver.finish(outcome, streams), link.tell(news)).await;
        if let Some(target) = &config.operations.otlp {
            span::send(target, trace.as_ref(), context, &rows, (began, now)).await;
        }
    };
    // What others should know goes out beside the call: nothing of it waits for that.
    join(answered, link.tell(news)).await;
    catalog::refresh(&config.upstreams, env).await;
}
