//! `GET /v1/models` and `GET /v1/models/ID`: the models that a client may ask for, in OpenAI's shape or in OpenRouter's.

use std::sync::Arc;

use failsoft::catalog::ModelInfo;
use failsoft::json::{Object, array};
use failsoft::{Shape, Usd};

use crate::access::{Client, covers};
use crate::call::admission::ROUTE;
use crate::catalog;
use crate::config::{Config, Limits};
use crate::http::api_error::{ApiError, Code};

/// The models of a client.
pub(crate) struct ModelList<'a> {
    config: &'a Config,
    client: &'a Client<'a>,
    shape: Shape,
}

/// What a client may know about a model or a route.
struct Row {
    id: String,
    owner: String,
    info: Option<Arc<ModelInfo>>,
}

impl<'a> ModelList<'a> {
    pub(crate) fn new(config: &'a Config, client: &'a Client<'a>, shape: Shape) -> Self {
        Self { config, client, shape }
    }

    /// The client's routes, then the models that `models` names, then the known models that its patterns cover: those that OpenRouter
    /// lists, so no models that make vectors.
    pub(crate) fn list(&self) -> String {
        catalog::with(|catalog| {
            let rows = self
                .ids(&catalog.ids().filter(|id| !catalog::embeds(id)).collect::<Vec<_>>())
                .into_iter()
                .map(|id| self.show(&self.row(id)));
            let rows: Vec<String> = rows.collect();
            let mut list = Object::default();
            list.text("object", "list").raw("data", &array(&rows));
            if self.shape == Shape::OpenRouter {
                list.whole("total_count", rows.len() as u64).raw("links", r#"{"next":null}"#);
            }
            list.end()
        })
    }

    /// The model or route `id`.
    ///
    /// # Errors
    /// If the client may not ask for it, or it is not known.
    pub(crate) fn find(&self, id: &str) -> Result<String, ApiError> {
        let is_known = catalog::with(|catalog| {
            let is_named = self.ids(&[]).iter().any(|named| named == id);
            // Without a catalog, every model may exist.
            is_named || self.client.may_name(id) && (catalog.find(id).is_some() || catalog.ids().next().is_none())
        });
        if !is_known {
            let message = "there is no such model for this key; GET /v1/models lists those that there are";
            return Err(ApiError::new(Code::ModelNotFound, message).about("model"));
        }
        let shown = self.show(&self.row(id.into()));
        Ok(match self.shape {
            Shape::OpenAi => shown,
            Shape::OpenRouter => Object::default().raw("data", &shown).end(),
        })
    }

    fn ids(&self, known: &[&str]) -> Vec<String> {
        let mut ids: Vec<String> = self.client.routes().map(|route| [ROUTE, &route.name].concat()).collect();
        let models = self.client.models();
        let (patterns, named): (Vec<&str>, Vec<&str>) = models.iter().partition(|model| model.ends_with('*'));
        let is_covered = |id: &&str| !named.contains(id) && patterns.iter().any(|pattern| covers(pattern, id));
        let covered = known.iter().copied().filter(is_covered);
        ids.extend(named.iter().copied().chain(covered).map(Into::into));
        ids
    }

    /// What is known about `id`. Of a route, its first model.
    fn row(&self, id: String) -> Row {
        let route = id.strip_prefix(ROUTE).and_then(|name| self.config.route(name));
        let model = route.map_or(Some(&id), |route| route.models.first());
        let find = |model: &String| {
            let configured = self
                .config
                .upstreams
                .iter()
                .find_map(|upstream| catalog::with(|catalog| upstream.model_info(model, catalog).cloned()));
            configured.filter(|_| !self.client.hides_report())
        };
        let owner = if route.is_some() { "failsoft" } else { id.split('/').next().unwrap_or_default() };
        Row { owner: owner.into(), info: model.and_then(find), id }
    }

    fn show(&self, row: &Row) -> String {
        let mut json = Object::default();
        json.text("id", &row.id).text("object", "model").whole("created", 0).text("owned_by", &row.owner);
        if self.shape == Shape::OpenRouter {
            write_openrouters(&mut json, row, &self.config.limits);
        }
        json.end()
    }
}

/// The fields that OpenRouter's schema requires, beside those of OpenAI. A price that the client may not know, or that is not known,
/// is -1: OpenRouter uses it for a price that depends on the request.
fn write_openrouters(json: &mut Object, row: &Row, limits: &Limits) {
    let unknown = ModelInfo::default();
    let info = row.info.as_deref().unwrap_or(&unknown);
    let price = |price: Option<Usd>| price.map_or("-1".into(), Usd::decimal);
    let attachments = [("image", limits.images), ("file", limits.files)];
    let modalities = attachments.into_iter().filter(|(_, most)| *most > 0).map(|(kind, _)| kind.into());
    let modalities: Vec<String> = ["text".into()].into_iter().chain(modalities).collect();
    let context = info.context_length.map_or("null".into(), |tokens| tokens.to_string());
    let most = info.max_output.map_or(limits.output_tokens, |most| most.min(limits.output_tokens));
    json.text("canonical_slug", info.canonical_slug.as_ref().unwrap_or(&row.id)).text("name", &row.id);
    json.raw("context_length", &context).open("architecture", "{");
    json.text("modality", &[&modalities.join("+"), "->text"].concat());
    json.texts("input_modalities", &modalities).raw("output_modalities", r#"["text"]"#).close("}");
    json.open("pricing", "{").text("prompt", &price(info.price.0)).text("completion", &price(info.price.1)).close("}");
    json.open("top_provider", "{").raw("context_length", &context).whole("max_completion_tokens", most);
    json.flag("is_moderated", false).close("}");
    json.raw("supported_parameters", if info.parameters.is_empty() { "[]" } else { &info.parameters });
    for name in ["per_request_limits", "default_parameters", "supported_voices"] {
        json.raw(name, "null");
    }
    json.open("links", "{").text("details", &["/api/v1/model/", &row.id].concat()).close("}");
}

#[cfg(test)]
mod tests {
    use super::ModelList;
    use crate::access::admit_at_once as admit;
    use crate::config::Config;
    use crate::http::caller::Caller;
    use failsoft::{Json, Shape};

    #[test]
    fn a_pattern_lists_the_known_models_and_a_name_lists_itself() {
        let config = r#"{"access": "loopback", "models": ["b/b", "a/*"], "routes": {"r": {"models": ["c/c"]}}}"#;
        let config = Config::of(config, "sk").expect("a configuration");
        let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
        let list = ModelList::new(&config, &client, Shape::OpenAi);
        assert_eq!(list.ids(&["a/1", "b/b", "c/c", "a/2"]), ["route/r", "b/b", "a/1", "a/2"]);
        let owner = |model: String| Json::parse(&model).expect("JSON").get("owned_by").word().to_owned();
        assert_eq!(owner(list.find("b/b").expect("a model")), "b");
        assert_eq!(owner(list.find("route/r").expect("a route")), "failsoft");
        for id in ["c/c", "route/s", "b/b*", ""] {
            assert_eq!(list.find(id).expect_err("an error").code.status(), 404, "{id}");
        }
    }
}
