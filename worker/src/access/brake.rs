//! A brake for strangers: callers that the edge does not know yet, by their network. Each attempt that would cost the owner
//! something, or that guesses a secret, uses up one of the attempts that the binding `STRANGERS` allows. Callers that are known
//! use none.

use std::cell::{Cell, RefCell};

use failsoft::Millis;
use js_sys::futures::JsFuture;
use serde_json::json;
use worker::Env;

use super::address::network;
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::Caller;
use crate::platform::host;

/// The binding of Cloudflare's rate limiting. Without the binding there is no brake.
const BINDING: &str = "STRANGERS";

/// The binding that counts the attempts of all networks together. Without the binding there is no such bound.
const ALL: &str = "SESSIONS";

/// How long a refused caller should wait, in milliseconds: the period of the binding.
const WAIT: Millis = 60_000;

/// A line of the log counts the refusals of this many milliseconds.
const LOG_PAUSE: Millis = 10_000;

/// The most networks that an isolate remembers as refused.
const MOST_REFUSED: usize = 1_000;

/// The bits of the IPv6 network that providers give to a household.
const HOUSEHOLD: u32 = 56;

thread_local! {
    /// The kinds of attempts and networks that were refused, and until when they are refused without another count.
    static BLOCKED: RefCell<Vec<(String, Millis)>> = const { RefCell::new(Vec::new()) };
    /// When this isolate wrote its last line, and the refusals since.
    static REFUSED: Cell<(Millis, u64)> = const { Cell::new((0, 0)) };
}

/// Counts an attempt of `caller`. `what` names the kind of attempt: each kind has attempts of its own.
///
/// # Errors
/// If the network of `caller` made too many attempts.
pub(super) async fn check(env: &Env, caller: &Caller, what: &str) -> Result<(), ApiError> {
    let key = name(caller, what);
    if is_within_rate(env, BINDING, &key).await {
        return Ok(());
    }
    block(key, host::now());
    log_refusal(what, host::now());
    Err(too_many(NETWORK))
}

/// Counts an attempt among those of all networks. `what` names the kind of attempt.
///
/// # Errors
/// If all networks together made too many attempts.
pub(super) async fn check_all(env: &Env, what: &str) -> Result<(), ApiError> {
    if is_within_rate(env, ALL, what).await {
        return Ok(());
    }
    log_refusal(what, host::now());
    Err(too_many("too many visitors ask for a session; try again in a minute"))
}

/// Counts an attempt under `key` at a binding. A brake that does not work must not close the edge.
async fn is_within_rate(env: &Env, binding: &str, key: &str) -> bool {
    JsFuture::from(host::is_within_rate(env.as_ref(), binding, key)).await.map_or(true, |allowed| allowed.is_truthy())
}

/// Refuses a caller whose network was refused a short time ago, without another count.
///
/// # Errors
/// If the network of `caller` made too many attempts.
pub(super) fn check_blocked(caller: &Caller, what: &str) -> Result<(), ApiError> {
    let (key, now) = (name(caller, what), host::now());
    let is_blocked = BLOCKED.with_borrow(|blocked| blocked.iter().any(|(known, until)| *known == key && now < *until));
    if is_blocked {
        log_refusal(what, now);
        return Err(too_many(NETWORK));
    }
    Ok(())
}

fn block(key: String, now: Millis) {
    BLOCKED.with_borrow_mut(|blocked| {
        blocked.retain(|(known, until)| *known != key && now < *until);
        if blocked.len() < MOST_REFUSED {
            blocked.push((key, now + WAIT));
        }
    });
}

/// The name under which the attempts of the network of `caller` are counted.
fn name(caller: &Caller, what: &str) -> String {
    [what, "/", &network(caller.address.as_deref(), HOUSEHOLD)].concat()
}

/// What a caller is told whose network made too many attempts.
const NETWORK: &str = "too many attempts from this network; try again in a minute";

fn too_many(message: &str) -> ApiError {
    let mut error = ApiError::new(Code::TooManyAttempts, message);
    error.retry_after = Some(WAIT);
    error
}

/// Counts a wrong guess of an owner's secret. Returns the error for the caller: `wrong`, or that there were too many.
pub(crate) async fn wrong_guess(env: &Env, caller: &Caller, what: &str, wrong: ApiError) -> ApiError {
    if caller.authorization.is_none() {
        return wrong;
    }
    host::log(&json!({"event": "wrongSecret", "secret": what}).to_string());
    check(env, caller, what).await.err().unwrap_or(wrong)
}

/// Writes how many attempts were refused, without an address.
fn log_refusal(what: &str, now: Millis) {
    let (last, count) = REFUSED.get();
    if now < last + LOG_PAUSE {
        return REFUSED.set((last, count + 1));
    }
    REFUSED.set((now, 0));
    host::log(&json!({"event": "brake", "what": what, "refused": count + 1}).to_string());
}
