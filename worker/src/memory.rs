//! What an isolate remembers between requests: plain data, never a future, a lock or a handle of one request.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use failsoft::{Breakers, Call, Catalog, Facts, Millis, Outcome, Policy, Upstream};
use worker::Env;

use crate::ask::Ask;
use crate::config::{Config, Problem};
use crate::host;

/// The catalog is asked for again after this, in milliseconds.
const CATALOG_AGE: Millis = 10 * 60 * 1_000;

/// The configuration, or what is wrong with it.
pub(crate) type Setup = Rc<Result<Rc<Config>, Vec<Problem>>>;

#[derive(Default)]
struct Memory {
    breakers: Breakers,
    catalog: Catalog,
    catalog_asked: Option<Millis>,
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
    Config::read(|name| host::variable(env, name))
}

/// A call, with what is known of the models.
pub(crate) fn call(ask: &Ask, upstreams: &[Upstream], now: Millis) -> Call {
    MEMORY.with_borrow_mut(|Memory { breakers, catalog, .. }| {
        let facts = Facts { upstreams, catalog, breakers };
        Call::new(ask.request.clone(), &ask.policy, facts, host::seed(), now)
    })
}

/// Remembers what a call taught.
pub(crate) fn learn(outcome: &Outcome, policy: &Policy, now: Millis) {
    MEMORY.with_borrow_mut(|memory| outcome.teach(&mut memory.breakers, now, policy));
}

/// It is time to ask for the catalog; says so once.
pub(crate) fn wants_catalog(now: Millis) -> bool {
    MEMORY.with_borrow_mut(|memory| {
        let due = memory.catalog_asked.is_none_or(|asked| now.saturating_sub(asked) >= CATALOG_AGE);
        if due {
            memory.catalog_asked = Some(now);
        }
        due
    })
}

pub(crate) fn keep_catalog(catalog: Catalog) {
    MEMORY.with_borrow_mut(|memory| memory.catalog = catalog);
}

/// The ids of all models that are known.
pub(crate) fn known_models() -> Vec<String> {
    MEMORY.with_borrow(|memory| memory.catalog.ids().map(Into::into).collect())
}
