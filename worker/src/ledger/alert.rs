//! Telling the owner, by a webhook: each occasion once, whoever notices it first.

use failsoft::Millis;
use serde_json::{Value, json};
use worker::Env;

use super::database::query;
use crate::config::Alerts;
use crate::send::post;
use crate::{host, memory};

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
    let setup = memory::setup(env);
    let Some(Alerts { target, .. }) = setup.as_ref().as_ref().ok().and_then(|config| config.operations.alerts.as_ref())
    else {
        return;
    };
    if !matches!(claim(env, alert).await, Ok(true)) {
        return;
    }
    match post(target, &body(alert, host::now())).await {
        Ok(()) => {
            // Should that be lost, it is told again: better than never.
            let sent = "UPDATE told SET sent = 1 WHERE occasion = ?1";
            let _ = query(env, sent, &[alert.occasion.as_str().into()]).await;
        }
        Err(error) => {
            host::log(&json!({"event": "alert", "sent": false, "kind": alert.kind, "error": error}).to_string())
        }
    }
}

/// It is this isolate's to tell.
async fn claim(env: &Env, alert: &Alert) -> worker::Result<bool> {
    let claim = "INSERT INTO told (occasion, at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = excluded.at \
                 WHERE sent = 0 AND at < excluded.at - ?3 RETURNING 1";
    let values = [alert.occasion.as_str().into(), (host::now() as f64).into(), LEASE.into()];
    Ok(!query(env, claim, &values).await?.is_empty())
}

/// `text` is what chat programs show.
fn body(alert: &Alert, at: Millis) -> String {
    json!({"text": alert.text, "kind": alert.kind, "at": at, "facts": alert.facts}).to_string()
}
