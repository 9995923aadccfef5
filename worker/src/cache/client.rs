//! The client of the objects that store answers. A call never fails because an object does not answer.

use failsoft::json::Object;
use failsoft::{Json, Millis};
use futures_util::future::join_all;
use serde_json::json;
use worker::Env;

use super::key::key;
use crate::config::{CACHE, Config, Route, Selection, digest};
use crate::http::request_head::RequestHead;
use crate::platform::host;
use crate::platform::object::Objects;
use crate::platform::timer::within;

/// How long a call waits for a stored answer, in milliseconds.
const WAIT: Millis = 1_000;
/// The largest answer that is stored, in bytes.
const LARGEST: usize = 500_000;
/// The number of objects.
const OBJECTS: u8 = 16;

/// Where the answer to one request is stored. The object finds an answer only by both: the account and the key.
#[derive(Debug)]
pub(crate) struct Place {
    account: String,
    key: String,
}

/// An answer that was found: a JSON object with `at`, when it was stored, and `completion`.
#[derive(Debug)]
pub(crate) struct StoredAnswer(String);

/// The client. Without the binding, nothing is stored.
#[derive(Debug)]
pub(crate) struct CacheClient(Option<Objects>);

impl Place {
    /// The place of the answer to `body`, a request of `account` to `route` with this head.
    pub(crate) fn new(config: &Config, account: &str, route: &Route, head: &RequestHead, body: &str) -> Self {
        let betas = head.betas.as_deref().unwrap_or_default();
        Self { account: account.into(), key: key(config, account, route, head.protocol, betas, body) }
    }

    fn object(&self) -> String {
        object_of(&self.account)
    }

    fn message(&self, act: &str) -> Object {
        let mut message = Object::default();
        message.text("act", act).text("account", &self.account).text("key", &self.key);
        message
    }
}

fn object_of(account: &str) -> String {
    object(digest::of(account)[0] % OBJECTS)
}

fn object(number: u8) -> String {
    ["answers-", &number.to_string()].concat()
}

impl StoredAnswer {
    /// The JSON text of OpenAI's completion object.
    pub(crate) fn completion(&self) -> &str {
        Json::parse(&self.0).unwrap_or(Json::NULL).get("completion").raw()
    }
}

impl CacheClient {
    pub(crate) fn new(env: &Env) -> Self {
        Self(Objects::bound(env, CACHE))
    }

    /// The answer at `place`, if there is one that is not too old.
    pub(crate) async fn find(&self, place: &Place) -> Option<StoredAnswer> {
        let objects = self.0.as_ref()?;
        let message = place.message("find").end();
        let found = match within(WAIT, objects.send_text(&place.object(), &message)).await {
            Some(found) => found.map_err(|error| error.to_string()),
            None => Err("the object does not answer".into()),
        };
        let text = found.map_err(|error| log("find", &error)).ok()?;
        let is_answer = Json::parse(&text).is_some_and(|entry| entry.get("completion").is_object());
        is_answer.then_some(StoredAnswer(text))
    }

    /// Stores `completion` for `lifetime` milliseconds, unless it is too large. All answers of the account have at most `most` bytes.
    pub(crate) async fn store(&self, place: &Place, completion: &str, (route, lifetime, most): (&str, Millis, u64)) {
        let Some(objects) = self.0.as_ref().filter(|_| completion.len() <= LARGEST) else { return };
        let entry = Object::default().whole("at", host::now()).raw("completion", completion).end();
        let mut message = place.message("store");
        message.text("route", route).whole("lifetime", lifetime).whole("most", most).text("entry", &entry);
        if let Err(error) = objects.send_text(&place.object(), &message.end()).await {
            log("store", &error.to_string());
        }
    }

    /// For each route with stored answers: how many there are, and their bytes.
    ///
    /// # Errors
    /// An object does not answer.
    pub(crate) async fn list(&self) -> worker::Result<Vec<(String, [u64; 2])>> {
        let mut stored: Vec<(String, [u64; 2])> = Vec::new();
        let names: Vec<String> = (0..OBJECTS).map(object).collect();
        for lines in self.send_to(&names, r#"{"act":"list"}"#).await? {
            for line in lines.lines() {
                let mut parts = line.splitn(3, ' ');
                let [count, bytes] =
                    [(); 2].map(|()| parts.next().and_then(|part| part.parse::<u64>().ok()).unwrap_or(0));
                let route = parts.next().unwrap_or_default();
                match stored.iter_mut().find(|(known, _)| known == route) {
                    Some((_, sums)) => *sums = [sums[0] + count, sums[1] + bytes],
                    None => stored.push((route.to_owned(), [count, bytes])),
                }
            }
        }
        Ok(stored)
    }

    /// Removes stored answers. Returns how many there were.
    ///
    /// # Errors
    /// An object does not answer.
    pub(crate) async fn remove(&self, selection: &Selection) -> worker::Result<u64> {
        let mut message = Object::default();
        message.text("act", "remove");
        let mut names: Vec<String> = (0..OBJECTS).map(object).collect();
        match selection {
            Selection::All => {}
            Selection::Route(route) => _ = message.text("route", route),
            Selection::Account(account) => {
                message.text("account", account);
                names = vec![object_of(account)];
            }
        }
        let removed = self.send_to(&names, &message.end()).await?;
        Ok(removed.iter().map(|count| count.parse().unwrap_or(0)).sum())
    }

    /// The answers of the objects `names` to `message`.
    async fn send_to(&self, names: &[String], message: &str) -> worker::Result<Vec<String>> {
        let Some(objects) = &self.0 else { return Ok(Vec::new()) };
        join_all(names.iter().map(|name| objects.send_text(name, message))).await.into_iter().collect()
    }
}

fn log(act: &str, error: &str) {
    host::log(&json!({"event": "cache", "act": act, "error": error}).to_string());
}
