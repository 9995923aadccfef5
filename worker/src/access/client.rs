//! A client that was admitted, and what it may ask for.

use std::rc::Rc;

use crate::config::{Account, Config, Grant, Route, VisitorSession};

/// A client that was admitted.
#[derive(Clone, Debug)]
pub(crate) struct Client<'a> {
    config: &'a Config,
    grant: Grant,
}

impl<'a> Client<'a> {
    pub(crate) fn new(config: &'a Config, grant: Grant) -> Self {
        Self { config, grant }
    }

    /// The client's name in logs.
    pub(crate) fn name(&self) -> &str {
        &self.grant.name
    }

    /// Whether the client sees no models, providers and costs of its calls.
    pub(crate) fn hides_report(&self) -> bool {
        self.grant.hides_report
    }

    /// The visitor's session, if the client is a visitor.
    pub(crate) fn session(&self) -> Option<&VisitorSession> {
        self.grant.session.as_ref()
    }

    /// The account that pays.
    pub(crate) fn account(&self) -> &Account {
        &self.grant.account
    }

    /// Lists the routes that this client may name.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &'a Rc<Route>> {
        let allowed = self.grant.routes.as_ref();
        self.config.routes.iter().filter(move |route| allowed.is_none_or(|names| names.contains(&route.name)))
    }

    /// Whether the owner listed the models of this client itself.
    pub(crate) fn has_own_models(&self) -> bool {
        self.grant.models.is_some()
    }

    /// Lists the models that this client may name itself. A `*` at the end stands for any rest.
    pub(crate) fn models(&self) -> Vec<&str> {
        match self.grant.models.as_ref().or(self.config.models.as_ref()) {
            Some(models) => models.iter().map(String::as_str).collect(),
            // The models of a route are its chain.
            None if self.grant.hides_report => Vec::new(),
            None => {
                // Who may edit stored routes does not decide which models a client may name without a route.
                let deployed = self.routes().filter(|route| route.version.is_none());
                let mut models: Vec<&str> =
                    deployed.flat_map(|route| route.models.iter().map(String::as_str)).collect();
                models.sort_unstable();
                models.dedup();
                models
            }
        }
    }

    /// Whether this client may name `model`.
    pub(crate) fn may_name(&self, model: &str) -> bool {
        self.models().iter().any(|pattern| covers(pattern, model))
    }
}

/// Whether `pattern` is `model`, or a beginning of `model` and `*`.
pub(crate) fn covers(pattern: &str, model: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == model, |beginning| model.starts_with(beginning))
}
