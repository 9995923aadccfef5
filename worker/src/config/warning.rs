//! Warnings: what works, but may cost the owner more than intended.

use serde_json::{Map, Value};

use super::{Access, Bounds, Config, Grant};

impl Config {
    /// The ways in without a bound on money.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Access::Keys(ways) = &self.access else { return Vec::new() };
        if self.budget.usd != Bounds::default() {
            return Vec::new();
        }
        let is_open = |grant: &&Grant| grant.account.budget.usd == Bounds::default();
        let keys =
            ways.keys.iter().map(|key| &key.grant).filter(is_open).map(|grant| format!("the key {}", grant.name));
        let users = ways.users.iter().map(|issuer| &issuer.grant).filter(is_open).map(|_| "each user".to_owned());
        let visitors = ways.visitors.iter().filter(|visitors| visitors.total.usd == Bounds::default());
        let visitors = visitors.map(|visitors| &visitors.grant).filter(is_open);
        let visitors = visitors.map(|_| "each visitor".to_owned());
        keys.chain(users).chain(visitors).map(|who| unbounded(&who)).collect()
    }

    /// What a managed key `name` with the terms `given` may cost the owner more than intended.
    pub(crate) fn warning_about(&self, name: &str, given: &Map<String, Value>) -> Option<String> {
        let usd = given.get("budget").and_then(|budget| budget.get("usd")).and_then(Value::as_object);
        let is_bounded = usd.is_some_and(|usd| usd.values().any(|bound| !bound.is_null()));
        let is_open = !is_bounded && self.budget.usd == Bounds::default();
        is_open.then(|| unbounded(&["the key ", name].concat()))
    }
}

fn unbounded(who: &str) -> String {
    format!("{who} may spend any amount: set `budget.usd`, for example {{\"day\": 1}}")
}
