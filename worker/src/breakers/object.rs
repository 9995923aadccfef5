//! The Durable Object of the breakers: stores each change of the [`SharedBreakers`] before it answers.

use std::cell::RefCell;

use failsoft::breaker::Breaker;
use failsoft::{Json, Millis};
use worker::{DurableObject, Env, Request, Response, SqlStorage, SqlStorageValue, State, durable_object};

use super::message::{IsolateReport, write_answer};
use super::shared::{Row, SharedBreakers};
use super::witnesses::Witnesses;
use crate::platform::{host, object};

/// The Durable Object.
#[durable_object(fetch)]
pub struct Breakers {
    rows: SqlStorage,
    /// Loaded when first needed.
    shared: RefCell<Option<SharedBreakers>>,
}

impl DurableObject for Breakers {
    fn new(state: State, _env: Env) -> Self {
        Self { rows: state.storage().sql(), shared: RefCell::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let message = object::read_text(&request).await?;
        let report = IsolateReport::read(Json::parse(&message).unwrap_or(Json::NULL));
        let mut shared = self.shared.borrow_mut();
        let shared = match &mut *shared {
            Some(shared) => shared,
            missing => missing.insert(self.load()?),
        };
        let before = shared.rows.clone();
        let states = shared.handle(&report, host::now());
        self.save(&before, &shared.rows)?;
        Response::ok(write_answer(&states))
    }
}

impl Breakers {
    fn load(&self) -> worker::Result<SharedBreakers> {
        let create =
            "CREATE TABLE IF NOT EXISTS breakers (name TEXT PRIMARY KEY, state TEXT, at INTEGER, failed INTEGER)";
        self.rows.exec(create, None)?;
        let mut rows = Vec::new();
        for row in self.rows.exec("SELECT name, state, at, failed FROM breakers ORDER BY rowid", None)?.raw() {
            rows.extend(read_row(&row?));
        }
        Ok(SharedBreakers { rows })
    }

    /// Stores the rows that changed.
    fn save(&self, before: &[Row], after: &[Row]) -> worker::Result<()> {
        for removed in before.iter().filter(|row| !after.iter().any(|kept| kept.name == row.name)) {
            self.rows.exec("DELETE FROM breakers WHERE name = ?", vec![removed.name.as_str().into()])?;
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
    Some(Row { name: name.clone(), breaker, failed: whole(failed), witnesses: Witnesses::default() })
}

fn whole(value: &SqlStorageValue) -> Millis {
    match value {
        SqlStorageValue::Integer(number) => Millis::try_from(*number).unwrap_or_default(),
        _ => 0,
    }
}
