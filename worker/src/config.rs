//! The configuration of the edge: the JSON variable `FAILSOFT` (the text of `failsoft.json`) and the secrets that it names.
//!
//! An isolate reads the configuration once and checks all of it before the first call. Every problem is reported with
//! the path of its field. `www/schema/failsoft.schema.json` describes all fields; tests hold the schema to this code.

mod access;
mod admin;
mod attestation;
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
mod sampling;
#[cfg(test)]
mod schema_tests;
mod secret;
mod selection;
mod setup;
mod split;
mod stored_route;
mod system_prompt;
#[cfg(test)]
mod tests;
mod upstream;
mod url_host;
mod visitors;
mod warning;

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use failsoft::invalid::{Invalid, Section};
use failsoft::{Json, Millis, Policy, Upstream};

pub(crate) use access::{Access, Ways};
pub(crate) use admin::{Admin, Scope};
pub(crate) use attestation::{AppAttest, PlayIntegrity};
pub(crate) use budget::{Bounds, Budget};
pub(crate) use client_key::{ClientKey, check_managed_key, is_key_id};
pub(crate) use grant::{Account, Grant, VisitorSession};
pub(crate) use issuer::{Algorithm, Issuer};
pub(crate) use limits::Limits;
pub(crate) use operations::{Alerts, Operations, Target};
pub(crate) use problem::Problem;
pub(crate) use route::{HEADERS_WITHIN, Route, is_route_name};
pub(crate) use selection::Selection;
pub(crate) use setup::{ACCOUNTS, CACHE, EXPERIMENTS, Setup, setup};
pub(crate) use split::Split;
pub(crate) use stored_route::read_stored_route;
pub(crate) use url_host::{authority, is_loopback};
pub(crate) use visitors::Visitors;

use budget::account_share;
use list::{model_patterns, origins, strings};
use route::Above;
use secret::{DEFAULT_KEY, add_keys, old_keys, own_secret, upstream_keys};
use upstream::{Keyless as KeylessUpstream, read_upstreams};

/// The variable that holds the configuration.
const VARIABLE: &str = "FAILSOFT";

/// `$schema` names the schema for editors. The edge ignores its value.
const FIELDS: &str = "upstream upstreams access keys users visitors admins routes models policy budget accountShare origins limits fields provider otlp \
                      alerts ledger emulator trustProxy development $schema";

/// Request fields that the edge reads itself, because they decide which models answer and how long an answer may be.
const OWN_REQUEST_FIELDS: [&str; 7] =
    ["model", "models", "messages", "failsoft", "n", "max_tokens", "max_completion_tokens"];

/// A checked configuration: what was deployed, and the routes. Its fields are those of [`Deployed`].
#[derive(Clone, Debug)]
pub(crate) struct Config {
    deployed: Rc<Deployed>,
    /// The routes that were deployed, then those of the database.
    pub(crate) routes: Vec<Rc<Route>>,
    /// The database has routes that this isolate could not read.
    pub(crate) lacks_routes: bool,
}

/// What was deployed, except the routes.
#[derive(Debug)]
pub(crate) struct Deployed {
    /// The SHA-256 of the variable `FAILSOFT`.
    pub(crate) digest: [u8; 32],
    /// The upstreams in order, with their keys; at least one.
    pub(crate) upstreams: Arc<Vec<Upstream>>,
    /// The names of the upstreams, without their spares.
    pub(crate) upstream_names: Vec<String>,
    pub(crate) access: Access,
    /// The models that a client may name, unless its grant has a list of its own.
    pub(crate) models: Option<Vec<String>>,
    /// The policy of calls without a route.
    pub(crate) policy: Policy,
    /// What all calls of the edge together may use.
    pub(crate) budget: Budget,
    /// The part of what all routes share that one account may use, in percent.
    pub(crate) account_share: u64,
    /// Web pages from other origins that may call with any key; `*` is all of them.
    pub(crate) origins: Vec<String>,
    pub(crate) limits: Limits,
    /// Request fields that the edge passes on unchanged, whatever they cost.
    pub(crate) fields: Vec<String>,
    /// What the owner fixed of OpenRouter's `provider`, as JSON text, for calls without a route.
    pub(crate) provider: Option<String>,
    pub(crate) operations: Operations,
    /// The secret from which the key of sampled texts is derived. Without the secret, no route has samples.
    pub(crate) samples_secret: Option<String>,
    /// A proxy before the edge ends TLS.
    pub(crate) trusts_proxy: bool,
    /// Plain HTTP is allowed from everywhere.
    pub(crate) is_development: bool,
    /// The control URL of the emulator behind a local edge, for the playground.
    pub(crate) emulator: Option<String>,
}

impl Deref for Config {
    type Target = Deployed;

    fn deref(&self) -> &Deployed {
        &self.deployed
    }
}

impl Config {
    /// Reads the configuration. `variable` returns the value of a variable or secret by name; for a binding it returns
    /// any text.
    ///
    /// # Errors
    /// Every problem that was found.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let text = variable(VARIABLE).unwrap_or_else(|| "{}".into());
        let (mut config, key_names) = match parse(&text) {
            Ok((config, key_names)) => (Some(config), key_names),
            Err(problem) => {
                problems.push(problem);
                (None, vec![DEFAULT_KEY.into()])
            }
        };
        let local = config.as_ref().is_some_and(|config| config.access == Access::Loopback);
        let keys = upstream_keys(&key_names, &variable, local, &mut problems);
        let old_keys = old_keys(&key_names, &variable, &mut problems);
        let has_samples = config.iter().flat_map(|config| &config.routes).any(|route| route.sampling.is_some());
        if let Some(deployed) = config.as_mut().and_then(|config| Rc::get_mut(&mut config.deployed)) {
            deployed.digest = digest::of(&text);
            deployed.access.add_secrets(&variable, &mut problems);
            deployed.operations.add_secrets(&variable, &mut problems);
            deployed.samples_secret = own_secret(sampling::SECRET, &variable, &mut problems);
            if has_samples && variable(sampling::SECRET).is_none() {
                problems.push(Problem::SecretMissing(sampling::SECRET.into()));
            }
            problems.extend(purpose::find_shared(deployed, &key_names, &variable));
            add_keys(Arc::make_mut(&mut deployed.upstreams), keys, old_keys);
        }
        config.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// The same configuration with the routes of the database. A route that was deployed counts before a stored one of its name.
    pub(crate) fn with_stored(&self, stored: impl Iterator<Item = Rc<Route>>, lacks_routes: bool) -> Self {
        let mut routes: Vec<Rc<Route>> = self.routes.clone();
        routes.extend(stored.filter(|route| self.route(&route.name).is_none()));
        Self { deployed: Rc::clone(&self.deployed), routes, lacks_routes }
    }

    /// The same configuration with `route` in the place of the route of its name.
    pub(crate) fn with_route(&self, route: Rc<Route>) -> Self {
        let mut config = self.clone();
        config.routes.retain(|other| other.name != route.name);
        config.routes.push(route);
        config
    }

    /// Whether somebody can store routes.
    pub(crate) fn may_store_routes(&self) -> bool {
        !matches!(&self.access, Access::Keys(ways) if ways.admins.is_empty())
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

    /// Reads the configuration `json`, with `key` as the key of every upstream.
    #[cfg(test)]
    pub(crate) fn of(json: &str, key: &str) -> Result<Self, Vec<Problem>> {
        Self::read(|name| match name {
            VARIABLE => Some(json.into()),
            name => name.ends_with("_KEY").then(|| key.into()),
        })
    }

    /// What was deployed, of a configuration without other owners.
    #[cfg(test)]
    pub(crate) fn into_deployed(self) -> Deployed {
        Rc::into_inner(self.deployed).expect("one owner")
    }

    /// The models that the configuration names: of routes, of upstreams, of judges, and those that clients may name.
    pub(crate) fn models(&self) -> impl Iterator<Item = &str> {
        let routes = self.all_routes().flat_map(|route| &route.models);
        let upstreams = self.upstreams.iter().flat_map(|upstream| &upstream.models);
        let policies = self.policies();
        let judges = policies.filter_map(|policy| policy.judge.as_ref()).map(|judge| &judge.model);
        routes.chain(self.models.iter().flatten()).chain(upstreams).chain(judges).map(String::as_str)
    }

    /// All routes, and the second version of each that has one.
    fn all_routes(&self) -> impl Iterator<Item = &Route> {
        let versions = |route| [Some(route), Route::second(route)];
        self.routes.iter().map(Rc::as_ref).flat_map(versions).flatten()
    }

    /// The policies of all calls.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.all_routes().map(|route| &route.policy).chain([&self.policy])
    }

    /// Whether answers of the route `name` may be stored. If stored routes could not be read, nobody has changed one.
    pub(crate) fn caches_route(&self, name: &str) -> bool {
        self.lacks_routes || self.caches().any(|(route, _)| route == name)
    }

    /// The routes that store their answers, and for how many milliseconds. A route with two versions may be there twice.
    pub(crate) fn caches(&self) -> impl Iterator<Item = (&str, Millis)> {
        self.all_routes().filter_map(|route| Some((route.name.as_str(), route.cache?)))
    }

    /// Finds the route `name`.
    pub(crate) fn route(&self, name: &str) -> Option<&Rc<Route>> {
        self.routes.iter().find(|route| route.name == name)
    }
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
    let limits = Limits::read(&config.section("limits")?)?;
    let is_local = config.choice("access", "keys loopback")? == Some("loopback");
    let (mut upstreams, mut upstream_names, mut key_names) = (Vec::new(), Vec::new(), Vec::new());
    for KeylessUpstream { upstream, name, key } in read_upstreams(config, is_local)? {
        upstreams.push(upstream);
        upstream_names.push(name);
        key_names.push(key);
    }
    let above = Above { policy: &policy, provider: provider.as_deref(), limits: &limits, upstreams: &upstream_names };
    let routes = Route::read_all(&config.section("routes")?, &above)?;
    let access = Access::read(config, &routes)?;
    let (mut trusts_proxy, mut is_development) = (false, false);
    config.flag("trustProxy", &mut trusts_proxy)?;
    config.flag("development", &mut is_development)?;
    let deployed = Deployed {
        digest: [0; 32],
        upstreams: Arc::new(upstreams),
        upstream_names,
        models: model_patterns(config)?,
        policy,
        budget: Budget::read(&config.section("budget")?)?,
        account_share: account_share(config)?,
        origins: origins(config)?.unwrap_or_default(),
        limits,
        fields: passed_fields(config)?,
        provider,
        operations: Operations::read(config)?,
        samples_secret: None,
        trusts_proxy,
        is_development,
        emulator: config.text("emulator")?.map(Into::into),
        access,
    };
    Ok((Config { deployed: Rc::new(deployed), routes, lacks_routes: false }, key_names))
}

fn passed_fields(given: &Section<'_>) -> Result<Vec<String>, Box<Invalid>> {
    let fields = strings(given, "fields")?.unwrap_or_default();
    match fields.iter().position(|field| OWN_REQUEST_FIELDS.contains(&field.as_str())) {
        Some(at) => Err(given.wrong(&format!("fields[{at}]"), "is a field that the edge reads itself; remove it here")),
        None => Ok(fields),
    }
}
