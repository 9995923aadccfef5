//! A route: a chain with its policy, under a name that a client can ask for as `route/NAME`.

use failsoft::invalid::{Invalid, join, object, text, whole};
use failsoft::request::Lane;
use failsoft::{Millis, Policy};
use serde_json::Value;

use super::strings;

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
}

impl Route {
    /// All routes; what one does not say about its policy, `policy` says.
    pub(crate) fn read_all(routes: Option<&Value>, policy: &Policy) -> Result<Vec<Self>, Invalid> {
        let Some(routes) = routes else { return Ok(Vec::new()) };
        let routes = routes.as_object().ok_or_else(|| Invalid::new("routes", "must be an object of routes by name"))?;
        routes.iter().map(|(name, route)| Self::read(name, route, policy)).collect()
    }

    fn read(name: &str, route: &Value, policy: &Policy) -> Result<Self, Invalid> {
        let path = join("routes", name);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(Invalid::new(path, "is not a name: letters, digits, `-`, `_` and `.` are"));
        }
        let map = object(route, &path, &["models", "policy", "lane", "headersWithin"])?;
        let models = strings(map, &path, "models")?.filter(|models| !models.is_empty());
        let lane = match text(map, &path, "lane")? {
            None | Some("gate") => Lane::Gate,
            Some("relay") => Lane::Relay,
            Some(_) => return Err(Invalid::new(join(&path, "lane"), "must be \"gate\" or \"relay\"")),
        };
        let below = |invalid: Invalid| Invalid::new(join(&path, &invalid.path), invalid.problem);
        Ok(Self {
            name: name.into(),
            models: models.ok_or_else(|| Invalid::new(join(&path, "models"), "must name at least one model"))?,
            policy: policy.with(map.get("policy").unwrap_or(&Value::Null)).map_err(below)?,
            lane,
            headers_within: whole(map, &path, "headersWithin", 0..=600_000, HEADERS_WITHIN)?,
        })
    }
}
