//! The stored routes that this isolate knows, and the configuration with them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use failsoft::{Json, Millis};
use serde_json::json;
use worker::Env;

use super::store::{self, ChangedRoute};
use crate::account::last_route_change;
use crate::config::{Config, Route, read_stored_route};
use crate::ledger::database;
use crate::platform::host;

/// How long a request that reads changes may take, in milliseconds, until another one reads them.
const READING_FOR: Millis = 2_000;

/// While one request reads changes, others go on with what is known, if it was known to be all this many milliseconds ago. Others
/// of an isolate that was idle read, too: a change is to be live everywhere within 10 s.
const RECENT: Millis = 5_000;

/// What this isolate knows.
#[derive(Default)]
struct Known {
    /// The number of the last change that was read.
    change: u64,
    routes: BTreeMap<String, Rc<Route>>,
    /// The configuration with the routes; nothing, if no change was read.
    config: Option<Rc<Config>>,
    /// When a request began to read changes.
    reading_since: Option<Millis>,
    /// When all changes were last known.
    complete_at: Millis,
    /// Since when a change is not known.
    behind_since: Option<Millis>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// `deployed` with the stored routes. Reads them from the database if they have changed. If this fails, or if nobody says whether
/// they have changed, the last known routes count.
pub(crate) async fn current(deployed: &Rc<Config>, env: &Env) -> Rc<Config> {
    let last = last_route_change(deployed, env).await.ok();
    if last.is_some_and(|last| KNOWN.with_borrow_mut(|known| known.claims_reading(last, host::now()))) {
        if let Err(error) = read_changes(deployed, env).await {
            host::log(&json!({"event": "routes", "read": false, "error": database::reason(&error)}).to_string());
        }
        KNOWN.with_borrow_mut(|known| known.reading_since = None);
    }
    KNOWN.with_borrow(|known| known.config_after(last, deployed))
}

async fn read_changes(deployed: &Config, env: &Env) -> worker::Result<()> {
    loop {
        let after = KNOWN.with_borrow(|known| known.change);
        let changes = store::read_changes(env, after).await?;
        KNOWN.with_borrow_mut(|known| changes.iter().for_each(|change| known.apply(deployed, change)));
        if changes.len() < store::PAGE {
            break;
        }
    }
    KNOWN.with_borrow_mut(|known| {
        known.config = Some(Rc::new(deployed.with_stored(known.routes.values().cloned(), false)));
        known.behind_since = None;
    });
    Ok(())
}

impl Known {
    /// Whether the request that asks has to read changes up to the number `last`. Every request reads as long as no route is known.
    fn claims_reading(&mut self, last: u64, now: Millis) -> bool {
        if last <= self.change {
            self.complete_at = now;
            self.behind_since = None;
            return false;
        }
        let behind_since = *self.behind_since.get_or_insert(now);
        let is_read = self.reading_since.is_some_and(|since| now < since + READING_FOR);
        // If the database does not answer, what is old is better than to wait.
        let may_go_on = now < self.complete_at + RECENT || now >= behind_since + READING_FOR;
        let must_read = !(is_read && may_go_on && self.config.is_some());
        if must_read {
            self.reading_since = Some(now);
        }
        must_read
    }

    /// The configuration with what is known. `last` is the number of the last change; nothing, if the edge's object did not say it.
    fn config_after(&self, last: Option<u64>, deployed: &Rc<Config>) -> Rc<Config> {
        match &self.config {
            Some(config) => Rc::clone(config),
            None if last == Some(0) => Rc::clone(deployed),
            None => Rc::new(deployed.with_stored(std::iter::empty(), true)),
        }
    }

    /// Takes over a change. A route that the configuration does not permit any more is left out.
    fn apply(&mut self, deployed: &Config, change: &ChangedRoute) {
        self.change = self.change.max(change.number);
        self.routes.remove(&change.name);
        let read = |(version, text): &(u64, String)| {
            read_stored_route(deployed, "route", (&change.name, *version), Json::parse(text).unwrap_or(Json::NULL))
        };
        let Some(current) = &change.current else { return };
        let route = read(current).and_then(|route| {
            let split = match &change.second {
                Some((second, split)) => Some((store::read_split(split)?, Rc::new(read(second)?))),
                None => None,
            };
            Ok(Route { split, ..route })
        });
        match route {
            Ok(route) => _ = self.routes.insert(change.name.clone(), Rc::new(route)),
            Err(invalid) => {
                let line = json!({"event": "routes", "route": change.name, "version": current.0, "problem": invalid.to_string()});
                host::log(&line.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{ChangedRoute, Known};
    use crate::config::Config;

    fn change(number: u64, name: &str, current: Option<&str>) -> ChangedRoute {
        ChangedRoute { number, name: name.into(), current: current.map(|text| (number, text.into())), second: None }
    }

    #[test]
    fn a_change_replaces_a_route_and_a_deletion_removes_it() {
        let config = r#"{"access": "loopback", "routes": {"own": {"models": ["x"]}}}"#;
        let config = Config::of(config, "sk").expect("a configuration");
        let mut known = Known::default();
        known.apply(&config, &change(1, "a", Some(r#"{"models": ["m"]}"#)));
        known.apply(&config, &change(2, "own", Some(r#"{"models": ["m"]}"#)));
        known.apply(&config, &change(3, "a", Some(r#"{"models": ["n"]}"#)));
        let with = config.with_stored(known.routes.values().cloned(), false);
        let shown: Vec<_> =
            with.routes.iter().map(|route| (route.name.as_str(), route.version, route.models[0].as_str())).collect();
        assert_eq!(shown, [("own", None, "x"), ("a", Some(3), "n")], "a deployed route counts before a stored one");
        known.apply(&config, &change(4, "a", None));
        assert!(!known.routes.contains_key("a") && known.change == 4);
    }

    #[test]
    fn one_request_reads_a_change_and_every_request_reads_the_first_ones() {
        let config = Config::of(r#"{"access": "loopback"}"#, "sk").expect("a configuration");
        let mut known = Known::default();
        assert!(!known.claims_reading(0, 0) && known.claims_reading(2, 0) && known.claims_reading(2, 1));
        known.config = Some(Rc::new(config));
        assert!(!known.claims_reading(2, 2), "somebody reads");
        assert!(known.claims_reading(2, 5_000), "the reader is gone");
        known.change = 2;
        assert!(!known.claims_reading(2, 50_000));
    }

    #[test]
    fn without_an_answer_of_the_edges_object_the_known_routes_count_or_routes_are_missing() {
        let deployed = Config::of(r#"{"access": "loopback", "routes": {"own": {"models": ["x"]}}}"#, "sk");
        let deployed = Rc::new(deployed.expect("a configuration"));
        let mut known = Known::default();
        let lacks = |known: &Known, last| known.config_after(last, &deployed).lacks_routes;
        assert_eq!([None, Some(1), Some(0)].map(|last| lacks(&known, last)), [true, true, false]);
        assert!(known.config_after(None, &deployed).route("own").is_some(), "deployed routes still count");
        known.apply(&deployed, &change(1, "a", Some(r#"{"models": ["m"]}"#)));
        known.config = Some(Rc::new(deployed.with_stored(known.routes.values().cloned(), false)));
        let config = known.config_after(None, &deployed);
        assert!(config.route("a").is_some() && !config.lacks_routes);
    }

    #[test]
    fn after_a_pause_no_request_goes_on_with_old_routes_unless_the_database_hangs() {
        let config = Config::of(r#"{"access": "loopback"}"#, "sk").expect("a configuration");
        let mut known = Known { change: 2, config: Some(Rc::new(config)), ..Known::default() };
        assert!(!known.claims_reading(2, 50_000));
        assert!(known.claims_reading(3, 90_000) && known.claims_reading(3, 90_001), "both wait for the change");
        assert!(known.claims_reading(3, 92_500), "the readers are gone");
        assert!(!known.claims_reading(3, 92_501), "the database does not answer");
    }
}
