//! Admission: what a client may ask for, and what the call can cost at most.
//!
//! | file | decides |
//! |---|---|
//! | `json_shape.rs` | is the body JSON that every reader understands in the same way? |
//! | `upstream_choice.rs` | does a field name an address, a key or headers for an upstream? |
//! | `draft.rs` | the order of all of these: from a body to a call, if there is a price for it |
//! | `fields.rs`, `tools.rs` | which fields may a request have? |
//! | `openrouter.rs` | what may a client ask of OpenRouter's providers and plugins? |
//! | `embeddings.rs` | what may a request for embeddings have, and which upstreams may answer it? |
//! | `messages.rs`, `attachments.rs` | what may a conversation contain? |
//! | `models.rs` | which models may this client name? |
//! | `native.rs` | what may an upstream get byte for byte? |
//! | `policy.rs` | what may the client change in the policy? |
//! | `hold_cost.rs` | what can the call use at most, so that this much is held? |

mod attachments;
mod draft;
mod embeddings;
mod fields;
mod hold_cost;
mod json_shape;
mod messages;
mod models;
mod native;
mod openrouter;
mod policy;
mod tools;
mod upstream_choice;

pub(crate) use models::ROUTE;

use std::rc::Rc;
use std::sync::Arc;

use failsoft::protocol::{Context, Protocol};
use failsoft::{ChatRequest, Millis, Policy, Upstream};
use worker::Env;

use crate::access::Client;
use crate::account::Usage;
use crate::catalog;
use crate::config::{Config, Route};
use crate::http::api_error::ApiError;
use crate::platform::executor::boxed;
use draft::{Draft, read_json};
use hold_cost::Prices;

/// A call that may be made.
#[derive(Debug)]
pub(crate) struct AdmittedCall {
    pub(crate) request: ChatRequest,
    /// The upstreams that the call may reach.
    pub(crate) upstreams: Arc<Vec<Upstream>>,
    pub(crate) policy: Arc<Policy>,
    /// What the writer of the answer must know. `None` for chat completions.
    pub(crate) context: Option<Context>,
    pub(crate) route: Option<Rc<Route>>,
    pub(crate) headers_within: Millis,
    /// The client chose the providers: the outcome says nothing about the model for other clients.
    pub(crate) leaves_no_trace: bool,
    /// The client chose parameters that can make a model fail: a failure says nothing about the model for other clients.
    pub(crate) excuses_failures: bool,
    /// The account, as a hash; nothing if only one account can call.
    pub(crate) account: Option<u32>,
    /// The most that the whole call can use. The policy keeps the call within this.
    pub(crate) worst: Usage,
}

/// Reads and checks `body`. Where money or a price is bounded and a price is missing, waits for the first catalog of the isolate.
///
/// # Errors
/// What is wrong with the body, or what this client may not do, with the path of the field.
pub(crate) async fn admit(
    body: &[u8],
    protocol: Protocol,
    config: &Config,
    client: &Client<'_>,
    env: &Env,
) -> Result<AdmittedCall, ApiError> {
    let draft = Draft::read(body, protocol, config, client)?;
    let has_prices =
        || catalog::with(|catalog| Prices { upstreams: &draft.call.upstreams, catalog }.are_known(&draft.call.request));
    let has_cap = draft.call.policy.max_price != (None, None);
    if (draft.bounded.money || has_cap) && !has_prices() {
        boxed(catalog::wait_for_first(&config.upstreams, env)).await;
    }
    catalog::with(|catalog| draft.admit(catalog))
}

/// The estimated tokens of the prompt in `body`, the body of a request to `/v1/messages/count_tokens`.
///
/// # Errors
/// As [`admit`].
pub(crate) fn count_tokens(body: &[u8], config: &Config, client: &Client<'_>) -> Result<u64, ApiError> {
    let request = failsoft::protocol::read_prompt(read_json(body, config)?)?;
    Ok(Draft::read_translated(request, Protocol::Messages, config, client)?.call.request.prompt_tokens())
}

#[cfg(test)]
mod growth_tests;
#[cfg(test)]
mod protocol_tests;
#[cfg(test)]
mod tests;
