//! The way from an isolate to the objects of accounts and of routes with a budget.

use std::time::Duration;

use failsoft::Millis;
use serde_json::json;
use worker::{Delay, Env, ObjectNamespace};

use super::attempt_log::{AttemptLog, Trace};
use super::balance::{Asked, Ended};
use super::lease::{Spent, used};
use super::limit::{Amount, Limits, Refused};
use super::message::{Answer, Message};
use super::{Usage, lease};
use crate::config::{ACCOUNTS, Account, Budget};
use crate::http::api_error::{ApiError, Code};
use crate::ledger::Row;
use crate::platform::executor::{Apart, all, apart};
use crate::platform::{host, object};

/// How long a call may be silent after its end, before it counts as vanished; and pauses before what was not heard is told again. In
/// milliseconds.
const MARGIN: Millis = 30_000;
const PAUSES: [Millis; 3] = [1_000, 4_000, 15_000];
/// How long a client is waited for after the longest time of its call, in milliseconds. What is then left of the margin is
/// for the answer to the hold, and for telling the end.
const PATIENCE: Millis = 10_000;

/// The way to the objects, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Accounts(Option<ObjectNamespace>);

/// What a call asks for before anything is sent.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) account: Account,
    /// What it spends from beside the account, if it names a route.
    pub(crate) pool: Option<Pool>,
    /// The most that the call can use.
    pub(crate) most: Usage,
    /// The longest that it can take.
    pub(crate) total: Millis,
    /// What all rows of its attempts say.
    pub(crate) row: Row,
}

/// What all calls of a route spend from.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) route: String,
    pub(crate) budget: Budget,
    /// The longest that any call of the route can take: a share outlives the call that it was leased for.
    pub(crate) total: Millis,
}

/// What is held for a call.
#[derive(Debug)]
pub(crate) struct Held {
    accounts: Accounts,
    claim: Claim,
    state: State,
    /// The share of the route's budget that it spends from.
    share: Option<String>,
    /// It was leased for this call, and lasts until then.
    leased: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Nothing,
    Held,
    /// The object did not answer: it may have held it.
    Unknown,
}

impl Accounts {
    pub(crate) fn of(env: &Env) -> Self {
        Self(env.durable_object(ACCOUNTS).ok())
    }

    /// How `account` stands: JSON text.
    pub(crate) async fn usage(&self, account: &Account) -> Result<String, ApiError> {
        match self.tell(&account.name, &Message::Usage { limits: Limits::from(&account.budget) }).await {
            Ok(Answer::Usage(text)) => Ok(text),
            _ => Err(unreachable()),
        }
    }

    /// What `claim` says, of which nothing is held yet.
    pub(crate) fn claim(self, claim: Claim) -> Held {
        Held { accounts: self, claim, state: State::Nothing, share: None, leased: None }
    }

    async fn tell(&self, name: &str, message: &Message) -> worker::Result<Answer> {
        let namespace = self.0.as_ref().ok_or("there is no binding of this name")?;
        let answer = object::ask(namespace, name, &serde_json::to_string(message)?).await?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// The same, again and again for a while: what is told behind a response need not be told at once.
    async fn insist(&self, name: &str, message: &Message) {
        let mut pauses = PAUSES.iter();
        while let Err(error) = self.tell(name, message).await {
            let Some(pause) = pauses.next() else {
                // It is settled when its lease is over.
                return host::log(&json!({"event": "account", "told": false, "error": error.to_string()}).to_string());
            };
            Delay::from(Duration::from_millis(*pause)).await;
        }
    }
}

impl Held {
    /// Holds the most that the call can use: of its route's budget and of its account's.
    ///
    /// # Errors
    /// The bound that would be exceeded; or that it cannot be known whether one would be. An account without bounds is
    /// never refused.
    pub(crate) async fn hold(&mut self) -> Result<(), ApiError> {
        if let Some(pool) = &self.claim.pool
            && Limits::from(&pool.budget).any()
        {
            apart(self.spend()).await?;
        }
        let limits = Limits::from(&self.claim.account.budget);
        if self.accounts.0.is_none() {
            return if limits.any() { Err(unreachable()) } else { Ok(()) };
        }
        match self.accounts.tell(&self.claim.account.name, &self.message(&limits)).await {
            Ok(Answer::Done) => self.state = State::Held,
            Ok(Answer::Refused(refused)) => return Err(refusal(&refused, "account")),
            Ok(_) | Err(_) => {
                self.state = State::Unknown;
                if limits.any() {
                    return Err(unreachable());
                }
            }
        }
        Ok(())
    }

    /// When a call that begins now is over at the latest, so that its end is told before its lease is.
    pub(crate) fn ends(&self, now: Millis) -> Millis {
        now + self.claim.total + PATIENCE
    }

    fn message(&self, limits: &Limits) -> Message {
        let row = Some(self.claim.row.clone());
        let asked = Asked { amount: self.most(), lease: self.claim.total + MARGIN, row };
        Message::Hold { id: self.claim.row.id.clone(), limits: limits.clone(), asked }
    }

    fn most(&self) -> Amount {
        let Usage { tokens, usd } = self.claim.most;
        Amount { requests: 1, tokens, usd: usd.0 }
    }

    /// Takes the most that the call can use from a share of its route's budget; leases one, if none has so much.
    async fn spend(&mut self) -> Result<(), ApiError> {
        let Some(pool) = &self.claim.pool else { return Ok(()) };
        let Pool { route, budget, .. } = pool;
        let limits = Limits::from(budget);
        let most = self.most();
        self.share = lease::with_shares(|shares| shares.take(route, most, host::now()));
        if self.share.is_some() {
            return Ok(());
        }
        let id = host::random_uuid();
        let asked = pool.asked(most);
        let answer = self.accounts.tell(&of_route(route), &Message::Share { id: id.clone(), limits, asked }).await;
        match answer {
            Ok(Answer::Granted(granted)) => {
                self.share = lease::with_shares(|shares| {
                    shares.add(&id, route, &granted, host::now());
                    shares.take(route, most, host::now())
                });
                self.leased = Some(host::now() + granted.term);
                Ok(())
            }
            Ok(Answer::Refused(refused)) => Err(refusal(&refused, "route")),
            // A share that was granted unheard counts as spent once its lease is over.
            Ok(_) | Err(_) => Err(unreachable()),
        }
    }

    /// Tells the object what becomes of the attempts, for as long as the call runs.
    pub(crate) fn follow<'a>(&'a self, trail: &'a AttemptLog) -> Option<Apart<'a, ()>> {
        self.accounts.0.is_some().then(|| apart(self.note(trail)))
    }

    async fn note(&self, trail: &AttemptLog) {
        let (mut number, mut pauses) = (0, PAUSES.iter());
        while let Some(traces) = trail.news().await {
            number += 1;
            let note = Message::Note { id: self.claim.row.id.clone(), number, traces };
            // What was not heard is told again, with what is new by then, or with the end; else it is charged at the hold.
            if self.accounts.tell(&self.claim.account.name, &note).await.is_ok() {
                pauses = PAUSES.iter();
            } else if let Some(pause) = pauses.next() {
                Delay::from(Duration::from_millis(*pause)).await;
                trail.repeat();
            }
        }
    }

    /// Nothing was sent, and nothing will be.
    pub(crate) async fn free(&self) {
        all(self.settle(Vec::new(), Vec::new()).into_iter().chain(self.stay()).collect()).await;
    }

    /// Tells what the call used. Behind the response.
    pub(crate) fn settle(&self, rows: Vec<Row>, traces: Vec<Trace>) -> Option<Apart<'_, ()>> {
        let ended = Ended { rows, traces };
        if let Some(share) = &self.share {
            let used = used(self.most(), &ended);
            lease::with_shares(|shares| shares.give(share, self.most(), used));
        }
        self.accounts.0.is_some().then(|| {
            apart(async {
                futures_util::future::join(self.end(ended), self.give_back()).await;
            })
        })
    }

    async fn end(&self, ended: Ended) {
        let name = &self.claim.account.name;
        let limits = Limits::from(&self.claim.account.budget);
        if self.state == State::Nothing {
            return;
        }
        // What an account without bounds used is counted even if nothing could be held before.
        if self.state == State::Unknown && !ended.rows.is_empty() {
            self.accounts.insist(name, &self.message(&limits)).await;
        }
        self.accounts.insist(name, &Message::Settle { id: self.claim.row.id.clone(), ended }).await;
    }

    /// Whoever leased a share stays until its time is over, however long or short the call is: what no call holds goes back.
    pub(crate) fn stay(&self) -> Option<Apart<'_, ()>> {
        self.leased.map(|until| {
            apart(async move {
                Delay::from(Duration::from_millis(until.saturating_sub(host::now()))).await;
                self.give_back().await;
            })
        })
    }

    /// Returns what is over of the shares.
    async fn give_back(&self) {
        for Spent { id, route, used, held, calls } in lease::with_shares(|shares| shares.over(host::now())) {
            self.accounts.insist(&of_route(&route), &Message::Return { id, used, held, calls }).await;
        }
    }
}

impl Pool {
    /// A share with at least `most`.
    fn asked(&self, most: Amount) -> Asked {
        Asked { amount: most, lease: self.total + MARGIN, row: None }
    }
}

/// The name of the object of a route's budget.
fn of_route(route: &str) -> String {
    ["route:", route].concat()
}

fn refusal(refused: &Refused, whose: &str) -> ApiError {
    let code = if refused.is_money() { Code::BudgetExceeded } else { Code::RateLimitExceeded };
    let mut refusal = ApiError::new(code, refused.message(whose));
    refusal.retry_after = refused.wait;
    refusal.budget = Some(refused.to_json().into());
    refusal
}

fn unreachable() -> ApiError {
    let message = "what this account may still use cannot be known at the moment, so the call was not made";
    let mut refusal = ApiError::new(Code::BudgetUnavailable, message);
    refusal.retry_after = Some(1_000);
    refusal
}

#[cfg(test)]
mod tests {
    use super::{Accounts, Claim, MARGIN, Message, PAUSES, Pool};
    use crate::account::Usage;
    use crate::account::limit::Limits;
    use crate::config::{Account, Budget};
    use crate::ledger::Row;
    use crate::platform::object::TIMEOUT;
    use failsoft::Millis;
    use failsoft::report::Usd;

    fn claim(total: Millis, pool: Option<Pool>) -> Claim {
        let most = Usage { tokens: 0, usd: Usd(7) };
        Claim { account: Account::default(), pool, most, total, row: Row::default() }
    }

    #[test]
    fn a_call_whose_client_does_not_read_is_over_in_time_to_tell_its_end_within_its_lease() {
        let held = Accounts(None).claim(claim(2_000, None));
        let Message::Hold { asked, .. } = held.message(&Limits::default()) else { panic!("a hold") };
        let (answered, told) = (Millis::from(TIMEOUT), 2 * Millis::from(TIMEOUT) + PAUSES[0]);
        assert!(held.ends(answered) + told < asked.lease, "the end may be told twice");
        assert!(held.ends(0) > 2_000, "the call's own clocks come first");
    }

    #[test]
    fn a_share_is_leased_for_the_longest_call_of_its_route_and_not_for_the_one_that_asks() {
        let pool = Pool { route: "a".into(), budget: Budget::default(), total: 600_000 };
        let held = Accounts(None).claim(claim(2_000, Some(pool)));
        let asked = held.claim.pool.as_ref().map(|pool| pool.asked(held.most()));
        assert_eq!(asked.map(|asked| (asked.lease, asked.amount.usd)), Some((600_000 + MARGIN, 7)));
    }
}
