//! Sends alerts to the owner's webhook, each occasion once, whichever isolate notices it first. The table `told` of the
//! ledger's database remembers the occasions.

use std::rc::Rc;

use failsoft::Millis;
use serde_json::{Value, json};
use worker::Env;

use super::database::query;
use crate::config::{self, Alerts, Config};
use crate::platform::{fetch, host};

/// If an isolate has not sent an alert after this time, another isolate sends it. In milliseconds.
const SEND_LEASE: f64 = 60_000.0;

/// Something that the owner should know.
#[derive(Debug)]
pub(crate) struct Alert {
    /// The name of the occasion, such as `budget/key:web/month/2026-11-01T00:00:00Z`.
    pub(crate) occasion: String,
    /// `fallbacks`, `budget`, `cost`, `expiry`, `pause`, `spend` or `upstream`.
    pub(crate) kind: &'static str,
    /// A sentence for people.
    pub(crate) text: String,
    /// The same for programs.
    pub(crate) data: Value,
}

/// Sends `alert`, unless its occasion is known. Without a database or `alerts` in the configuration, nothing is sent.
pub(crate) async fn send_once(env: &Env, alert: &Alert) {
    let now = host::now();
    let insert = "INSERT INTO told (occasion, at, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING body";
    let values = [alert.occasion.as_str().into(), (now as f64).into(), body(alert, now).into()];
    if setup(env).is_some_and(|config| config.operations.alerts.is_some()) {
        send(env, &alert.occasion, query(env, insert, &values).await).await;
    }
}

/// Sends again each alert that may not have arrived.
pub(crate) async fn send_unsent(env: &Env) -> worker::Result<()> {
    let lost = (host::now() as f64 - SEND_LEASE).into();
    let rows = query(env, "SELECT occasion FROM told WHERE sent = 0 AND at < ?1 LIMIT 10", &[lost]).await?;
    for occasion in rows.iter().filter_map(|row| row.first()?.as_str()) {
        let values = [occasion.into(), (host::now() as f64).into(), SEND_LEASE.into()];
        let claim = "UPDATE told SET at = ?2 WHERE occasion = ?1 AND sent = 0 AND at < ?2 - ?3 RETURNING body";
        send(env, occasion, query(env, claim, &values).await).await;
    }
    Ok(())
}

/// Sends the body in `claimed`, if this isolate has claimed one.
async fn send(env: &Env, occasion: &str, claimed: worker::Result<Vec<Vec<Value>>>) {
    let Some(config) = setup(env) else { return };
    let claimed = claimed.ok().and_then(|rows| rows.first()?.first()?.as_str().map(str::to_owned));
    let (Some(Alerts { target, .. }), Some(body)) = (&config.operations.alerts, claimed) else { return };
    match fetch::Request::post(&target.url, &body).headers(&target.headers).deliver().await {
        Ok(()) => {
            // If this write is lost, the alert is sent twice, which is better than never.
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

/// The body of an alert. Chat programs show its `text`.
fn body(alert: &Alert, at: Millis) -> String {
    json!({"text": alert.text, "kind": alert.kind, "at": at, "facts": alert.data}).to_string()
}
