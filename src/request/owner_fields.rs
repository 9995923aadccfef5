//! What the owner of an edge decides about a request, whatever the client sent: who the upstream sees as the user, and which
//! providers may answer.

use super::ChatRequest;
use crate::json::{Json, Object, array, patched};

/// The fields that name the user of the caller. OpenAI replaces the first by the second.
pub const ACCOUNT_FIELDS: [&str; 2] = ["user", "safety_identifier"];

/// The fields of `provider` that say who may keep the conversation. They count for each request that carries the conversation.
const DATA_POLICY: [&str; 3] = ["data_collection", "zdr", "enforce_distillable_text"];

/// What the owner of an edge decides about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerFields {
    /// The account that pays, as a name that reveals nobody. It replaces the user that the client names.
    pub account: Option<String>,
    /// The fields of [`ACCOUNT_FIELDS`] that keep the client's own value.
    pub kept: Vec<&'static str>,
    /// The JSON text of an object: fields of `provider` that the owner fixed. OpenRouter alone knows this field.
    pub provider: Option<String>,
    /// The request has files, and OpenRouter reads them without a charge of its own, unless the request names another reader.
    pub reads_files_for_free: bool,
}

/// OpenRouter's plugin that reads files. Without it, OpenRouter charges each page of a file that the model itself cannot read.
/// <https://openrouter.ai/docs/guides/overview/multimodal/pdfs>
const FILE_PARSER: &str = "file-parser";
const FREE_FILE_PARSER: &str = r#"{"id":"file-parser","pdf":{"engine":"cloudflare-ai"}}"#;

impl ChatRequest {
    /// The fields of the request for an upstream that knows the `account_fields`, and with `knows_providers` the fields
    /// `provider` and `plugins`.
    pub(super) fn with_owner_fields(&self, account_fields: &[&str], knows_providers: bool) -> String {
        let given = Json::or_null(&self.rest);
        let mut owned = self.account_patch(account_fields, given);
        if let (Some(fixed), true) = (&self.owner.provider, knows_providers) {
            owned.raw("provider", &patched(given.get("provider").raw(), fixed));
        }
        let plugins = given.get("plugins");
        let has_parser = || plugins.items().any(|plugin| plugin.get("id").is(FILE_PARSER));
        if self.owner.reads_files_for_free && knows_providers && !has_parser() {
            owned.raw("plugins", &array(plugins.items().map(Json::raw).chain([FREE_FILE_PARSER])));
        }
        patched(&self.rest, &owned.end())
    }

    fn account_patch(&self, account_fields: &[&str], given: Json<'_>) -> Object {
        let mut patch = Object::default();
        let Some(account) = &self.owner.account else { return patch };
        // OpenAI's request for embeddings has `user` alone.
        let names = if self.is_for_embeddings() { &ACCOUNT_FIELDS[..1] } else { &ACCOUNT_FIELDS };
        for name in names.iter().copied() {
            let is_given = !given.get(name).is_null();
            let is_kept = is_given && self.owner.kept.contains(&name);
            if !is_kept && (is_given || account_fields.contains(&name)) {
                patch.text(name, account);
            }
        }
        patch
    }

    /// `body`, another request that carries the conversation, with the account, and with the client's and the owner's choice of
    /// who may keep the conversation.
    pub(crate) fn own(&self, body: &str, account_fields: &[&str], knows_providers: bool) -> String {
        let mut patch = self.account_patch(account_fields, Json::NULL);
        if knows_providers {
            let given = Json::or_null(&self.rest).get("provider");
            let effective = patched(given.raw(), self.owner.provider.as_deref().unwrap_or("{}"));
            let mut policy = Object::default();
            for name in DATA_POLICY {
                let value = Json::or_null(&effective).get(name);
                policy.maybe_raw(name, (!value.is_null()).then(|| value.raw()));
            }
            let policy = policy.end();
            if policy != "{}" {
                patch.raw("provider", &policy);
            }
        }
        patched(body, &patch.end())
    }
}

#[cfg(test)]
mod tests {
    use super::OwnerFields;
    use crate::json::Json;
    use crate::request::ChatRequest;
    use serde_json::{Value, json};

    fn request(mut body: Value, owner: OwnerFields) -> ChatRequest {
        body["model"] = "a/a".into();
        body["messages"] = json!([{"role": "user", "content": "hello"}]);
        let request = ChatRequest::read(Json::parse(&body.to_string()).expect("JSON")).expect("valid");
        ChatRequest { owner, ..request }
    }

    fn account() -> OwnerFields {
        OwnerFields { account: Some("hash".into()), ..OwnerFields::default() }
    }

    fn sent(request: &ChatRequest, account_fields: &[&str], knows_providers: bool) -> Value {
        serde_json::from_str(&request.with_owner_fields(account_fields, knows_providers)).expect("JSON")
    }

    #[test]
    fn the_account_replaces_the_user_that_a_client_names() {
        let claimed = request(json!({"user": "somebody", "safety_identifier": "else"}), account());
        for fields in [&[][..], &["user"], &["user", "safety_identifier"]] {
            let sent = sent(&claimed, fields, true);
            assert_eq!((&sent["user"], &sent["safety_identifier"]), (&json!("hash"), &json!("hash")), "{fields:?}");
        }
        let silent = request(json!({}), account());
        let sent = sent(&silent, &["user"], true);
        assert_eq!((&sent["user"], sent.get("safety_identifier"), sent.get("provider")), (&json!("hash"), None, None));
    }

    #[test]
    fn a_field_that_the_owner_opened_keeps_the_value_of_the_client() {
        let owner = OwnerFields { kept: vec!["user"], ..account() };
        let own = request(json!({"user": "somebody", "safety_identifier": "else"}), owner.clone());
        let sent = sent(&own, &["user"], true);
        assert_eq!((&sent["user"], &sent["safety_identifier"]), (&json!("somebody"), &json!("hash")));
        assert_eq!(super::tests::sent(&request(json!({}), owner), &["user"], true)["user"], "hash");
    }

    #[test]
    fn fixed_fields_of_the_provider_replace_those_of_the_client_and_only_openrouter_gets_them() {
        let fixed = Some(r#"{"data_collection":"deny","only":["azure"]}"#.to_owned());
        let owner = OwnerFields { provider: fixed, ..OwnerFields::default() };
        let request = request(json!({"provider": {"data_collection": "allow", "sort": "price"}}), owner);
        let expected = json!({"data_collection": "deny", "only": ["azure"], "sort": "price"});
        assert_eq!(sent(&request, &[], true)["provider"], expected);
        assert_eq!(sent(&request, &[], false)["provider"], json!({"data_collection": "allow", "sort": "price"}));
    }

    #[test]
    fn openrouter_reads_files_for_free_unless_the_request_names_a_reader() {
        let owner = OwnerFields { reads_files_for_free: true, ..OwnerFields::default() };
        let free = json!({"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}});
        let own = json!({"id": "file-parser", "pdf": {"engine": "native"}});
        let other = json!({"id": "response-healing"});
        for (given, expected) in [
            (json!({}), json!([free])),
            (json!({"plugins": null}), json!([free])),
            (json!({"plugins": [other]}), json!([other, free])),
            (json!({"plugins": [own]}), json!([own])),
        ] {
            let request = request(given.clone(), owner.clone());
            assert_eq!(sent(&request, &[], true)["plugins"], expected, "{given}");
            assert_eq!(sent(&request, &[], false).get("plugins"), given.get("plugins"), "only OpenRouter has plugins");
        }
    }

    #[test]
    fn a_name_that_is_written_with_escapes_hides_no_value_of_the_client() {
        let body = r#"{"model":"a","messages":[{"role":"user","content":"hello"}],"us\u0065r":"somebody",
            "pr\u006fvider":{"data_c\u006fllection":"allow"}}"#;
        let read = ChatRequest::read(Json::parse(body).expect("JSON")).expect("valid");
        let provider = Some(r#"{"data_collection":"deny"}"#.to_owned());
        let request = ChatRequest { owner: OwnerFields { provider, ..account() }, ..read };
        let sent = request.with_owner_fields(&["user"], true);
        assert!(!sent.contains("somebody") && !sent.contains("allow") && !sent.contains('\\'), "{sent}");
        assert!(sent.contains("hash") && sent.contains("deny"), "{sent}");
    }

    #[test]
    fn a_judge_gets_the_account_and_the_data_policy_and_no_choice_of_providers() {
        let owner = OwnerFields { provider: Some(r#"{"zdr":true,"only":["azure"]}"#.into()), ..account() };
        let client = request(json!({"provider": {"data_collection": "deny"}, "user": "x"}), owner);
        let body: Value = serde_json::from_str(&client.own("{\"model\":\"j\"}", &["user"], true)).expect("JSON");
        let policy = json!({"data_collection": "deny", "zdr": true});
        assert_eq!(body, json!({"model": "j", "user": "hash", "provider": policy}));
        let plain = request(json!({}), OwnerFields::default());
        assert_eq!(plain.own("{\"model\":\"j\"}", &["user"], true), "{\"model\":\"j\"}");
    }
}
