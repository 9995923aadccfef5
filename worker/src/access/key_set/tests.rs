use super::{KeySet, Step};
use crate::access::jwk::{Jwk, read_keys};
use crate::config::Algorithm;
use serde_json::{Value, json};

const EC: Algorithm = Algorithm::Es256;

fn ec(id: &str) -> Value {
    json!({"kty": "EC", "crv": "P-256", "kid": id, "x": "eA", "y": "eQ"})
}

fn keys(keys: Value) -> Option<Vec<Jwk>> {
    read_keys(&json!({ "keys": keys }).to_string())
}

fn used(step: Step) -> Option<String> {
    match step {
        Step::Use(key) => key.id,
        _ => None,
    }
}

#[test]
fn a_token_without_a_key_id_uses_the_only_key_or_none() {
    let mut set = KeySet::default();
    set.record_fetch(keys(json!([ec("a")])), 0);
    assert_eq!(used(set.next_step(EC, None, 1)), Some("a".into()));
    assert_eq!(set.next_step(Algorithm::Rs256, Some("a"), 1), Step::Unknown, "a key is for one algorithm");
    set.record_fetch(keys(json!([ec("a"), ec("b")])), 1);
    assert_eq!(set.next_step(EC, None, 2), Step::Unknown);
    assert_eq!(used(set.next_step(EC, Some("b"), 2)), Some("b".into()));
}

#[test]
fn an_unknown_key_is_fetched_once_in_a_while_and_awaited() {
    let mut set = KeySet::default();
    assert_eq!(set.next_step(EC, Some("a"), 0), Step::Fetch);
    assert_eq!(set.next_step(EC, Some("a"), 1), Step::Wait);
    set.record_fetch(keys(json!([ec("a")])), 100);
    assert_eq!(used(set.next_step(EC, Some("a"), 101)), Some("a".into()));
    assert_eq!(set.next_step(EC, Some("b"), 30_099), Step::Unknown);
    assert_eq!(set.next_step(EC, Some("b"), 30_100), Step::Fetch);
    assert_eq!(set.next_step(EC, Some("b"), 30_101), Step::Wait);
    assert_eq!(used(set.next_step(EC, Some("a"), 30_101)), Some("a".into()), "a known key does not wait");
    set.record_fetch(keys(json!([ec("b")])), 30_200);
    assert_eq!(used(set.next_step(EC, Some("b"), 30_201)), Some("b".into()));
    assert_eq!(set.next_step(EC, Some("a"), 30_201), Step::Unknown, "the issuer withdrew this key");
}

#[test]
fn keys_are_refreshed_and_used_for_a_day_if_the_issuer_does_not_answer() {
    let mut set = KeySet::default();
    set.record_fetch(keys(json!([ec("a")])), 0);
    assert_eq!(used(set.next_step(EC, Some("a"), 599_999)), Some("a".into()));
    assert_eq!(set.next_step(EC, Some("a"), 600_000), Step::Fetch);
    set.record_fetch(None, 605_000);
    assert_eq!(used(set.next_step(EC, Some("a"), 605_000)), Some("a".into()));
    assert_eq!(set.next_step(EC, Some("a"), 635_000), Step::Fetch);
    set.record_fetch(None, 640_000);
    assert_eq!(set.next_step(EC, Some("a"), 86_400_000), Step::Fetch);
    set.record_fetch(None, 86_400_001);
    assert_eq!(set.next_step(EC, Some("a"), 86_400_002), Step::Unavailable);
    assert_eq!(set.next_step(EC, Some("a"), 86_405_001), Step::Fetch);
}

#[test]
fn a_request_that_ends_early_leaves_the_fetch_to_the_next() {
    let mut set = KeySet::default();
    assert_eq!(set.next_step(EC, Some("a"), 0), Step::Fetch);
    assert_eq!(set.next_step(EC, Some("a"), 4_999), Step::Wait);
    assert_eq!(set.next_step(EC, Some("a"), 5_000), Step::Fetch);
    set.record_fetch(None, 10_000);
    assert_eq!(set.next_step(EC, Some("a"), 14_999), Step::Unavailable);
    assert_eq!(set.next_step(EC, Some("a"), 15_000), Step::Fetch);
}
