//! Requests of SDKs that an edge answers in their own protocol: Responses, Messages and embeddings. The edge falls back by
//! itself, so the request goes to the edge as it is, with the client's key and headers.

use js_sys::Object;
use wasm_bindgen::{JsCast, JsValue};

use super::client::Client;
use super::driver::request_init;
use super::fetch::{SdkRequest, body_text, failure_response, path_of};
use super::options::{Host, Plan, Purpose, merge};
use super::page::property;
use super::promise::settle;
use super::values::parse;
use crate::Failure;
use crate::shape::Shape;
use crate::text::text;

/// The endpoints of an edge beside chat completions, below the base of an API.
const ENDPOINTS: [&str; 4] = ["/responses", "/messages", "/messages/count_tokens", "/embeddings"];

/// Options need a chat request. This one is not sent.
const CHAT: &str = r#"{"model":"-","messages":[{"role":"user"}]}"#;

/// `path` can be the base of an API: it has at most one segment, or its last segment is a version, or names an API without one
/// (`/openai` at Azure and at gateways) or a model of Azure (`/openai/deployments/NAME`). What an API has below another resource,
/// such as `/v1/threads/ID/messages` at OpenAI, is no endpoint of an edge.
fn is_base(path: &str) -> bool {
    let (above, last) = path.split_at(path.bytes().rposition(|byte| byte == b'/').unwrap_or_default());
    above.is_empty()
        || matches!(last.as_bytes(), [b'/', b'v', b'0'..=b'9', ..] | b"/openai")
        || above.ends_with("/deployments")
}

impl Client {
    /// The endpoint of the client's edge that answers a POST to `url`. `None`, if the client has no edge, or the edge no such
    /// endpoint.
    pub(super) fn edge_endpoint(&self, url: &str) -> Option<&'static str> {
        let path = path_of(url);
        let endpoint = ENDPOINTS.into_iter().find(|endpoint| path.strip_suffix(endpoint).is_some_and(is_base));
        endpoint.filter(|_| property(self.defaults(), "edge").is_truthy())
    }

    /// What the edge answers at `endpoint`.
    pub(super) async fn forward(
        &self,
        endpoint: &str,
        url: String,
        input: &JsValue,
        init: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let body = settle(body_text(input, init)).await?.as_string().unwrap_or_default();
        let request = SdkRequest::new(url, input, init, parse(CHAT).unchecked_into())?;
        match self.plan_forward(&self.options_for(request)) {
            Ok((plan, host)) => {
                let edge = &plan.upstreams[0];
                let request = edge.post(false, text!(&edge.url, endpoint), body);
                let init = request_init(&request, host.signal.as_ref());
                settle(init.and_then(|init| host.fetch.call2(&JsValue::UNDEFINED, &(&*request.url).into(), &init)))
                    .await
            }
            Err(failure) => failure_response(&failure, Shape::OpenAi),
        }
    }

    fn plan_forward(&self, options: &Object) -> Result<(Plan, Host), Box<Failure>> {
        let merged = merge(self.defaults(), options)?;
        Ok((Plan::read(Purpose::Wire, &merged, false)?, Host::read(&merged, None)?))
    }
}
