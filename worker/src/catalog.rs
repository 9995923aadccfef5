//! The catalog of models: prices and context windows, from OpenRouter's `GET /models` and, for models that make vectors, from its
//! `GET /embeddings/models` (openrouter.ai/docs/api/api-reference/embeddings/list-all-embeddings-models).
//!
//! The catalog is fetched after a response, so that no request waits for it. The exception is the first call of an isolate
//! that needs prices. The database keeps a copy for a new isolate while the upstream does not answer.

mod cache;

pub(crate) use cache::{embeds, with};

use std::pin::pin;
use std::time::Duration;

use failsoft::json::{Object, array, patched};
use failsoft::{Catalog, Dialect, Json, Millis, Upstream};
use futures_util::future::{join, select};
use serde_json::Value;
use worker::{Delay, Env};

use crate::ledger::database;
use crate::platform::executor::{Boxed, boxed};
use crate::platform::fetch;
use crate::platform::host;
use crate::platform::timer::within;

/// How long a request waits for the first catalog, and how often it looks, in milliseconds.
const LONGEST_WAIT: u64 = 3_000;
const STEP: u64 = 20;

/// How long the list of models that make vectors may take, and then the copy in its place, in milliseconds. The other list does not
/// wait longer.
const LONGEST_WAIT_FOR_VECTORS: Millis = 2_000;
const LONGEST_WAIT_FOR_COPY: Millis = 500;

/// The field of a model that makes vectors. It is this project's.
const EMBEDS: &str = "failsoft_embeds";

/// The copy is renewed after this time, in milliseconds.
const MAX_COPY_AGE: Millis = 60 * 60 * 1_000;

/// Fields of a model that only people read. They are most of the text, so the copy leaves them out.
const PROSE: &str = "name description links hugging_face_id default_parameters created knowledge_cutoff";

/// The fetch of the catalog, if one of `upstreams` has a catalog and a fetch is due.
pub(crate) fn refresh<'a>(upstreams: &'a [Upstream], env: &'a Env) -> Option<Boxed<'a, ()>> {
    claim_fetch(upstreams).map(|upstream| boxed(fetch_and_store(upstream, env)))
}

/// Waits for the first catalog of this isolate, at most [`LONGEST_WAIT`]. One request fetches the catalog, and the others
/// look for the result: a fetch belongs to its request, and the platform lets no other request wait for it.
pub(crate) async fn wait_for_first(upstreams: &[Upstream], env: &Env) {
    let claimed = claim_fetch(upstreams);
    let look = async {
        let mut waited = 0;
        while waited < LONGEST_WAIT && cache::is_fetching() {
            Delay::from(Duration::from_millis(STEP)).await;
            waited += STEP;
        }
    };
    match claimed {
        Some(upstream) => {
            select(pin!(fetch_and_store(upstream, env)), pin!(look)).await;
        }
        None => look.await,
    }
    // The upstream is late: an old catalog is better than none.
    if let Some(upstream) = find_source(upstreams)
        && cache::is_empty()
        && let Ok(Some((_, models))) = read_copy(upstream, env).await
    {
        store(&models);
    }
}

/// Renews the copy in the database if the copy is old. Returns the catalog of the copy.
pub(crate) async fn renew_copy(upstreams: &[Upstream], env: &Env, now: Millis) -> worker::Result<Option<Catalog>> {
    let Some(upstream) = find_source(upstreams) else { return Ok(None) };
    let before = read_copy(upstream, env).await?;
    if let Some((at, models)) = &before
        && now.saturating_sub(*at) < MAX_COPY_AGE
    {
        return Ok(Some(parse(models)));
    }
    let Some(models) = fetch_models(upstream, env).await.map(|models| without_prose(&models)) else {
        return Ok(before.map(|(_, models)| parse(&models)));
    };
    let values = [upstream.url.as_str().into(), (now as f64).into(), models.as_str().into()];
    database::query(env, "INSERT OR REPLACE INTO catalog (upstream, at, models) VALUES (?1, ?2, ?3)", &values).await?;
    Ok(Some(parse(&models)))
}

/// The upstream that has a catalog.
fn find_source(upstreams: &[Upstream]) -> Option<&Upstream> {
    upstreams.iter().find(|upstream| upstream.dialect == Dialect::OpenRouter)
}

/// The upstream to ask, if a fetch is due. Only one caller gets an upstream.
fn claim_fetch(upstreams: &[Upstream]) -> Option<&Upstream> {
    find_source(upstreams).filter(|_| cache::claim_fetch(host::now()))
}

/// An error is no reason to fail: a call that needs a price says so.
async fn fetch_and_store(upstream: &Upstream, env: &Env) {
    let mut models = fetch_models(upstream, env).await;
    if models.is_none() && cache::is_empty() {
        models = read_copy(upstream, env).await.ok().flatten().map(|(_, models)| models);
    }
    store(&models.unwrap_or_default());
}

/// The upstream's list, unless it is empty, with the models that make vectors behind the others. The lists are public, so the requests
/// carry no key. If the second list is late, missing or empty, the models of the copy that make vectors stay.
async fn fetch_models(upstream: &Upstream, env: &Env) -> Option<String> {
    let fetch = |path: &str| {
        let url = [&*upstream.url, path].concat();
        async move { fetch::Request::get(&url).text().await.ok() }
    };
    let for_vectors = within(LONGEST_WAIT_FOR_VECTORS, fetch("/embeddings/models"));
    let (models, for_vectors) = join(fetch("/models"), for_vectors).await;
    let (models, for_vectors) = (models?, for_vectors.flatten().unwrap_or_default());
    let mut copy = None;
    if rows(&for_vectors).is_empty() {
        copy = within(LONGEST_WAIT_FOR_COPY, read_copy(upstream, env)).await.and_then(Result::ok).flatten();
    }
    merge(&models, &for_vectors, &copy.unwrap_or_default().1)
}

/// The models of a list. It has none if it is no list.
fn rows(list: &str) -> Json<'_> {
    Json::parse(list).unwrap_or(Json::NULL).get("data")
}

/// The models of both lists, and those of `copy` that make vectors, as one list. `None` without the first. The field [`EMBEDS`] tells
/// them apart.
fn merge(models: &str, for_vectors: &str, copy: &str) -> Option<String> {
    let [models, for_vectors, copy] = [models, for_vectors, copy].map(rows);
    let mark = Object::default().flag(EMBEDS, true).end();
    let mut merged: Vec<String> = models.items().map(|row| row.raw().into()).collect();
    let ids: Vec<_> = models.items().filter_map(|row| row.get("id").text()).collect();
    let is_new = |row: &Json<'_>| row.get("id").text().is_some_and(|id| !ids.contains(&id));
    if merged.is_empty() {
        return None;
    }
    let for_vectors = for_vectors.items().chain(copy.items().filter(is_marked));
    merged.extend(for_vectors.filter(is_new).map(|row| patched(row.raw(), &mark)));
    Some(Object::default().raw("data", &array(&merged)).end())
}

fn is_marked(row: &Json<'_>) -> bool {
    row.get(EMBEDS).flag() == Some(true)
}

fn store(models: &str) {
    let marked = rows(models).items().filter(is_marked);
    let embedding = marked.filter_map(|row| Some(row.get("id").text()?.into_owned())).collect();
    cache::store(parse(models), embedding);
}

/// The copy in the database, and when it was made.
async fn read_copy(upstream: &Upstream, env: &Env) -> worker::Result<Option<(Millis, String)>> {
    let statement = "SELECT at, models FROM catalog WHERE upstream = ?1";
    let rows = database::query(env, statement, &[upstream.url.as_str().into()]).await?;
    Ok(rows.into_iter().next().and_then(|row| match &row[..] {
        [at, Value::String(models)] => Some((at.as_u64()?, models.clone())),
        _ => None,
    }))
}

fn parse(models: &str) -> Catalog {
    Catalog::read(Json::parse(models).unwrap_or(Json::NULL))
}

fn without_prose(models: &str) -> String {
    let mut json = Object::default();
    json.open("data", "[");
    for model in Json::parse(models).unwrap_or(Json::NULL).get("data").items() {
        let mut row = Object::default();
        for (name, value) in model.fields().filter(|(name, _)| !PROSE.split(' ').any(|prose| name.is(prose))) {
            row.entry(name, value.raw());
        }
        json.item(&row.end());
    }
    json.close("]");
    json.end()
}

#[cfg(test)]
mod tests {
    use super::{merge, parse, without_prose};

    #[test]
    fn models_that_make_vectors_stand_behind_the_others_and_are_marked() {
        let chat = r#"{"data":[{"id":"a/a","pricing":{"prompt":"0.1"}},{"id":"b/b"}]}"#;
        let vectors = r#"{"data":[{"id":"e/e","pricing":{"prompt":"0.2","completion":"0"}},{"id":"b/b","x":1}]}"#;
        let both = merge(chat, vectors, "").expect("a list");
        assert_eq!(parse(&both).ids().collect::<Vec<_>>(), ["a/a", "b/b", "e/e"]);
        assert_eq!(both.matches("failsoft_embeds").count(), 1);
        assert_eq!(parse(&without_prose(&both)), parse(&both));
        for missing in ["", "null", "<html>", r#"{"error":{}}"#, r#"{"data":[]}"#] {
            assert_eq!(merge(chat, missing, "").as_deref(), Some(chat));
            assert_eq!(merge(missing, vectors, &both), None, "the list of chat models is the catalog");
            // Of the copy, the models that make vectors stay.
            let next = merge(r#"{"data":[{"id":"c/c"}]}"#, missing, &both).expect("a list");
            assert_eq!(parse(&next).ids().collect::<Vec<_>>(), ["c/c", "e/e"]);
            assert_eq!(merge(chat, missing, &next).as_ref(), Some(&both));
        }
    }

    #[test]
    fn the_copy_has_the_facts_of_the_list_without_its_prose() {
        let model = r#"{"id":"a/a","description":"long","context_length":9,"pricing":{"prompt":"0.000001"}}"#;
        let models = format!(r#"{{"data":[{model}]}}"#);
        assert_eq!(without_prose(&models), models.replace(r#""description":"long","#, ""));
        assert_eq!(parse(&without_prose(&models)), parse(&models));
    }
}
