//! A route: a chain with its policy, under a name that a client can ask for as `route/NAME`.

use failsoft::invalid::{Invalid, join, object, text, whole};
use failsoft::request::Lane;
use failsoft::{Json, Millis, Policy};

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
    pub(crate) fn read_all(routes: Json<'_>, policy: &Policy) -> Result<Vec<Self>, Invalid> {
        if !routes.is_object() && !routes.is_null() {
            return Err(Invalid::new("routes", "must be an object of routes by name"));
        }
        routes.fields().map(|(name, route)| Self::read(&name.text().unwrap_or_default(), route, policy)).collect()
    }

    fn read(name: &str, route: Json<'_>, policy: &Policy) -> Result<Self, Invalid> {
        let path = join("routes", name);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(Invalid::new(path, "is not a name: letters, digits, `-`, `_` and `.` are"));
        }
        let map = object(route, &path, &["models", "policy", "lane", "headersWithin"])?;
        let models = strings(map, &path, "models")?.filter(|models| !models.is_empty());
        let lane = match text(map, &path, "lane")?.as_deref() {
            None | Some("gate") => Lane::Gate,
            Some("relay") => Lane::Relay,
            Some(_) => return Err(Invalid::new(join(&path, "lane"), "must be \"gate\" or \"relay\"")),
        };
        let below = |invalid: Invalid| Invalid::new(join(&path, &invalid.path), invalid.problem);
        Ok(Self {
            name: name.into(),
            models: models.ok_or_else(|| Invalid::new(join(&path, "models"), "must name at least one model"))?,
            policy: policy.with(map.get("policy")).map_err(below)?,
            lane,
            headers_within: whole(map, &path, "headersWithin", 0..=600_000, HEADERS_WITHIN)?,
        })
    }
}
