//! The object itself: a thin shell around [`Books`], which it writes down before it answers.

use std::cell::{Cell, OnceCell, RefCell};

use failsoft::Millis;
use failsoft::report::Usd;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::json;
use worker::{DurableObject, Env, Request, Response, SqlStorage, SqlStorageValue, State, Storage, durable_object};

use super::balance::{Books, Changes, Crossed, Found, Question};
use super::calendar::iso;
use super::generation;
use super::message::{Answer, Message};
use crate::config;
use crate::ledger::alerts::{Alert, alert};
use crate::ledger::{Outbox, Row};
use crate::platform::{host, object};

/// More connections are not opened at once anyway.
const AT_ONCE: usize = 6;
/// So many questions for one alarm; the others are due for the next.
const AT_ONE_TIME: usize = 60;
/// Rows of so many milliseconds are written to the database together.
const TOGETHER: Millis = 1_000;
/// What goes wrong in an alarm is tried again after this, in milliseconds.
const AGAIN: Millis = 30_000;
/// An alarm that has not come after so many milliseconds does not come any more.
const MISSED: Millis = 30_000;

/// The Durable Object of an account, or of a route that has a budget.
#[durable_object(alarm)]
pub struct Account {
    name: String,
    storage: Storage,
    sql: SqlStorage,
    env: Env,
    /// Read when they are first needed.
    books: RefCell<Option<Books>>,
    outbox: OnceCell<Outbox>,
    /// When the alarm is set for; asked when it is first needed.
    armed: Cell<Option<Option<Millis>>>,
}

impl DurableObject for Account {
    fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        let (books, outbox, armed) = (RefCell::default(), OnceCell::new(), Cell::default());
        let name = state.id().name().unwrap_or_default();
        Self { name, sql: storage.sql(), storage, env, books, outbox, armed }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let message = serde_json::from_str(&object::heard(&request).await?)?;
        if self.armed.get().is_none() {
            let armed = self.storage.get_alarm().await?.and_then(|at| Millis::try_from(at).ok());
            self.armed.set(Some(armed));
        }
        let now = host::now();
        let (answer, rows) = self.with(|books| take(books, message, now))?;
        // In one turn with what was written: all of it is kept, or nothing.
        let due = self.put(&rows)?.then_some(now + TOGETHER);
        self.arm(due).await?;
        Response::ok(serde_json::to_string(&answer)?)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.armed.set(Some(None));
        let rest = self.work().await;
        if let Err(error) = &rest {
            host::log(&json!({"event": "account", "error": error.to_string()}).to_string());
        }
        self.arm(rest.unwrap_or(Some(AGAIN)).map(|rest| host::now() + rest)).await?;
        Response::empty()
    }
}

/// Does what `message` says.
fn take(books: &mut Books, message: Message, now: Millis) -> (Answer, Vec<Row>) {
    let answer = match message {
        Message::Hold { id, limits, asked } => match books.hold(&id, asked, &limits, now) {
            Ok(()) => Answer::Done,
            Err(refused) => Answer::Refused(refused),
        },
        Message::Share { id, limits, asked } => match books.share(&id, asked, &limits, now) {
            Ok(granted) => Answer::Granted(granted),
            Err(refused) => Answer::Refused(refused),
        },
        Message::Note { id, number, traces } => {
            books.note(&id, number, traces);
            Answer::Done
        }
        Message::Settle { id, ended } => return (Answer::Done, books.settle(&id, ended, now)),
        Message::Return { id, used, held, calls } => {
            books.give_back(&id, used, held, calls, now);
            Answer::Done
        }
        Message::Usage { limits } => Answer::Usage(books.usage(&limits, now)),
    };
    (answer, Vec::new())
}

/// A budget of which the larger part is gone.
fn warning(name: &str, crossed: &Crossed) -> Alert {
    let Crossed { span, starts, used, limit } = *crossed;
    let [used, limit] = [used, limit].map(|usd| Usd(usd).decimal());
    Alert {
        occasion: format!("budget/{name}/{}/{}", span.name(), iso(starts)),
        kind: "budget",
        text: format!("{name} has used {used} of its {limit} USD of this {}", span.name()),
        facts: json!({"account": name, "span": span.name(), "used": used, "limit": limit}),
    }
}

impl Account {
    /// What is due by itself; when there is more to do, in milliseconds from now, beside what the books know.
    async fn work(&self) -> worker::Result<Option<Millis>> {
        let rows = self.with(|books| books.expire(host::now()))?;
        self.put(&rows)?;
        let mut questions = self.with(|books| books.questions(host::now()))?;
        questions.truncate(AT_ONE_TIME);
        for some in questions.chunks(AT_ONCE) {
            join_all(some.iter().map(|question| self.find_out(question)))
                .await
                .into_iter()
                .collect::<Result<(), _>>()?;
        }
        for crossed in self.with(|books| std::mem::take(&mut books.crossed))? {
            alert(&self.env, &warning(&self.name, &crossed)).await;
        }
        self.outbox()?.flush(&self.env).await
    }

    async fn find_out(&self, question: &Question) -> worker::Result<()> {
        let setup = config::setup(&self.env);
        let upstreams = setup.as_ref().as_ref().map_or(&[][..], |config| &config.upstreams);
        let answer = generation::ask(upstreams, &question.url, &question.generation, question.times).await;
        let found = answer.as_deref().and_then(Found::read);
        let rows = self.with(|books| books.answered(question, found, host::now()))?;
        self.put(&rows).map(drop)
    }

    fn outbox(&self) -> worker::Result<&Outbox> {
        if let Some(outbox) = self.outbox.get() {
            return Ok(outbox);
        }
        let outbox = Outbox::of(self.sql.clone())?;
        Ok(self.outbox.get_or_init(|| outbox))
    }

    /// Rows for the ledger; true, if there are any.
    fn put(&self, rows: &[Row]) -> worker::Result<bool> {
        if !rows.is_empty() {
            self.outbox()?.put(rows)?;
        }
        Ok(!rows.is_empty())
    }

    /// Lets `change` see the books, and writes what it changed. What cannot be written has not happened.
    fn with<T>(&self, change: impl FnOnce(&mut Books) -> T) -> worker::Result<T> {
        let mut kept = self.books.borrow_mut();
        let mut books = kept.take().map_or_else(|| self.read(), Ok)?;
        let changed = change(&mut books);
        self.write(&mut books)?;
        *kept = Some(books);
        Ok(changed)
    }

    /// Sets the alarm for what is due first: `also`, or what the books know of. One that is earlier stays.
    async fn arm(&self, also: Option<Millis>) -> worker::Result<()> {
        let due = self.with(|books| books.due())?.into_iter().chain(also).min();
        let Some(mut due) = due else { return Ok(()) };
        let now = host::now();
        // One whose time has come is on its way, and a later one in its place would take it back. Long after that it was missed.
        match self.armed.get().flatten() {
            Some(armed) if armed <= due && now < armed + MISSED => return Ok(()),
            Some(armed) => due = due.min(armed),
            None => {}
        }
        self.armed.set(Some(Some(due)));
        let wait = i64::try_from(due.saturating_sub(now)).unwrap_or(i64::MAX);
        self.storage.set_alarm(wait).await
    }

    fn read(&self) -> worker::Result<Books> {
        for table in ["windows", "holds"] {
            let create = ["CREATE TABLE IF NOT EXISTS ", table, " (name TEXT PRIMARY KEY, data TEXT)"].concat();
            self.sql.exec(&create, None)?;
        }
        let mut books = Books::default();
        for (name, data) in self.rows("windows")? {
            match name.as_str() {
                "limits" => books.limits = serde_json::from_str(&data)?,
                _ => books.windows = serde_json::from_str(&data)?,
            }
        }
        for (name, data) in self.rows("holds")? {
            books.holds.insert(name, serde_json::from_str(&data)?);
        }
        Ok(books)
    }

    fn rows(&self, table: &str) -> worker::Result<Vec<(String, String)>> {
        let rows = self.sql.exec(&["SELECT name, data FROM ", table].concat(), None)?.raw();
        let text = |row: Vec<SqlStorageValue>| match <[_; 2]>::try_from(row) {
            Ok([SqlStorageValue::String(name), SqlStorageValue::String(data)]) => Ok((name, data)),
            _ => Err(worker::Error::from("a row that is none of this object's")),
        };
        rows.map(|row| row.and_then(text)).collect()
    }

    fn write(&self, books: &mut Books) -> worker::Result<()> {
        let Changes { windows, limits, holds } = std::mem::take(&mut books.changes);
        if windows {
            self.keep("windows", "windows", &books.windows)?;
        }
        if limits {
            self.keep("windows", "limits", &books.limits)?;
        }
        for id in holds {
            match books.holds.get(&id) {
                Some(hold) => self.keep("holds", &id, hold)?,
                None => drop(self.sql.exec("DELETE FROM holds WHERE name = ?", vec![id.into()])?),
            }
        }
        Ok(())
    }

    fn keep(&self, table: &str, name: &str, data: &impl Serialize) -> worker::Result<()> {
        let query = ["INSERT OR REPLACE INTO ", table, " (name, data) VALUES (?, ?)"].concat();
        self.sql.exec(&query, vec![name.into(), serde_json::to_string(data)?.into()]).map(drop)
    }
}
