//! A route's budget, as one call spends it: from a lease of this isolate, or from a new lease.

use failsoft::Millis;

use super::amount::Amount;
use super::balance::HoldRequest;
use super::client::{AccountClient, MARGIN, unavailable};
use super::lease::{LeaseReturn, with_leases};
use super::limits::Limits;
use super::message::{Answer, Message};
use crate::config::Budget;
use crate::http::api_error::ApiError;
use crate::platform::host;

/// The budget that all calls of a route spend from.
#[derive(Debug)]
pub(crate) struct RouteBudget {
    pub(crate) route: String,
    pub(crate) budget: Budget,
    /// The longest time of any call of the route. A lease outlives the call that asked for it.
    pub(crate) total: Millis,
}

/// The lease that a call spends from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RouteLease {
    pub(super) id: String,
    /// When the lease ends, if it was granted for this call.
    pub(super) granted_until: Option<Millis>,
}

impl RouteBudget {
    pub(super) fn is_limited(&self) -> bool {
        Limits::from(&self.budget).any()
    }

    /// Takes `most` from a lease of this isolate. Asks the route's object for a lease if none has enough left.
    pub(super) async fn spend(&self, most: Amount, accounts: &AccountClient) -> Result<RouteLease, ApiError> {
        let route = &self.route;
        if let Some(id) = with_leases(|leases| leases.spend(route, most, host::now())) {
            return Ok(RouteLease { id, granted_until: None });
        }
        let id = host::random_uuid();
        let message =
            Message::Lease { id: id.clone(), limits: Limits::from(&self.budget), request: self.lease_request(most) };
        match accounts.send(&object_name(route), &message).await {
            Ok(Answer::Granted(grant)) => {
                let spent = with_leases(|leases| {
                    leases.add(&id, route, &grant, host::now());
                    leases.spend(route, most, host::now())
                });
                let granted_until = Some(host::now() + grant.term);
                spent.map(|id| RouteLease { id, granted_until }).ok_or_else(unavailable)
            }
            Ok(Answer::Exceeded(exceeded)) => Err(exceeded.to_error("route")),
            // A lease that was granted without our knowledge counts as spent when it expires.
            Ok(_) | Err(_) => Err(unavailable()),
        }
    }

    /// The request for a lease of at least `most`.
    pub(super) fn lease_request(&self, most: Amount) -> HoldRequest {
        HoldRequest { amount: most, duration: self.total + MARGIN, row: None }
    }
}

/// Returns what is left of the leases that have ended.
pub(super) async fn return_leases(accounts: &AccountClient) {
    for LeaseReturn { id, route, used, held, calls } in with_leases(|leases| leases.take_returns(host::now())) {
        let message = Message::Return { id, used, held, calls };
        accounts.send_until_it_arrives(&object_name(&route), &message).await;
    }
}

/// The name of the object that keeps a route's budget.
fn object_name(route: &str) -> String {
    ["route:", route].concat()
}
