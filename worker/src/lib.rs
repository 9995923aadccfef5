//! failsoft at the edge: OpenAI's and Anthropic's protocols on Cloudflare Workers, answered by a chain of models.
//!
//! The edge holds the upstream's key, so that a page or an app needs none. It falls back with the same
//! [`Call`](failsoft::Call) as the package does in a page. Any SDK of OpenAI or Anthropic works with the edge: it needs a base
//! URL and a client key. The core's `protocol` translates what is not chat completions.
//!
//! # Folders
//! Each folder imports only folders below it in this table.
//!
//! | folder | contents |
//! |---|---|
//! | `admin` | the owner's `/admin`: who may do what; stored routes, stored answers, samples of calls, experiments |
//! | `call` | a chat call: admission, the driver, requests to upstreams, delivery |
//! | `ops` | for the owner: health, metrics, spans, the cron trigger, what the dashboard shows |
//! | `access` | who may call: client keys, users, visitors, this machine; the owner's tokens and sessions |
//! | `cache` | answers that are given again, for routes that have a cache |
//! | `routes` | routes that the owner edits without a deployment, as this isolate knows them |
//! | `samples` | texts of a part of the calls, encrypted |
//! | `account` | what an account may use: hold before a call, settle after it |
//! | `breakers` | models that failed lately and are left alone, shared by all isolates |
//! | `catalog` | prices and context windows of models |
//! | `ledger` | a row in the database for each attempt, and alerts |
//! | `http` | the router, heads and bodies, CORS, replies, and the errors of the edge (`api_error.rs`) |
//! | `config` | the variable `FAILSOFT` |
//! | `platform` | everything that touches JavaScript |
//!
//! # The life of a request
//! ```text
//!            http::router   access        call::admission      account        call::driver
//!  request ──▶ endpoint? ──▶ client? ─────▶ allowed? ─────────▶ hold ────────▶ Send, Read, Yield, … ◀──▶ upstream
//!                 │            │              │                  │                  │
//!                 │ 404, 405   │ 401, 403     │ 400, 403, 413    │ 402, 429         ▼
//!                 ▼            ▼              ▼                  ▼            call::delivery
//!              ApiError ──────────────▶ http::reply ◀───────────────── one JSON answer, or headers and a stream
//!                                             │                                     │
//!                                             ▼                                     ▼ after the response
//!                                          response                    settle, ledger, breakers, log, catalog
//! ```
//!
//! The handler returns at the commit point, or when the route's `headersWithin` is over. The rest of the call runs in
//! `waitUntil`, also when the client disconnects: the call has an upstream to stop and a cost to settle.
//!
//! # Documentation
//! `www/docs` describes the edge for its owner: `edge.md` (endpoints and answers), `configuration.md` (every field of
//! `FAILSOFT`), `access.md`, `budgets.md`, `lanes.md`, `operations.md`.

mod access;
mod account;
mod admin;
mod breakers;
mod cache;
mod call;
mod catalog;
mod config;
#[cfg(test)]
mod growth;
mod http;
mod ledger;
mod ops;
mod platform;
mod routes;
mod samples;

use std::rc::Rc;

use failsoft::json::patched;
use wasm_bindgen::prelude::*;
use worker::{Env, ScheduleContext, ScheduledEvent, event};

use crate::account::AccountClient;
use crate::call::model_list::ModelList;
use crate::config::{Config, Setup};
use crate::http::api_error::ApiError;
use crate::http::reply::Reply;
use crate::http::request_head::{self, RequestHead};
use crate::http::router::{self, Endpoint};
use crate::http::{cors, encryption, reply};
use crate::platform::exchange::Exchange;
use crate::platform::executor::{self, Executor, boxed};

/// Starts an instance: the first of an isolate, or the one after a trap.
#[wasm_bindgen(start, private)]
fn start() {
    executor::start(&request_head::HEADERS, &failsoft::http::READ_HEADERS);
}

/// Answers every request, except those for a file of the page.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, context: JsValue) -> JsValue {
    let executor = Executor::new();
    let exchange = Exchange::new(&context, &executor);
    let response = exchange.response();
    executor.spawn(serve(request, env, exchange, executor.clone()));
    response
}

/// Runs every few minutes: see wrangler.jsonc.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    ops::cron::run(&env).await;
    admin::experiments::wake_all(&env).await;
}

async fn serve(request: web_sys::Request, env: Env, exchange: Exchange, executor: Executor) {
    let head = RequestHead::read(&request, executor);
    let setup = config::setup(&env);
    // Pages of other origins read nothing of the owner's endpoints.
    let pages = setup.as_ref().as_ref().ok().map(Rc::as_ref).filter(|_| !router::is_admin(&head.path));
    let mut reply = if head.method == "OPTIONS" {
        answer_preflight(&head, pages)
    } else {
        let answer = answer(&request, &head, &setup, &env, &exchange).await;
        answer.unwrap_or_else(|error| Reply::refused(&error, &head.error_form()))
    };
    reply.headers.extend(cors::reply_headers(pages, head.caller.origin.as_deref()));
    reply.headers.extend(head.protocol.id_header().map(|name| (name, head.id.clone())));
    reply.headers.push(("x-request-id", head.id));
    reply.headers.push(("x-content-type-options", "nosniff".into()));
    if head.caller.is_encrypted {
        let (name, value) = encryption::ONLY_HTTPS;
        reply.headers.push((name, value.into()));
    }
    reply.refused.into_iter().for_each(ops::refusals::count);
    let after = boxed(ops::refusals::write_due(env));
    exchange.end(reply.status, reply.headers, reply.body.into(), after).await;
}

fn answer_preflight(head: &RequestHead, pages: Option<&Config>) -> Reply {
    let origin = head.caller.origin.as_deref();
    let is_allowed = pages.zip(origin).is_some_and(|(config, origin)| cors::allows(config, origin));
    let mut reply = Reply::empty(204);
    reply.headers.extend(cors::preflight_headers(is_allowed, head.requested_headers.as_deref()));
    reply
}

async fn answer(
    request: &web_sys::Request,
    head: &RequestHead,
    setup: &Setup,
    env: &Env,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
    let endpoint = router::find_endpoint(&head.method, &head.path)?;
    if let (Ok(config), true) = (setup.as_ref(), endpoint != Endpoint::Health) {
        encryption::check(config, &head.caller)?;
    }
    let setup = &with_stored_routes(setup, endpoint, env).await;
    match (endpoint, setup.as_ref()) {
        (Endpoint::Health, _) => Ok(boxed(ops::health::answer(setup, env)).await),
        (_, Err(_)) => Err(reply::not_configured()),
        (Endpoint::Call, Ok(config)) => call::chat::answer(request, head, config, env, exchange).await,
        (Endpoint::CountTokens, Ok(config)) => boxed(call::chat::count_tokens(request, head, config, env)).await,
        (Endpoint::Metrics, Ok(config)) => boxed(ops::metrics::answer(config, &head.caller, env)).await,
        (Endpoint::Models | Endpoint::Model, Ok(config)) => boxed(show_models(config, head, env)).await,
        (Endpoint::Usage, Ok(config)) => boxed(show_usage(config, head, env)).await,
        (Endpoint::Session, Ok(config)) => boxed(access::visitors::create_session(request, head, config, env)).await,
        (Endpoint::Challenge, Ok(config)) => boxed(access::visitors::create_challenge(head, config, env)).await,
        (Endpoint::Admin, Ok(config)) => boxed(admin::answer(request, head, config, env)).await,
        (Endpoint::Playground, Ok(config)) => boxed(describe_playground(config, head, env)).await,
    }
}

/// The configuration with the stored routes, where the endpoint needs them.
async fn with_stored_routes(setup: &Setup, endpoint: Endpoint, env: &Env) -> Setup {
    match setup.as_ref() {
        Ok(config) if config.may_store_routes() && endpoint.uses_routes() => {
            Rc::new(Ok(boxed(routes::current(config, env)).await))
        }
        _ => Rc::clone(setup),
    }
}

async fn show_models(config: &Config, head: &RequestHead, env: &Env) -> Result<Reply, ApiError> {
    let client = access::admit(config, &head.caller, env).await?;
    if let Some(refresh) = catalog::refresh(&config.upstreams, env) {
        refresh.await;
    }
    let models = ModelList::new(config, &client, head.shape);
    let shown = match router::model_id(&head.path) {
        Some(id) => models.find(&id)?,
        None => models.list(),
    };
    Ok(Reply::json(200, shown))
}

async fn show_usage(config: &Config, head: &RequestHead, env: &Env) -> Result<Reply, ApiError> {
    let client = access::admit(config, &head.caller, env).await?;
    let usage = AccountClient::new(env).fetch_usage(client.account()).await?;
    let usage = if client.hides_report() { patched(&usage, r#"{"usd":null}"#) } else { usage };
    Ok(Reply::json(200, usage))
}

async fn describe_playground(config: &Config, head: &RequestHead, env: &Env) -> Result<Reply, ApiError> {
    access::admit(config, &head.caller, env).await?;
    Ok(Reply::json(200, ops::playground::describe(config).await))
}
