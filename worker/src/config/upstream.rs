//! Whom the edge asks: one upstream, or several in order, each with a secret of its own for the key.

use failsoft::catalog::ModelInfo;
use failsoft::invalid::{Invalid, Section, join};
use failsoft::report::Usd;
use failsoft::upstream::{App, OPENROUTER};
use failsoft::{Dialect, Json, Upstream};

use super::{authority, is_loopback};

/// The secret that holds the key of an upstream that names no other.
pub(super) const SECRET: &str = "UPSTREAM_API_KEY";
/// The name that OpenRouter's own documentation gives it.
const USUAL_SECRET: &str = "OPENROUTER_API_KEY";

/// Prices are told for so many tokens.
const TOLD_FOR: u64 = 1_000_000;

/// Headers that are the request's own, and where a key would stand in the configuration for all to read.
const OWN_HEADERS: [&str; 5] = ["authorization", "accept", "content-length", "content-type", "host"];

/// An upstream, without its key.
pub(super) struct Named {
    pub(super) upstream: Upstream,
    /// The secret that holds the key.
    pub(super) secret: String,
}

/// The secret `name`, if it is set.
pub(super) fn secret(name: &str, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let usual = || if name == SECRET { variable(USUAL_SECRET) } else { None };
    variable(name).or_else(usual).map(|key| key.trim().into())
}

impl Named {
    /// `upstreams`, or the one that `upstream` describes.
    pub(super) fn read_all(config: &Section<'_>, local: bool) -> Result<Vec<Self>, Box<Invalid>> {
        let rows = config.get("upstreams");
        if rows.is_null() {
            return Ok(vec![Self::read("upstream", config.get("upstream"), local)?]);
        }
        if !config.get("upstream").is_null() {
            return Err(config.wrong("upstream", "cannot stand beside `upstreams`; make it the first of them"));
        }
        if rows.items().next().is_none() {
            return Err(config.wrong("upstreams", "must be an array of {\"url\", \"key\", \"models\"}"));
        }
        let read = |(at, row)| Self::read(&format!("upstreams[{at}]"), row, local);
        rows.items().enumerate().map(read).collect()
    }

    fn read(path: &str, given: Json<'_>, local: bool) -> Result<Self, Box<Invalid>> {
        let given = &Section::object(path, given)?;
        given.only("url dialect app headers key models")?;
        let url = given.text("url")?;
        let url = url.as_deref().unwrap_or(OPENROUTER);
        if !url.starts_with("https://") && !(url.starts_with("http://") && (local || is_loopback(authority(url)))) {
            return Err(given.wrong("url", "must begin with https://, or the key would travel in the clear"));
        }
        let dialect = match given.choice("dialect", "openrouter openai")? {
            None => Dialect::of_url(url),
            Some("openrouter") => Dialect::OpenRouter,
            Some(_) => Dialect::OpenAi,
        };
        let secret = given.text("key")?.unwrap_or(SECRET.into()).into_owned();
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if secret.is_empty() || !secret.bytes().all(is_name) || secret == "FAILSOFT" {
            return Err(given.wrong("key", "must be the NAME_OF_A_SECRET that holds the key, never the key"));
        }
        let app = given.section("app")?;
        app.only("url title")?;
        let mut upstream = Upstream::new(dialect, url, None);
        upstream.app = App { url: header(&app, "url")?, title: header(&app, "title")? };
        upstream.headers = headers(&given.section("headers")?)?;
        models(path, given, &mut upstream)?;
        Ok(Self { upstream, secret })
    }
}

fn headers(given: &Section<'_>) -> Result<Vec<(String, String)>, Box<Invalid>> {
    let mut headers = Vec::new();
    for name in given.fields().filter_map(|(name, _)| name.text()) {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(given.wrong(&name, "is not the name of a header"));
        }
        if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(&name)) {
            return Err(given.wrong(&name, "is set by the edge; a key is named by `key`"));
        }
        if let Some(value) = header(given, &name)? {
            headers.push((name.into_owned(), value));
        }
    }
    Ok(headers)
}

fn header(given: &Section<'_>, name: &str) -> Result<Option<String>, Box<Invalid>> {
    match given.text(name)? {
        Some(value) if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
            Err(given.wrong(name, "goes into a header: printable ASCII only"))
        }
        value => Ok(value.map(Into::into)),
    }
}

/// Ids, and what is known of those that are objects.
fn models(path: &str, given: &Section<'_>, upstream: &mut Upstream) -> Result<(), Box<Invalid>> {
    let rows = given.get("models");
    if !rows.is_array() && !rows.is_null() {
        return Err(given.wrong("models", "must be an array of ids, or of {\"id\", \"contextLength\", …}"));
    }
    for (at, row) in rows.items().enumerate() {
        let place = format!("models[{at}]");
        let facts = match row.text() {
            Some(id) => ModelInfo { id: id.into(), ..ModelInfo::default() },
            None if row.is_object() => facts(&Section::object(join(path, &place), row)?)?,
            None => ModelInfo::default(),
        };
        if facts.id.trim().is_empty() {
            return Err(given.wrong(&place, "must be a model's id, or an object with its `id`"));
        }
        if upstream.models.contains(&facts.id) {
            return Err(given.wrong(&place, "is there already"));
        }
        upstream.models.push(facts.id.clone());
        if !row.is_string() {
            upstream.catalog.add(facts);
        }
    }
    Ok(())
}

fn facts(given: &Section<'_>) -> Result<ModelInfo, Box<Invalid>> {
    given.only("id contextLength maxOutput prompt completion")?;
    let tokens = |name| {
        let mut tokens = 0;
        given.whole(name, 1, 1_000_000_000, &mut tokens).map(|()| Some(tokens).filter(|tokens| *tokens > 0))
    };
    let price = |name| {
        let mut price = None;
        given.usd(name, &mut price)?;
        Ok::<_, Box<Invalid>>(price.map(|price| Usd(price.0.div_ceil(TOLD_FOR))))
    };
    Ok(ModelInfo {
        id: given.text("id")?.unwrap_or_default().into(),
        context_length: tokens("contextLength")?,
        max_output: tokens("maxOutput")?,
        price: (price("prompt")?, price("completion")?),
        ..ModelInfo::default()
    })
}
