//! The Durable Objects of client keys, and the client of these objects.

use failsoft::Millis;
use worker::{DurableObject, Env, Request, Response, ScheduledTime, SqlStorage, State, Storage, durable_object};

use super::devices::{self, Device};
use super::logins::{Login, Logins};
use super::{Answer, Denied, Message, Record, unavailable};
use crate::http::api_error::ApiError;
use crate::platform::host;
use crate::platform::object::{self, Objects};

/// The name of the key's record in the storage.
const RECORD: &str = "record";
/// The most keys. One answer contains the list of all of them.
const MOST: i64 = 10_000;
/// The table of the registry.
const LIST: &str = "CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, shown TEXT)";
/// How long a used token is stored, in milliseconds. Turnstile's tokens and the edge's challenges are valid for 5 minutes.
const USED_TOKEN_AGE: Millis = 10 * 60 * 1_000;

/// Sends `message` to the object `name`.
pub(crate) async fn send(env: &Env, name: &str, message: &Message) -> Result<Answer, ApiError> {
    let answer = async {
        let keys = Objects::bound(env, "KEYS").ok_or("the binding KEYS is missing")?;
        keys.send::<Answer>(name, message).await
    };
    answer.await.map_err(|error| {
        host::log(&serde_json::json!({"event": "keys", "error": error.to_string()}).to_string());
        unavailable()
    })
}

/// The Durable Object of one key, of the list of all keys, of used tokens and challenges, of admin sessions, or of one device's key.
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
        let message = object::read(&request).await?;
        object::reply(&self.handle(message).await?)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        match devices::load(&self.storage).await? {
            // Each use of a device's key puts the alarm off, and so does its revocation.
            Some(_) => self.storage.delete_all().await?,
            None => self.remove_old_tokens(host::now()).await?,
        }
        Response::empty()
    }
}

impl Keys {
    async fn handle(&self, message: Message) -> worker::Result<Answer> {
        let now = host::now();
        match message {
            Message::Enter { id, row } => self.register(&id, &row.to_string()),
            Message::List => self.list(),
            Message::Spend { digest } => self.use_token(&digest, now).await,
            Message::OpenLogin { digest, login } => {
                Logins(&self.rows).open(&digest, &login, now).map(|()| Answer::Done)
            }
            Message::FindLogin { digest } => Ok(Self::answer_login(Logins(&self.rows).find(&digest, now)?)),
            Message::RenewLogin { old, digest, until, grace } => {
                Ok(Self::answer_login(Logins(&self.rows).renew(&old, &digest, until, grace, now)?))
            }
            Message::EndLogins(ended) => Logins(&self.rows).end(&ended).map(|()| Answer::Done),
            Message::FindDevice => Ok(devices::load(&self.storage).await?.map_or(Answer::Missing, Answer::Device)),
            Message::RegisterDevice(device) => match devices::load(&self.storage).await? {
                Some(_) => Ok(Answer::Taken),
                None => self.store_device(&device, now).await,
            },
            Message::CountAssertion { counter } => match devices::load(&self.storage).await? {
                None => Ok(Answer::Missing),
                Some(Device { is_revoked: true, .. }) => Ok(Answer::Revoked),
                // The counter of a device only grows. An assertion that was stolen and used before has an old one.
                Some(device) if counter <= device.counter => Ok(Answer::Spent),
                Some(device) => self.store_device(&Device { counter, ..device }, now).await,
            },
            Message::RevokeDevice => match devices::load(&self.storage).await? {
                None => Ok(Answer::Missing),
                Some(device) => self.store_device(&Device { is_revoked: true, ..device }, now).await,
            },
            Message::Create(record) => match self.load().await? {
                Some(_) => Ok(Answer::Taken),
                None => self.store(record).await,
            },
            Message::Admit { digest } => {
                let Some(record) = self.load().await? else { return Ok(Answer::Denied(Denied::Unknown)) };
                let admitted = record.admit(&digest, now);
                Ok(admitted.map_or_else(Answer::Denied, |()| Answer::Admitted { terms: record.terms }))
            }
            Message::Show => Ok(self.load().await?.map_or(Answer::Missing, Answer::Key)),
            Message::Change { terms } => self.alter(|record| record.change(terms)).await,
            Message::Rotate { digest, grace } => self.alter(|record| record.rotate(digest, grace, now)).await,
            Message::Revoke => match self.load().await? {
                Some(record) if record.is_revoked() => Ok(Answer::Key(record)),
                _ => self.alter(|record| record.revoke(now)).await,
            },
        }
    }

    fn answer_login(login: Option<Login>) -> Answer {
        login.map_or(Answer::Missing, Answer::Login)
    }

    /// Reads the key of this object. Reading stores nothing, so invented ids leave nothing behind.
    async fn load(&self) -> worker::Result<Option<Record>> {
        let record: Option<String> = self.storage.get(RECORD).await?;
        Ok(record.map(|record| serde_json::from_str(&record)).transpose()?)
    }

    async fn store(&self, record: Record) -> worker::Result<Answer> {
        self.storage.put(RECORD, serde_json::to_string(&record)?).await?;
        Ok(Answer::Key(record))
    }

    // The platform delivers no other message while the storage works, so no change is lost between reading and writing.
    async fn alter(&self, alter: impl FnOnce(&mut Record)) -> worker::Result<Answer> {
        match self.load().await? {
            None => Ok(Answer::Missing),
            Some(record) if record.is_revoked() => Ok(Answer::Revoked),
            Some(mut record) => {
                alter(&mut record);
                self.store(record).await
            }
        }
    }

    async fn store_device(&self, device: &Device, now: Millis) -> worker::Result<Answer> {
        devices::store(&self.storage, device).await?;
        self.set_alarm(now + devices::UNUSED_AGE).await?;
        Ok(Answer::Done)
    }

    fn register(&self, id: &str, row: &str) -> worker::Result<Answer> {
        self.rows.exec(LIST, None)?;
        let values = vec![id.into(), row.into(), id.into(), MOST.into()];
        // A registered key can always be registered again.
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

    async fn use_token(&self, digest: &str, now: Millis) -> worker::Result<Answer> {
        self.rows.exec("CREATE TABLE IF NOT EXISTS spent (digest TEXT PRIMARY KEY, at INTEGER)", None)?;
        let values = vec![digest.into(), (now as f64).into()];
        let written = self.rows.exec("INSERT OR IGNORE INTO spent (digest, at) VALUES (?, ?)", values)?;
        if written.rows_written() == 0 {
            return Ok(Answer::Spent);
        }
        if self.storage.get_alarm().await?.is_none() {
            self.set_alarm(now + USED_TOKEN_AGE).await?;
        }
        Ok(Answer::Done)
    }

    /// Removes the tokens that are no longer valid anyway. When none is left, the object stores nothing.
    async fn remove_old_tokens(&self, now: Millis) -> worker::Result<()> {
        let oldest = now.saturating_sub(USED_TOKEN_AGE);
        self.rows.exec("DELETE FROM spent WHERE at <= ?", vec![(oldest as f64).into()])?;
        #[derive(serde::Deserialize)]
        struct Row {
            next: Option<f64>,
        }
        match self.rows.exec("SELECT min(at) AS next FROM spent", None)?.one::<Row>()?.next {
            Some(next) => self.set_alarm(next as Millis + USED_TOKEN_AGE).await,
            None => self.storage.delete_all().await,
        }
    }

    async fn set_alarm(&self, at: Millis) -> worker::Result<()> {
        self.storage.set_alarm(ScheduledTime::new(js_sys::Date::new(&(at as f64).into()))).await
    }
}
