//! What the owner of the edge has set: a secret, and the JSON variable `FAILSOFT`. Read once per isolate, all of it
//! checked: what is wrong is said with its path before any call is made. The table of fields is in the crate's doc.

mod access;
mod budget;
pub(crate) mod digest;
mod grant;
mod issuer;
mod operations;
mod problem;
mod route;
mod setup;
mod upstream;
mod visitors;

use std::sync::Arc;

use failsoft::invalid::{Invalid, Section};
use failsoft::{Json, Millis, Policy, Upstream};

pub(crate) use access::{Access, ClientKey, Ways, is_key_id, key_terms, known_routes, terms};
pub(crate) use budget::{Bounds, Budget};
pub(crate) use grant::{Account, Grant};
pub(crate) use issuer::{Algorithm, Issuer};
pub(crate) use operations::{Alerts, Operations, Target};
pub(crate) use problem::Problem;
pub(crate) use route::{HEADERS_WITHIN, Route};
pub(crate) use setup::{ACCOUNTS, Setup, setup};
use upstream::Named;
pub(crate) use visitors::Visitors;

const FIELDS: &str = "upstream upstreams access keys users visitors routes models policy origins limits fields otlp \
                      alerts emulator";

/// Everything that is set, and right.
#[derive(Debug)]
pub(crate) struct Config {
    /// Whom to ask, in order and with their keys; at least one.
    pub(crate) upstreams: Arc<Vec<Upstream>>,
    pub(crate) access: Access,
    pub(crate) routes: Vec<Route>,
    /// What a client may name itself, where its key says nothing else.
    pub(crate) models: Option<Vec<String>>,
    /// The policy of calls without a route.
    pub(crate) policy: Policy,
    /// Web pages from elsewhere that may call with any key; `*` is all of them.
    pub(crate) origins: Vec<String>,
    pub(crate) limits: Limits,
    /// Fields of a request that go through as they are, whatever they cost.
    pub(crate) fields: Vec<String>,
    pub(crate) operations: Operations,
    /// The control of the emulator behind a local edge, for the playground.
    pub(crate) emulator: Option<String>,
}

/// How large a request may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) body_bytes: usize,
    /// Milliseconds until all of it has come.
    pub(crate) body_within: Millis,
    pub(crate) messages: usize,
    /// The most tokens that an answer may have.
    pub(crate) output_tokens: u64,
    /// The answers that one request may ask for.
    pub(crate) answers: u64,
    /// The images that it may have.
    pub(crate) images: u64,
}

impl Config {
    /// Reads what `variable` gives by name: the JSON, the secrets that it needs, and of what is bound some text.
    ///
    /// # Errors
    /// All that is wrong.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let (mut config, secrets) = match parse(variable("FAILSOFT").as_deref().unwrap_or("{}")) {
            Ok((config, secrets)) => (Some(config), secrets),
            Err(problem) => {
                problems.push(problem);
                (None, vec![upstream::SECRET.into()])
            }
        };
        let local = config.as_ref().is_some_and(|config| config.access == Access::Loopback);
        let mut keys = Vec::new();
        for (at, name) in secrets.iter().enumerate() {
            let key = upstream::secret(name, &variable);
            let told = secrets[..at].contains(name);
            problems.extend(secret_problem(name, key.as_deref(), local).filter(|_| !told));
            keys.push(key.filter(|key| !key.is_empty()));
        }
        problems.extend(config.iter_mut().flat_map(|config| config.access.equip(&variable)));
        let missing = config.as_mut().map(|config| config.operations.take_secrets(&variable)).unwrap_or_default();
        problems.extend(missing.into_iter().map(Problem::SecretWithoutHeaders));
        match config {
            Some(mut config) if problems.is_empty() => {
                let upstreams = Arc::make_mut(&mut config.upstreams).iter_mut();
                upstreams.zip(keys).for_each(|(upstream, key)| upstream.key = key);
                Ok(config)
            }
            _ => Err(problems),
        }
    }

    /// What `json` configures, with `key` for every upstream.
    #[cfg(test)]
    pub(crate) fn of(json: &str, key: &str) -> Result<Self, Vec<Problem>> {
        Self::read(|name| match name {
            "FAILSOFT" => Some(json.into()),
            name => name.ends_with("_KEY").then(|| key.into()),
        })
    }

    /// The route of this name.
    pub(crate) fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }
}

/// On one's own machine an upstream may want no key.
fn secret_problem(name: &str, secret: Option<&str>, local: bool) -> Option<Problem> {
    let name = || name.to_owned();
    match secret {
        None => Some(Problem::SecretMissing(name())),
        Some("") if !local => Some(Problem::SecretEmpty(name())),
        Some(key) if !key.bytes().all(|byte| byte.is_ascii_graphic()) => Some(Problem::SecretUnprintable(name())),
        Some(_) => None,
    }
}

/// The configuration, with no keys yet, and for each upstream the name of the secret that holds its key.
fn parse(variable: &str) -> Result<(Config, Vec<String>), Problem> {
    match Json::parse(variable) {
        Some(value) => checked(value).map_err(Problem::Field),
        None => Err(Problem::Syntax(serde_json::from_str::<serde_json::Value>(variable).err())),
    }
}

fn checked(value: Json<'_>) -> Result<(Config, Vec<String>), Box<Invalid>> {
    let config = &Section::object("", value)?;
    config.only(FIELDS)?;
    let policy = Policy::read(config.get("policy"))?;
    let routes = Route::read_all(&config.section("routes")?, &policy)?;
    let access = Access::read(config, &routes)?;
    let named = Named::read_all(config, access == Access::Loopback)?;
    let (upstreams, secrets): (Vec<_>, _) = named.into_iter().map(|named| (named.upstream, named.secret)).unzip();
    let config = Config {
        upstreams: Arc::new(upstreams),
        routes,
        models: models(config)?,
        policy,
        origins: origins(config)?.unwrap_or_default(),
        limits: limits(&config.section("limits")?)?,
        fields: fields(config)?,
        operations: Operations::read(config)?,
        emulator: config.text("emulator")?.map(Into::into),
        access,
    };
    Ok((config, secrets))
}

fn limits(given: &Section<'_>) -> Result<Limits, Box<Invalid>> {
    given.only("bodyBytes bodyWithin messages outputTokens answers images")?;
    let (mut body_bytes, mut messages, mut output_tokens) = (1_000_000, 256, 4_096);
    given.count("bodyBytes", 1, 100_000_000, &mut body_bytes)?;
    given.count("messages", 1, 100_000, &mut messages)?;
    given.whole("outputTokens", 1, 10_000_000, &mut output_tokens)?;
    let (mut answers, mut images, mut body_within) = (4, 0, 30_000);
    given.whole("bodyWithin", 1, 600_000, &mut body_within)?;
    given.whole("answers", 1, 128, &mut answers)?;
    given.whole("images", 0, 1_000, &mut images)?;
    let (body_bytes, messages) = (body_bytes as usize, messages as usize);
    Ok(Limits { body_bytes, body_within, messages, output_tokens, answers, images })
}

/// What decides whom is asked, and how long an answer is, is read here and stays so.
fn fields(given: &Section<'_>) -> Result<Vec<String>, Box<Invalid>> {
    const READ: [&str; 7] = ["model", "models", "messages", "failsoft", "n", "max_tokens", "max_completion_tokens"];
    let fields = strings(given, "fields")?.unwrap_or_default();
    match fields.iter().position(|field| READ.contains(&field.as_str())) {
        Some(at) => Err(given.wrong(&format!("fields[{at}]"), "is read by the edge in any case")),
        None => Ok(fields),
    }
}

/// Model ids; a `*` at the end stands for anything.
fn models(given: &Section<'_>) -> Result<Option<Vec<String>>, Box<Invalid>> {
    let models = strings(given, "models")?;
    let wrong = |model: &String| model.trim_end_matches('*').contains('*') || model.starts_with("route/");
    match models.iter().flatten().position(wrong) {
        Some(at) => Err(given.wrong(&format!("models[{at}]"), "must be a model's id, or the beginning of one and `*`")),
        None => Ok(models),
    }
}

fn origins(given: &Section<'_>) -> Result<Option<Vec<String>>, Box<Invalid>> {
    let origins = strings(given, "origins")?;
    let wrong = |origin: &String| {
        let host = origin.split_once("://").map(|(_, host)| host);
        origin != "*" && host.is_none_or(|host| host.is_empty() || host.contains(['/', '*', '?', '#', '@']))
    };
    match origins.iter().flatten().position(wrong) {
        Some(at) => {
            Err(given.wrong(&format!("origins[{at}]"), "must be an origin such as https://app.example, without a path"))
        }
        None => Ok(origins),
    }
}

/// The array `name` of non-empty strings, if it is there.
pub(crate) fn strings(given: &Section<'_>, name: &str) -> Result<Option<Vec<String>>, Box<Invalid>> {
    let rows = given.get(name);
    if rows.is_null() {
        return Ok(None);
    }
    if !rows.is_array() {
        return Err(given.wrong(name, "must be an array of strings"));
    }
    let read = |(at, row): (usize, Json<'_>)| match row.text() {
        Some(text) if !text.trim().is_empty() => Ok(text.into_owned()),
        _ => Err(given.wrong(&format!("{name}[{at}]"), "must be a string that is not empty")),
    };
    rows.items().enumerate().map(read).collect::<Result<_, _>>().map(Some)
}

/// `host:port` of a URL or an origin.
pub(crate) fn authority(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#', '\\']).next();
    authority.unwrap_or_default()
}

/// `host:port` without the port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// `host:port` names this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    matches!(host(authority), "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests;
