//! The configuration of the edge: the JSON variable `FAILSOFT` (the text of `failsoft.json`) and the secrets that it names.
//!
//! An isolate reads the configuration once and checks all of it before the first call. Every problem is reported with
//! the path of its field. `www/schema/failsoft.schema.json` describes all fields; tests hold the schema to this code.

mod access;
mod admin;
mod budget;
mod client_key;
pub(crate) mod digest;
mod grant;
mod issuer;
mod limits;
mod list;
mod network;
mod operations;
mod problem;
mod provider;
mod purpose;
mod route;
#[cfg(test)]
mod schema_tests;
mod secret;
mod setup;
#[cfg(test)]
mod tests;
mod upstream;
mod url_host;
mod visitors;

use std::sync::Arc;

use failsoft::invalid::{Invalid, Section};
use failsoft::{Json, Policy, Upstream};
use serde_json::{Map, Value};

pub(crate) use access::{Access, Ways};
pub(crate) use admin::{Admin, Scope};
pub(crate) use budget::{Bounds, Budget};
pub(crate) use client_key::{ClientKey, check_managed_key, is_key_id};
pub(crate) use grant::{Account, Grant};
pub(crate) use issuer::{Algorithm, Issuer};
pub(crate) use limits::Limits;
pub(crate) use operations::{Alerts, Operations, Target};
pub(crate) use problem::Problem;
pub(crate) use route::{HEADERS_WITHIN, Route};
pub(crate) use setup::{ACCOUNTS, Setup, setup};
pub(crate) use url_host::{authority, is_loopback};
pub(crate) use visitors::Visitors;

use list::{model_patterns, origins, strings};
use secret::{DEFAULT_KEY, add_keys, old_keys, upstream_keys};
use upstream::read_upstreams;

/// The variable that holds the configuration.
const VARIABLE: &str = "FAILSOFT";

/// `$schema` names the schema for editors. The edge ignores its value.
const FIELDS: &str = "upstream upstreams access keys users visitors admins routes models policy budget origins limits fields provider otlp \
                      alerts ledger emulator trustProxy development $schema";

/// Request fields that the edge reads itself, because they decide which models answer and how long an answer may be.
const OWN_REQUEST_FIELDS: [&str; 7] =
    ["model", "models", "messages", "failsoft", "n", "max_tokens", "max_completion_tokens"];

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// The upstreams in order, with their keys; at least one.
    pub(crate) upstreams: Arc<Vec<Upstream>>,
    pub(crate) access: Access,
    pub(crate) routes: Vec<Route>,
    /// The models that a client may name, unless its grant has a list of its own.
    pub(crate) models: Option<Vec<String>>,
    /// The policy of calls without a route.
    pub(crate) policy: Policy,
    /// What all calls of the edge together may use.
    pub(crate) budget: Budget,
    /// Web pages from other origins that may call with any key; `*` is all of them.
    pub(crate) origins: Vec<String>,
    pub(crate) limits: Limits,
    /// Request fields that the edge passes on unchanged, whatever they cost.
    pub(crate) fields: Vec<String>,
    /// What the owner fixed of OpenRouter's `provider`, as JSON text, for calls without a route.
    pub(crate) provider: Option<String>,
    pub(crate) operations: Operations,
    /// A proxy before the edge ends TLS.
    pub(crate) trusts_proxy: bool,
    /// Plain HTTP is allowed from everywhere.
    pub(crate) is_development: bool,
    /// The control URL of the emulator behind a local edge, for the playground.
    pub(crate) emulator: Option<String>,
}

impl Config {
    /// Reads the configuration. `variable` returns the value of a variable or secret by name; for a binding it returns
    /// any text.
    ///
    /// # Errors
    /// Every problem that was found.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let (mut config, key_names) = match parse(variable(VARIABLE).as_deref().unwrap_or("{}")) {
            Ok((config, key_names)) => (Some(config), key_names),
            Err(problem) => {
                problems.push(problem);
                (None, vec![DEFAULT_KEY.into()])
            }
        };
        let local = config.as_ref().is_some_and(|config| config.access == Access::Loopback);
        let keys = upstream_keys(&key_names, &variable, local, &mut problems);
        let old_keys = old_keys(&key_names, &variable, &mut problems);
        if let Some(config) = &mut config {
            config.access.add_secrets(&variable, &mut problems);
            config.operations.add_secrets(&variable, &mut problems);
            problems.extend(purpose::find_shared(config, &key_names, &variable));
        }
        match config {
            Some(mut config) if problems.is_empty() => {
                let upstreams: &mut Vec<Upstream> = Arc::make_mut(&mut config.upstreams);
                add_keys(upstreams, keys, old_keys);
                Ok(config)
            }
            _ => Err(problems),
        }
    }

    /// Whether all calls are of one account.
    pub(crate) fn has_one_account(&self) -> bool {
        match &self.access {
            Access::Loopback => true,
            Access::Keys(ways) => {
                ways.keys.len() == 1 && ways.users.is_empty() && ways.visitors.is_none() && ways.admins.is_empty()
            }
        }
    }

    /// What works, but may cost the owner more than intended: ways in without a bound on money.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Access::Keys(ways) = &self.access else { return Vec::new() };
        if self.budget.usd != Bounds::default() {
            return Vec::new();
        }
        let is_open = |grant: &&Grant| grant.account.budget.usd == Bounds::default();
        let keys =
            ways.keys.iter().map(|key| &key.grant).filter(is_open).map(|grant| format!("the key {}", grant.name));
        let users = ways.users.iter().map(|issuer| &issuer.grant).filter(is_open).map(|_| "each user".to_owned());
        let visitors = ways.visitors.iter().filter(|visitors| visitors.total.usd == Bounds::default());
        let visitors = visitors.map(|visitors| &visitors.grant).filter(is_open);
        let visitors = visitors.map(|_| "each visitor".to_owned());
        keys.chain(users).chain(visitors).map(|who| unbounded(&who)).collect()
    }

    /// What a managed key `name` with the terms `given` may cost the owner more than intended.
    pub(crate) fn warning_about(&self, name: &str, given: &Map<String, Value>) -> Option<String> {
        let usd = given.get("budget").and_then(|budget| budget.get("usd")).and_then(Value::as_object);
        let is_bounded = usd.is_some_and(|usd| usd.values().any(|bound| !bound.is_null()));
        let is_open = !is_bounded && self.budget.usd == Bounds::default();
        is_open.then(|| unbounded(&["the key ", name].concat()))
    }

    /// Reads the configuration `json`, with `key` as the key of every upstream.
    #[cfg(test)]
    pub(crate) fn of(json: &str, key: &str) -> Result<Self, Vec<Problem>> {
        Self::read(|name| match name {
            VARIABLE => Some(json.into()),
            name => name.ends_with("_KEY").then(|| key.into()),
        })
    }

    /// The models that the configuration names: of routes, of upstreams, of judges, and those that clients may name.
    pub(crate) fn models(&self) -> impl Iterator<Item = &str> {
        let routes = self.routes.iter().flat_map(|route| &route.models);
        let upstreams = self.upstreams.iter().flat_map(|upstream| &upstream.models);
        let policies = self.routes.iter().map(|route| &route.policy).chain([&self.policy]);
        let judges = policies.filter_map(|policy| policy.judge.as_ref()).map(|judge| &judge.model);
        routes.chain(self.models.iter().flatten()).chain(upstreams).chain(judges).map(String::as_str)
    }

    /// Finds the route `name`.
    pub(crate) fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }
}

fn unbounded(who: &str) -> String {
    format!("{who} may spend any amount: set `budget.usd`, for example {{\"day\": 1}}")
}

/// The configuration without keys, and for each upstream the name of the secret that holds its key.
type Keyless = (Config, Vec<String>);

fn parse(text: &str) -> Result<Keyless, Problem> {
    match Json::parse(text) {
        Some(value) => check(value).map_err(Problem::Field),
        None => Err(Problem::Syntax(serde_json::from_str::<serde_json::Value>(text).err())),
    }
}

fn check(value: Json<'_>) -> Result<Keyless, Box<Invalid>> {
    let config = &Section::object("", value)?;
    config.only(FIELDS)?;
    config.text("$schema")?;
    let policy = Policy::read(config.get("policy"))?;
    let provider = provider::read(config, None)?;
    let routes = Route::read_all(&config.section("routes")?, &policy, provider.as_deref())?;
    let access = Access::read(config, &routes)?;
    let (upstreams, key_names) = read_upstreams(config, access == Access::Loopback)?.into_iter().unzip();
    let (mut trusts_proxy, mut is_development) = (false, false);
    config.flag("trustProxy", &mut trusts_proxy)?;
    config.flag("development", &mut is_development)?;
    let config = Config {
        upstreams: Arc::new(upstreams),
        routes,
        models: model_patterns(config)?,
        policy,
        budget: Budget::read(&config.section("budget")?)?,
        origins: origins(config)?.unwrap_or_default(),
        limits: Limits::read(&config.section("limits")?)?,
        fields: passed_fields(config)?,
        provider,
        operations: Operations::read(config)?,
        trusts_proxy,
        is_development,
        emulator: config.text("emulator")?.map(Into::into),
        access,
    };
    Ok((config, key_names))
}

fn passed_fields(given: &Section<'_>) -> Result<Vec<String>, Box<Invalid>> {
    let fields = strings(given, "fields")?.unwrap_or_default();
    match fields.iter().position(|field| OWN_REQUEST_FIELDS.contains(&field.as_str())) {
        Some(at) => Err(given.wrong(&format!("fields[{at}]"), "is a field that the edge reads itself; remove it here")),
        None => Ok(fields),
    }
}
