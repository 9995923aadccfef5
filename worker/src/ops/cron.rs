//! The cron trigger: every few minutes it renews the copy of the catalog, sends alerts that are due, and keeps the sums of the ledger.

use failsoft::{Catalog, Millis, Usd};
use serde_json::{Value, json};
use worker::Env;

use crate::account::AccountClient;
use crate::config::{self, Alerts, Config};
use crate::ledger::alerts::{Alert, send_once, send_unsent};
use crate::ledger::{database, sums};
use crate::routes::{self, store};
use crate::{catalog, platform::host, samples};

const HOUR: Millis = 60 * 60 * 1_000;
const DAY: Millis = 24 * HOUR;
/// Alerts that were sent, and runs of fallbacks, are forgotten after this time. An alert that is still due is sent again.
const KEPT_FOR: Millis = 90 * DAY;

/// The audit log, experiments and the sums are kept for so long.
const AUDIT_KEPT_FOR: Millis = 400 * DAY;

/// When all names of features are taken, those that were not used for so long are free again.
const NAMES_KEPT_FOR: Millis = 7 * DAY;
const NAMES_IN_USE: &str = "DELETE FROM features WHERE (SELECT count(*) FROM features) >= 1000 \
                            AND name NOT IN (SELECT feature FROM sums WHERE length = 96 AND begins >= ?1 / 900000 - 96)";

const DAY_SUMS: &str =
    "DELETE FROM day_sums WHERE dimension IN (SELECT dimension FROM dimensions) AND day < ?1 / 900000 - 96";
const DAY_TIMES: &str =
    "DELETE FROM day_times WHERE dimension IN (SELECT dimension FROM dimensions) AND day < ?1 / 900000 - 96";

/// The rows of the ledger that one statement deletes, and the statements of one run. A statement that deletes more might take
/// longer than the database allows.
const DELETED_AT_ONCE: usize = 1_000;
const MOST_STATEMENTS: usize = 20;

/// Runs once.
pub(crate) async fn run(env: &Env) {
    let setup = config::setup(env);
    let Ok(config) = setup.as_ref() else { return };
    if !database::exists(env) {
        return;
    }
    let now = host::now();
    let announced = announce_routes(config, env).await;
    let config = &*routes::current(config, env).await;
    let ended = async {
        let models = catalog::renew_copy(&config.upstreams, env, now).await?;
        if let Some(alerts) = &config.operations.alerts {
            for due in find_due(config, alerts, models.as_ref(), env, now).await? {
                send_once(env, &due).await;
            }
            send_unsent(env).await?;
        }
        Ok(())
    };
    // An alert that cannot be sent does not keep old rows.
    let forgotten = samples::store::forget(env).await;
    for ended in [
        announced,
        ended.await,
        forgotten,
        forget(env, now).await,
        keep_ledger(env, now, config.operations.ledger_days).await,
    ] {
        if let Err(error) = ended {
            host::log(&json!({"event": "cron", "error": database::reason(&error)}).to_string());
        }
    }
}

/// Announces the last change of a stored route, in case that the isolates could not be told when it was made.
async fn announce_routes(config: &Config, env: &Env) -> worker::Result<()> {
    if config.may_store_routes() {
        // The next run tries again.
        let _ = AccountClient::new(env).announce_routes(store::last_change(env).await?).await;
    }
    Ok(())
}

/// The alerts that are due.
async fn find_due(
    config: &Config,
    alerts: &Alerts,
    models: Option<&Catalog>,
    env: &Env,
    now: Millis,
) -> worker::Result<Vec<Alert>> {
    let mut due = models.map(|models| find_expiring(config, models, alerts.days, now)).unwrap_or_default();
    let runs = "SELECT asked, fallbacks, since FROM runs WHERE fallbacks >= ?1";
    due.extend(
        database::query(env, runs, &[(alerts.fallbacks as f64).into()]).await?.iter().map(|row| fallback_alert(row)),
    );
    // The cost is text: it may be larger than the largest exact number of JavaScript.
    let hours = "SELECT hour, CAST(cost AS TEXT) FROM hours WHERE hour > ?1 AND hour <= ?2";
    let hour = now / HOUR;
    let (from, to) = ((hour.saturating_sub(26) as f64).into(), (hour as f64).into());
    let hours: Vec<(u64, u64)> =
        database::query(env, hours, &[from, to]).await?.iter().filter_map(|row| read_hour(row)).collect();
    due.extend([hour - 1, hour].into_iter().filter_map(|hour| find_jump(&hours, hour, alerts)));
    Ok(due)
}

async fn forget(env: &Env, now: Millis) -> worker::Result<()> {
    for (statement, age) in [
        ("DELETE FROM told WHERE at < ?1", KEPT_FOR),
        ("DELETE FROM runs WHERE since < ?1", KEPT_FOR),
        ("DELETE FROM audit WHERE at < ?1", AUDIT_KEPT_FOR),
        ("DELETE FROM hours WHERE hour < ?1 / 3600000", AUDIT_KEPT_FOR),
        ("DELETE FROM sums WHERE length IN (1, 96) AND begins < ?1 / 900000 - 96", AUDIT_KEPT_FOR),
        ("DELETE FROM quarters WHERE length IN (1, 96) AND begins < ?1 / 900000 - 96", AUDIT_KEPT_FOR),
        ("DELETE FROM account_sums WHERE length IN (1, 96) AND begins < ?1 / 900000 - 96", AUDIT_KEPT_FOR),
        ("DELETE FROM times WHERE length IN (1, 96) AND begins < ?1 / 900000 - 96", AUDIT_KEPT_FOR),
        ("DELETE FROM quarter_times WHERE length IN (1, 96) AND begins < ?1 / 900000 - 96", AUDIT_KEPT_FOR),
        ("DELETE FROM closed_days WHERE day < ?1 / 900000 - 96", AUDIT_KEPT_FOR),
        (DAY_SUMS, AUDIT_KEPT_FOR),
        (DAY_TIMES, AUDIT_KEPT_FOR),
        // Names that clients once invented make room for others.
        (NAMES_IN_USE, NAMES_KEPT_FOR),
        ("DELETE FROM experiments WHERE at < ?1", AUDIT_KEPT_FOR),
    ] {
        database::query(env, statement, &[(now.saturating_sub(age) as f64).into()]).await?;
    }
    Ok(())
}

/// Keeps the sums of the ledger complete, and its rows for `days`. A row that does not count in the sums yet stays.
async fn keep_ledger(env: &Env, now: Millis, days: u64) -> worker::Result<()> {
    if sums::keep_up(env, now).await? { forget_attempts(env, now, days).await } else { Ok(()) }
}

/// Deletes rows of the ledger that are older than `days`. The sums for the metrics stay. The next run deletes what is left.
async fn forget_attempts(env: &Env, now: Millis, days: u64) -> worker::Result<()> {
    let oldest = now.saturating_sub(days * DAY) as f64;
    let delete =
        "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE at < ?1 ORDER BY at LIMIT ?2) RETURNING 1";
    for _ in 0..MOST_STATEMENTS {
        let values = [oldest.into(), (DELETED_AT_ONCE as f64).into()];
        if database::query(env, delete, &values).await?.len() < DELETED_AT_ONCE {
            break;
        }
    }
    Ok(())
}

fn fallback_alert(row: &[Value]) -> Alert {
    let (asked, count) = (row[0].as_str().unwrap_or_default(), row[1].as_u64().unwrap_or_default());
    Alert {
        occasion: format!("fallbacks/{asked}/{}", row[2]),
        kind: "fallbacks",
        text: format!("The last {count} answers to calls for {asked} came from other models."),
        data: json!({"model": asked, "calls": count, "since": row[2]}),
    }
}

/// An alert for each model of the configuration that its provider removes within `days`.
fn find_expiring(config: &Config, models: &Catalog, days: u64, now: Millis) -> Vec<Alert> {
    let mut names: Vec<&str> = config.models().collect();
    names.sort_unstable();
    names.dedup();
    let expiring = names.into_iter().filter_map(|name| Some((name, models.find(name)?.expires?)));
    let soon = expiring.filter(|(_, expires)| *expires < now + days * DAY);
    soon.map(|(model, expires)| {
        let left = expires.saturating_sub(now) / DAY;
        Alert {
            occasion: format!("expiry/{model}/{expires}"),
            kind: "expiry",
            text: match left {
                0 => format!("The model {model} goes away within a day, or has."),
                days => format!("The model {model} goes away in {days} days."),
            },
            data: json!({"model": model, "expires": expires}),
        }
    })
    .collect()
}

/// An hour and its cost.
fn read_hour(row: &[Value]) -> Option<(u64, u64)> {
    Some((row.first()?.as_u64()?, row.get(1)?.as_str()?.parse().ok()?))
}

/// An alert if `hour` cost many times as much as the mean of the 24 hours before it.
fn find_jump(hours: &[(u64, u64)], hour: u64, alerts: &Alerts) -> Option<Alert> {
    let cost = hours.iter().find(|(at, _)| *at == hour)?.1;
    let day: u128 =
        hours.iter().filter(|(at, _)| *at < hour && at + 24 >= hour).map(|(_, cost)| u128::from(*cost)).sum();
    let is_jump = u128::from(cost) * 24 > day * u128::from(alerts.times) && cost >= alerts.spend.0;
    let mean = Usd((day / 24) as u64);
    is_jump.then(|| Alert {
        occasion: format!("spend/{hour}"),
        kind: "spend",
        text: format!(
            "An hour cost {} USD; the mean of the day before is {} USD.",
            with_cents(Usd(cost)),
            with_cents(mean)
        ),
        data: json!({"hour": hour * HOUR, "usd": Usd(cost).as_f64(), "mean": mean.as_f64()}),
    })
}

fn with_cents(usd: Usd) -> String {
    format!("{:.2}", usd.as_f64())
}

#[cfg(test)]
mod tests {
    use super::{DAY, find_expiring, find_jump};
    use crate::config::{Alerts, Config, Target};
    use failsoft::catalog::ModelInfo;
    use failsoft::{Catalog, Usd};

    const USD: u64 = 1_000_000_000_000;

    #[test]
    fn an_hour_is_a_jump_if_it_costs_much_more_than_the_day_before_and_enough_by_itself() {
        let alerts = Alerts { target: Target::default(), fallbacks: 10, times: 3, spend: Usd(USD), days: 14 };
        let day = |cost: u64| (76..100).map(|hour| (hour, cost)).collect::<Vec<_>>();
        let with = |mut hours: Vec<(u64, u64)>, cost: u64| {
            hours.push((100, cost));
            find_jump(&hours, 100, &alerts).map(|alert| alert.occasion)
        };
        let alert = Some("spend/100".to_owned());
        assert_eq!(with(day(USD), 3 * USD), None);
        assert_eq!(with(day(USD), 3 * USD + 1), alert);
        assert_eq!(with(day(1), USD - 1), None);
        assert_eq!(with(vec![], USD), alert);
        // An hour before that day does not count.
        assert_eq!(with(vec![(75, 1_000 * USD)], USD), alert);
        assert_eq!(find_jump(&day(USD), 100, &alerts).map(|alert| alert.occasion), None);
    }

    #[test]
    fn the_owner_gets_an_alert_before_a_model_of_the_configuration_goes_away() {
        let config = r#"{"access": "loopback", "models": ["a/*", "b/b"], "routes": {"r": {"models": ["c/c", "d/d"],
            "policy": {"judge": {"model": "e/e"}}}}}"#;
        let config = Config::of(config, "sk").expect("a configuration");
        let mut models = Catalog::default();
        for (id, expires) in [("a/1", 1), ("b/b", 3 * DAY), ("c/c", 20 * DAY), ("d/d", 0), ("e/e", 2 * DAY)] {
            models.add(ModelInfo { id: id.into(), expires: Some(10 * DAY + expires), ..ModelInfo::default() });
        }
        let texts: Vec<_> = find_expiring(&config, &models, 14, 10 * DAY).into_iter().map(|alert| alert.text).collect();
        let expected = [
            "The model b/b goes away in 3 days.",
            "The model d/d goes away within a day, or has.",
            "The model e/e goes away in 2 days.",
        ];
        assert_eq!(texts, expected);
    }
}
