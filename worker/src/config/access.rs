//! Who may call: client keys, users of the app, visitors of a web page, or anyone on this machine.

use std::rc::Rc;

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};

use super::admin::Admin;
use super::client_key::ClientKey;
use super::issuer::Issuer;
use super::problem::Problem;
use super::route::Route;
use super::visitors::Visitors;

/// Who may call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Clients that prove themselves in one of these ways.
    Keys(Box<Ways>),
    /// Programs on this machine, and the page that this edge serves to them.
    Loopback,
}

/// The ways in which a client can prove itself. Several can be configured beside each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// The client keys that the configuration lists.
    pub(crate) keys: Vec<ClientKey>,
    /// Who may use `/admin`. Without an admin there are no managed keys.
    pub(crate) admins: Vec<Admin>,
    /// The issuers whose users may call.
    pub(crate) users: Vec<Issuer>,
    pub(crate) visitors: Option<Visitors>,
}

impl Access {
    /// Reads the ways in, without their secrets.
    pub(super) fn read(config: &Section<'_>, routes: &[Rc<Route>]) -> Result<Self, Box<Invalid>> {
        if config.choice("access", "keys loopback")? != Some("loopback") {
            let ways = Ways {
                keys: ClientKey::read_all(config, routes)?,
                admins: Admin::read_all(config)?,
                users: Issuer::read_all(config, routes)?,
                visitors: Visitors::read(config, routes)?,
            };
            return Ok(Self::Keys(Box::new(ways)));
        }
        let is_left_out = |given: Json<'_>| given.is_null() || given.is_array() && given.items().next().is_none();
        match ["keys", "users", "visitors", "admins"].iter().find(|name| !is_left_out(config.get(name))) {
            Some(name) => Err(config.wrong(name, "has no effect with \"access\": \"loopback\"; remove one of the two")),
            None => Ok(Self::Loopback),
        }
    }

    /// Adds the secrets that the ways in need.
    pub(super) fn add_secrets(&mut self, variable: &impl Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
        let Self::Keys(ways) = self else { return };
        let mut found = Vec::new();
        Admin::add_secrets(&mut ways.admins, variable, &mut found);
        if let Some(visitors) = &mut ways.visitors {
            visitors.add_secrets(variable, &mut found);
        }
        let needs_objects = !ways.admins.is_empty() || ways.visitors.is_some();
        found.extend((needs_objects && variable("KEYS").is_none()).then_some(Problem::KeysUnbound));
        let nobody = ways.keys.is_empty() && ways.users.is_empty() && ways.visitors.is_none() && ways.admins.is_empty();
        found.extend((nobody && found.is_empty()).then_some(Problem::NoWayIn));
        problems.append(&mut found);
    }
}
