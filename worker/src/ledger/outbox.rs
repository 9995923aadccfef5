//! Rows that wait in an account's object until the database has them: as many as its storage holds.

use failsoft::Millis;
use serde_json::json;
use wasm_bindgen::JsValue;
use worker::{D1Database, Env, SqlStorage, SqlStorageValue};

use super::backlog::{Refused, Round, pause_of_all, pause_of_row};
use super::{DATABASE, Row, database};
use crate::platform::host;
use crate::platform::timer::within;

/// A statement has so long, in milliseconds. What it wrote after that is written again, and is the same.
const TIMEOUT: Millis = 15_000;

/// Costs at most, a million USD: sums of more are no whole numbers to the database.
const MOST: u64 = 1_000_000_000_000_000_000;

/// The parameter is an array of rows as JSON. A row that is there already stays, unless this one knows better.
const WRITE: &str = include_str!("write.sql");

/// The rows of one object that are still to be written.
#[derive(Debug)]
pub(crate) struct Outbox {
    sql: SqlStorage,
}

/// One of them.
#[derive(Debug)]
struct Waiting {
    id: String,
    revision: i64,
    row: String,
    /// How often it was refused alone.
    refused: u32,
}

impl Outbox {
    /// The outbox in `sql`, which has tables for it from now on.
    pub(crate) fn of(sql: SqlStorage) -> worker::Result<Self> {
        let rows = "CREATE TABLE IF NOT EXISTS outbox \
                    (id TEXT PRIMARY KEY, revision INTEGER, row TEXT, refused INTEGER DEFAULT 0, due INTEGER DEFAULT 0)";
        sql.exec(rows, None)?;
        sql.exec("CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due)", None)?;
        // How the database is: rounds in which it refused everything, and when to come back.
        sql.exec(
            "CREATE TABLE IF NOT EXISTS outbox_rest (one INTEGER PRIMARY KEY, rounds INTEGER, until INTEGER)",
            None,
        )?;
        Ok(Self { sql })
    }

    /// Keeps `rows`. One that is there already in this revision or a later one stays as it is.
    pub(crate) fn put(&self, rows: &[Row]) -> worker::Result<()> {
        let query = "INSERT INTO outbox (id, revision, row) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE \
                     SET revision = excluded.revision, row = excluded.row WHERE excluded.revision > revision";
        for row in rows {
            let row = Row { cost: row.cost.min(MOST), ..row.clone() };
            let text = serde_json::to_string(&row)?;
            self.sql.exec(query, vec![row.id.as_str().into(), i64::from(row.revision).into(), text.into()])?;
        }
        Ok(())
    }

    /// Writes what is due. `None`: nothing is left; else, how long to wait until it is worth another try.
    pub(crate) async fn flush(&self, env: &Env) -> worker::Result<Option<Millis>> {
        let Ok(ledger) = env.d1(DATABASE) else {
            self.sql.exec("DELETE FROM outbox", None)?;
            return Ok(None);
        };
        let (rounds, until) = self.rest()?;
        let now = host::now();
        if now < until {
            return self.left(until);
        }
        let mut round = Round::new();
        while round.goes_on() {
            let rows = self.due(round.size)?;
            if rows.is_empty() {
                break;
            }
            let Err(error) = write(&ledger, &rows).await else {
                self.remove(&rows)?;
                round.taken();
                continue;
            };
            let refused = round.refused(rows.len());
            if refused == Refused::Smaller {
                continue;
            }
            self.postpone(&rows)?;
            if refused == Refused::All {
                self.set_rest(rounds + 1, host::now() + pause_of_all(rounds, host::random()))?;
                host::log(&json!({"event": "ledger", "written": false, "error": database::reason(&error)}).to_string());
                break;
            }
        }
        if round.took {
            self.set_rest(0, 0)?;
        }
        let (_, until) = self.rest()?;
        self.left(until)
    }

    fn due(&self, count: usize) -> worker::Result<Vec<Waiting>> {
        let query = "SELECT id, revision, row, refused FROM outbox WHERE due <= ? ORDER BY due, rowid LIMIT ?";
        let bounds = vec![(host::now() as f64).into(), (count as i64).into()];
        self.sql.exec(query, bounds)?.raw().map(|row| row.map(|row| Waiting::read(&row))).collect()
    }

    /// A later revision that came in the meantime stays.
    fn remove(&self, rows: &[Waiting]) -> worker::Result<()> {
        for row in rows {
            let this = vec![row.id.as_str().into(), row.revision.into()];
            self.sql.exec("DELETE FROM outbox WHERE id = ? AND revision = ?", this)?;
        }
        Ok(())
    }

    fn postpone(&self, rows: &[Waiting]) -> worker::Result<()> {
        for row in rows {
            let due = host::now() + pause_of_row(row.refused, host::random());
            let values = vec![i64::from(row.refused + 1).into(), (due as f64).into(), row.id.as_str().into()];
            self.sql.exec("UPDATE outbox SET refused = ?, due = ? WHERE id = ?", values)?;
        }
        Ok(())
    }

    fn rest(&self) -> worker::Result<(u32, Millis)> {
        match self.sql.exec("SELECT rounds, until FROM outbox_rest", None)?.raw().next() {
            Some(row) => row.map(|row| (whole(row.first()) as u32, whole(row.get(1)) as Millis)),
            None => Ok((0, 0)),
        }
    }

    fn set_rest(&self, rounds: u32, until: Millis) -> worker::Result<()> {
        let values = vec![i64::from(rounds).into(), (until as f64).into()];
        self.sql.exec("INSERT OR REPLACE INTO outbox_rest (one, rounds, until) VALUES (0, ?, ?)", values).map(drop)
    }

    /// How long until the first row that is left is due, and the database may be asked again.
    fn left(&self, until: Millis) -> worker::Result<Option<Millis>> {
        let due = self.sql.exec("SELECT MIN(due) FROM outbox", None)?.raw().next().transpose()?;
        Ok(match due.as_deref() {
            Some([SqlStorageValue::Integer(due)]) => Some((*due as Millis).max(until).saturating_sub(host::now())),
            _ => None,
        })
    }
}

impl Waiting {
    fn read(row: &[SqlStorageValue]) -> Self {
        Self {
            id: text(row.first()),
            revision: whole(row.get(1)),
            row: text(row.get(2)),
            refused: whole(row.get(3)) as u32,
        }
    }
}

async fn write(database: &D1Database, rows: &[Waiting]) -> worker::Result<()> {
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
