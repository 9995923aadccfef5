//! `POST /v1/chat/completions`.

use std::rc::Rc;

use failsoft::Kind;
use futures_channel::oneshot;
use futures_util::future::join;
use worker::Context;

use crate::ask::{self, Ask};
use crate::breakers::Link;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::driver::Driver;
use crate::gone::Gone;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::visit::Visit;
use crate::{access, body, catalog, host, log, memory};

/// Answers, or refuses. The answer's body may still be coming when this returns.
pub(crate) async fn answer(
    request: &web_sys::Request,
    visit: &Visit,
    config: &Rc<Config>,
    link: Link,
    context: &Context,
) -> Result<Reply, Refusal> {
    let client = access::admit(config, &visit.caller)?;
    let body = body::read(request, config.limits.body_bytes, config.limits.body_within).await?;
    let ask = ask::read(&body, config, &client).await?;
    let (respond, response) = oneshot::channel();
    let gone = Gone::listen(request.signal());
    // A task of its own, which a client that leaves does not take along: it has an upstream to stop and a line to log.
    context.wait_until(run(visit.id.clone(), ask, Rc::clone(config), link, gone, respond));
    response.await.map_err(|_| Refusal::new(Kind::ServerError, "internal", "the call ended without an answer"))
}

async fn run(id: String, ask: Ask, config: Rc<Config>, link: Link, gone: Gone, respond: oneshot::Sender<Reply>) {
    let began = host::now();
    let streams = ask.request.stream;
    let delivery = Delivery::new(respond, streams.then_some(began + ask.headers_within));
    let (call, news) = memory::call(&ask, &config.upstreams, began);
    let mut driver = Driver::new(call, delivery, gone);
    let answered = async {
        let outcome = driver.run().await;
        let now = host::now();
        let news = memory::learn(&outcome, &ask, now);
        host::log(&log::line(&id, &ask, &outcome, now.saturating_sub(began)).to_string());
        join(driver.finish(outcome, streams), link.tell(news)).await;
    };
    // What others should know goes out beside the call: nothing of it waits for that.
    join(answered, link.tell(news)).await;
    catalog::refresh(&config.upstreams).await;
}
