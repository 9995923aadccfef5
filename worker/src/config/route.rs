//! A route: a chain with its policy, under a name that a client can ask for as `route/NAME`.

use failsoft::invalid::{Invalid, Section, join};
use failsoft::request::Lane;
use failsoft::{Millis, Policy};

use super::{Budget, strings};

/// How long a stream's headers wait for the first text unless the route says otherwise, in milliseconds.
pub(crate) const HEADERS_WITHIN: Millis = 10_000;

/// A chain by name.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) models: Vec<String>,
    pub(crate) policy: Policy,
    pub(crate) lane: Lane,
    /// A stream's headers are sent by then, whether or not a model has begun to answer.
    pub(crate) headers_within: Millis,
    /// What all its calls together may use.
    pub(crate) budget: Budget,
}

impl Route {
    /// All routes; what one does not say about its policy, `policy` says.
    pub(crate) fn read_all(routes: &Section<'_>, policy: &Policy) -> Result<Vec<Self>, Box<Invalid>> {
        routes.fields().map(|(name, _)| Self::read(routes, &name.text().unwrap_or_default(), policy)).collect()
    }

    fn read(routes: &Section<'_>, name: &str, policy: &Policy) -> Result<Self, Box<Invalid>> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(routes.wrong(name, "is not a name: letters, digits, `-`, `_` and `.` are"));
        }
        let route = routes.section(name)?;
        route.only("models policy lane headersWithin budget")?;
        let models = strings(&route, "models")?.filter(|models| !models.is_empty());
        let lane = match route.choice("lane", "gate relay lean")? {
            Some("relay") => Lane::Relay,
            Some("lean") => Lane::Lean,
            _ => Lane::Gate,
        };
        let mut headers_within = HEADERS_WITHIN;
        route.whole("headersWithin", 0, 600_000, &mut headers_within)?;
        let below = |invalid: Box<Invalid>| {
            let path = join(&join("routes", name), &invalid.path);
            Invalid::new(path, invalid.problem)
        };
        Ok(Self {
            name: name.into(),
            models: models.ok_or_else(|| route.wrong("models", "must name at least one model"))?,
            policy: policy.clone().with(route.get("policy")).map_err(below)?,
            lane,
            headers_within,
            budget: Budget::read(&route.section("budget")?)?,
        })
    }
}
