//! The options of a call, from the JSON that JavaScript hands over: every name and type is checked here.

use crate::invalid::{Invalid, flag, join, object, text};
use crate::json::{Json, Object};
use crate::policy::{Retry, Soft, Timeouts};
use crate::request::{ChatRequest, FIELDS, UsageChunk};
use crate::upstream::{App, Dialect, OPENROUTER, Upstream};
use crate::{Millis, Policy};

/// The options that are ours, beside the fields of a chat request.
const OPTIONS: [&str; 15] = [
    "apiKey",
    "app",
    "baseURL",
    "body",
    "dangerouslyAllowBrowser",
    "dialect",
    "edge",
    "feature",
    "fetch",
    "headers",
    "onAttempt",
    "onFallback",
    "policy",
    "signal",
    "token",
];

/// How the keys of providers begin.
const SECRETS: [&str; 12] =
    ["sk-", "sk_", "AIza", "gsk_", "xai-", "pplx-", "hf_", "r8_", "nvapi-", "fw_", "csk-", "tgp_"];

/// What a call needs to begin.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) request: ChatRequest,
    pub(super) upstream: Upstream,
    pub(super) policy: Policy,
}

/// What JavaScript was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// A completion.
    Completion,
    /// A stream.
    Stream,
    /// What the request's own `stream` says, on OpenAI's wire.
    Wire,
}

/// What is wrong with `name`, if it is no option.
pub(super) fn unknown(name: &str) -> Option<Box<Invalid>> {
    let known: Vec<&str> = FIELDS.into_iter().chain(OPTIONS).collect();
    if known.contains(&name) {
        return None;
    }
    let mut invalid = Invalid::unknown("", name, &known);
    if !invalid.problem.contains("did you mean") {
        invalid.problem = "is not a known option; a field that only the upstream knows goes into `body`".into();
    }
    Some(invalid)
}

impl Plan {
    /// Reads what JavaScript hands over: `{ask, page, options}`.
    pub(super) fn read(handed: &str) -> Result<Self, Box<Invalid>> {
        let handed = Json::parse(handed).unwrap_or(Json::NULL);
        let asked = match handed.get("ask").text().as_deref() {
            Some("stream") => Asked::Stream,
            Some("wire") => Asked::Wire,
            Some("parse") => return Self::parse(),
            _ => Asked::Completion,
        };
        let options = handed.get("options").as_object().ok_or_else(|| Invalid::new("options", "must be an object"))?;
        if let Some(invalid) = options.fields().find_map(|(name, _)| unknown(&name.text()?)) {
            return Err(invalid);
        }
        let upstream = upstream(options, handed.get("page").flag() == Some(true))?;
        let given = options.get("policy");
        let policy = Policy { assemble: true, ..Policy::default() }.with(given)?;
        let mut request = ChatRequest::read(Json::parse(&fields(options, asked)?).unwrap_or(Json::NULL))?;
        if upstream.dialect == Dialect::Edge && given.is_object() {
            request.policy = Some(given.raw().into());
        }
        if asked == Asked::Wire && upstream.dialect == Dialect::OpenAi && !request.asks_for_usage() {
            request.usage_chunk = UsageChunk::Hidden;
        }
        Ok(Self { request, upstream, policy })
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
            refusal: Soft::Accept,
            invalid_json: Soft::Accept,
            ..Policy::default()
        };
        let asked = r#"{"model":"-","messages":[{"role":"user"}],"stream":true,"include_reasoning":true}"#;
        let upstream = Upstream::new(Dialect::OpenAi, "", None);
        let mut request = ChatRequest::read(Json::parse(asked).unwrap_or(Json::NULL))?;
        request.as_it_comes = true;
        Ok(Self { request, upstream, policy })
    }
}

/// The fields of the chat request: those among the options, then those of `body`, which nobody checks.
fn fields(options: Json<'_>, asked: Asked) -> Result<String, Box<Invalid>> {
    let body = options.get("body");
    if !body.is_object() && !body.is_null() {
        return Err(Invalid::new("body", "must be an object"));
    }
    if asked == Asked::Completion && options.get("stream").flag() == Some(true) {
        return Err(Invalid::new("stream", "is not for this function; call `chatStreaming`"));
    }
    let mut fields = Object::default();
    let decided = |name: &str| name == "stream" && asked != Asked::Wire;
    for (name, value) in options.fields() {
        let text = name.text().unwrap_or_default();
        if FIELDS.contains(&&*text) && !decided(&text) && body.get(&text).is_null() {
            fields.entry(name, value.raw());
        }
    }
    for (name, value) in body.fields().filter(|(name, _)| !decided(&name.text().unwrap_or_default())) {
        fields.entry(name, value.raw());
    }
    if asked != Asked::Wire {
        fields.flag("stream", asked == Asked::Stream);
    }
    Ok(fields.end())
}

fn upstream(options: Json<'_>, page: bool) -> Result<Upstream, Box<Invalid>> {
    let string = |name| text(options, "", name);
    let may_show_keys = flag(options, "", "dangerouslyAllowBrowser", false)? || !page;
    let (dialect, url, key) = match string("edge")? {
        Some(edge) => edge_of(&edge, options)?,
        None => api_of(options)?,
    };
    let headers = headers(options)?;
    let bearer = |(name, value): &(String, String)| {
        let token = value.strip_prefix("Bearer ").filter(|_| name.eq_ignore_ascii_case("authorization"));
        token.map(String::from)
    };
    let secret = key.clone().into_iter().chain(headers.iter().filter_map(bearer)).any(|key| looks_secret(&key));
    if secret && dialect == Dialect::Edge {
        return Err(Invalid::new("token", "looks like a provider's secret key; an edge wants its own client key"));
    }
    if secret && !may_show_keys {
        let problem = "looks like a secret key, which every visitor of this page could read; name your own edge with \
                       `edge`, or set `dangerouslyAllowBrowser: true` if the key is the visitor's own";
        return Err(Invalid::new("apiKey", problem));
    }
    let authorized = key.is_some() || headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if !authorized && dialect != Dialect::Edge && Dialect::of(&url) == Dialect::OpenRouter {
        return Err(Invalid::new("apiKey", "is missing; give OpenRouter's key, or name your own edge with `edge`"));
    }
    let mut upstream = Upstream::new(dialect, &url, key);
    upstream.headers = headers;
    upstream.app = app(options)?;
    Ok(upstream)
}

type Place = (Dialect, String, Option<String>);

fn edge_of(edge: &str, options: Json<'_>) -> Result<Place, Box<Invalid>> {
    for name in ["apiKey", "baseURL", "dialect"] {
        if !options.get(name).is_null() {
            return Err(Invalid::new(name, "does not go with `edge`; an edge takes `token`, its client key"));
        }
    }
    Ok((Dialect::Edge, address("edge", edge)?, sendable(options, "", "token")?))
}

fn api_of(options: Json<'_>) -> Result<Place, Box<Invalid>> {
    if !options.get("token").is_null() {
        return Err(Invalid::new("token", "goes with `edge`; without one, the key is `apiKey`"));
    }
    let url = address("baseURL", text(options, "", "baseURL")?.as_deref().unwrap_or(OPENROUTER))?;
    let dialect = match text(options, "", "dialect")?.as_deref() {
        None => Dialect::of(&url),
        Some("openrouter") => Dialect::OpenRouter,
        Some("openai") => Dialect::OpenAi,
        Some(_) => return Err(Invalid::new("dialect", "must be \"openrouter\" or \"openai\"")),
    };
    Ok((dialect, url, sendable(options, "", "apiKey")?))
}

fn address(name: &str, url: &str) -> Result<String, Box<Invalid>> {
    let whole = url.starts_with("https://") || url.starts_with("http://");
    if whole || url.starts_with('/') {
        return Ok(url.strip_suffix("/chat/completions").unwrap_or(url).into());
    }
    Err(Invalid::new(name, "must be a URL that begins with https:// or http://, or with / for this page's own origin"))
}

fn app(options: Json<'_>) -> Result<App, Box<Invalid>> {
    let value = options.get("app");
    if value.is_null() {
        return Ok(App::default());
    }
    let app = object(value, "app", &["url", "title"])?;
    Ok(App { url: sendable(app, "app", "url")?, title: sendable(app, "app", "title")? })
}

fn headers(options: Json<'_>) -> Result<Vec<(String, String)>, Box<Invalid>> {
    let mut headers = Vec::new();
    if let Some(feature) = sendable(options, "", "feature")? {
        headers.push(("x-feature".into(), feature));
    }
    let given = options.get("headers");
    if !given.is_object() && !given.is_null() {
        return Err(Invalid::new("headers", "must be an object of strings"));
    }
    for (name, _) in given.fields() {
        let name = name.text().unwrap_or_default();
        headers.extend(sendable(given, "headers", &name)?.map(|value| (name.into(), value)));
    }
    Ok(headers)
}

/// A string that a header can carry. What it says is not repeated: it may be a key.
fn sendable(map: Json<'_>, path: &str, name: &str) -> Result<Option<String>, Box<Invalid>> {
    let Some(value) = text(map, path, name)? else { return Ok(None) };
    if value.is_empty() || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || value.trim() != value {
        let problem = "is empty, or has characters (line ends, letters beyond ASCII) that a header cannot carry";
        return Err(Invalid::new(join(path, name), problem));
    }
    Ok(Some(value.into()))
}

fn looks_secret(key: &str) -> bool {
    SECRETS.iter().any(|prefix| key.starts_with(prefix))
}
