//! The configuration of this isolate: read once from the environment, and kept for as long as the isolate lives.

use std::cell::OnceCell;
use std::rc::Rc;

use serde_json::json;
use worker::Env;

use super::{Access, Config, Problem};
use crate::platform::host;
use crate::platform::object::Objects;

/// The binding of the Durable Objects that count what each account uses.
pub(crate) const ACCOUNTS: &str = "ACCOUNTS";

/// The binding of the Durable Objects that store answers.
pub(crate) const CACHE: &str = "CACHE";

/// The binding of the Durable Objects that run experiments.
pub(crate) const EXPERIMENTS: &str = "EXPERIMENTS";

/// The configuration, or the problems in it.
pub(crate) type Setup = Rc<Result<Rc<Config>, Vec<Problem>>>;

thread_local! {
    static SETUP: OnceCell<Setup> = const { OnceCell::new() };
}

/// Returns the configuration in `env`, which does not change while the isolate lives.
pub(crate) fn setup(env: &Env) -> Setup {
    SETUP.with(|setup| Rc::clone(setup.get_or_init(|| Rc::new(read(env).map(Rc::new)))))
}

fn read(env: &Env) -> Result<Config, Vec<Problem>> {
    let config = Config::read(|name| host::variable(env, name))?;
    for warning in config.warnings() {
        host::log(&json!({"event": "setup", "warning": warning}).to_string());
    }
    // A loopback edge belongs to one person, so it works without budgets.
    if config.access != Access::Loopback && Objects::bound(env, ACCOUNTS).is_none() {
        return Err(vec![Problem::NoAccounts]);
    }
    Ok(config)
}
