//! A route: a chain of models with a policy, under a name that a client asks for as `route/NAME`.

use std::rc::Rc;

use failsoft::invalid::{Invalid, Section, join};
use failsoft::{Lane, Millis, Policy, Upstream};

use super::budget::{Budget, account_share};
use super::limits::{Limits, RouteLimits};
use super::list::strings;
use super::provider;
use super::sampling::Sampling;
use super::split::Split;
use super::system_prompt::SystemPrompt;

/// How long a stream's headers wait for the first text unless the route says otherwise, in milliseconds. Some HTTP clients give up
/// after 10 s without a byte (OkHttp).
pub(crate) const HEADERS_WITHIN: Millis = 5_000;

/// The fields of a route.
const FIELDS: &str =
    "models policy lane headersWithin budget accountShare provider limits upstreams cache sampling systemPrompt";

/// The longest time that an answer is stored, in seconds: 30 days.
const LONGEST_LIFETIME: u64 = 2_592_000;

/// A chain of models with a policy.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    /// The version, if the route is stored in the database.
    pub(crate) version: Option<u64>,
    /// Another version, and which calls get it.
    pub(crate) split: Option<(Split, Rc<Self>)>,
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
    pub(crate) limits: RouteLimits,
    /// The places of the upstreams that the route may use, in its own order, among those of the configuration without their spares.
    /// Empty: all of them.
    pub(crate) upstreams: Vec<usize>,
    /// How long the answers of the route are stored and given again, in milliseconds. `None`: nothing is stored.
    pub(crate) cache: Option<Millis>,
    /// Of which calls the text is kept. Nothing: of none.
    pub(crate) sampling: Option<Sampling>,
    /// What takes the place of a system prompt.
    pub(crate) system_prompt: Option<SystemPrompt>,
}

/// What a route inherits, and what it chooses from.
#[derive(Debug)]
pub(super) struct Above<'a> {
    pub(super) policy: &'a Policy,
    pub(super) provider: Option<&'a str>,
    pub(super) limits: &'a Limits,
    /// The names of the upstreams.
    pub(super) upstreams: &'a [String],
}

impl Route {
    /// Reads all routes. Each inherits from `above` what its own fields do not set.
    pub(super) fn read_all(routes: &Section<'_>, above: &Above<'_>) -> Result<Vec<Rc<Self>>, Box<Invalid>> {
        let read = |name: &str| {
            if !is_route_name(name) {
                return Err(routes.wrong(name, NOT_A_NAME));
            }
            Self::read(&routes.section(name)?, name, above).map(Rc::new)
        };
        routes.fields().map(|(name, _)| read(&name.text().unwrap_or_default())).collect()
    }

    /// Reads the route `name`.
    pub(super) fn read(route: &Section<'_>, name: &str, above: &Above<'_>) -> Result<Self, Box<Invalid>> {
        route.only(FIELDS)?;
        let models = strings(route, "models")?.filter(|models| !models.is_empty());
        let lane = match route.choice("lane", "gate relay lean")? {
            Some("relay") => Lane::Relay,
            Some("lean") => Lane::Lean,
            _ => Lane::Gate,
        };
        let mut headers_within = HEADERS_WITHIN;
        route.whole("headersWithin", 0, 600_000, &mut headers_within)?;
        let below_route = |invalid: Box<Invalid>| Invalid::new(join(route.path(), &invalid.path), invalid.problem);
        Ok(Self {
            name: name.into(),
            version: None,
            split: None,
            models: models.ok_or_else(|| route.wrong("models", "must name at least one model"))?,
            policy: above.policy.clone().with(route.get("policy")).map_err(below_route)?,
            lane,
            headers_within,
            budget: Budget::read(&route.section("budget")?)?,
            account_share: account_share(route)?,
            provider: provider::read(route, above.provider)?,
            limits: RouteLimits::read(&route.section("limits")?, above.limits)?,
            upstreams: find_upstreams(route, above.upstreams)?,
            cache: read_cache(route, lane)?,
            sampling: Sampling::read(route)?,
            system_prompt: SystemPrompt::read(route)?,
        })
    }

    /// The version of `route` for the request `body` of `account`.
    pub(crate) fn choose_version<'a>(route: &'a Rc<Self>, account: &str, body: &Section<'_>) -> &'a Rc<Self> {
        match &route.split {
            Some((split, second)) if split.chooses_second((&second.name, second.version), account, body) => second,
            _ => route,
        }
    }

    /// The version that a part of the calls gets.
    pub(super) fn second(&self) -> Option<&Self> {
        self.split.as_ref().map(|(_, second)| &**second)
    }

    /// The upstreams of `all` that the route may use, each with its spares behind it.
    pub(crate) fn choose_upstreams(&self, all: &[Upstream]) -> Vec<Upstream> {
        let mut groups: Vec<Vec<Upstream>> = Vec::new();
        for upstream in all {
            match groups.last_mut() {
                Some(group) if upstream.is_spare => group.push(upstream.clone()),
                _ => groups.push(vec![upstream.clone()]),
            }
        }
        self.upstreams.iter().filter_map(|at| groups.get(*at)).flatten().cloned().collect()
    }
}

/// The lifetime of stored answers.
fn read_cache(route: &Section<'_>, lane: Lane) -> Result<Option<Millis>, Box<Invalid>> {
    let cache = route.section("cache")?;
    cache.only("lifetime")?;
    let mut lifetime = 3_600;
    cache.whole("lifetime", 1, LONGEST_LIFETIME, &mut lifetime)?;
    let has_cache = !route.get("cache").is_null();
    if has_cache && lane == Lane::Lean {
        return Err(route.wrong("cache", "needs another lane: on the lane `lean`, the edge does not read answers"));
    }
    Ok(has_cache.then_some(lifetime * 1_000))
}

pub(super) const NOT_A_NAME: &str = "is not a name: use letters, digits, `-`, `_` and `.` only";

/// Whether `name` can be the name of a route.
pub(crate) fn is_route_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The places of the upstreams that the route names. A name that several upstreams have means all of them.
fn find_upstreams(route: &Section<'_>, names: &[String]) -> Result<Vec<usize>, Box<Invalid>> {
    let mut places = Vec::new();
    for (at, given) in strings(route, "upstreams")?.unwrap_or_default().iter().enumerate() {
        let before = places.len();
        places.extend((0..names.len()).filter(|place| names[*place] == *given));
        if places.len() == before {
            let problem = ["is not the name of an upstream; there are: ", &names.join(", ")].concat();
            return Err(route.wrong(&format!("upstreams[{at}]"), problem));
        }
    }
    let mut seen = Vec::new();
    places.retain(|place| {
        !seen.contains(place) && {
            seen.push(*place);
            true
        }
    });
    Ok(places)
}
