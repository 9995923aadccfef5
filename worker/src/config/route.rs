//! A route: a chain of models with a policy, under a name that a client asks for as `route/NAME`.

use failsoft::invalid::{Invalid, Section, join};
use failsoft::{Lane, Millis, Policy};

use super::budget::Budget;
use super::list::strings;
use super::provider;

/// How long a stream's headers wait for the first text unless the route says otherwise, in milliseconds. Some HTTP clients give up
/// after 10 s without a byte (OkHttp).
pub(crate) const HEADERS_WITHIN: Millis = 5_000;

/// A chain of models with a policy.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) models: Vec<String>,
    pub(crate) policy: Policy,
    pub(crate) lane: Lane,
    /// The edge sends a stream's headers after this time, even if no model has begun to answer.
    pub(crate) headers_within: Millis,
    /// What all calls of the route together may use.
    pub(crate) budget: Budget,
    /// The part of the budget that one account may use, in percent.
    pub(crate) account_share: u64,
    /// What the owner fixed of OpenRouter's `provider`, as JSON text.
    pub(crate) provider: Option<String>,
}

/// One account may use half of a route's budget unless the route says otherwise.
const ACCOUNT_SHARE: u64 = 50;

impl Route {
    /// Reads all routes. Each inherits from `policy` and `provider` what its own fields do not set.
    pub(super) fn read_all(
        routes: &Section<'_>,
        policy: &Policy,
        provider: Option<&str>,
    ) -> Result<Vec<Self>, Box<Invalid>> {
        let read = |name: &str| Self::read(routes, name, policy, provider);
        routes.fields().map(|(name, _)| read(&name.text().unwrap_or_default())).collect()
    }

    fn read(routes: &Section<'_>, name: &str, policy: &Policy, provider: Option<&str>) -> Result<Self, Box<Invalid>> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(routes.wrong(name, "is not a name: use letters, digits, `-`, `_` and `.` only"));
        }
        let route = routes.section(name)?;
        route.only("models policy lane headersWithin budget accountShare provider")?;
        let models = strings(&route, "models")?.filter(|models| !models.is_empty());
        let lane = match route.choice("lane", "gate relay lean")? {
            Some("relay") => Lane::Relay,
            Some("lean") => Lane::Lean,
            _ => Lane::Gate,
        };
        let mut headers_within = HEADERS_WITHIN;
        route.whole("headersWithin", 0, 600_000, &mut headers_within)?;
        let mut account_share = ACCOUNT_SHARE;
        route.whole("accountShare", 1, 100, &mut account_share)?;
        let below_route = |invalid: Box<Invalid>| {
            let path = join(&join("routes", name), &invalid.path);
            Invalid::new(path, invalid.problem)
        };
        Ok(Self {
            name: name.into(),
            models: models.ok_or_else(|| route.wrong("models", "must name at least one model"))?,
            policy: policy.clone().with(route.get("policy")).map_err(below_route)?,
            lane,
            headers_within,
            budget: Budget::read(&route.section("budget")?)?,
            account_share,
            provider: provider::read(&route, provider)?,
        })
    }
}
