//! What one account may use of the budgets that it shares with other accounts.

use super::balance::Quota;
use super::limits::Limits;
use super::shared_budget::is_visitor;
use crate::config::{Access, Account, Config, Route};

/// The quotas of an account for one call, in the budget of the route and in what the calls of all routes share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quotas {
    pub(super) route: Option<Box<Quota>>,
    pub(super) edge: Option<Box<Quota>>,
}

impl Quotas {
    /// The quotas of `account` for a call of `route`. Where only one account can call, there are none.
    pub(crate) fn of(config: &Config, route: Option<&Route>, account: &Account) -> Self {
        if config.has_one_account() {
            return Self::default();
        }
        let quota = |route: Option<&Route>, limits: Limits| {
            limits.any().then(|| Box::new(Quota { route: route.map(|route| route.name.clone()), limits }))
        };
        let of_route = route.and_then(|named| quota(route, Limits::from(&named.budget).part(named.account_share)));
        Self { route: of_route, edge: quota(None, of_edge(config, account)) }
    }
}

/// What `account` may use of the edge's budget, and of the visitors' if it is a visitor's. Where the account has a limit of its
/// own, the owner has said what it may use, so that limit counts alone.
fn of_edge(config: &Config, account: &Account) -> Limits {
    let mut limits = Limits::from(&config.budget);
    if let Access::Keys(ways) = &config.access
        && let Some(visitors) = ways.visitors.as_ref().filter(|_| is_visitor(&account.name))
    {
        limits = limits.min(&Limits::from(&visitors.total));
    }
    limits.part(config.account_share).without(&Limits::from(&account.budget))
}

#[cfg(test)]
mod tests {
    use super::Quotas;
    use crate::account::amount::Measure;
    use crate::account::limits::Limits;
    use crate::account::period::Period;
    use crate::config::{Account, Budget, Config};
    use failsoft::Json;
    use failsoft::invalid::Section;
    use serde_json::{Value, json};

    const USD: u64 = 1_000_000_000_000;

    fn config(more: Value) -> Config {
        let key = |name: &str| json!({"name": name, "sha256": "0".repeat(63) + &name.len().to_string()});
        let keys = json!([key("a"), key("bb")]);
        let mut config = json!({"upstream": {"url": "https://a.example/v1"}, "models": ["m"], "keys": keys});
        config.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        Config::read(|name| match name {
            "FAILSOFT" => Some(config.to_string()),
            "TURNSTILE_SECRET" => Some("turnstile-secret".into()),
            "UPSTREAM_API_KEY" | "SESSION_SECRET" | "ACCOUNTS" | "KEYS" => {
                Some(["secret-0123456789-0123456789-", name].concat())
            }
            _ => None,
        })
        .expect("a configuration")
    }

    fn account(name: &str, budget: Value) -> Account {
        let text = budget.to_string();
        let section = Section::object("budget", Json::parse(&text).expect("JSON")).expect("an object");
        Account { name: name.into(), budget: Budget::read(&section).expect("a budget") }
    }

    /// What `account` may use of the edge.
    fn limits(config: &Config, account: &Account) -> Option<Limits> {
        Quotas::of(config, None, account).edge.map(|quota| quota.limits)
    }

    #[test]
    fn an_account_without_a_limit_may_use_half_of_the_edge_and_one_with_a_limit_what_this_says() {
        let budget = json!({"usd": {"hour": 2, "day": 10}, "requests": {"minute": 30}, "concurrent": 8});
        let edge = config(json!({"budget": budget}));
        let half = limits(&edge, &account("key:a", json!({}))).expect("a quota");
        let of = |measure, period| half.of(measure, period);
        assert_eq!((of(Measure::Usd, Period::Hour), of(Measure::Usd, Period::Day)), (Some(USD), Some(5 * USD)));
        assert_eq!((of(Measure::Requests, Period::Minute), half.concurrent), (Some(15), Some(4)));
        assert_eq!(of(Measure::Tokens, Period::Day), None);
        let own = limits(&edge, &account("key:a", json!({"usd": {"day": 9}, "concurrent": 8}))).expect("a quota");
        assert_eq!((own.of(Measure::Usd, Period::Day), own.of(Measure::Usd, Period::Hour)), (None, Some(USD)));
        assert_eq!(own.concurrent, None);
        let most = config(json!({"budget": budget, "accountShare": 100}));
        assert_eq!(limits(&most, &account("key:a", json!({}))), Some(Limits::from(&most.budget)));
    }

    #[test]
    fn there_is_no_quota_without_a_shared_budget_or_another_account() {
        assert_eq!(limits(&config(json!({})), &account("key:a", json!({}))), None);
        let alone = json!({"budget": {"usd": {"day": 1}}, "keys": [{"name": "a", "sha256": "0".repeat(64)}]});
        assert_eq!(limits(&config(alone), &account("key:a", json!({}))), None);
    }

    #[test]
    fn a_visitor_may_use_half_of_what_all_visitors_may_use() {
        let visitors =
            json!({"origins": ["https://app.example"], "total": {"usd": {"day": 2}, "requests": {"day": 100}}});
        let edge = config(json!({"budget": {"usd": {"day": 10}}, "visitors": visitors}));
        let usd =
            |name| limits(&edge, &account(name, json!({}))).and_then(|limits| limits.of(Measure::Usd, Period::Day));
        assert_eq!((usd("visitor:x"), usd("key:a")), (Some(USD), Some(5 * USD)));
    }
}
