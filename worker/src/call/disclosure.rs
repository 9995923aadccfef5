//! What a client may read of an upstream's failure. The upstream's own words belong to the owner of its key, who finds them in
//! the log: they may name the key, the organisation, the balance or a machine.
//!
//! | failure | the client gets |
//! |---|---|
//! | about the owner's key, credit or permission ([`OWNERS`]) | a 502 or 503 with a code and a sentence of the edge |
//! | of the upstream itself, or too many requests with the owner's key | its status, and a sentence of the edge |
//! | about the request | its status, code and message, without what `redact.rs` removes |
//!
//! Of an answer, the client gets all but pieces of the secrets, which no field has but the text of the answer.
//!
//! A client whose grant hides the report gets even less: see `conceal.rs`.
//!
//! The cause decides, as the core classified it, and not the status: a 403 of a moderation is about the request.

mod conceal;
mod redact;

use failsoft::invalid::shortened;
use failsoft::{Disclosure, Failure, Kind, Upstream};

pub(crate) use conceal::{conceal_answer, conceal_error, conceal_failure, conceal_report};
use redact::{redact, without_long_pieces};

/// The most bytes of an upstream's message that a client gets.
const LONGEST: usize = 1_000;

/// What the owner has to repair, and what a client gets instead.
struct OwnersProblem {
    kind: Kind,
    status: u16,
    code: &'static str,
    message: &'static str,
}

const OWNERS: [OwnersProblem; 4] = [
    OwnersProblem {
        kind: Kind::Unauthorized,
        status: 502,
        code: "upstream_key_refused",
        message: "the upstream does not accept the key of this edge; only the owner of the edge can repair this",
    },
    OwnersProblem {
        kind: Kind::PaymentRequired,
        status: 503,
        code: "upstream_out_of_credits",
        message: "the account of this edge at the upstream has no credit left; only the owner of the edge can repair this",
    },
    OwnersProblem {
        kind: Kind::Forbidden,
        status: 502,
        code: "upstream_permission_denied",
        message: "the upstream does not permit this to the key of this edge; only the owner of the edge can repair this",
    },
    OwnersProblem {
        kind: Kind::InFlightBudget,
        status: 503,
        code: "upstream_balance_reserved",
        message: "running requests hold the rest of this edge's balance at the upstream; try again later",
    },
];

/// The code that a client gets for a failure that only the owner can repair.
pub(crate) fn owners_code(kind: Kind) -> Option<&'static str> {
    OWNERS.iter().find(|problem| problem.kind == kind).map(|problem| problem.code)
}

/// Whether a client gets a sentence of the edge in the place of the upstream's.
pub(crate) fn is_hidden(failure: &Failure) -> bool {
    owners_code(failure.kind).is_some() || is_about_upstream(failure)
}

/// What clients may read.
pub(crate) const DISCLOSURE: Disclosure = Disclosure { failure: disclose, field: without_long_pieces };

/// The failure as a client may read it.
fn disclose(failure: &Failure, upstreams: &[Upstream]) -> Box<Failure> {
    let mut shown = Box::new(failure.clone());
    if let Some(problem) = OWNERS.iter().find(|problem| problem.kind == failure.kind) {
        shown.status = Some(problem.status);
        shown.code = Some(problem.code.into());
        shown.message = problem.message.into();
        shown.provider = None;
        return shown;
    }
    // A 401 tells an app that its user has to sign in again, and here the user did nothing wrong.
    if matches!(failure.status, Some(401..=403)) && failure.kind != Kind::ContentFilter {
        shown.status = Some(failure.kind.status());
    }
    if is_about_upstream(failure) {
        shown.message = failure.kind.explanation().into();
        shown.code = None;
        shown.provider = None;
    } else {
        shown.message = redact(&shortened(failure.message.clone(), LONGEST), upstreams);
        shown.code = shown.code.filter(|code| is_name(code) && redact(code, upstreams) == *code);
        shown.provider = shown.provider.map(|provider| redact(&shortened(provider, LONGEST), upstreams));
    }
    shown
}

/// A text of an upstream as the log of the owner may contain it: without the key.
pub(crate) fn for_log(text: &str, upstreams: &[Upstream]) -> String {
    redact::without_secrets(&shortened(text.into(), LONGEST), upstreams)
}

/// The message is about the upstream's machines, or about the limits of the owner's account.
fn is_about_upstream(failure: &Failure) -> bool {
    let is_broken = failure.status.is_some_and(|status| status >= 500);
    is_broken || matches!(failure.kind, Kind::RateLimited | Kind::ServerError | Kind::Unavailable | Kind::Network)
}

fn is_name(code: &str) -> bool {
    code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{disclose, owners_code};
    use failsoft::failure::Fault;
    use failsoft::{Dialect, Failure, Kind, Upstream};

    fn shown(kind: Kind, status: u16, message: &str) -> Failure {
        let upstream = Upstream::new(Dialect::OpenAi, "https://a.example/v1", Some("sk-live-4f9a8b7c6d5e".into()));
        let mut failure = Failure::new(kind, message);
        failure.status = Some(status);
        failure.code = Some("some_code".into());
        *disclose(&failure, &[upstream])
    }

    #[test]
    fn every_failure_of_the_owners_account_has_a_code_and_a_status_above_500() {
        for kind in Kind::ALL.iter().filter(|kind| kind.fault() == Fault::Account) {
            let shown = shown(*kind, 401, "the balance of org-acme is 0");
            assert_eq!(shown.code.as_deref(), owners_code(*kind));
            assert!(shown.http_status() >= 502 && !shown.message.contains("acme"), "{kind:?}");
            assert!(shown.to_openai().contains(r#""type":"server_error""#), "{}", shown.to_openai());
        }
    }

    #[test]
    fn the_cause_decides_and_not_the_status() {
        let of = |kind, status| {
            let shown = shown(kind, status, "no such model");
            (shown.http_status(), shown.code, shown.message)
        };
        let words = |text: &str| Some(text.to_owned());
        assert_eq!(of(Kind::ContentFilter, 403), (403, words("some_code"), "no such model".into()));
        assert_eq!(of(Kind::UnknownModel, 403), (404, words("some_code"), "no such model".into()));
        assert_eq!(of(Kind::InvalidRequest, 400), (400, words("some_code"), "no such model".into()));
        assert_eq!(of(Kind::RateLimited, 402), (429, None, Kind::RateLimited.explanation().into()));
        assert_eq!(of(Kind::ServerError, 524), (524, None, Kind::ServerError.explanation().into()));
        assert_eq!(of(Kind::Unauthorized, 400).0, 502);
    }
}
