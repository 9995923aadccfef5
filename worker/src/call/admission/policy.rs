//! The policy of a call: the route's, with what the client asks for in the field `failsoft`.

use std::sync::Arc;

use failsoft::invalid::{Invalid, join};
use failsoft::policy::{Recover, Soft, Timeouts};
use failsoft::{Json, Policy, Usd};

/// The fields of a policy that a client may set. Some of them only within the owner's bounds.
const OPEN: &str = "attempts timeouts empty reasoningOnly refusal invalidJson schemaMismatch length tooShort pattern \
                    onContentFilter holdChars buffer recover restartEvent maxCostUsd maxPrice";

/// The fields that cost the owner money, or affect the calls of others.
const CLOSED: [&str; 6] = ["retry", "assemble", "breaker", "hedge", "judge", "sticky"];

/// The path of the field in the request.
const PATH: &str = "failsoft";

/// `owner`'s policy with the client's wishes `asked`: tighter bounds, and other rules for an answer. `is_owner`: the client is
/// the owner.
pub(super) fn narrow(owner: &Policy, asked: Json<'_>, is_owner: bool) -> Result<Policy, Box<Invalid>> {
    check_names(asked)?;
    let renamed = |invalid: Box<Invalid>| Invalid::new(invalid.path.replacen("policy", PATH, 1), invalid.problem);
    // Clocks that leave no time for a hedge are no mistake of the client: the call has no hedge then.
    let mut policy = Policy { hedge: None, ..owner.clone() }.with(asked).map_err(renamed)?;
    let first_token = policy.timeouts.first_token.unwrap_or(Timeouts::FIRST_TOKEN);
    policy.hedge = owner.hedge.filter(|after| *after < first_token.min(policy.timeouts.total));
    check_bounds(&policy, owner)?;
    if is_owner {
        return Ok(policy);
    }
    // An answer that the owner does not replace is not replaced for a caller.
    if owner.recover == Recover::Error && policy.recover != Recover::Error {
        return Err(Invalid::new(join(PATH, "recover"), "can be \"error\" only: this edge does not resume streams"));
    }
    if owner.on_content_filter == Soft::Fail && policy.on_content_filter != Soft::Fail {
        return Err(Invalid::new(
            join(PATH, "onContentFilter"),
            "can be \"fail\" only: this edge asks no other model then",
        ));
    }
    policy.owner = Some(Arc::new(owner.clone()));
    Ok(policy)
}

fn check_names(asked: Json<'_>) -> Result<(), Box<Invalid>> {
    if !asked.is_object() {
        return Err(Invalid::new(PATH, "must be an object"));
    }
    for (name, _) in asked.fields() {
        let name = name.text().unwrap_or_default();
        if CLOSED.contains(&&*name) {
            return Err(Invalid::new(join(PATH, &name), "is decided by the edge"));
        }
        if !OPEN.split(' ').any(|open| open == name) {
            return Err(Invalid::unknown(PATH, &name, OPEN));
        }
    }
    Ok(())
}

fn check_bounds(policy: &Policy, owner: &Policy) -> Result<(), Box<Invalid>> {
    let (new, old) = (&policy.timeouts, &owner.timeouts);
    let count = |name, new: u64, old: u64| (name, new, Some(old), old.to_string());
    // A clock that the owner leaves open has its longest default as its bound.
    let clock = |name, new: Option<u64>, old: Option<u64>, longest| {
        count(name, new.unwrap_or_default(), old.unwrap_or(longest))
    };
    let usd = |name, new: Option<Usd>, old: Option<Usd>| {
        let most = old.map(Usd::decimal).unwrap_or_default();
        (name, new.map_or(u64::MAX, |new| new.0), old.map(|old| old.0), most)
    };
    for (name, new, old, most) in [
        count("attempts", policy.attempts.into(), owner.attempts.into()),
        clock("timeouts.headers", new.headers, old.headers, Timeouts::HEADERS_OF_THOUGHT),
        clock("timeouts.firstToken", new.first_token, old.first_token, Timeouts::FIRST_TOKEN_OF_THOUGHT),
        count("timeouts.idle", new.idle, old.idle),
        count("timeouts.total", new.total, old.total),
        usd("maxCostUsd", policy.max_cost, owner.max_cost),
        usd("maxPrice.prompt", policy.max_price.0, owner.max_price.0),
        usd("maxPrice.completion", policy.max_price.1, owner.max_price.1),
    ] {
        if old.is_some_and(|old| new > old) {
            return Err(Invalid::new(join(PATH, name), format!("cannot be more than {most} here")));
        }
    }
    Ok(())
}
