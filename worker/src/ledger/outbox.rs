//! The outbox of an account's object: rows that wait until the database has them, as many as the storage holds.

use failsoft::Millis;
use serde_json::json;
use wasm_bindgen::JsValue;
use worker::{D1Database, Env, SqlStorage, SqlStorageValue};

use super::database::{self, DATABASE};
use super::retry::{NextStep, Round, database_pause, row_pause};
use super::row::Row;
use crate::platform::host;
use crate::platform::timer::within;

/// How long a statement may take, in milliseconds. Rows of a later statement are written again, which changes nothing.
const TIMEOUT: Millis = 15_000;

/// The highest cost of a row: a million USD. Sums of higher costs would exceed the database's whole numbers.
const HIGHEST_COST: u64 = 1_000_000_000_000_000_000;

/// The parameter is an array of rows as JSON. A row replaces a stored one only if its revision is higher.
const WRITE: &str = include_str!("write.sql");

/// The rows of one object that the database does not have yet.
#[derive(Debug)]
pub(crate) struct Outbox {
    sql: SqlStorage,
}

/// A row that waits.
#[derive(Debug)]
struct WaitingRow {
    id: String,
    revision: i64,
    row: String,
    /// How often the database refused this row alone.
    refused: u32,
}

impl Outbox {
    /// Opens the outbox in `sql`, and creates its tables if they are missing.
    pub(crate) fn open(sql: SqlStorage) -> worker::Result<Self> {
        let rows = "CREATE TABLE IF NOT EXISTS outbox \
                    (id TEXT PRIMARY KEY, revision INTEGER, row TEXT, refused INTEGER DEFAULT 0, due INTEGER DEFAULT 0)";
        sql.exec(rows, None)?;
        sql.exec("CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due)", None)?;
        // The rounds in which the database refused everything, and until when all rows wait.
        sql.exec(
            "CREATE TABLE IF NOT EXISTS outbox_rest (one INTEGER PRIMARY KEY, rounds INTEGER, until INTEGER)",
            None,
        )?;
        Ok(Self { sql })
    }

    /// Stores `rows`. A stored row of the same or a later revision stays as it is.
    pub(crate) fn put(&self, rows: &[Row]) -> worker::Result<()> {
        let query = "INSERT INTO outbox (id, revision, row) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE \
                     SET revision = excluded.revision, row = excluded.row WHERE excluded.revision > revision";
        for row in rows {
            let row = Row { cost: row.cost.min(HIGHEST_COST), ..row.clone() };
            let text = serde_json::to_string(&row)?;
            self.sql.exec(query, vec![row.id.as_str().into(), i64::from(row.revision).into(), text.into()])?;
        }
        Ok(())
    }

    /// Writes the due rows to the database. Returns how long to wait until the next flush; nothing if no row is left.
    pub(crate) async fn flush(&self, env: &Env) -> worker::Result<Option<Millis>> {
        let Ok(ledger) = env.d1(DATABASE) else {
            self.sql.exec("DELETE FROM outbox", None)?;
            return Ok(None);
        };
        let (rounds, until) = self.pause()?;
        let now = host::now();
        if now < until {
            return self.next_flush(until);
        }
        let mut round = Round::new();
        while round.take_statement() {
            let rows = self.due_rows(round.size)?;
            if rows.is_empty() {
                break;
            }
            let Err(error) = write(&ledger, &rows).await else {
                self.remove(&rows)?;
                round.record_success();
                continue;
            };
            let next = round.record_refusal(rows.len());
            if next == NextStep::WriteFewer {
                continue;
            }
            self.postpone(&rows)?;
            if next == NextStep::PostponeAll {
                self.set_pause(rounds + 1, host::now() + database_pause(rounds, host::random()))?;
                host::log(&json!({"event": "ledger", "written": false, "error": database::reason(&error)}).to_string());
                break;
            }
        }
        if round.has_written {
            self.set_pause(0, 0)?;
        }
        let (_, until) = self.pause()?;
        self.next_flush(until)
    }

    fn due_rows(&self, count: usize) -> worker::Result<Vec<WaitingRow>> {
        let query = "SELECT id, revision, row, refused FROM outbox WHERE due <= ? ORDER BY due, rowid LIMIT ?";
        let bounds = vec![(host::now() as f64).into(), (count as i64).into()];
        self.sql.exec(query, bounds)?.raw().map(|row| row.map(|row| WaitingRow::read(&row))).collect()
    }

    /// Removes written rows. A later revision that arrived in the meantime stays.
    fn remove(&self, rows: &[WaitingRow]) -> worker::Result<()> {
        for row in rows {
            let this = vec![row.id.as_str().into(), row.revision.into()];
            self.sql.exec("DELETE FROM outbox WHERE id = ? AND revision = ?", this)?;
        }
        Ok(())
    }

    fn postpone(&self, rows: &[WaitingRow]) -> worker::Result<()> {
        for row in rows {
            let due = host::now() + row_pause(row.refused, host::random());
            let values = vec![i64::from(row.refused + 1).into(), (due as f64).into(), row.id.as_str().into()];
            self.sql.exec("UPDATE outbox SET refused = ?, due = ? WHERE id = ?", values)?;
        }
        Ok(())
    }

    /// The rounds in which the database refused everything, and until when all rows wait.
    fn pause(&self) -> worker::Result<(u32, Millis)> {
        match self.sql.exec("SELECT rounds, until FROM outbox_rest", None)?.raw().next() {
            Some(row) => row.map(|row| (whole(row.first()) as u32, whole(row.get(1)) as Millis)),
            None => Ok((0, 0)),
        }
    }

    fn set_pause(&self, rounds: u32, until: Millis) -> worker::Result<()> {
        let values = vec![i64::from(rounds).into(), (until as f64).into()];
        self.sql.exec("INSERT OR REPLACE INTO outbox_rest (one, rounds, until) VALUES (0, ?, ?)", values).map(drop)
    }

    /// How long until the first row is due, and the pause that ends at `until` is over.
    fn next_flush(&self, until: Millis) -> worker::Result<Option<Millis>> {
        let due = self.sql.exec("SELECT MIN(due) FROM outbox", None)?.raw().next().transpose()?;
        Ok(match due.as_deref() {
            Some([SqlStorageValue::Integer(due)]) => Some((*due as Millis).max(until).saturating_sub(host::now())),
            _ => None,
        })
    }
}

impl WaitingRow {
    fn read(row: &[SqlStorageValue]) -> Self {
        Self {
            id: text(row.first()),
            revision: whole(row.get(1)),
            row: text(row.get(2)),
            refused: whole(row.get(3)) as u32,
        }
    }
}

async fn write(database: &D1Database, rows: &[WaitingRow]) -> worker::Result<()> {
    let rows: Vec<&str> = rows.iter().map(|row| row.row.as_str()).collect();
    let rows = ["[", &rows.join(","), "]"].concat();
    let written = database.prepare(WRITE).bind(&[JsValue::from_str(&rows)])?;
    match within(TIMEOUT, written.run()).await {
        Some(written) => written.map(drop),
        None => Err("the database does not answer".into()),
    }
}

fn text(value: Option<&SqlStorageValue>) -> String {
    match value {
        Some(SqlStorageValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

fn whole(value: Option<&SqlStorageValue>) -> i64 {
    match value {
        Some(SqlStorageValue::Integer(number)) => *number,
        _ => 0,
    }
}
