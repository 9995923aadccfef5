//! The body of a request to an upstream.
//!
//! A body has `model` or `models`, never both: OpenRouter tries a `model` beside `models` first, which would change the
//! order of the chain and the bill.

use super::{ChatRequest, LIMITS, OwnerFields};
use crate::catalog::{LISTED_ANSWER, LISTED_PROMPT, Price};
use crate::failure::RequestFields;
use crate::json::{Json, Object, array, patched, quoted};
use crate::text::text;
use crate::upstream::Dialect;
use crate::usd::Usd;

/// What one request to an upstream differs in.
#[derive(Debug)]
pub(crate) struct BodySpec<'a> {
    /// What the upstream speaks.
    pub(crate) dialect: Dialect,
    /// The fields in which the upstream wants to know the account.
    pub(crate) account_fields: &'a [&'static str],
    /// The ids of the models that the request names, at least one.
    pub(crate) models: &'a [&'a str],
    /// The request asks for a stream.
    pub(crate) streamed: bool,
    /// The most tokens that the answer may have.
    pub(crate) limit: Option<u64>,
    /// The text that the answer continues.
    pub(crate) prefill: Option<&'a str>,
    /// The fields that the upstream rejects.
    pub(crate) rejected: RequestFields,
    /// The highest prices that OpenRouter may choose a provider for.
    pub(crate) cap: PriceCap,
}

/// The highest price of a million tokens of the prompt, and of the answer.
pub(crate) type PriceCap = [Usd; 2];

/// No price is too high.
pub(crate) const NO_CAP: PriceCap = [Usd(u64::MAX); 2];

/// The list prices of `price`, as a cap that is no higher than `most`.
pub(crate) fn price_cap(price: &Price, most: PriceCap) -> PriceCap {
    let list_price = |column: usize| price.0[column].times(1_000_000);
    [most[0].min(list_price(LISTED_PROMPT)), most[1].min(list_price(LISTED_ANSWER))]
}

impl ChatRequest {
    /// The JSON text of the request that `spec` describes.
    pub(crate) fn body(&self, spec: &BodySpec<'_>) -> String {
        let mut body = Object::default();
        match spec.models {
            [model] => body.text("model", model),
            models => body.raw("models", &array(models.iter().map(|model| quoted(model)))),
        };
        if spec.streamed {
            body.flag("stream", true);
            let options = self.stream_options(spec);
            if options != "{}" {
                body.raw("stream_options", &options);
            }
        }
        if let (Dialect::Edge, Some(policy)) = (spec.dialect, &self.policy) {
            body.raw("failsoft", policy);
        }
        // Vectors have no output limit.
        if let Some(limit) = spec.limit.filter(|_| !self.is_for_embeddings()) {
            body.whole(self.limit_name(spec), limit);
        }
        let is_openrouter = spec.dialect == Dialect::OpenRouter;
        // A page has no owner who is not its caller.
        let has_owner = !cfg!(feature = "browser") && self.owner != OwnerFields::default();
        let owned = has_owner.then(|| self.with_owner_fields(spec.account_fields, is_openrouter));
        let rest = owned.as_ref().unwrap_or(&self.rest);
        let capped = (is_openrouter && spec.cap != NO_CAP).then(|| capped(rest, spec.cap));
        let rest = capped.as_ref().unwrap_or(rest);
        // Every upstream can write vectors as numbers.
        let as_numbers = self.wants_base64() && spec.rejected.has(RequestFields::BASE64);
        let as_numbers = as_numbers.then(|| patched(rest, r#"{"encoding_format":"float"}"#));
        let rest = as_numbers.as_ref().unwrap_or(rest);
        match spec.prefill {
            None => _ = body.fields(rest),
            Some(prefill) => write_with_prefill(&mut body, rest, prefill),
        }
        body.end()
    }

    /// The name of the output limit: the caller's, else the usual one, unless the upstream rejects that name.
    fn limit_name(&self, spec: &BodySpec<'_>) -> &'static str {
        let usual = if spec.dialect.states_cost() { LIMITS[1] } else { LIMITS[0] };
        let name = self.limits.first().copied().unwrap_or(usual);
        let other = if name == LIMITS[0] { LIMITS[1] } else { LIMITS[0] };
        if spec.rejected.has(limit_field(name)) { other } else { name }
    }

    /// The fields of the body that `spec` describes which an upstream may reject although the caller's request is right.
    pub(crate) fn own_fields(&self, spec: &BodySpec<'_>) -> RequestFields {
        let mut fields = RequestFields::default();
        if spec.streamed {
            fields.add(RequestFields::STREAM);
        }
        if spec.streamed && !self.asks_for_usage() && self.adds_usage(spec) {
            fields.add(RequestFields::STREAM_OPTIONS);
        }
        if spec.limit.is_some() {
            fields.add(limit_field(self.limit_name(spec)));
        }
        if self.wants_base64() {
            fields.add(RequestFields::BASE64);
        }
        fields
    }

    /// The body asks for the usage of the stream. OpenRouter reports the usage in any case; another upstream has to be asked.
    fn adds_usage(&self, spec: &BodySpec<'_>) -> bool {
        let is_rejected = spec.rejected.has(RequestFields::STREAM_OPTIONS) && !self.asks_for_usage();
        spec.dialect != Dialect::OpenRouter && !is_rejected
    }

    /// The `stream_options` for an upstream.
    fn stream_options(&self, spec: &BodySpec<'_>) -> String {
        let given = Json::or_null(&self.stream_options);
        let asks_for_usage = self.adds_usage(spec);
        let mut options = Object::default();
        for (name, value) in given.fields().filter(|(name, _)| !asks_for_usage || !name.is("include_usage")) {
            options.entry(name, value.raw());
        }
        if asks_for_usage {
            options.flag("include_usage", true);
        }
        options.end()
    }
}

fn limit_field(name: &str) -> RequestFields {
    if name == LIMITS[0] { RequestFields::MAX_COMPLETION_TOKENS } else { RequestFields::MAX_TOKENS }
}

/// Writes the fields of `rest`, with `prefill` as the last message, by the assistant.
fn write_with_prefill(body: &mut Object, rest: &str, prefill: &str) {
    for (name, value) in Json::or_null(rest).fields() {
        if name.is("messages") {
            let mut last = Object::default();
            last.text("role", "assistant").text("content", prefill);
            let messages = value.raw().strip_suffix(']').unwrap_or_default();
            body.raw("messages", &text!(messages, ",", &last.end(), "]"));
        } else {
            body.entry(name, value.raw());
        }
    }
}

/// `request` with a limit on the prices among which OpenRouter may choose a provider: no higher than `cap`, and no higher
/// than the caller's own limit. A provider with higher list prices charges more for long prompts and cache writes, too.
pub(crate) fn capped(request: &str, cap: PriceCap) -> String {
    let own = Json::or_null(request).get("provider");
    let given = own.get("max_price");
    let mut price = Object::default();
    for (name, most) in ["prompt", "completion"].into_iter().zip(cap).filter(|(_, most)| most.0 < u64::MAX) {
        price.raw(name, &Usd(given.get(name).amount().map_or(most.0, |own| own.min(most.0))).decimal());
    }
    let provider = text!("{\"max_price\":", &patched(given.raw(), &price.end()), "}");
    patched(request, &text!("{\"provider\":", &patched(own.raw(), &provider), "}"))
}

#[cfg(test)]
mod tests {
    use super::{BodySpec, ChatRequest, NO_CAP, capped};
    use crate::failure::RequestFields;
    use crate::json::Json;
    use crate::upstream::Dialect;
    use crate::usd::Usd;
    use serde_json::{Value, json};

    fn read(mut body: Value) -> ChatRequest {
        body["messages"] = json!([{"role": "user", "content": "hello"}]);
        ChatRequest::read(Json::parse(&body.to_string()).expect("JSON")).expect("valid")
    }

    fn sent(request: &ChatRequest, dialect: Dialect, models: &[&str]) -> String {
        request.body(&BodySpec {
            dialect,
            account_fields: &[],
            models,
            streamed: false,
            limit: None,
            prefill: None,
            rejected: RequestFields::default(),
            cap: NO_CAP,
        })
    }

    #[test]
    fn never_sends_model_beside_models() {
        let request = read(json!({"model": "x/injected", "models": ["a/a", "b/b"]}));
        let sent: Value = serde_json::from_str(&sent(&request, Dialect::OpenRouter, &["a/a", "b/b"])).expect("JSON");
        assert_eq!(sent["models"], json!(["a/a", "b/b"]));
        assert_eq!(sent.get("model"), None);
        assert!(request.warnings[0].contains("x/injected"));
    }

    #[test]
    fn keeps_unknown_fields_and_the_order_of_a_schema() {
        let format = json!({"type": "json_schema", "z": 1, "a": 2});
        let request = read(json!({"model": "a/a", "response_format": format, "novel": {"b": 1}}));
        let sent = sent(&request, Dialect::OpenAi, &["a/a"]);
        assert!(sent.contains(r#""response_format":{"type":"json_schema","z":1,"a":2},"novel":{"b":1}"#), "{sent}");
    }

    #[test]
    fn a_cap_bounds_each_price_and_keeps_a_lower_one_of_the_caller() {
        let provider = |given: &str, cap| {
            let capped: Value = serde_json::from_str(&capped(given, cap)).expect("JSON");
            capped["provider"].clone()
        };
        let (one, two, none) = (Usd(1_000_000_000_000), Usd(2_000_000_000_000), NO_CAP[0]);
        assert_eq!(provider("{}", [one, two]), json!({"max_price": {"prompt": 1, "completion": 2}}));
        assert_eq!(provider("{}", [none, two]), json!({"max_price": {"completion": 2}}));
        let given = r#"{"provider": {"zdr": true, "max_price": {"prompt": 0.5, "completion": "3", "image": 7}}}"#;
        let expected = json!({"zdr": true, "max_price": {"prompt": 0.5, "completion": 2, "image": 7}});
        assert_eq!(provider(given, [one, two]), expected);
    }

    #[test]
    fn only_an_edge_gets_the_policy() {
        let request = read(json!({"model": "a/a", "failsoft": {"attempts": 2}}));
        assert!(sent(&request, Dialect::Edge, &["a/a"]).contains(r#""failsoft":{"attempts":2}"#));
        assert!(!sent(&request, Dialect::OpenRouter, &["a/a"]).contains("failsoft"));
    }
}
