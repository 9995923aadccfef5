//! The Durable Object of an account: stores each change of its [`Balance`] before it answers.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use failsoft::{Millis, Usd};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::json;
use worker::{DurableObject, Env, Request, Response, SqlStorage, SqlStorageValue, State, Storage, durable_object};

use super::balance::{Balance, BudgetWarning, Changes, Correction, CostLookup, GenerationCost, PeriodUsage};
use super::generation::fetch_generation;
use super::message::{Answer, Message};
use super::period::{Period, iso};
use super::shared_budget::{SharedBudget, route_object};
use crate::config::{self, ACCOUNTS};
use crate::ledger::alerts::{Alert, send_once};
use crate::ledger::{Outbox, Row};
use crate::platform::object::Objects;
use crate::platform::{host, object};

/// Look-ups at the same time. The platform opens no more connections at once.
const PARALLEL_LOOKUPS: usize = 6;
/// Look-ups of one alarm. The others follow in the next one.
const LOOKUPS_PER_ALARM: usize = 60;
/// Ledger rows of this many milliseconds are written to the database together.
const BATCH: Millis = 1_000;
/// The pause after an alarm that failed, in milliseconds.
const RETRY: Millis = 30_000;
/// The name of a stored quota begins with this.
const QUOTA: &str = "quota:";
/// An alarm that is late by this many milliseconds was lost.
const LOST: Millis = 30_000;

/// The Durable Object of an account, or of a route that has a budget.
#[durable_object(alarm)]
pub struct Account {
    name: String,
    storage: Storage,
    sql: SqlStorage,
    env: Env,
    /// Loaded when first needed.
    balance: RefCell<Option<Balance>>,
    outbox: OnceCell<Outbox>,
    /// The time of the alarm, if one is set. Loaded when first needed.
    alarm: Cell<Option<Option<Millis>>>,
}

impl DurableObject for Account {
    fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        let (balance, outbox, alarm) = (RefCell::default(), OnceCell::new(), Cell::default());
        let name = state.id().name().unwrap_or_default();
        Self { name, sql: storage.sql(), storage, env, balance, outbox, alarm }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let message = object::read(&request).await?;
        if self.alarm.get().is_none() {
            let alarm = self.storage.get_alarm().await?.and_then(|at| Millis::try_from(at).ok());
            self.alarm.set(Some(alarm));
        }
        let now = host::now();
        let (answer, rows) = self.with(|balance| handle(balance, message, now))?;
        // No await stands between this and the changes above, so the platform stores all of them or none.
        let due = self.queue_rows(&rows)?.then_some(now + BATCH);
        self.set_alarm(due).await?;
        object::reply(&answer)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.alarm.set(Some(None));
        let wait = self.do_due_work().await;
        if let Err(error) = &wait {
            host::log(&json!({"event": "account", "error": error.to_string()}).to_string());
        }
        self.set_alarm(wait.unwrap_or(Some(RETRY)).map(|wait| host::now() + wait)).await?;
        Response::empty()
    }
}

/// Applies `message`. Returns the answer and the ledger rows.
fn handle(balance: &mut Balance, message: Message, now: Millis) -> (Answer, Vec<Row>) {
    let answer = match message {
        Message::Hold { id, limits, quota, edge_quota, request } => {
            let quotas = [&quota, &edge_quota].into_iter().filter_map(|quota| quota.as_deref());
            match balance.hold(&id, request, &limits, quotas, now) {
                Ok(()) => Answer::Done,
                Err(exceeded) => Answer::Exceeded(exceeded),
            }
        }
        Message::Lease { id, limits, request } => match balance.lease(&id, request, &limits, now) {
            Ok(grant) => Answer::Granted(grant),
            Err(exceeded) => Answer::Exceeded(exceeded),
        },
        Message::Note { id, number, records } => {
            balance.note(&id, number, records);
            Answer::Done
        }
        Message::Settle { id, usage } => return (Answer::Done, balance.settle(&id, usage, now)),
        Message::Return { id, used, held, calls } => {
            balance.return_lease(&id, used, held, calls, now);
            Answer::Done
        }
        Message::Correct { began, less } => {
            balance.correct(began, less, now);
            Answer::Done
        }
        Message::SetPause { since } => {
            balance.decide(|edge| edge.set_pause(since));
            Answer::State(balance.edge.clone())
        }
        Message::RevokeSession { id } => match balance.decide(|edge| edge.revoke(&id, now)) {
            true => Answer::State(balance.edge.clone()),
            false => Answer::Full,
        },
        Message::AnnounceRoutes { number } => {
            balance.decide(|edge| edge.announce_routes(number));
            Answer::State(balance.edge.clone())
        }
        Message::ReadState => Answer::State(balance.edge.clone()),
        Message::Refuse { limits } => match balance.refuse(&limits, now) {
            Ok(()) => Answer::Done,
            Err(exceeded) => Answer::Exceeded(exceeded),
        },
        Message::Usage { limits } => Answer::Usage(balance.usage_json(&limits, now)),
    };
    (answer, Vec::new())
}

/// The alert for the owner when most of a budget is used.
fn budget_alert(name: &str, warning: &BudgetWarning) -> Alert {
    let BudgetWarning { period, starts, used, limit } = *warning;
    let [used, limit] = [used, limit].map(|usd| Usd(usd).decimal());
    Alert {
        occasion: format!("budget/{name}/{}/{}", period.name(), iso(starts)),
        kind: "budget",
        text: format!("{name} has used {used} of its {limit} USD of this {}", period.name()),
        data: json!({"account": name, "span": period.name(), "used": used, "limit": limit}),
    }
}

impl Account {
    /// Does what is due: expired holds, look-ups, alerts, ledger rows. Returns the wait, in milliseconds, until the outbox
    /// needs another alarm.
    async fn do_due_work(&self) -> worker::Result<Option<Millis>> {
        let rows = self.with(|balance| balance.expire(host::now()))?;
        self.queue_rows(&rows)?;
        let mut lookups = self.with(|balance| balance.due_lookups(host::now()))?;
        lookups.truncate(LOOKUPS_PER_ALARM);
        for some in lookups.chunks(PARALLEL_LOOKUPS) {
            let done = join_all(some.iter().map(|lookup| self.look_up_cost(lookup))).await;
            done.into_iter().collect::<Result<(), _>>()?;
        }
        for correction in self.with(|balance| std::mem::take(&mut balance.corrections))? {
            self.correct_shared_budgets(&correction).await;
        }
        for warning in self.with(|balance| std::mem::take(&mut balance.warnings))? {
            send_once(&self.env, &budget_alert(&self.name, &warning)).await;
        }
        self.outbox()?.flush(&self.env).await
    }

    async fn look_up_cost(&self, lookup: &CostLookup) -> worker::Result<()> {
        let setup = config::setup(&self.env);
        let upstreams = setup.as_ref().as_ref().map_or(&[][..], |config| &config.upstreams);
        let answer = fetch_generation(upstreams, &lookup.url, &lookup.generation, lookup.tries).await;
        let found = answer.as_deref().and_then(GenerationCost::read);
        let rows = self.with(|balance| balance.record_lookup(lookup, found, host::now()))?;
        self.queue_rows(&rows).map(drop)
    }

    /// Tells the objects of the route and of the edge that a call cost less than they count. A correction that is lost leaves
    /// their count too high, and one that arrived twice would leave it too low. So nothing is sent again.
    async fn correct_shared_budgets(&self, Correction { route, began, less }: &Correction) {
        let setup = config::setup(&self.env);
        let Ok(config) = setup.as_ref() else { return };
        let Some(objects) = Objects::bound(&self.env, ACCOUNTS) else { return };
        let deployed = route.as_deref().and_then(|name| config.route(name)).map(Rc::as_ref);
        let budgets = SharedBudget::all_of(config, deployed, &self.name).into_iter().map(|budget| budget.object);
        // This object does not know the stored routes. The object of a route without a budget counts for nothing.
        let stored = route.as_deref().filter(|_| deployed.is_none()).map(route_object);
        for object in budgets.chain(stored) {
            let message = Message::Correct { began: *began, less: *less };
            let _: worker::Result<Answer> = objects.send(&object, &message).await;
        }
    }

    fn outbox(&self) -> worker::Result<&Outbox> {
        if let Some(outbox) = self.outbox.get() {
            return Ok(outbox);
        }
        let outbox = Outbox::open(self.sql.clone())?;
        Ok(self.outbox.get_or_init(|| outbox))
    }

    /// Queues rows for the ledger. Returns whether there are any.
    fn queue_rows(&self, rows: &[Row]) -> worker::Result<bool> {
        if !rows.is_empty() {
            self.outbox()?.put(rows)?;
        }
        Ok(!rows.is_empty())
    }

    /// Calls `change` with the balance, and stores what changed. If storing fails, the change is undone.
    fn with<T>(&self, change: impl FnOnce(&mut Balance) -> T) -> worker::Result<T> {
        let mut stored = self.balance.borrow_mut();
        let mut balance = stored.take().map_or_else(|| self.load(), Ok)?;
        let result = change(&mut balance);
        self.save(&mut balance)?;
        *stored = Some(balance);
        Ok(result)
    }

    /// Sets the alarm for what is due first: `also`, or what the balance knows. An earlier alarm stays.
    async fn set_alarm(&self, also: Option<Millis>) -> worker::Result<()> {
        let due = self.with(|balance| balance.next_due())?.into_iter().chain(also).min();
        let Some(mut due) = due else { return Ok(()) };
        let now = host::now();
        // An alarm whose time has come is about to run, and setting it again would delay it, unless it was lost.
        match self.alarm.get().flatten() {
            Some(alarm) if alarm <= due && now < alarm + LOST => return Ok(()),
            Some(alarm) => due = due.min(alarm),
            None => {}
        }
        self.alarm.set(Some(Some(due)));
        let wait = i64::try_from(due.saturating_sub(now)).unwrap_or(i64::MAX);
        self.storage.set_alarm(wait).await
    }

    /// Reads the balance. The table of the periods is called `windows`.
    fn load(&self) -> worker::Result<Balance> {
        for table in ["windows", "holds"] {
            let create = ["CREATE TABLE IF NOT EXISTS ", table, " (name TEXT PRIMARY KEY, data TEXT)"].concat();
            self.sql.exec(&create, None)?;
        }
        let mut balance = Balance::default();
        for (name, data) in self.read_table("windows")? {
            match name.as_str() {
                "limits" => balance.limits = serde_json::from_str(&data)?,
                "hour" => balance.periods[Period::Hour as usize] = serde_json::from_str(&data)?,
                "edge" => balance.edge = serde_json::from_str(&data)?,
                name => match name.strip_prefix(QUOTA) {
                    Some(route) => _ = balance.quotas.insert(route.into(), serde_json::from_str(&data)?),
                    None => {
                        let [minute, day, month]: [PeriodUsage; 3] = serde_json::from_str(&data)?;
                        let hour = std::mem::take(&mut balance.periods[Period::Hour as usize]);
                        balance.periods = [minute, day, month, hour];
                    }
                },
            }
        }
        for (name, data) in self.read_table("holds")? {
            balance.holds.insert(name, serde_json::from_str(&data)?);
        }
        Ok(balance)
    }

    fn read_table(&self, table: &str) -> worker::Result<Vec<(String, String)>> {
        let rows = self.sql.exec(&["SELECT name, data FROM ", table].concat(), None)?.raw();
        let text = |row: Vec<SqlStorageValue>| match <[_; 2]>::try_from(row) {
            Ok([SqlStorageValue::String(name), SqlStorageValue::String(data)]) => Ok((name, data)),
            _ => Err(worker::Error::from("a stored row has another shape")),
        };
        rows.map(|row| row.and_then(text)).collect()
    }

    fn save(&self, balance: &mut Balance) -> worker::Result<()> {
        let Changes { periods, limits, edge, quotas, holds } = std::mem::take(&mut balance.changes);
        if periods {
            let [minute, day, month, hour] = &balance.periods;
            self.save_row("windows", "windows", &[minute, day, month])?;
            self.save_row("windows", "hour", hour)?;
        }
        if edge {
            self.save_row("windows", "edge", &balance.edge)?;
        }
        for route in quotas {
            if let Some(quota) = balance.quotas.get(&route) {
                self.save_row("windows", &[QUOTA, &route].concat(), quota)?;
            }
        }
        if limits {
            self.save_row("windows", "limits", &balance.limits)?;
        }
        for id in holds {
            match balance.holds.get(&id) {
                Some(hold) => self.save_row("holds", &id, hold)?,
                None => drop(self.sql.exec("DELETE FROM holds WHERE name = ?", vec![id.into()])?),
            }
        }
        Ok(())
    }

    fn save_row(&self, table: &str, name: &str, data: &impl Serialize) -> worker::Result<()> {
        let query = ["INSERT OR REPLACE INTO ", table, " (name, data) VALUES (?, ?)"].concat();
        self.sql.exec(&query, vec![name.into(), serde_json::to_string(data)?.into()]).map(drop)
    }
}
