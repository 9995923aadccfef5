//! Where a call goes: one upstream, or several in order, and the key that each of them gets.

use super::page::is_page;
use crate::invalid::{Invalid, Section, join};
use crate::json::{Json, decimal};
use crate::text::text;
use crate::upstream::{App, Dialect, OPENROUTER, Upstream};

/// The fields of an entry of `upstreams`.
const FIELDS: &str = "baseURL apiKey dialect headers app models";

/// How the keys of providers begin.
const SECRETS: [&str; 12] =
    ["sk-", "sk_", "AIza", "gsk_", "xai-", "pplx-", "hf_", "r8_", "nvapi-", "fw_", "csk-", "tgp_"];

/// The upstreams of a call, in order.
///
/// # Errors
/// [`Invalid`] with the path of the option that is wrong.
pub(super) fn read(options: &Section<'_>) -> Result<Vec<Upstream>, Box<Invalid>> {
    let list = options.get("upstreams");
    if list.is_null() {
        return Ok(vec![upstream(options, options, "")?]);
    }
    if list.items().next().is_none() || !list.items().all(Json::is_object) {
        let problem = "must be an array of upstreams: {baseURL, apiKey, dialect, headers, models}";
        return Err(options.wrong("upstreams", problem));
    }
    for name in ["edge", "token", "baseURL", "apiKey", "dialect"] {
        refuse(options, name, "does not go with `upstreams`; each of them has its own")?;
    }
    list.items().zip(0..).map(|(row, at)| row_upstream(options, row, at)).collect()
}

fn row_upstream(options: &Section<'_>, row: Json<'_>, at: u64) -> Result<Upstream, Box<Invalid>> {
    let path = text!("upstreams[", &decimal(at), "]");
    let row = Section::object(&*path, row)?;
    row.only(FIELDS)?;
    let mut upstream = upstream(&row, options, &path)?;
    upstream.read_models(&row, &path)?;
    Ok(upstream)
}

/// The upstream that `place` names. What it leaves open, `options` decide.
fn upstream(place: &Section<'_>, options: &Section<'_>, path: &str) -> Result<Upstream, Box<Invalid>> {
    let (dialect, url, key) = match address(options, "edge")? {
        Some(edge) => {
            for name in ["apiKey", "baseURL", "dialect"] {
                refuse(options, name, "does not go with `edge`; an edge takes `token`, its client key")?;
            }
            (Dialect::Edge, edge, sendable(options, "token")?)
        }
        None => {
            refuse(options, "token", "goes with `edge`; without one, the key is `apiKey`")?;
            let url = address(place, "baseURL")?.unwrap_or_else(|| OPENROUTER.into());
            let dialect = match place.text("dialect")?.as_deref() {
                Some("openrouter") => Dialect::OpenRouter,
                Some("openai") => Dialect::OpenAi,
                Some(_) => return Err(place.wrong("dialect", "must be \"openrouter\" or \"openai\"")),
                None => Dialect::of_url(&url),
            };
            (dialect, url, sendable(place, "apiKey")?)
        }
    };
    let headers = headers(place, options)?;
    let authorization = headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.as_str());
    let bearer = authorization.map(|value| {
        let scheme = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
        &value[scheme.map_or(0, str::len)..]
    });
    let has_secret = [key.as_deref(), bearer].into_iter().flatten().any(is_secret);
    check_secret(has_secret, dialect, options, path)?;
    let is_openrouter = dialect != Dialect::Edge && Dialect::of_url(&url) == Dialect::OpenRouter;
    if key.is_none() && authorization.is_none() && is_openrouter {
        let problem = "is missing; give OpenRouter's key, or name your own edge with `edge`";
        return Err(Invalid::new(join(path, "apiKey"), problem));
    }
    let mut upstream = Upstream::new(dialect, &url, key);
    upstream.headers = headers;
    upstream.app = app(if place.get("app").is_null() { options } else { place })?;
    Ok(upstream)
}

/// A base URL.
fn address(place: &Section<'_>, name: &str) -> Result<Option<String>, Box<Invalid>> {
    const PROBLEM: &str = "must be a URL that begins with https:// or http://, or with / for this page's own origin";
    let value = place.get(name);
    let Some(url) = value.text() else {
        return if value.is_null() { Ok(None) } else { Err(place.wrong(name, PROBLEM)) };
    };
    if !["https://", "http://", "/"].iter().any(|start| url.starts_with(start)) {
        return Err(place.wrong(name, PROBLEM));
    }
    Ok(Some(url.into()))
}

/// A string that a header can carry. The message does not repeat the value, because the value may be a key.
fn sendable(place: &Section<'_>, name: &str) -> Result<Option<String>, Box<Invalid>> {
    let Some(value) = place.text(name)? else { return Ok(None) };
    let is_sendable =
        value.trim() == value && !value.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !is_sendable {
        let problem = "is empty, or has characters (line ends, letters beyond ASCII) that a header cannot carry";
        return Err(place.wrong(name, problem));
    }
    Ok(Some(value.into()))
}

/// The headers of the call, then those of the upstream, name by name; names are in lower case.
fn headers(place: &Section<'_>, options: &Section<'_>) -> Result<Vec<(String, String)>, Box<Invalid>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    headers.extend(sendable(options, "feature")?.map(|feature| ("x-feature".into(), feature)));
    for section in [options.section("headers")?, place.section("headers")?] {
        for (name, value) in section.fields() {
            let [name, value] = [name, value].map(|json| json.text().unwrap_or_default().into_owned());
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
        }
    }
    Ok(headers)
}

fn is_secret(key: &str) -> bool {
    SECRETS.iter().any(|start| key.starts_with(start))
}

fn check_secret(has_secret: bool, dialect: Dialect, options: &Section<'_>, path: &str) -> Result<(), Box<Invalid>> {
    let mut is_allowed = false;
    options.flag("dangerouslyAllowBrowser", &mut is_allowed)?;
    if has_secret && dialect == Dialect::Edge {
        let problem = "looks like a provider's secret key; an edge wants its own client key";
        return Err(options.wrong("token", problem));
    }
    if has_secret && !is_allowed && is_page() {
        let problem = "looks like a secret key, which every visitor of this page could read; name your own edge with \
                       `edge`, or set `dangerouslyAllowBrowser: true` if the key is the visitor's own";
        return Err(Invalid::new(join(path, "apiKey"), problem));
    }
    Ok(())
}

fn app(place: &Section<'_>) -> Result<App, Box<Invalid>> {
    let app = place.section("app")?;
    app.only("url title")?;
    Ok(App { url: sendable(&app, "url")?, title: sendable(&app, "title")? })
}

fn refuse(options: &Section<'_>, name: &str, problem: &str) -> Result<(), Box<Invalid>> {
    if options.get(name).is_null() { Ok(()) } else { Err(options.wrong(name, problem)) }
}
