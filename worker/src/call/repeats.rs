//! Repeated calls. Some SDKs send a request again after every 5xx, whatever `x-should-retry` says. After a failure that only the
//! owner can repair, the edge answers the same request of the same account from memory for a while, so that the upstream
//! gets one request.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

use failsoft::{Failure, Millis};

use crate::call::disclosure::owners_code;

/// How long a failure is remembered, in milliseconds. SDKs repeat a request for about a minute.
const KEPT_FOR: Millis = 60_000;

/// The most failures that an isolate remembers.
const MOST: usize = 256;

/// A request, by its account and a hash of its body. Two accounts share nothing, whatever their requests hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestName {
    account: String,
    body: u64,
}

/// A request that failed.
#[derive(Debug)]
struct Repeat {
    request: RequestName,
    until: Millis,
    failure: Box<Failure>,
}

thread_local! {
    static FAILED: RefCell<Vec<Repeat>> = const { RefCell::new(Vec::new()) };
}

/// Names a request with `body` of `account`. Two requests of one account have the same name by chance once in 10^19 times.
pub(crate) fn name(account: &str, body: &[u8]) -> RequestName {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    RequestName { account: account.into(), body: hasher.finish() }
}

/// The failure with which `request` ended a short time ago, if only the owner can repair it.
pub(crate) fn find(request: &RequestName, now: Millis) -> Option<Box<Failure>> {
    FAILED.with_borrow_mut(|failed| {
        failed.retain(|repeat| repeat.until > now);
        failed.iter().find(|repeat| repeat.request == *request).map(|repeat| repeat.failure.clone())
    })
}

/// Remembers that `request` ended with `failure`, if only the owner can repair it. A failure that names a wait is not
/// remembered: the same request may work after the wait.
pub(crate) fn remember(request: RequestName, failure: &Failure, now: Millis) {
    if owners_code(failure.kind).is_none() || failure.retry_after.is_some() {
        return;
    }
    FAILED.with_borrow_mut(|failed| {
        failed.retain(|repeat| repeat.until > now && repeat.request != request);
        if failed.len() == MOST {
            failed.remove(0);
        }
        failed.push(Repeat { request, until: now + KEPT_FOR, failure: Box::new(failure.clone()) });
    });
}

#[cfg(test)]
mod tests {
    use super::{KEPT_FOR, MOST, RequestName, find, name, remember};
    use failsoft::{Failure, Kind};

    #[test]
    fn the_same_request_of_the_same_account_is_found_for_a_minute() {
        let request = name("key:a", b"{}");
        remember(request.clone(), &Failure::new(Kind::Unauthorized, "x"), 1_000);
        assert_eq!(find(&request, 1_000 + KEPT_FOR - 1).map(|failure| failure.kind), Some(Kind::Unauthorized));
        let of_another = RequestName { account: "key:b".into(), ..request.clone() };
        for (request, now) in [(of_another, 1_001), (name("key:a", b"{ }"), 1_001), (request, 1_000 + KEPT_FOR)] {
            assert_eq!(find(&request, now), None);
        }
    }

    #[test]
    fn what_another_try_may_repair_is_not_remembered_and_the_number_is_bounded() {
        let request = |body| RequestName { account: "key:a".into(), body };
        let mut busy = Failure::new(Kind::InFlightBudget, "x");
        busy.retry_after = Some(1_000);
        remember(request(1), &busy, 0);
        remember(request(2), &Failure::new(Kind::ServerError, "x"), 0);
        assert_eq!((find(&request(1), 0), find(&request(2), 0)), (None, None));
        for body in 0..=MOST as u64 {
            remember(request(body), &Failure::new(Kind::PaymentRequired, "x"), 0);
        }
        assert_eq!(find(&request(0), 0), None);
        assert!(find(&request(1), 0).is_some());
    }
}
