//! What a client may ask for, and which account pays for its calls.

use std::rc::Rc;

use failsoft::invalid::{Invalid, Section};

use super::budget::Budget;
use super::list::{model_patterns, origins, strings};
use super::network::{Network, networks};
use super::route::Route;

/// What a client may ask for, and which account pays for its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The client's name in logs.
    pub(crate) name: String,
    pub(crate) account: Account,
    /// The web pages that may use the grant. Without this list, any page and any program may.
    pub(crate) origins: Option<Vec<String>>,
    /// The networks that the client may call from. Without this list, it may call from everywhere.
    pub(crate) addresses: Option<Vec<Network>>,
    /// The routes that the client may name. Without this list, it may name all routes.
    pub(crate) routes: Option<Vec<String>>,
    /// The models that the client may name. Without this list, the models of the configuration apply.
    pub(crate) models: Option<Vec<String>>,
    /// The client sees no models, providers and costs of its calls.
    pub(crate) hides_report: bool,
    /// The session of a visitor, for the log.
    pub(crate) session: Option<VisitorSession>,
}

/// What the log says about the session of a visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VisitorSession {
    pub(crate) id: String,
    /// The id of the device's key that gave the session, if App Attest did.
    pub(crate) device: Option<String>,
}

/// The account that pays for a call, and its budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// The name of the account's Durable Object: `key:NAME`, `user:HASH`, `visitor:HASH` or `loopback`.
    pub(crate) name: String,
    pub(crate) budget: Budget,
}

impl Grant {
    /// The fields of a grant. Client keys, users and visitors have them in common.
    pub(super) const FIELDS: &str = "origins addresses routes models budget report";

    /// Reads the fields of a grant, for a client `name` and an account `account`.
    ///
    /// # Errors
    /// The field that is wrong, with its path.
    pub(crate) fn read(given: &Section<'_>, name: &str, account: String) -> Result<Self, Box<Invalid>> {
        let origins = origins(given)?;
        if origins.iter().flatten().any(|origin| origin == "*") {
            let problem = "cannot hold \"*\": name the web pages, or leave `origins` out where any page may call";
            return Err(given.wrong("origins", problem));
        }
        let mut shows_report = true;
        given.flag("report", &mut shows_report)?;
        Ok(Self {
            name: name.into(),
            account: Account { name: account, budget: Budget::read(&given.section("budget")?)? },
            origins,
            addresses: networks(given, "addresses")?,
            routes: strings(given, "routes")?,
            models: model_patterns(given)?,
            hides_report: !shows_report,
            session: None,
        })
    }

    /// Refuses the name of a route that does not exist.
    pub(super) fn check_routes(&self, given: &Section<'_>, routes: &[Rc<Route>]) -> Result<(), Box<Invalid>> {
        let is_unknown = |name: &String| !routes.iter().any(|route| route.name == *name);
        match self.routes.iter().flatten().position(is_unknown) {
            Some(at) => Err(given.wrong(&format!("routes[{at}]"), "is not one of `routes`")),
            None => Ok(()),
        }
    }
}
