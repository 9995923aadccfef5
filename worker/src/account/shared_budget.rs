//! A budget that many accounts share, of a route or of the whole edge, as one call spends it: from a lease of this isolate, or
//! from a new lease.

use failsoft::Millis;

use super::amount::Amount;
use super::balance::HoldRequest;
use super::client::{AccountClient, MARGIN, unavailable};
use super::lease::{LeaseReturn, with_leases};
use super::limits::Limits;
use super::message::{Answer, Message};
use crate::config::{Access, Account, Budget, ClientKey, Config, Route};
use crate::http::api_error::ApiError;
use crate::platform::host;

/// The name of the object of the whole edge: its budget, and whether it is paused.
pub(super) const EDGE: &str = "edge";

/// The name of the object of all visitors.
const VISITORS: &str = "visitors";

/// The name of the object of the route `name`.
pub(super) fn route_object(name: &str) -> String {
    ["route:", name].concat()
}

/// The budget that all calls of a route, of the edge or of its visitors spend from.
#[derive(Debug)]
pub(crate) struct SharedBudget {
    /// The name of the object that keeps the budget.
    pub(super) object: String,
    /// `route`, `edge` or `edge's visitors`, for messages.
    owner: &'static str,
    pub(super) budget: Budget,
    /// The longest time of any call that spends from the budget. A lease outlives the call that asked for it.
    total: Millis,
}

/// The lease that a call spends from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SharedLease {
    pub(super) id: String,
    /// When the lease ends, if it was granted for this call.
    pub(super) granted_until: Option<Millis>,
}

impl SharedBudget {
    pub(crate) fn of_route(route: &Route) -> Self {
        Self {
            object: route_object(&route.name),
            owner: "route",
            budget: route.budget.clone(),
            total: route.policy.timeouts.total,
        }
    }

    pub(crate) fn of_edge(config: &Config) -> Self {
        let total = config.policies().map(|policy| policy.timeouts.total).max().unwrap_or_default();
        Self { object: EDGE.into(), owner: "edge", budget: config.budget.clone(), total }
    }

    /// What all visitors together may use.
    fn of_visitors(config: &Config) -> Option<Self> {
        let Access::Keys(ways) = &config.access else { return None };
        let budget = ways.visitors.as_ref()?.total.clone();
        Some(Self { object: VISITORS.into(), owner: "edge's visitors", budget, ..Self::of_edge(config) })
    }

    /// The limited budgets that a call shares with other accounts: the edge's, its route's, and that of all visitors if the
    /// account is a visitor's.
    pub(crate) fn all_of(config: &Config, route: Option<&Route>, account: &str) -> Vec<Self> {
        let visitors = if is_visitor(account) { Self::of_visitors(config) } else { None };
        let budgets = [Some(Self::of_edge(config)), route.map(Self::of_route), visitors];
        budgets.into_iter().flatten().filter(Self::is_limited).collect()
    }

    /// The account that keeps the budget.
    fn into_account(self) -> Account {
        Account { name: self.object, budget: self.budget }
    }

    pub(crate) fn is_limited(&self) -> bool {
        Limits::from(&self.budget).any()
    }

    /// Takes `most` from a lease of this isolate. Asks the budget's object for a lease if none has enough left.
    pub(super) async fn spend(&self, most: Amount, accounts: &AccountClient) -> Result<SharedLease, ApiError> {
        let object = &self.object;
        if let Some(id) = with_leases(|leases| leases.spend(object, most, host::now())) {
            return Ok(SharedLease { id, granted_until: None });
        }
        let id = host::random_uuid();
        let message =
            Message::Lease { id: id.clone(), limits: Limits::from(&self.budget), request: self.lease_request(most) };
        match accounts.send(object, &message).await {
            Ok(Answer::Granted(grant)) => {
                let spent = with_leases(|leases| {
                    leases.add(&id, object, &grant, host::now());
                    leases.spend(object, most, host::now())
                });
                let granted_until = Some(host::now() + grant.term);
                spent.map(|id| SharedLease { id, granted_until }).ok_or_else(unavailable)
            }
            Ok(Answer::Exceeded(exceeded)) => Err(exceeded.to_error(self.owner)),
            // A lease that was granted without our knowledge counts as spent when it expires.
            Ok(_) | Err(_) => Err(unavailable()),
        }
    }

    /// The request for a lease of at least `most`.
    pub(super) fn lease_request(&self, most: Amount) -> HoldRequest {
        HoldRequest { amount: most, duration: self.total + MARGIN, row: None }
    }
}

/// Everybody who has a budget by the configuration: the edge, its visitors, routes with a limit, and the configured keys. Each with
/// a title.
pub(crate) fn budget_owners(config: &Config) -> Vec<(String, Account)> {
    let mut owners = vec![("The edge".to_owned(), SharedBudget::of_edge(config).into_account())];
    owners.extend(SharedBudget::of_visitors(config).map(|all| ("All visitors".to_owned(), all.into_account())));
    let routes = config.routes.iter().map(|route| (["Route ", &route.name].concat(), SharedBudget::of_route(route)));
    owners
        .extend(routes.filter(|(_, budget)| budget.is_limited()).map(|(title, budget)| (title, budget.into_account())));
    if let Access::Keys(ways) = &config.access {
        let of_key = |key: &ClientKey| (["Key ", &key.grant.name].concat(), key.grant.account.clone());
        owners.extend(ways.keys.iter().map(of_key));
    }
    owners
}

/// Whether the account with this name is a visitor's.
pub(super) fn is_visitor(account: &str) -> bool {
    account.starts_with("visitor:")
}

/// Returns what is left of the leases that have ended.
pub(super) async fn return_leases(accounts: &AccountClient) {
    for LeaseReturn { id, object, used, held, calls } in with_leases(|leases| leases.take_returns(host::now())) {
        let message = Message::Return { id, used, held, calls };
        accounts.send_until_it_arrives(&object, &message).await;
    }
}
