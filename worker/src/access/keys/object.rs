//! The objects, and the way to them: thin shells around [`Record`].

use failsoft::Millis;
use worker::{DurableObject, Env, Request, Response, ScheduledTime, SqlStorage, State, Storage, durable_object};

use super::{Answer, Denied, Message, Record, unavailable};
use crate::http::api_error::ApiError;
use crate::{platform::host, platform::object};

/// Where an object keeps its key.
const RECORD: &str = "record";
/// Keys that there may be: the list of them is one answer.
const MOST: i64 = 10_000;
/// The registry's.
const LIST: &str = "CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, shown TEXT)";
/// How long it is remembered that something was used up, in milliseconds: Turnstile's tokens are valid for 5 minutes.
const REMEMBERED: Millis = 10 * 60 * 1_000;

/// Says `message` to the object `name`.
pub(crate) async fn ask(env: &Env, name: &str, message: &Message) -> Result<Answer, ApiError> {
    let answer = async {
        let text = object::ask(&env.durable_object("KEYS")?, name, &serde_json::to_string(message)?).await?;
        Ok::<Answer, worker::Error>(serde_json::from_str(&text)?)
    };
    answer.await.map_err(|error| {
        host::log(&serde_json::json!({"event": "keys", "error": error.to_string()}).to_string());
        unavailable()
    })
}

/// The Durable Object: of one key, of the list of all, or of what visitors have used up.
#[durable_object(alarm)]
pub struct Keys {
    storage: Storage,
    rows: SqlStorage,
}

impl DurableObject for Keys {
    fn new(state: State, _env: Env) -> Self {
        let storage = state.storage();
        Self { rows: storage.sql(), storage }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let message = serde_json::from_str(&object::heard(&request).await?)?;
        Response::ok(serde_json::to_string(&self.answer(message).await?)?)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.forget(host::now()).await?;
        Response::empty()
    }
}

impl Keys {
    async fn answer(&self, message: Message) -> worker::Result<Answer> {
        let now = host::now();
        match message {
            Message::Enter { id, row } => self.enter(&id, &row.to_string()),
            Message::List => self.list(),
            Message::Spend { digest } => self.spend(&digest, now).await,
            Message::Create(record) => match self.record().await? {
                Some(_) => Ok(Answer::Taken),
                None => self.keep(record).await,
            },
            Message::Admit { digest } => {
                let Some(record) = self.record().await? else { return Ok(Answer::Denied(Denied::Unknown)) };
                let admitted = record.admit(&digest, now);
                Ok(admitted.map_or_else(Answer::Denied, |()| Answer::Admitted { terms: record.terms }))
            }
            Message::Show => Ok(self.record().await?.map_or(Answer::Missing, Answer::Key)),
            Message::Change { terms } => self.alter(|record| record.change(terms)).await,
            Message::Rotate { digest, grace } => self.alter(|record| record.rotate(digest, grace, now)).await,
            Message::Revoke => match self.record().await? {
                Some(record) if record.is_revoked() => Ok(Answer::Key(record)),
                _ => self.alter(|record| record.revoke(now)).await,
            },
        }
    }

    /// The key that this object is of. Asking writes nothing: whoever invents ids leaves nothing behind.
    async fn record(&self) -> worker::Result<Option<Record>> {
        let record: Option<String> = self.storage.get(RECORD).await?;
        Ok(record.map(|record| serde_json::from_str(&record)).transpose()?)
    }

    async fn keep(&self, record: Record) -> worker::Result<Answer> {
        self.storage.put(RECORD, serde_json::to_string(&record)?).await?;
        Ok(Answer::Key(record))
    }

    // Nothing else comes in while storage is asked, so no change is lost between reading and writing.
    async fn alter(&self, alter: impl FnOnce(&mut Record)) -> worker::Result<Answer> {
        match self.record().await? {
            None => Ok(Answer::Missing),
            Some(record) if record.is_revoked() => Ok(Answer::Revoked),
            Some(mut record) => {
                alter(&mut record);
                self.keep(record).await
            }
        }
    }

    fn enter(&self, id: &str, row: &str) -> worker::Result<Answer> {
        self.rows.exec(LIST, None)?;
        let values = vec![id.into(), row.into(), id.into(), MOST.into()];
        // One that is there already is always let in again.
        let query = "INSERT INTO keys (id, shown) SELECT ?, ? WHERE EXISTS (SELECT 1 FROM keys WHERE id = ?) \
                     OR (SELECT count(*) FROM keys) < ? ON CONFLICT (id) DO UPDATE SET shown = excluded.shown";
        let written = self.rows.exec(query, values)?;
        Ok(if written.rows_written() == 0 { Answer::Full } else { Answer::Done })
    }

    fn list(&self) -> worker::Result<Answer> {
        self.rows.exec(LIST, None)?;
        #[derive(serde::Deserialize)]
        struct Row {
            shown: String,
        }
        let rows: Vec<Row> = self.rows.exec("SELECT shown FROM keys ORDER BY rowid", None)?.to_array()?;
        Ok(Answer::Listed(rows.iter().map(|row| serde_json::from_str(&row.shown)).collect::<Result<_, _>>()?))
    }

    async fn spend(&self, digest: &str, now: Millis) -> worker::Result<Answer> {
        self.rows.exec("CREATE TABLE IF NOT EXISTS spent (digest TEXT PRIMARY KEY, at INTEGER)", None)?;
        let values = vec![digest.into(), (now as f64).into()];
        let written = self.rows.exec("INSERT OR IGNORE INTO spent (digest, at) VALUES (?, ?)", values)?;
        if written.rows_written() == 0 {
            return Ok(Answer::Spent);
        }
        if self.storage.get_alarm().await?.is_none() {
            self.wake(now + REMEMBERED).await?;
        }
        Ok(Answer::Done)
    }

    /// Forgets what is too old to be tried again; all of it leaves nothing behind.
    async fn forget(&self, now: Millis) -> worker::Result<()> {
        let oldest = now.saturating_sub(REMEMBERED);
        self.rows.exec("DELETE FROM spent WHERE at <= ?", vec![(oldest as f64).into()])?;
        #[derive(serde::Deserialize)]
        struct Row {
            next: Option<f64>,
        }
        match self.rows.exec("SELECT min(at) AS next FROM spent", None)?.one::<Row>()?.next {
            Some(next) => self.wake(next as Millis + REMEMBERED).await,
            None => self.storage.delete_all().await,
        }
    }

    async fn wake(&self, at: Millis) -> worker::Result<()> {
        self.storage.set_alarm(ScheduledTime::new(js_sys::Date::new(&(at as f64).into()))).await
    }
}
