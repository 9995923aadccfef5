//! The upstreams: one or several in order, each with the name of the secret that holds its key.

use failsoft::invalid::{Invalid, Section};
use failsoft::protocol::Protocol;
use failsoft::request::ACCOUNT_FIELDS;
use failsoft::upstream::{App, OPENROUTER};
use failsoft::{Dialect, Json, Upstream};

use super::list::words;
use super::secret::{DEFAULT_KEY, is_secret_name};
use super::url_host::{authority, host, is_local_http};

/// Headers that the edge sets itself. `authorization` would also put a key into the configuration, where it is readable.
const OWN_HEADERS: [&str; 5] = ["authorization", "accept", "content-length", "content-type", "host"];

/// Hosts whose API counts and bills reasoning beside `completion_tokens` ("Consumption and Rate Limits" in xAI's documentation,
/// vercel/ai#12425).
const REASONS_BEYOND_LIMIT: [&str; 1] = ["api.x.ai"];

/// Hosts that know a field for the account beside OpenRouter's `user` ("User Tracking" in OpenRouter's documentation, "How to
/// Incorporate a Safety Identifier" in OpenAI's help center). Others may refuse an unknown field.
const KNOW_ACCOUNTS: [&str; 1] = ["api.openai.com"];

/// Hosts of the dialect `openai` that speak Responses beside chat completions (OpenAI's API reference).
const SPEAK_RESPONSES: [&str; 1] = ["api.openai.com"];

/// The protocols that an upstream can be declared to speak, and their names.
const PROTOCOLS: (&str, [Protocol; 2]) = ("chat responses", [Protocol::Chat, Protocol::Responses]);

/// An upstream without its key.
pub(super) struct Keyless {
    pub(super) upstream: Upstream,
    /// The name by which a route chooses the upstream.
    pub(super) name: String,
    /// The name of the secret that holds the key.
    pub(super) key: String,
}

/// Reads `upstreams`, or the one upstream that `upstream` describes.
pub(super) fn read_upstreams(config: &Section<'_>, local: bool) -> Result<Vec<Keyless>, Box<Invalid>> {
    let rows = config.get("upstreams");
    if rows.is_null() {
        return Ok(vec![read("upstream", config.get("upstream"), local)?]);
    }
    if !config.get("upstream").is_null() {
        return Err(config.wrong("upstream", "cannot stand beside `upstreams`; make it the first entry of `upstreams`"));
    }
    if rows.items().next().is_none() {
        return Err(config.wrong("upstreams", "must be an array of {\"url\", \"key\", \"models\"}"));
    }
    rows.items().enumerate().map(|(at, row)| read(&format!("upstreams[{at}]"), row, local)).collect()
}

fn read(path: &str, given: Json<'_>, local: bool) -> Result<Keyless, Box<Invalid>> {
    let given = &Section::object(path, given)?;
    given.only(
        "name url dialect protocols app headers key models embeddings chargesErrors reasoningBeyondLimit accountFields betas streams",
    )?;
    let url = given.text("url")?;
    let url = url.as_deref().unwrap_or(OPENROUTER);
    let may_be_http = local && url.starts_with("http://");
    if !url.starts_with("https://") && !is_local_http(url) && !may_be_http {
        return Err(given.wrong("url", "must begin with https://, or the key would travel without encryption"));
    }
    let dialect = match given.choice("dialect", "openrouter openai anthropic azure")? {
        None => Dialect::of_url(url),
        Some("openrouter") => Dialect::OpenRouter,
        Some("anthropic") => Dialect::Anthropic,
        Some("azure") => Dialect::Azure,
        Some(_) => Dialect::OpenAi,
    };
    let key_name = given.text("key")?.unwrap_or(DEFAULT_KEY.into()).into_owned();
    if !is_secret_name(&key_name) {
        return Err(given.wrong("key", "must be the NAME_OF_A_SECRET that holds the key, not the key itself"));
    }
    let name = given.text("name")?.unwrap_or(host_of(url).into()).into_owned();
    if name.trim().is_empty() {
        return Err(given.wrong("name", "must not be empty"));
    }
    let app = given.section("app")?;
    app.only("url title")?;
    let mut upstream = Upstream::new(dialect, url, None);
    read_protocols(given, &mut upstream)?;
    upstream.app = App { url: header_value(&app, "url")?, title: header_value(&app, "title")? };
    upstream.headers = headers(&given.section("headers")?)?;
    upstream.reasons_beyond_limit = REASONS_BEYOND_LIMIT.contains(&host_of(url));
    given.flag("reasoningBeyondLimit", &mut upstream.reasons_beyond_limit)?;
    upstream.account_fields = match given.get("accountFields").is_null() {
        true if matches!(dialect, Dialect::OpenRouter | Dialect::Anthropic) => vec![ACCOUNT_FIELDS[0]],
        true if KNOW_ACCOUNTS.contains(&host_of(url)) => ACCOUNT_FIELDS.into(),
        true => Vec::new(),
        false => {
            let places = words(given, "accountFields", &ACCOUNT_FIELDS.join(" "))?;
            places.into_iter().map(|at| ACCOUNT_FIELDS[at]).collect()
        }
    };
    upstream.charges_errors = true;
    given.flag("chargesErrors", &mut upstream.charges_errors)?;
    given.flag("streams", &mut upstream.streams)?;
    upstream.betas = read_betas(given)?;
    upstream.read_models(given, path)?;
    upstream.read_embeddings(given, path)?;
    Ok(Keyless { upstream, name, key: key_name })
}

fn host_of(url: &str) -> &str {
    host(authority(url))
}

/// Reads `protocols`. Without the list, the host decides.
fn read_protocols(given: &Section<'_>, upstream: &mut Upstream) -> Result<(), Box<Invalid>> {
    let (names, protocols) = PROTOCOLS;
    if given.get("protocols").is_null() {
        if upstream.dialect == Dialect::OpenAi && SPEAK_RESPONSES.contains(&host_of(&upstream.url)) {
            upstream.protocols = protocols.into();
        }
        return Ok(());
    }
    let has_both = match upstream.dialect {
        Dialect::Azure => upstream.url.split('?').next().is_some_and(|path| path.ends_with("/v1")),
        other => other != Dialect::Anthropic,
    };
    if !has_both {
        let problem =
            "cannot stand here: only the dialects openai and openrouter have several, and azure below /openai/v1";
        return Err(given.wrong("protocols", problem));
    }
    upstream.protocols = words(given, "protocols", names)?.into_iter().map(|at| protocols[at]).collect();
    match upstream.protocols.is_empty() {
        true => Err(given.wrong("protocols", "is empty; name \"chat\", \"responses\" or both, the best first")),
        false => Ok(()),
    }
}

/// Reads `betas`, names for a header of Anthropic.
fn read_betas(given: &Section<'_>) -> Result<Vec<String>, Box<Invalid>> {
    let list = given.get("betas");
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = |name: &str| !name.is_empty() && name.len() <= 64 && name.bytes().all(is_letter);
    let names = list.items().map(|name| name.text().filter(|name| is_name(name)).map(Into::into));
    match names.collect() {
        Some(names) if list.is_array() || list.is_null() => Ok(names),
        _ => Err(given.wrong("betas", "must be an array of names such as \"context-1m-2025-08-07\"")),
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
            return Err(given.wrong(&name, "is set by the edge; remove it, and name the secret of a key in `key`"));
        }
        if let Some(value) = header_value(given, &name)? {
            headers.push((name.into_owned(), value));
        }
    }
    Ok(headers)
}

fn header_value(given: &Section<'_>, name: &str) -> Result<Option<String>, Box<Invalid>> {
    match given.text(name)? {
        Some(value) if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
            Err(given.wrong(name, "becomes a header, so it may hold printable ASCII only"))
        }
        value => Ok(value.map(Into::into)),
    }
}
