//! What an isolate remembers between requests: plain data, never a future, a lock or a handle of one request.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use failsoft::{Breakers, Call, Catalog, Context, Millis, Outcome, Upstream};
use worker::Env;

use crate::access::KeySet;
use crate::account::{BINDING, Shares};
use crate::breakers::{Local, Message, onlooker};
use crate::call::admission::AdmittedCall;
use crate::config::{Access, Config, Problem};
use crate::platform::host;

/// The catalog is asked for again after this, in milliseconds.
const CATALOG_AGE: Millis = 10 * 60 * 1_000;

/// An isolate without one asks again after this, in milliseconds.
const LACKING_AGE: Millis = 10_000;

/// The configuration, or what is wrong with it.
pub(crate) type Setup = Rc<Result<Rc<Config>, Vec<Problem>>>;

#[derive(Default)]
struct Memory {
    breakers: Breakers,
    local: Local,
    catalog: Catalog,
    /// When it was last asked for, and whether what came of that is known.
    catalog_asked: Option<(Millis, bool)>,
    shares: Shares,
    /// What `/healthz` found out last, and when.
    health: Option<(Millis, Vec<String>)>,
    /// By the URLs in the configuration.
    rings: HashMap<String, KeySet>,
}

thread_local! {
    static SETUP: OnceCell<Setup> = const { OnceCell::new() };
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// The configuration in `env`, which is the same for as long as the isolate lives.
pub(crate) fn setup(env: &Env) -> Setup {
    SETUP.with(|setup| Rc::clone(setup.get_or_init(|| Rc::new(read(env).map(Rc::new)))))
}

fn read(env: &Env) -> Result<Config, Vec<Problem>> {
    let config = Config::read(|name| host::variable(env, name))?;
    // Who runs an edge for themselves has nobody to keep from spending.
    if config.access != Access::Loopback && env.durable_object(BINDING).is_err() {
        return Err(vec![Problem::NoAccounts]);
    }
    Ok(config)
}

/// A call, with what is known of the models; and what to tell of it at once.
pub(crate) fn call(ask: &AdmittedCall, upstreams: &Arc<Vec<Upstream>>, now: Millis) -> (Call, Option<Message>) {
    let names = names(ask, upstreams);
    let names = || names.iter().map(String::as_str);
    MEMORY.with_borrow_mut(|Memory { breakers, local, catalog, .. }| {
        local.visit(breakers, names(), now);
        let mut seen = if ask.leaves_no_trace { Some(onlooker(breakers, names(), now)) } else { None };
        let facts = Context { upstreams: Arc::clone(upstreams), catalog, breakers: seen.as_mut().unwrap_or(breakers) };
        let call = Call::new(ask.request.clone(), Arc::clone(&ask.policy), facts, host::seed(), now);
        (call, local.begun(breakers, names(), now))
    })
}

/// The breakers of all that a call could ask for.
fn names(ask: &AdmittedCall, upstreams: &[Upstream]) -> Vec<String> {
    let models = |upstream: &Upstream| {
        let models = if upstream.models.is_empty() { &ask.request.models } else { &upstream.models };
        models.iter().map(|model| Breakers::name(&upstream.url, model)).collect::<Vec<_>>()
    };
    upstreams.iter().flat_map(models).collect()
}

/// Remembers what a call taught; and what to tell of it.
pub(crate) fn learn(outcome: &Outcome, ask: &AdmittedCall, now: Millis) -> Option<Message> {
    let (model_outcomes, unused) = if ask.leaves_no_trace {
        (&[][..], &[][..])
    } else {
        (&outcome.model_outcomes[..], &outcome.unused_probes[..])
    };
    MEMORY.with_borrow_mut(|Memory { breakers, local, .. }| {
        local.learn(breakers, model_outcomes, unused, &ask.policy.breaker, now)
    })
}

/// Remembers what other isolates know; true, if from now on nothing is known of them.
pub(crate) fn take_over(number: u64, answer: Option<&str>, now: Millis) -> bool {
    MEMORY.with_borrow_mut(|Memory { breakers, local, .. }| local.take(breakers, number, answer, now))
}

/// Lets `change` see what this isolate has of the budgets of routes.
pub(crate) fn with_shares<T>(change: impl FnOnce(&mut Shares) -> T) -> T {
    MEMORY.with_borrow_mut(|memory| change(&mut memory.shares))
}

/// It is time to ask for the catalog; says so once.
pub(crate) fn wants_catalog(now: Millis) -> bool {
    MEMORY.with_borrow_mut(|memory| {
        let age = if memory.catalog.ids().next().is_some() { CATALOG_AGE } else { LACKING_AGE };
        let due = memory.catalog_asked.is_none_or(|(asked, _)| now.saturating_sub(asked) >= age);
        if due {
            memory.catalog_asked = Some((now, false));
        }
        due
    })
}

/// Somebody has asked for the catalog, and nothing has come of it yet.
pub(crate) fn awaits_catalog() -> bool {
    MEMORY.with_borrow(|memory| memory.catalog_asked.is_some_and(|(_, over)| !over))
}

/// What came of asking for the catalog. An old one is better than none.
pub(crate) fn keep_catalog(catalog: Catalog) {
    MEMORY.with_borrow_mut(|memory| {
        memory.catalog_asked = memory.catalog_asked.map(|(asked, _)| (asked, true));
        if catalog.ids().next().is_some() {
            memory.catalog = catalog;
        }
    });
}

/// What `look` sees in the catalog.
pub(crate) fn with_catalog<T>(look: impl FnOnce(&Catalog) -> T) -> T {
    MEMORY.with_borrow(|memory| look(&memory.catalog))
}

/// Nothing is known of any model.
pub(crate) fn knows_no_models() -> bool {
    MEMORY.with_borrow(|memory| memory.catalog.ids().next().is_none())
}

/// The ids of all models that are known.
pub(crate) fn known_models() -> Vec<String> {
    MEMORY.with_borrow(|memory| memory.catalog.ids().map(Into::into).collect())
}

/// What is known of the keys at `url`.
pub(crate) fn ring<T>(url: &str, act: impl FnOnce(&mut KeySet) -> T) -> T {
    MEMORY.with_borrow_mut(|memory| act(memory.rings.entry(url.into()).or_default()))
}

/// What was wrong, if that was found out less than `age` ago; else it is time to find out, which is said to one alone.
pub(crate) fn health(now: Millis, age: Millis) -> Option<Vec<String>> {
    MEMORY.with_borrow_mut(|memory| {
        let (asked, problems) = memory.health.as_mut()?;
        if now.saturating_sub(*asked) < age {
            return Some(problems.clone());
        }
        *asked = now;
        None
    })
}

pub(crate) fn keep_health(problems: &[String], now: Millis) {
    MEMORY.with_borrow_mut(|memory| memory.health = Some((now, problems.to_vec())));
}
