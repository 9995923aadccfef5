//! The life of a call at the edge: `POST /v1/chat/completions`, `/v1/responses`, `/v1/messages` and `/v1/embeddings`.

mod cached;
mod prepare;
mod run;
mod stored;

use std::rc::Rc;

use futures_channel::oneshot;
use serde_json::json;
use worker::Env;

use crate::access::{self, Client};
use crate::account::AccountClient;
use crate::call::admission;
use crate::call::disclosure::conceal_error;
use crate::catalog;
use crate::config::Config;
use crate::http::api_error::{ApiError, Code};
use crate::http::in_flight::InFlight;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::platform::disconnect::Disconnect;
use crate::platform::exchange::Exchange;
use crate::platform::executor::boxed;
use prepare::{Origin, Ready, prepare, read_body};

/// Answers a call, or refuses it. The body of the answer may still be under way when this function returns.
pub(crate) async fn answer(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Rc<Config>,
    env: &Env,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
    let client = access::admit(config, &head.caller, env).await?;
    match answer_client(request, Origin { head, config, client: &client, env }, exchange).await {
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

async fn answer_client(request: &web_sys::Request, origin: Origin<'_>, exchange: &Exchange) -> Result<Reply, ApiError> {
    let body = read_body(request, origin.head, origin.config, origin.client).await?;
    let disconnect = Disconnect::watch(request, &origin.head.executor);
    run(prepare(body, disconnect, origin).await?, exchange).await
}

/// Makes the call that `body` asks for, in one piece. Nobody can disconnect from it.
pub(crate) async fn make_call(
    body: Vec<u8>,
    head: &RequestHead,
    config: &Rc<Config>,
    client: &Client<'_>,
    env: &Env,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
    let in_flight = InFlight::reserve(&client.account().name, body.len(), config.limits.bytes_in_flight)?;
    run(prepare((body, in_flight), Disconnect::Never, Origin { head, config, client, env }).await?, exchange).await
}

async fn run(ready: Ready, exchange: &Exchange) -> Result<Reply, ApiError> {
    match ready {
        Ready::Repeated(reply) => Ok(reply),
        Ready::Call(call) => {
            let (respond, response) = oneshot::channel();
            // A call goes on when its client disconnects: it has a hold to settle, an upstream to stop and a line to log.
            exchange.answer(call.run(respond), response).await.ok_or_else(lost)?
        }
    }
}

fn lost() -> ApiError {
    ApiError::new(Code::Internal, "the call ended without an answer")
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
    let (body, _in_flight) = read_body(request, head, config, &client).await?;
    let tokens = admission::count_tokens(&body, config, &client)?;
    Ok(Reply::json(200, json!({"input_tokens": tokens})))
}

/// Whether the configuration or the catalog has `model`.
fn is_known_model(config: &Config, model: &str) -> bool {
    config.models().any(|known| known == model) || catalog::with(|catalog| catalog.find(model).is_some())
}
