//! A route: a chain of models with a policy, under a name that a client asks for as `route/NAME`.

use failsoft::invalid::{Invalid, Section, join};
use failsoft::{Lane, Millis, Policy};

use super::budget::Budget;
use super::list::strings;

/// How long a stream's headers wait for the first text unless the route says otherwise, in milliseconds.
pub(crate) const HEADERS_WITHIN: Millis = 10_000;

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
}

/// One account may use half of a route's budget unless the route says otherwise.
const ACCOUNT_SHARE: u64 = 50;

impl Route {
    /// Reads all routes. Each inherits from `policy` what its own policy does not set.
    pub(super) fn read_all(routes: &Section<'_>, policy: &Policy) -> Result<Vec<Self>, Box<Invalid>> {
        routes.fields().map(|(name, _)| Self::read(routes, &name.text().unwrap_or_default(), policy)).collect()
    }

    fn read(routes: &Section<'_>, name: &str, policy: &Policy) -> Result<Self, Box<Invalid>> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(routes.wrong(name, "is not a name: use letters, digits, `-`, `_` and `.` only"));
        }
        let route = routes.section(name)?;
        route.only("models policy lane headersWithin budget accountShare")?;
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
        })
    }
}
