//! Repeated calls: the failed calls of this isolate. SDKs that ignore `x-should-retry` get the same failure from memory, and the
//! upstream gets the requests of one call.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

use failsoft::{Failure, Millis, Repeats};

use crate::call::disclosure::owners_code;

/// The most failures that an isolate remembers.
const MOST: usize = 256;

/// An SDK repeats a request at most so often; LangChain does. Requests that come more often are those of several people, and the
/// models are asked again.
const MOST_TIMES: u32 = 6;

/// A request, by its account, the address that it came from, and a hash of its body. Two accounts share nothing, whatever their
/// requests hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestName {
    account: String,
    address: Option<String>,
    body: u64,
}

thread_local! {
    static FAILED: RefCell<Repeats<RequestName>> = const { RefCell::new(Repeats::new(MOST, MOST_TIMES)) };
}

/// Names a request of `account` with `body`. Two requests of one account have the same name by chance once in 10^19 times.
pub(crate) fn name(account: &str, address: Option<&str>, body: &[u8]) -> RequestName {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    RequestName { account: account.into(), address: address.map(Into::into), body: hasher.finish() }
}

/// The failure with which `request` ended a short time ago.
pub(crate) fn find(request: &RequestName, now: Millis) -> Option<Box<Failure>> {
    FAILED.with_borrow_mut(|failed| failed.find(request, now))
}

/// Notes how `request` ended.
pub(crate) fn record(request: RequestName, failure: Option<&Failure>, now: Millis) {
    let repeated = failure.filter(|failure| is_repeated(failure));
    FAILED.with_borrow_mut(|failed| failed.record(request, repeated, now));
}

/// The client gets a status after which SDKs send the request again. What only the owner can repair is a 502 or 503.
fn is_repeated(failure: &Failure) -> bool {
    owners_code(failure.kind).is_some() || failure.is_repeated_by_sdks()
}

#[cfg(test)]
mod tests {
    use super::{RequestName, find, name, record};
    use failsoft::{Failure, Kind};

    #[test]
    fn the_same_request_of_the_same_account_and_address_is_found() {
        let (account, address) = ("key:a", Some("192.0.2.1"));
        let request = name(account, address, b"{}");
        record(request.clone(), Some(&Failure::new(Kind::ServerError, "x")), 1_000);
        assert_eq!(find(&request, 2_000).map(|failure| failure.kind), Some(Kind::ServerError));
        let of_another = RequestName { account: "key:b".into(), ..request };
        for other in [of_another, name(account, None, b"{}"), name(account, address, b"{ }")] {
            assert_eq!(find(&other, 2_000), None);
        }
    }

    #[test]
    fn what_sdks_repeat_is_remembered_and_what_the_owner_has_to_repair() {
        let is_found = |kind: Kind| {
            let request = name("key:a", None, kind.name().as_bytes());
            record(request.clone(), Some(&Failure::new(kind, "x")), 0);
            find(&request, 1).is_some()
        };
        let repeated = [Kind::Unauthorized, Kind::PaymentRequired, Kind::Forbidden, Kind::RateLimited, Kind::Network];
        assert_eq!(repeated.map(is_found), [true; 5]);
        assert_eq!([Kind::InvalidRequest, Kind::UnknownModel, Kind::ContentFilter].map(is_found), [false; 3]);
    }
}
