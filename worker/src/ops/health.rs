//! `GET /healthz`: whether the configuration is complete and the storage answers. The reply says what to do. It contains no
//! value of the configuration.

use std::cell::RefCell;

use failsoft::Millis;
use serde_json::json;
use worker::Env;

use crate::account::AccountClient;
use crate::config::{ACCOUNTS, Account, Setup};
use crate::http::reply::Reply;
use crate::ledger::database;
use crate::platform::host;
use crate::platform::object::Objects;
use crate::platform::timer::within;

/// The age up to which the last answer counts, in milliseconds: anyone may ask, so most answers must cost next to nothing.
const MAX_AGE: Millis = 5_000;

/// How long an object may take to answer, in milliseconds.
const TIME_LIMIT: Millis = 3_000;

thread_local! {
    /// The last answer of this isolate, and its time.
    static RECENT: RefCell<Option<(Millis, Vec<String>)>> = const { RefCell::new(None) };
}

/// The last answer, unless it is too old. Then one caller alone gets nothing and has to ask.
fn recent(now: Millis) -> Option<Vec<String>> {
    RECENT.with_borrow_mut(|recent| {
        let (at, problems) = recent.as_mut()?;
        if now.saturating_sub(*at) < MAX_AGE {
            return Some(problems.clone());
        }
        *at = now;
        None
    })
}

/// 200, or 503 with the problems.
pub(crate) async fn answer(setup: &Setup, env: &Env) -> Reply {
    let problems = match setup.as_ref() {
        Ok(_) => check_storage(env).await,
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    if problems.is_empty() {
        return Reply::json(200, json!({"ok": true}));
    }
    Reply::json(503, json!({"ok": false, "problems": problems}))
}

/// The storage that does not answer.
async fn check_storage(env: &Env) -> Vec<String> {
    if let Some(problems) = recent(host::now()) {
        return problems;
    }
    let (ledger, account) = futures_util::future::join(check_ledger(env), check_accounts(env)).await;
    let mut problems = Vec::new();
    problems.extend(ledger.err());
    problems.extend(account.err());
    RECENT.set(Some((host::now(), problems.clone())));
    problems
}

/// Whether the database answers and has its tables.
async fn check_ledger(env: &Env) -> Result<(), String> {
    if !database::exists(env) {
        return Ok(());
    }
    match database::query(env, "SELECT 1 FROM attempts, refusals, routes, sums LIMIT 1", &[]).await {
        Ok(_) => Ok(()),
        Err(error) if database::reason(&error).contains("no such table") => {
            Err("the database (LEDGER) lacks tables: `wrangler d1 migrations apply failsoft`".into())
        }
        Err(_) => Err("the database (LEDGER) does not answer".into()),
    }
}

/// Whether an object answers. The object asked belongs to no account.
async fn check_accounts(env: &Env) -> Result<(), String> {
    if Objects::bound(env, ACCOUNTS).is_none() {
        return Ok(());
    }
    let nobody = Account { name: "health".into(), ..Account::default() };
    match within(TIME_LIMIT, AccountClient::new(env).fetch_usage(&nobody)).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(_)) | None => Err("the objects of the accounts (ACCOUNTS) do not answer".into()),
    }
}
