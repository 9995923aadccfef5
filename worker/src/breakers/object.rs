//! The object itself, and the way to it: thin shells around [`Shared`] and [`Local`](super::Local).

use std::cell::RefCell;

use failsoft::breaker::Breaker;
use failsoft::{Json, Millis};
use serde_json::json;
use worker::{
    DurableObject, Env, ObjectNamespace, Request, Response, SqlStorage, SqlStorageValue, State, durable_object,
};

use super::message::{Message, News, answer};
use super::shared::{Row, Shared};
use crate::platform::{host, object};

/// There is one for all isolates.
const NAME: &str = "breakers";

/// The way to the object, if there is one.
#[derive(Debug)]
pub(crate) struct Link(Option<ObjectNamespace>);

impl Link {
    pub(crate) fn of(env: &Env) -> Self {
        Self(env.durable_object("BREAKERS").ok())
    }

    /// Tells what an isolate has to tell, and remembers the answer.
    pub(crate) async fn tell(&self, Message { number, text }: Message) {
        let Some(namespace) = &self.0 else { return };
        let answer = object::ask(namespace, NAME, &text).await;
        let alone =
            super::with_known(|breakers, local| local.take(breakers, number, answer.as_deref().ok(), host::now()));
        if let (true, Err(error)) = (alone, answer) {
            host::log(&json!({"event": "breakers", "shared": false, "error": error.to_string()}).to_string());
        }
    }
}

/// The Durable Object.
#[durable_object(fetch)]
pub struct Breakers {
    rows: SqlStorage,
    /// Read when it is first needed.
    shared: RefCell<Option<Shared>>,
}

impl DurableObject for Breakers {
    fn new(state: State, _env: Env) -> Self {
        Self { rows: state.storage().sql(), shared: RefCell::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let message = object::heard(&request).await?;
        let news = News::read(Json::parse(&message).unwrap_or(Json::NULL));
        let mut shared = self.shared.borrow_mut();
        let shared = match &mut *shared {
            Some(shared) => shared,
            unread => unread.insert(self.read()?),
        };
        let before = shared.rows.clone();
        let told = shared.take(&news, host::now());
        self.write(&before, &shared.rows)?;
        Response::ok(answer(&told))
    }
}

impl Breakers {
    fn read(&self) -> worker::Result<Shared> {
        let create =
            "CREATE TABLE IF NOT EXISTS breakers (name TEXT PRIMARY KEY, state TEXT, at INTEGER, failed INTEGER)";
        self.rows.exec(create, None)?;
        let mut rows = Vec::new();
        for row in self.rows.exec("SELECT name, state, at, failed FROM breakers ORDER BY rowid", None)?.raw() {
            rows.extend(read_row(&row?));
        }
        Ok(Shared { rows })
    }

    /// Writes what has changed.
    fn write(&self, before: &[Row], after: &[Row]) -> worker::Result<()> {
        for gone in before.iter().filter(|row| !after.iter().any(|kept| kept.name == row.name)) {
            self.rows.exec("DELETE FROM breakers WHERE name = ?", vec![gone.name.as_str().into()])?;
        }
        for row in after.iter().filter(|row| !before.contains(row)) {
            let (state, at) = match row.breaker {
                Breaker::Closed { failures } => ("closed", failures.into()),
                Breaker::Open { until } => ("open", until),
                Breaker::HalfOpen { lease } => ("halfOpen", lease),
            };
            let query = "INSERT OR REPLACE INTO breakers (name, state, at, failed) VALUES (?, ?, ?, ?)";
            let values = vec![row.name.as_str().into(), state.into(), (at as f64).into(), (row.failed as f64).into()];
            self.rows.exec(query, values)?;
        }
        Ok(())
    }
}

fn read_row(row: &[SqlStorageValue]) -> Option<Row> {
    let [SqlStorageValue::String(name), SqlStorageValue::String(state), at, failed] = row else { return None };
    let at = whole(at);
    let breaker = match state.as_str() {
        "closed" => Breaker::Closed { failures: at as u32 },
        "open" => Breaker::Open { until: at },
        _ => Breaker::HalfOpen { lease: at },
    };
    Some(Row { name: name.clone(), breaker, failed: whole(failed) })
}

fn whole(value: &SqlStorageValue) -> Millis {
    match value {
        SqlStorageValue::Integer(number) => Millis::try_from(*number).unwrap_or_default(),
        _ => 0,
    }
}
