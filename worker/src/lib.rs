//! failsoft at the edge: OpenAI's protocol on Cloudflare Workers, answered by a chain of models.
//!
//! It keeps the upstream's key, so that a page or an app needs none, and falls back by the same [`Call`](failsoft::Call)
//! as the package does in a page. Any OpenAI SDK works with it: a base URL, and a key of this edge.
//!
//! # The life of a request
//! ```text
//!             route      access      ask                    memory             driver
//!  request ─▶ path? ───▶ who? ─────▶ what may they? ──────▶ Call with ───────▶ Send, Read, Yield, …
//!               │          │           │                    breakers, catalog    │          ▲
//!               │ 404, 405 │ 401, 403  │ 400, 403, 413                           ▼          │ upstream
//!               ▼          ▼           ▼                                       delivery   flight
//!             refusal ── reply ◀───────────────────────────────────────────────── │
//!                          │            JSON, or headers and a stream             ▼
//!                        cors ─▶ response                                     log, catalog
//! ```
//!
//! The handler returns when the first text is there (the *commit point*), or when the route's `headersWithin` is over.
//! The rest runs in `waitUntil`: a client that leaves does not take along the task that has to stop the upstream.
//!
//! # Endpoints
//! | endpoint | |
//! |---|---|
//! | `POST /v1/chat/completions` | streamed and not; `model` may be `route/NAME`, or a model beside or instead of `models` |
//! | `GET /v1/models` | what this client may ask for |
//! | `GET /v1/usage` | the caller's own budget, in its shape: of each bound `used`, `held`, `limit`, `left`, and `resets` in ISO 8601; USD as numbers |
//! | `GET /v1/playground` | what the page shows around a call |
//! | `POST /v1/session` | `{"turnstile": TOKEN}` for `{"token", "expires_in"}`: a visitor's session |
//! | `GET /metrics` | Prometheus's text, for whoever has the secret `METRICS_TOKEN` |
//! | `GET /healthz` | 200, or 503 with what to set, or what does not answer |
//! | `/admin/keys` | client keys: `GET`, `POST`; `GET`, `PATCH`, `DELETE /admin/keys/ID`; `POST /admin/keys/ID/rotate` |
//!
//! All below `/v1` are also below `/api/v1`. What is none of them is a file of `www/`, or a 404 that names the right path.
//!
//! # Answers
//! `x-request-id`, `x-failsoft-model` (who answered) and `x-failsoft-attempts` (how many requests that took) are on every
//! answer that knows them. A completion carries the report as `failsoft`. A stream tells it in a comment
//! (`: failsoft {…}`) before the first chunk and before `[DONE]`, and in its usage chunk, if the client asked for one. A
//! stream that fails ends with `data: {"error": …, "failsoft": …}` and without `[DONE]`. Errors have OpenAI's shape and
//! the upstream's status; `retry-after` is kept.
//!
//! # Lanes
//! What becomes of a stream after its commit point is up to its route. On `gate`, whole chunks go over, each judged: a
//! fault becomes an error event, and a client that does not read is waited for. On `relay`, the body goes over natively
//! and as it is, faults too, for less CPU; a branch of it is read along for the log, so what a slow client has not taken
//! yet lies in the isolate's memory.
//!
//! On `lean`, the body goes over natively and nothing of it is read after the commit point, for the least CPU, whatever its
//! length. Until then it falls back like the others. From then on all that is noticed is the end, and that a connection
//! broke: a stream that ends early as its protocol says, or with an error event, counts as answered, and one that goes
//! silent is waited for until `timeouts.total`. Tokens and cost are those of the answers that had come as a whole by the
//! commit point; of all others they are looked up at the upstream (`GET /generation`: OpenRouter), and where nobody can
//! tell, the call is charged at what was held (*Budgets*). So an upstream that is not OpenRouter makes a budget in USD or
//! tokens last for fewer calls on `lean` than on `gate`.
//!
//! On all, a client is waited for until 10 s after the longest time of its call, `timeouts.total`, counted from its
//! beginning by the clock on the wall. Whoever has not taken everything by then has gone away: the connection breaks, and the
//! upstream's is closed. So no call outlives what is leased for it (*Budgets*).
//!
//! # Breakers
//! A model that failed several times in a row is left alone for a while, then probed by one call. All isolates share what
//! they know of that through one Durable Object (binding `BREAKERS`), told and asked behind the responses: no request
//! waits for it, and without it each isolate goes on by itself. A call teaches nothing of failures that are its caller's own
//! doing: shorter `timeouts`, a choice of `provider`, leaving.
//!
//! # Who may call
//! A call carries `Authorization: Bearer …` with one of these, all of which can stand beside each other. What is not
//! configured is closed, and an edge without any of them answers nobody.
//!
//! - **A key of the configuration** (`keys`), known by its SHA-256.
//! - **A managed key** (`fs_ID_SECRET`), made at `/admin/keys` with the secret `ADMIN_TOKEN` as bearer, from
//!   `{"name", "expiresAt", "origins", "routes", "models", "budget"}`, dates in seconds since 1970. It is shown once, and
//!   kept as its SHA-256 in a Durable Object of its own (binding `KEYS`), which each request with it asks: what is changed,
//!   rotated or revoked is so for the next request on every isolate. That is one call to one object before the call is
//!   made, beside the one of the account; an object answers some hundreds of calls a second. Without `ADMIN_TOKEN` there
//!   are no managed keys, also none that were made before.
//! - **A token of the app's own user** (`users`): a JWT by RS256, ES256 or EdDSA, with `exp`, whose issuer publishes its
//!   keys. They are kept for 10 minutes, asked for earlier if a token names an unknown one (every 30 s at most), and used
//!   for up to 24 hours if the issuer does not answer. A user's account is `user:` and a hash of issuer and claim.
//! - **A visitor's session** (`visitors`): `POST /v1/session` gives it to a page of `visitors.origins` for a token of its
//!   Turnstile widget, which counts once. It needs the secrets `TURNSTILE_SECRET` and `SESSION_SECRET`, and works on the
//!   origin that asked for it. The account is that of the visitor's address (of IPv6, the /64), hashed with
//!   `SESSION_SECRET`: a new session has no new budget, and who shares an address shares it. Turnstile's own test tokens
//!   never change, so they give one session in ten minutes.
//!
//! `ADMIN_TOKEN` and `SESSION_SECRET` have 32 characters at least. A preflight carries no key: with managed keys every page
//! may ask, and what its key allows decides; otherwise the pages are those that the configuration names. `/admin` answers
//! no page from elsewhere.
//!
//! # What a call can cost
//! What the edge does not know does not leave: a request has the fields of OpenAI and OpenRouter that cost nothing extra, and
//! another one is a 400 that names it. What multiplies the cost is bounded (`n`, `max_tokens`, images, the prices of long
//! prompts and of writes to a cache) or refused (server tools, plugins that buy something, `web_search_options`,
//! `prediction`, dearer service tiers, output that is not text, presets). A pattern such as `openai/*` or `*` stands for
//! models, not for routers (`openrouter/auto`), presets or `:online`: who wants those lists them by their full name. A field
//! that an object has twice is refused. Every upstream request carries an output limit.
//!
//! A call whose account or route has a budget in USD, or whose policy has `maxCostUsd`, is *bounded*: it costs no more than two
//! answers of its dearest model, each with its judge, or `maxCostUsd`, if that is less. That is what is held for it, and the
//! call keeps to it: each attempt counts at the most that it can cost until it is refused or its cost is told. So a failure
//! that may have been paid for leaves money for one more answer, and one that cost nothing uses up none. Where tokens are
//! bounded, a call makes at most four requests, and each is held. The prompt is reckoned at a token for each of its bytes, as
//! no vocabulary makes more: whoever wrote it does not pay for it, and an estimate can be led astray. OpenRouter is told not to ask providers that take more than was reckoned.
//! Prices come from OpenRouter's catalog, which the first bounded call of an isolate waits for (3 seconds at most), or from
//! `upstream.models`. A model without a price is left out of a bounded call; if no model has one, it is a 503.
//!
//! # Books
//! What each attempt cost is a row of the database `LEDGER` (`migrations/`): models, provider, tokens, cost, times, outcome,
//! account, route, and `x-feature` (or `X-Flow`), which says what of an app the call was for. No prompt and no answer is in
//! it, nor in a log, a metric, a span or an alert. Rows wait in an object until they are written, so a database that fails
//! delays no call and loses no row, and what is written twice counts once. Its sums are the metrics. Without the binding
//! there are no books. A call's spans go on from the caller's `traceparent`. An alert is told once for each occasion, as
//! `{"text", "kind", "at", "facts"}`; `kind` is `fallbacks`, `spend`, `expiry` or `budget`.
//!
//! # Budgets
//! What an account may use is exact. Before anything is sent, the most that the call can use is *held* at the account's
//! Durable Object (binding `ACCOUNTS`); behind the response it is *settled* at what was used, to 10^-12 USD. For each bound,
//! what is counted, what is held and what is asked for are together no more than the bound, or the call is refused: 402
//! `budget_exceeded` for USD, 429 `rate_limit_exceeded` for requests, tokens and calls at once, with `retry-after`, and with
//! how the bound stands in `failsoft.budget`. A call counts in the minute, day and month of UTC in which it began.
//!
//! A hold is a lease. If nothing is heard of a call for 30 s after its longest time, the object's alarm settles it. So does
//! it with attempts whose answer told no cost, or broke off, which makes what it told so far a part: the upstream is asked
//! (`GET /generation`) for up to ten minutes. What nobody can tell, because the upstream's headers never came, is charged at
//! what was held, or told so far if that is more, and called `unsettled`; what was refused with an error status, or never
//! sent, is free. A call that vanished with its isolate may have sent one more request unseen, however those that it told of
//! ended: so it is charged all that was held for it, what was not looked up as `unsettled`. An edge that cannot reach an account's object refuses the calls of
//! an account with bounds (503, `budget_unavailable`); without the binding it answers on `loopback` only.
//!
//! A route's budget is kept by an object of its own, of which isolates lease shares: a quarter of what is left, for up to
//! 10 s. They spend them without asking and then return what none of their calls holds; what those hold comes back as they
//! end. What never comes back counts as spent. So a route may refuse while others hold what is left of it, and a call whose
//! cost is looked up later counts there at its most.
//!
//! One account can make about 950 calls a second, streamed or not, as far as its object is concerned: `TMPDIR=/dev/shm node
//! tests/bench/account.mjs` in workerd on two busy cores, with storage in memory. Each call is three messages, each written
//! down before it is answered; with storage on a slow disk it was about 100.
//!
//! # Configuration
//! The variable `FAILSOFT`, a JSON object, and the secrets that it names:
//!
//! | field | meaning | default |
//! |---|---|---|
//! | `upstream.url` | base URL of the API | `https://openrouter.ai/api/v1` |
//! | `upstream.dialect` | `openrouter` or `openai` | by the host |
//! | `upstream.key` | the name of the secret that holds its key | `UPSTREAM_API_KEY`, else `OPENROUTER_API_KEY` |
//! | `upstream.app` | `{url, title}`, attribution at OpenRouter | none |
//! | `upstream.headers` | headers that every request to it carries | none |
//! | `upstream.models` | what it is asked for, in order, in place of the request's models: ids, or `{id, contextLength, maxOutput, prompt, completion}` with tokens, and prices in USD for a million of them | the request's |
//! | `upstreams` | in place of `upstream`: several such, in order; the next is asked when the models of one have failed, or its key has | |
//! | `access` | `keys`: clients have keys, tokens or sessions · `loopback`: this machine only, without keys | `keys` |
//! | `keys[].name` | for logs | |
//! | `keys[].sha256` | of the client's key, in hex: `printf %s fs_… \| sha256sum` | |
//! | `keys[].origins` | the web pages that may use it, and nothing else may | any page and program |
//! | `keys[].routes` | the routes that it may name | all |
//! | `keys[].models` | the models that it may name, instead of `models` | |
//! | `routes.NAME.budget` | what all calls of the route together may use, as in `keys[].budget` | no bounds |
//! | `keys[].budget` | what its calls may use: `{"requests": {"minute", "day", "month"}, "tokens": {…}, "usd": {…}, "concurrent"}`, by UTC's calendar | no bounds |
//! | `users[].issuer`, `users[].audience` | the `iss` and `aud` of the tokens of the app's users | |
//! | `users[].jwks` | the URL of the issuer's public keys | |
//! | `users[].algorithms` | of `RS256`, `ES256`, `EdDSA` | all |
//! | `users[].claim` | the claim that says whose account a call is on | `sub` |
//! | `users[].clockSkew` | seconds that the issuer's clock may be off | 60 |
//! | `users[].origins`, `.routes`, `.models`, `.budget` | as those of a key, for each user | |
//! | `visitors.origins` | the web pages that visitors come from | |
//! | `visitors.hostnames` | where their Turnstile widget may be | those of `origins` |
//! | `visitors.action` | what the widget calls itself | any |
//! | `visitors.lifetime` | seconds that a session lasts, 86400 at most | 900 |
//! | `visitors.siteverify` | in Turnstile's place, on this machine | Turnstile |
//! | `visitors.routes`, `.models`, `.budget` | as those of a key, for each visitor | |
//! | `models` | models that clients may name; `anthropic/*` and `*` work | those of the client's routes; on `loopback`, all |
//! | `routes.NAME.models` | the chain behind `route/NAME` | |
//! | `routes.NAME.policy` | changes to `policy` | |
//! | `routes.NAME.lane` | `gate`, `relay` or `lean` (*Lanes*) | `gate` |
//! | `routes.NAME.headersWithin` | milliseconds that a stream's headers wait for the first text | 10000 |
//! | `policy` | as in [`failsoft::policy`] | its defaults |
//! | `origins` | web pages from elsewhere that may call (with any key that allows them); `*` is all | those of keys, users and visitors |
//! | `limits.bodyBytes`, `limits.messages` | of one request | 1000000, 256 |
//! | `limits.bodyWithin` | milliseconds until its body has come | 30000 |
//! | `limits.outputTokens` | the most tokens that an answer may have, and the limit where the request names none | 4096 |
//! | `limits.answers` | the largest `n` of a request | 4 |
//! | `limits.images` | images in one request; each is held as 5,000 tokens, which some models (`gpt-4o-mini`) go beyond | 0 |
//! | `fields` | names of request fields that are passed on as they are, whatever they cost | none |
//! | `otlp.url`, `otlp.headers` | where spans go (OTLP/HTTP JSON: `…/v1/traces`); the name of a secret with `name=value,name=value` | nowhere |
//! | `alerts.url`, `alerts.headers` | where alerts go; the name of a secret as above | nowhere |
//! | `alerts.fallbacks` | so many calls in a row that another model answered are one | 10 |
//! | `alerts.times`, `alerts.usd` | an hour is one that cost so many times as much as the mean of the day before, and at least so many USD | 3, 1 |
//! | `alerts.days` | a model of this configuration is one that goes away within so many | 14 |
//! | `emulator` | the control of an emulator, for the playground | none |
//!
//! A request may narrow the policy in its own field `failsoft`: fewer `attempts`, shorter `timeouts`, a lower `maxCostUsd`
//! and `maxPrice`, and what it wants of an answer: all rules (`empty`, `refusal`, `pattern`, …), `holdChars`, `buffer`,
//! `recover`, `restartEvent`. What costs the owner money or concerns other calls is the owner's: `retry`, `hedge`, `judge`,
//! `assemble`, `breaker`.

mod access;
mod account;
mod breakers;
mod call;
mod catalog;
mod config;
mod http;
mod ledger;
mod ops;
mod platform;

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::{Env, ScheduleContext, ScheduledEvent, event};

use crate::account::AccountClient;
use crate::config::{Config, Setup};
use crate::http::api_error::ApiError;
use crate::http::reply::Reply;
use crate::http::request_head::{self, RequestHead};
use crate::http::router::{self, Endpoint};
use crate::http::{cors, reply};
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
}

async fn serve(request: web_sys::Request, env: Env, exchange: Exchange, executor: Executor) {
    let head = RequestHead::read(&request, executor);
    let setup = config::setup(&env);
    // Pages of other origins read nothing of the owner's endpoints.
    let pages = setup.as_ref().as_ref().ok().map(Rc::as_ref).filter(|_| !router::is_admin(&head.path));
    let mut reply = if head.method == "OPTIONS" {
        answer_preflight(&head, pages)
    } else {
        answer(&request, &head, &setup, &env, &exchange).await.unwrap_or_else(Reply::from)
    };
    reply.headers.extend(cors::reply_headers(pages, head.caller.origin.as_deref()));
    reply.headers.push(("x-request-id", head.id));
    reply.headers.push(("x-content-type-options", "nosniff".into()));
    exchange.end(reply.status, reply.headers, reply.body.into()).await;
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
    match (endpoint, setup.as_ref()) {
        (Endpoint::Health, _) => Ok(boxed(ops::health::answer(setup, env)).await),
        (_, Err(_)) => Ok(reply::not_configured()),
        (Endpoint::Chat, Ok(config)) => call::chat::answer(request, head, config, env, exchange).await,
        (Endpoint::Metrics, Ok(config)) => boxed(ops::metrics::answer(config, &head.caller, env)).await,
        (Endpoint::Models, Ok(config)) => boxed(list_models(config, head, env)).await,
        (Endpoint::Usage, Ok(config)) => boxed(show_usage(config, head, env)).await,
        (Endpoint::Session, Ok(config)) => boxed(access::visitors::create_session(request, head, config, env)).await,
        (Endpoint::Admin, Ok(config)) => boxed(access::admin::answer(request, head, config, env)).await,
        (Endpoint::Playground, Ok(config)) => boxed(describe_playground(config, head, env)).await,
    }
}

async fn list_models(config: &Config, head: &RequestHead, env: &Env) -> Result<Reply, ApiError> {
    let client = access::admit(config, &head.caller, env).await?;
    if let Some(refresh) = catalog::refresh(&config.upstreams, env) {
        refresh.await;
    }
    Ok(Reply::json(200, call::model_list::list_models(&client)))
}

async fn show_usage(config: &Config, head: &RequestHead, env: &Env) -> Result<Reply, ApiError> {
    let client = access::admit(config, &head.caller, env).await?;
    Ok(Reply::json(200, AccountClient::new(env).fetch_usage(client.account()).await?))
}

async fn describe_playground(config: &Config, head: &RequestHead, env: &Env) -> Result<Reply, ApiError> {
    access::admit(config, &head.caller, env).await?;
    Ok(Reply::json(200, ops::playground::describe(config).await))
}
