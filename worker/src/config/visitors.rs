//! Visitors of a web page, whom the edge knows only by a passed Turnstile check.

use std::rc::Rc;

use failsoft::invalid::{Invalid, Section};

use super::budget::Budget;
use super::grant::Grant;
use super::list::strings;
use super::problem::Problem;
use super::route::Route;
use super::secret::own_secret;
use super::url_host::{authority, host, is_loopback};

/// The URL at which Turnstile verifies tokens.
const SITEVERIFY: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// What a visitor has to pass, and what every visitor may do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visitors {
    /// The hosts on which the widget may have been solved.
    pub(crate) hostnames: Vec<String>,
    /// The action that the widget must name.
    pub(crate) action: Option<String>,
    /// Apps that send no origin may have sessions, too.
    pub(crate) native_apps: bool,
    /// How long a session lasts, in seconds.
    pub(crate) lifetime: u64,
    pub(crate) siteverify: String,
    /// What all visitors together may use.
    pub(crate) total: Budget,
    /// The grant of every visitor, with `origins`. A session adds the name of the visitor's account.
    pub(crate) grant: Grant,
    pub(crate) turnstile_secret: String,
    pub(crate) session_secret: String,
    /// The secret before the last rotation. Sessions that were signed with it work until they expire.
    pub(crate) old_session_secret: Option<String>,
}

impl Visitors {
    pub(super) fn read(config: &Section<'_>, routes: &[Rc<Route>]) -> Result<Option<Self>, Box<Invalid>> {
        let given = &config.section("visitors")?;
        if config.get("visitors").is_null() {
            return Ok(None);
        }
        given.only(&["hostnames action lifetime nativeApps siteverify total ", Grant::FIELDS].concat())?;
        let grant = Grant::read(given, "visitor", String::new())?;
        grant.check_routes(given, routes)?;
        let origins = grant.origins.as_deref().unwrap_or_default();
        if origins.is_empty() {
            return Err(given.wrong("origins", "is missing: name the web pages that visitors come from"));
        }
        let siteverify = given.text("siteverify")?.unwrap_or(SITEVERIFY.into());
        if siteverify != SITEVERIFY && !is_loopback(authority(&siteverify)) {
            return Err(given.wrong("siteverify", "must be a URL on this machine, and is for tests only"));
        }
        let mut lifetime = 900;
        given.whole("lifetime", 1, 86_400, &mut lifetime)?;
        let mut native_apps = false;
        given.flag("nativeApps", &mut native_apps)?;
        let hosts = || origins.iter().map(|origin| host(authority(origin)).into()).collect();
        Ok(Some(Self {
            hostnames: strings(given, "hostnames")?.unwrap_or_else(hosts),
            action: given.text("action")?.map(Into::into),
            native_apps,
            lifetime,
            siteverify: siteverify.into(),
            total: Budget::read(&given.section("total")?)?,
            turnstile_secret: String::new(),
            session_secret: String::new(),
            old_session_secret: None,
            grant,
        }))
    }

    /// Adds the secrets.
    pub(super) fn add_secrets(&mut self, variable: &impl Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
        match variable("TURNSTILE_SECRET").map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty()) {
            Some(secret) => self.turnstile_secret = secret,
            None => problems.push(Problem::SecretMissing("TURNSTILE_SECRET".into())),
        }
        self.old_session_secret = own_secret("SESSION_SECRET_OLD", variable, problems);
        match own_secret("SESSION_SECRET", variable, problems) {
            Some(secret) => self.session_secret = secret,
            None if variable("SESSION_SECRET").is_none() => {
                problems.push(Problem::SecretMissing("SESSION_SECRET".into()));
            }
            None => {}
        }
    }
}
