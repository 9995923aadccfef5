//! Visitors of a web page or of a native app, whom the edge knows only by a passed check.

use std::rc::Rc;

use failsoft::invalid::{Invalid, Section};

use super::attestation::{AppAttest, PlayIntegrity};
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
    /// Apps that send no origin may have sessions for a Turnstile token, too.
    pub(crate) native_apps: bool,
    pub(crate) app_attest: Option<AppAttest>,
    pub(crate) play_integrity: Option<PlayIntegrity>,
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
        let Some(given) = &config.optional("visitors")? else { return Ok(None) };
        given.only(
            &["hostnames action lifetime nativeApps appAttest playIntegrity siteverify total ", Grant::FIELDS].concat(),
        )?;
        let mut grant = Grant::read(given, "visitor", String::new())?;
        grant.check_routes(given, routes)?;
        let (app_attest, play_integrity) = (AppAttest::read(given)?, PlayIntegrity::read(given)?);
        let mut native_apps = false;
        given.flag("nativeApps", &mut native_apps)?;
        // Without this list, any page could use the grant.
        let origins = &*grant.origins.get_or_insert_default();
        // Turnstile needs a page, also for native apps: its widget stands on one.
        let has_no_way = app_attest.is_none() && play_integrity.is_none();
        if origins.is_empty() && (has_no_way || native_apps) {
            return Err(given.wrong("origins", "is missing: name the web pages that visitors come from"));
        }
        let siteverify = given.text("siteverify")?.unwrap_or(SITEVERIFY.into());
        if siteverify != SITEVERIFY && !is_loopback(authority(&siteverify)) {
            return Err(given.wrong("siteverify", "must be a URL on this machine, and is for tests only"));
        }
        let mut lifetime = 900;
        given.whole("lifetime", 1, 86_400, &mut lifetime)?;
        let hosts = || origins.iter().map(|origin| host(authority(origin)).into()).collect();
        Ok(Some(Self {
            hostnames: strings(given, "hostnames")?.unwrap_or_else(hosts),
            action: given.text("action")?.map(Into::into),
            native_apps,
            app_attest,
            play_integrity,
            lifetime,
            siteverify: siteverify.into(),
            total: Budget::read(&given.section("total")?)?,
            turnstile_secret: String::new(),
            session_secret: String::new(),
            old_session_secret: None,
            grant,
        }))
    }

    /// Whether web pages get sessions, for which Turnstile is asked.
    pub(super) fn knows_pages(&self) -> bool {
        self.grant.origins.iter().flatten().next().is_some()
    }

    /// Whether native apps get sessions for a proof of what they are.
    pub(crate) fn knows_native_apps(&self) -> bool {
        self.app_attest.is_some() || self.play_integrity.is_some()
    }

    /// Adds the secrets.
    pub(super) fn add_secrets(&mut self, variable: &impl Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
        if let Some(play_integrity) = &mut self.play_integrity {
            play_integrity.add_secret(variable, problems);
        }
        let secret =
            variable("TURNSTILE_SECRET").map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty());
        match secret {
            _ if !self.knows_pages() => {}
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
