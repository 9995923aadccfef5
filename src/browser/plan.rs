//! What a call needs to begin, from the JSON that JavaScript has made of the options.

use std::borrow::Cow;

use crate::invalid::Invalid;
use crate::json::Json;
use crate::policy::{Recover, Retry, Soft, Timeouts};
use crate::request::{ChatRequest, UsageChunk};
use crate::spelling::closest;
use crate::text::{cut, split, text};
use crate::upstream::{App, Dialect, Upstream};
use crate::{Catalog, Millis, Policy};

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) request: ChatRequest,
    pub(super) upstreams: Vec<Upstream>,
    pub(super) policy: Policy,
}

impl Plan {
    /// Reads `{ask, stray, known, upstreams, policy, request}`. `ask` is `"parse"` for a response that is there already,
    /// `"wire"` for a client that speaks OpenAI's protocol itself; `stray` an option that is none of those `known`.
    pub(super) fn read(handed: &[u8]) -> Result<Self, Box<Invalid>> {
        let handed = Json::parse_bytes(handed).unwrap_or(Json::NULL);
        let ask = handed.get("ask");
        if ask.is("parse") {
            return Self::parse();
        }
        if let Some(stray) = handed.get("stray").text() {
            return Err(unknown(&stray, &handed.get("known").text().unwrap_or_default()));
        }
        let upstreams: Vec<Upstream> = handed.get("upstreams").items().map(upstream).collect();
        let mut policy = Policy { assemble: true, ..Policy::default() };
        policy.set(handed.get("policy"))?;
        let mut request = ChatRequest::read(handed.get("request"))?;
        let usage_comes_unasked = upstreams.iter().any(|upstream| upstream.dialect == Dialect::OpenAi);
        if ask.is("wire") && usage_comes_unasked && !request.asks_for_usage() {
            request.usage_chunk = UsageChunk::Hidden;
        }
        Ok(Self { request, upstreams, policy })
    }

    /// The plan of a response that is there already: one attempt, no rule, no clock; all that comes is shown.
    fn parse() -> Result<Self, Box<Invalid>> {
        const NEVER: Millis = Millis::MAX / 4;
        let policy = Policy {
            attempts: 1,
            timeouts: Timeouts { headers: NEVER, first_token: NEVER, idle: NEVER, total: NEVER },
            retry: Retry { same: 0, max_wait: 0, base: 0, cap: 0 },
            on_content_filter: Soft::Accept,
            empty: Soft::Accept,
            reasoning_only: Soft::Accept,
            refusal: Soft::Accept,
            invalid_json: Soft::Accept,
            recover: Recover::Error,
            ..Policy::default()
        };
        let asked = r#"{"model":"-","messages":[{"role":"user"}],"stream":true,"include_reasoning":true}"#;
        let mut request = ChatRequest::read(Json::or_null(asked))?;
        request.as_it_comes = true;
        Ok(Self { request, upstreams: vec![Upstream::new(Dialect::OpenAi, "", None)], policy })
    }

    /// The URLs of facts that `catalog` lacks about models which the prompt may overflow. Only OpenRouter has such pages.
    pub(super) fn wanted(&self, catalog: &Catalog) -> Vec<String> {
        // A bound on money needs prices, whatever the size of the prompt.
        let bounded = self.policy.max_cost.is_some() || self.policy.max_price != (None, None);
        let judge = self.policy.judge.iter().filter(|_| bounded).map(|judge| &judge.model);
        let models = self.request.models.iter().chain(judge).map(String::as_str);
        let models = catalog.wanting(models, self.request.prompt, bounded);
        let Some(upstream) = self.upstreams.iter().find(|upstream| upstream.dialect == Dialect::OpenRouter) else {
            return Vec::new();
        };
        models.into_iter().map(|model| text!(&upstream.url, "/models/", cut(model, b':').0, "/endpoints")).collect()
    }
}

/// The option `name` is none of those that are `known`.
fn unknown(name: &str, known: &str) -> Box<Invalid> {
    if closest(name, &mut split(known, b' ')).is_some() {
        return Invalid::unknown("", name, known);
    }
    Invalid::new(name, "is not a known option; a field that only the upstream knows goes into `body`")
}

fn upstream(given: Json<'_>) -> Upstream {
    let string = |name| given.get(name).text().map(Cow::into_owned);
    let dialect = match given.get("dialect").text().as_deref() {
        Some("openrouter") => Dialect::OpenRouter,
        Some("edge") => Dialect::Edge,
        _ => Dialect::OpenAi,
    };
    let mut upstream = Upstream::new(dialect, &string("url").unwrap_or_default(), string("key"));
    let app = given.get("app");
    let [url, title] = ["url", "title"].map(|name| app.get(name).text().map(Cow::into_owned));
    upstream.app = App { url, title };
    let headers = given.get("headers");
    let owned = |json: Json<'_>| json.text().unwrap_or_default().into_owned();
    upstream.headers = headers.fields().map(|(name, value)| (owned(name), owned(value))).collect();
    upstream.models = given.get("models").items().map(owned).collect();
    upstream.catalog = Catalog::read(given.get("catalog"));
    upstream
}
