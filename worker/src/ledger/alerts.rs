//! Telling the owner, by a webhook: each occasion once, whoever notices it first.

use std::rc::Rc;

use failsoft::Millis;
use serde_json::{Value, json};
use worker::Env;

use super::database::query;
use crate::config::{self, Alerts, Config};
use crate::platform::{fetch, host};

/// Who has begun to tell and does not come to an end, in milliseconds, leaves it to others.
const LEASE: f64 = 60_000.0;

/// Something that the owner should know.
#[derive(Debug)]
pub(crate) struct Alert {
    /// Names it among all others: `budget/key:web/2026-11`.
    pub(crate) occasion: String,
    /// `fallbacks`, `budget`, `expiry` or `spend`.
    pub(crate) kind: &'static str,
    /// A sentence, for people.
    pub(crate) text: String,
    /// The same, for programs.
    pub(crate) facts: Value,
}

/// Tells `alert`, unless that was done. Without a database, or if nobody is to be told, nothing is.
pub(crate) async fn alert(env: &Env, alert: &Alert) {
    let now = host::now();
    let note = "INSERT INTO told (occasion, at, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING body";
    let values = [alert.occasion.as_str().into(), (now as f64).into(), body(alert, now).into()];
    if setup(env).is_some_and(|config| config.operations.alerts.is_some()) {
        send(env, &alert.occasion, query(env, note, &values).await).await;
    }
}

/// Tells again what was noted, and may not have arrived.
pub(crate) async fn repeat(env: &Env) -> worker::Result<()> {
    let lost = (host::now() as f64 - LEASE).into();
    let rows = query(env, "SELECT occasion FROM told WHERE sent = 0 AND at < ?1 LIMIT 10", &[lost]).await?;
    for occasion in rows.iter().filter_map(|row| row.first()?.as_str()) {
        let values = [occasion.into(), (host::now() as f64).into(), LEASE.into()];
        let claim = "UPDATE told SET at = ?2 WHERE occasion = ?1 AND sent = 0 AND at < ?2 - ?3 RETURNING body";
        send(env, occasion, query(env, claim, &values).await).await;
    }
    Ok(())
}

/// Sends what was `claimed`, if it is this isolate's to send.
async fn send(env: &Env, occasion: &str, claimed: worker::Result<Vec<Vec<Value>>>) {
    let Some(config) = setup(env) else { return };
    let claimed = claimed.ok().and_then(|rows| rows.first()?.first()?.as_str().map(str::to_owned));
    let (Some(Alerts { target, .. }), Some(body)) = (&config.operations.alerts, claimed) else { return };
    match fetch::Request::post(&target.url, &body).headers(&target.headers).deliver().await {
        Ok(()) => {
            // Should that be lost, it is told again: better than never.
            let sent = "UPDATE told SET sent = 1 WHERE occasion = ?1";
            let _ = query(env, sent, &[occasion.into()]).await;
        }
        Err(fault) => {
            host::log(&json!({"event": "alert", "sent": false, "error": fault.to_string()}).to_string());
        }
    }
}

fn setup(env: &Env) -> Option<Rc<Config>> {
    config::setup(env).as_ref().as_ref().ok().map(Rc::clone)
}

/// `text` is what chat programs show.
fn body(alert: &Alert, at: Millis) -> String {
    json!({"text": alert.text, "kind": alert.kind, "at": at, "facts": alert.facts}).to_string()
}
