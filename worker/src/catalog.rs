//! The upstream's catalog, fetched behind a request, so that no request waits for it; but the first of an isolate that needs
//! prices. The database keeps a copy, for an isolate that is new while the upstream cannot be asked.

pub(crate) mod models;

use std::pin::pin;
use std::time::Duration;

use failsoft::json::Object;
use failsoft::{Catalog, Dialect, Json, Millis, Upstream};
use futures_util::future::select;
use js_sys::futures::JsFuture;
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, RequestInit, Response};
use worker::{Delay, Env};

use crate::ledger::database;
use crate::platform::executor::{Apart, apart};
use crate::{memory, platform::host};

/// Milliseconds.
const TIMEOUT: u32 = 10_000;
/// How long a request waits for it, and how often it looks, in milliseconds.
const WAIT: u64 = 3_000;
const STEP: u64 = 20;

/// The copy is renewed after this, in milliseconds.
const COPY_AGE: Millis = 60 * 60 * 1_000;
/// What is said of a model for people; it is most of the text.
const PROSE: &str = "name description links hugging_face_id default_parameters created knowledge_cutoff";

/// Asks OpenRouter for it, if it is among `upstreams` and that is due.
pub(crate) fn refresh<'a>(upstreams: &'a [Upstream], env: &'a Env) -> Option<Apart<'a, ()>> {
    due(upstreams).map(|upstream| apart(fetch(upstream, env)))
}

/// Waits for it, where there is none yet; a while at most. One request asks, and those that come meanwhile wait: nothing
/// that is under way can be shared between requests.
pub(crate) async fn load(upstreams: &[Upstream], env: &Env) {
    let due = due(upstreams);
    let come = async {
        let mut waited = 0;
        while waited < WAIT && memory::awaits_catalog() {
            Delay::from(Duration::from_millis(STEP)).await;
            waited += STEP;
        }
    };
    match due {
        Some(upstream) => {
            select(pin!(fetch(upstream, env)), pin!(come)).await;
        }
        None => come.await,
    }
    // It is late: an old one is better than none.
    if let Some(upstream) = told_by(upstreams)
        && memory::knows_no_models()
        && let Ok(Some((_, models))) = copy(upstream, env).await
    {
        memory::keep_catalog(read(&models));
    }
}

/// Whom to ask for it, if it is time to; says so once.
fn due(upstreams: &[Upstream]) -> Option<&Upstream> {
    told_by(upstreams).filter(|_| memory::wants_catalog(host::now()))
}

/// What goes wrong is ignored: then there are no prices, and what needs one says so.
async fn fetch(upstream: &Upstream, env: &Env) {
    let mut models = ask(upstream).await;
    if models.is_none() && memory::knows_no_models() {
        models = copy(upstream, env).await.ok().flatten().map(|(_, models)| models);
    }
    memory::keep_catalog(read(&models.unwrap_or_default()));
}

/// Renews the copy in the database, if it is old. What it holds.
pub(crate) async fn keep_copy(upstreams: &[Upstream], env: &Env, now: Millis) -> worker::Result<Option<Catalog>> {
    let Some(upstream) = told_by(upstreams) else { return Ok(None) };
    let before = copy(upstream, env).await?;
    if let Some((at, models)) = &before
        && now.saturating_sub(*at) < COPY_AGE
    {
        return Ok(Some(read(models)));
    }
    let Some(models) = ask(upstream).await.map(|models| compact(&models)) else {
        return Ok(before.map(|(_, models)| read(&models)));
    };
    let values = [upstream.url.as_str().into(), (now as f64).into(), models.as_str().into()];
    database::query(env, "INSERT OR REPLACE INTO catalog (upstream, at, models) VALUES (?1, ?2, ?3)", &values).await?;
    Ok(Some(read(&models)))
}

fn told_by(upstreams: &[Upstream]) -> Option<&Upstream> {
    upstreams.iter().find(|upstream| upstream.dialect == Dialect::OpenRouter)
}

fn read(models: &str) -> Catalog {
    Catalog::read(Json::parse(models).unwrap_or(Json::NULL))
}

/// The list of models, if it is one.
async fn ask(upstream: &Upstream) -> Option<String> {
    // Open to all: the key stays here.
    let models = get(&[&upstream.url, "/models"].concat()).await.ok()?;
    let listed = Json::parse(&models).is_some_and(|models| !models.get("data").is_empty());
    listed.then_some(models)
}

/// The copy in the database, and of when it is.
async fn copy(upstream: &Upstream, env: &Env) -> worker::Result<Option<(Millis, String)>> {
    let statement = "SELECT at, models FROM catalog WHERE upstream = ?1";
    let rows = database::query(env, statement, &[upstream.url.as_str().into()]).await?;
    Ok(rows.into_iter().next().and_then(|row| match &row[..] {
        [at, Value::String(models)] => Some((at.as_u64()?, models.clone())),
        _ => None,
    }))
}

/// The list without its prose.
fn compact(models: &str) -> String {
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

/// The text at `url`; empty, if it is not to be had.
pub(crate) async fn get(url: &str) -> Result<String, JsValue> {
    let init = RequestInit::new();
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT)));
    let response: Response = JsFuture::from(host::fetch(url, &init)?).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?.as_string();
    Ok(text.filter(|_| response.ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{compact, read};

    #[test]
    fn the_copy_knows_what_the_list_knows_and_is_short() {
        let model = r#"{"id":"a/a","description":"long","context_length":9,"pricing":{"prompt":"0.000001"}}"#;
        let models = format!(r#"{{"data":[{model}]}}"#);
        assert_eq!(compact(&models), models.replace(r#""description":"long","#, ""));
        assert_eq!(read(&compact(&models)), read(&models));
    }
}
