//! Visitors of a web page, known by nothing but that Turnstile takes them for people.

use failsoft::invalid::{Invalid, Section};

use super::access::own_secret;
use super::{Grant, Problem, Route, authority, host, is_loopback, known_routes, strings, terms};

/// Turnstile's own.
const SITEVERIFY: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// What visitors are asked for, and may do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visitors {
    /// Where the widget may have been solved.
    pub(crate) hostnames: Vec<String>,
    /// What the widget has to call itself.
    pub(crate) action: Option<String>,
    /// Of a session, in seconds.
    pub(crate) lifetime: u64,
    pub(crate) siteverify: String,
    /// Of every visitor; the account's name is each one's own. It has origins.
    pub(crate) grant: Grant,
    pub(crate) turnstile_secret: String,
    pub(crate) session_secret: String,
}

impl Visitors {
    pub(super) fn read(config: &Section<'_>, routes: &[Route]) -> Result<Option<Self>, Box<Invalid>> {
        let given = &config.section("visitors")?;
        if config.get("visitors").is_null() {
            return Ok(None);
        }
        given.only("hostnames action lifetime siteverify origins routes models budget")?;
        let grant = terms(given, "visitor", String::new())?;
        known_routes(given, &grant, routes)?;
        let origins = grant.origins.as_deref().unwrap_or_default();
        if origins.is_empty() {
            return Err(given.wrong("origins", "must name the pages that visitors come from"));
        }
        let siteverify = given.text("siteverify")?.unwrap_or(SITEVERIFY.into());
        if siteverify != SITEVERIFY && !is_loopback(authority(&siteverify)) {
            return Err(given.wrong("siteverify", "can only be replaced by one on this machine, for tests"));
        }
        let mut lifetime = 900;
        given.whole("lifetime", 1, 86_400, &mut lifetime)?;
        let hosts = || origins.iter().map(|origin| host(authority(origin)).into()).collect();
        Ok(Some(Self {
            hostnames: strings(given, "hostnames")?.unwrap_or_else(hosts),
            action: given.text("action")?.map(Into::into),
            lifetime,
            siteverify: siteverify.into(),
            turnstile_secret: String::new(),
            session_secret: String::new(),
            grant,
        }))
    }

    /// Takes the secrets.
    pub(super) fn equip(&mut self, variable: &impl Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
        match variable("TURNSTILE_SECRET").map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty()) {
            Some(secret) => self.turnstile_secret = secret,
            None => problems.push(Problem::SecretMissing("TURNSTILE_SECRET".into())),
        }
        match own_secret("SESSION_SECRET", variable, problems) {
            Some(secret) => self.session_secret = secret,
            None if variable("SESSION_SECRET").is_none() => {
                problems.push(Problem::SecretMissing("SESSION_SECRET".into()));
            }
            None => {}
        }
    }
}
