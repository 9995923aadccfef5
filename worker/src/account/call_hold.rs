//! The hold of one call, as its isolate keeps it: hold before anything is sent, report attempts, settle after the response.

use std::time::Duration;

use failsoft::{Millis, Usd};
use worker::Delay;

use super::amount::{Amount, Usage};
use super::attempt_log::{AttemptLog, AttemptRecord};
use super::balance::{CallUsage, HoldRequest};
use super::client::{AccountClient, MARGIN, PAUSES, unavailable};
use super::lease::{highest_usage, with_leases};
use super::limits::Limits;
use super::message::{Answer, Message};
use super::quotas::Quotas;
use super::shared_budget::{SharedBudget, SharedLease, return_leases};
use crate::config::Account;
use crate::http::api_error::ApiError;
use crate::ledger::Row;
use crate::platform::executor::{Boxed, boxed, join_all};
use crate::platform::host;

/// How long the edge waits for a slow client after the longest time of its call, in milliseconds. The rest of the
/// [`MARGIN`] is for the answer to the hold, and for the report of the end.
const CLIENT_PATIENCE: Millis = 10_000;

/// What is held for a call, and for how long.
#[derive(Debug)]
pub(crate) struct HoldTerms {
    pub(crate) account: Account,
    /// The limited budgets that the call shares with other accounts: the edge's, and its route's.
    pub(crate) shared: Vec<SharedBudget>,
    /// What the account may use of these budgets.
    pub(crate) quotas: Quotas,
    /// The most that the call can use.
    pub(crate) most: Usage,
    /// The longest time that the call can take.
    pub(crate) total: Millis,
    /// What the ledger rows of all attempts have in common.
    pub(crate) row: Row,
}

/// The hold of one call.
#[derive(Debug)]
pub(crate) struct CallHold {
    accounts: AccountClient,
    terms: HoldTerms,
    state: State,
    leases: Vec<SharedLease>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    NotHeld,
    Held,
    /// The object did not answer, so it may have held the amount.
    Unknown,
}

impl CallHold {
    /// Prepares a hold. Nothing is held yet.
    pub(crate) fn new(accounts: AccountClient, terms: HoldTerms) -> Self {
        Self { accounts, terms, state: State::NotHeld, leases: Vec::new() }
    }

    /// The call costs nothing, because its answer is there already. It still counts as a request.
    pub(crate) fn need_no_cost(&mut self) {
        self.terms.most = Usage { tokens: 0, usd: Usd(0) };
    }

    /// Holds the most that the call can use, of the shared budgets and of its account's.
    ///
    /// # Errors
    /// A limit would be exceeded, or the object of a limited budget does not answer. An account without limits is never
    /// refused.
    pub(crate) async fn hold(&mut self) -> Result<(), ApiError> {
        if !self.terms.shared.is_empty()
            && let Err(error) = boxed(self.spend_shared_budgets()).await
        {
            self.accounts.count_refusal(&self.terms.account).await;
            return Err(error);
        }
        let limits = self.limits();
        if !self.accounts.is_bound() {
            return if limits.any() { Err(unavailable()) } else { Ok(()) };
        }
        match self.accounts.send(&self.terms.account.name, &self.hold_message()).await {
            Ok(Answer::Done) => self.state = State::Held,
            Ok(Answer::Exceeded(exceeded)) => return Err(exceeded.to_error("account")),
            Ok(_) | Err(_) => {
                self.state = State::Unknown;
                if limits.any() {
                    return Err(unavailable());
                }
            }
        }
        Ok(())
    }

    async fn spend_shared_budgets(&mut self) -> Result<(), ApiError> {
        for budget in &self.terms.shared {
            let lease = budget.spend(self.most(), &self.accounts).await?;
            self.leases.push(lease);
        }
        Ok(())
    }

    /// The latest end of a call that begins at `now`. It leaves time to report the end before the hold expires.
    pub(crate) fn deadline(&self, now: Millis) -> Millis {
        now + self.terms.total + CLIENT_PATIENCE
    }

    fn limits(&self) -> Limits {
        Limits::from(&self.terms.account.budget)
    }

    fn hold_message(&self) -> Message {
        let row = Some(self.terms.row.clone());
        let request = HoldRequest { amount: self.most(), duration: self.terms.total + MARGIN, row };
        let Quotas { route: quota, edge: edge_quota } = self.terms.quotas.clone();
        Message::Hold { id: self.terms.row.id.clone(), limits: self.limits(), quota, edge_quota, request }
    }

    fn most(&self) -> Amount {
        let Usage { tokens, usd } = self.terms.most;
        Amount { requests: 1, tokens, usd: usd.0 }
    }

    /// Reports the attempts to the object for as long as the call runs.
    pub(crate) fn report_attempts<'a>(&'a self, log: &'a AttemptLog) -> Option<Boxed<'a, ()>> {
        self.accounts.is_bound().then(|| boxed(self.send_notes(log)))
    }

    async fn send_notes(&self, log: &AttemptLog) {
        let (mut number, mut pauses) = (0, PAUSES.iter());
        while let Some(records) = log.next_report().await {
            number += 1;
            let note = Message::Note { id: self.terms.row.id.clone(), number, records };
            // A lost note is repeated with newer records, or by the settlement. Otherwise the call is charged what was held.
            if self.accounts.send(&self.terms.account.name, &note).await.is_ok() {
                pauses = PAUSES.iter();
            } else if let Some(pause) = pauses.next() {
                Delay::from(Duration::from_millis(*pause)).await;
                log.report_again();
            }
        }
    }

    /// Releases the hold of a call that sent nothing.
    pub(crate) async fn release(&self) {
        join_all(self.settle(Vec::new(), Vec::new()).into_iter().chain(self.return_lease()).collect()).await;
    }

    /// Reports what the call used. The report follows the response.
    pub(crate) fn settle(&self, rows: Vec<Row>, records: Vec<AttemptRecord>) -> Option<Boxed<'_, ()>> {
        let usage = CallUsage { rows, records };
        for lease in &self.leases {
            let used = highest_usage(self.most(), &usage);
            with_leases(|leases| leases.finish_call(&lease.id, self.most(), used));
        }
        self.accounts.is_bound().then(|| {
            boxed(async {
                futures_util::future::join(self.send_settlement(usage), return_leases(&self.accounts)).await;
            })
        })
    }

    async fn send_settlement(&self, usage: CallUsage) {
        let name = &self.terms.account.name;
        if self.state == State::NotHeld {
            return;
        }
        // The usage of an account without limits counts even if the hold did not arrive.
        if self.state == State::Unknown && !usage.rows.is_empty() {
            self.accounts.send_until_it_arrives(name, &self.hold_message()).await;
        }
        let message = Message::Settle { id: self.terms.row.id.clone(), usage };
        self.accounts.send_until_it_arrives(name, &message).await;
    }

    /// Waits until a lease that was granted for this call ends, then returns what no running call holds. The isolate that
    /// asked for a lease stays for this, however short its call is.
    pub(crate) fn return_lease(&self) -> Option<Boxed<'_, ()>> {
        let until = self.leases.iter().filter_map(|lease| lease.granted_until).max()?;
        Some(boxed(async move {
            Delay::from(Duration::from_millis(until.saturating_sub(host::now()))).await;
            return_leases(&self.accounts).await;
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountClient, CallHold, HoldTerms, MARGIN, Message, PAUSES, Quotas, SharedBudget};
    use crate::account::Usage;
    use crate::config::{Account, Config};
    use crate::ledger::Row;
    use crate::platform::object::TIMEOUT;
    use failsoft::{Millis, Usd};

    fn hold(total: Millis, shared: Vec<SharedBudget>) -> CallHold {
        let most = Usage { tokens: 0, usd: Usd(7) };
        let (account, quotas, row) = (Account::default(), Quotas::default(), Row::default());
        let terms = HoldTerms { account, shared, quotas, most, total, row };
        CallHold::new(AccountClient::unbound(), terms)
    }

    #[test]
    fn a_call_whose_client_does_not_read_ends_early_enough_to_report_its_end_twice() {
        let hold = hold(2_000, Vec::new());
        let Message::Hold { request, .. } = hold.hold_message() else { panic!("a hold") };
        let (answered, reported) = (Millis::from(TIMEOUT), 2 * Millis::from(TIMEOUT) + PAUSES[0]);
        assert!(hold.deadline(answered) + reported < request.duration, "the end may be reported twice");
        assert!(hold.deadline(0) > 2_000, "the call's own clocks come first");
    }

    #[test]
    fn a_lease_lasts_for_the_longest_call_of_its_route_and_not_for_the_call_that_asks() {
        let config =
            r#"{"access": "loopback", "routes": {"a": {"models": ["m"], "policy": {"timeouts": {"total": 600000}}}}}"#;
        let config = Config::of(config, "sk").expect("a configuration");
        let route = config.route("a").map(|route| SharedBudget::of_route(route)).expect("a route");
        let hold = hold(2_000, vec![route]);
        let request = hold.terms.shared.first().map(|route| route.lease_request(hold.most()));
        assert_eq!(request.map(|request| (request.duration, request.amount.usd)), Some((600_000 + MARGIN, 7)));
    }
}
