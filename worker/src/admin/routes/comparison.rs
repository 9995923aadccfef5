//! `GET /admin/routes/NAME/comparison`: two versions of a route side by side, from the calls in the ledger.
//!
//! A call counts for the version that was chosen for it, also if a fallback answered. Rates are compared by the two-proportion
//! z-test, means by Welch's t-test. The tests assume that calls are independent and that somebody looks once; so a difference is
//! called significant only below [`ALPHA`], and not before each version has [`ENOUGH`] calls.

use serde_json::{Value, json};
use worker::Env;

use crate::admin::statistics::{Difference, Sample, compare_means, compare_rates, p_of_division};
use crate::ledger::database;

/// Six measures are compared: the chance that one of them differs by chance is at most 5 %.
const ALPHA: f64 = 0.05 / 6.0;

/// Below this number of calls of a version, nothing is significant.
const ENOUGH: f64 = 50.0;

/// The division of calls is wrong if it is this unlikely, from this number of calls on, and if the part of the second version is
/// off by this much: with many calls, tiny deviations are unlikely, too.
const UNLIKELY: f64 = 0.001;
const ENOUGH_TO_DIVIDE: f64 = 100.0;
const SMALLEST_DEVIATION: f64 = 0.005;

/// Units of a cost in the ledger for one USD.
const UNITS: f64 = 1e12;

/// Two versions, and what part of the calls the second should have got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) first: u64,
    pub(super) second: u64,
    /// From 0 to 1. Nothing, if the two did not run side by side.
    pub(super) chance: Option<f64>,
    /// The calls since then are compared, in milliseconds since 1970.
    pub(super) since: u64,
}

/// The sums over the calls of one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Totals {
    calls: f64,
    fallbacks: f64,
    failures: f64,
    aborted: f64,
    unsettled: f64,
    cost: Sample,
    duration: Sample,
    first_token: Sample,
    score: Sample,
    /// All calls, also those that the cache answered.
    all: f64,
}

/// One row for each version: the sums over its calls. A call is the rows with one prefix of `id`.
const STATEMENT: &str = include_str!("comparison.sql");

/// Compares the versions of `pair`.
pub(super) async fn compare(env: &Env, name: &str, pair: Pair) -> worker::Result<Value> {
    let values = [name.into(), (pair.first as f64).into(), (pair.second as f64).into(), (pair.since as f64).into()];
    let rows = database::query(env, STATEMENT, &values).await?;
    let of = |version: u64| rows.iter().find(|row| row.first().and_then(Value::as_u64) == Some(version));
    let totals = |version: u64| of(version).map(|row| Totals::read(row)).unwrap_or_default();
    Ok(report(pair, &totals(pair.first), &totals(pair.second)))
}

impl Totals {
    fn read(row: &[Value]) -> Self {
        let number = |at: usize| row.get(at).and_then(Value::as_f64).unwrap_or_default();
        let sample = |at: usize| Sample { count: number(at), sum: number(at + 1), squares: number(at + 2) };
        Self {
            calls: number(1),
            fallbacks: number(2),
            failures: number(3),
            aborted: number(4),
            unsettled: number(5),
            cost: sample(6),
            duration: sample(9),
            first_token: sample(12),
            score: sample(15),
            all: number(18),
        }
    }

    /// The calls that their client did not abort.
    fn ended(&self) -> f64 {
        self.calls - self.aborted
    }

    fn to_json(&self, version: u64) -> Value {
        json!({
            "version": version, "calls": self.calls, "fallbacks": self.fallbacks, "failures": self.failures,
            "aborted": self.aborted, "unsettled": self.unsettled, "judged": self.score.count, "streamed": self.first_token.count,
            "usd": self.cost.sum / UNITS,
        })
    }
}

fn report(pair: Pair, first: &Totals, second: &Totals) -> Value {
    let is_enough = first.calls >= ENOUGH && second.calls >= ENOUGH;
    let rate = |name: &str, hits: fn(&Totals) -> f64, of: fn(&Totals) -> f64| {
        let part = |totals: &Totals| (of(totals) > 0.0).then(|| hits(totals) / of(totals));
        let difference = compare_rates((hits(first), of(first)), (hits(second), of(second)));
        measure(name, [part(first), part(second)], difference, 1.0, is_enough)
    };
    let mean = |name: &str, sample: fn(&Totals) -> &Sample, unit: f64| {
        let difference = compare_means(sample(first), sample(second));
        let is_enough = is_enough && sample(first).count >= ENOUGH && sample(second).count >= ENOUGH;
        measure(name, [sample(first).mean(), sample(second).mean()], difference, unit, is_enough)
    };
    let measures = [
        rate("fallbackRate", |totals| totals.fallbacks, |totals| totals.calls - totals.aborted - totals.failures),
        rate("failureRate", |totals| totals.failures, Totals::ended),
        mean("usdPerCall", |totals| &totals.cost, UNITS),
        mean("milliseconds", |totals| &totals.duration, 1.0),
        mean("millisecondsToFirstToken", |totals| &totals.first_token, 1.0),
        mean("score", |totals| &totals.score, 1.0),
    ];
    json!({
        "since": pair.since / 1_000,
        "versions": [first.to_json(pair.first), second.to_json(pair.second)],
        "enough": is_enough,
        "alpha": ALPHA,
        "measures": measures,
        "division": pair.chance.map(|chance| division(first.all, second.all, chance)),
    })
}

fn measure(name: &str, values: [Option<f64>; 2], difference: Option<Difference>, unit: f64, is_enough: bool) -> Value {
    let values = values.map(|value| value.map(|value| value / unit));
    let Some(Difference { value, interval, p }) = difference else { return json!({"name": name, "values": values}) };
    json!({
        "name": name,
        "values": values,
        "difference": value / unit,
        "interval": interval.map(|bound| bound / unit),
        "p": p,
        "significant": is_enough && p < ALPHA,
    })
}

/// Whether the calls were divided as configured. If they were not, something is wrong with the comparison itself.
fn division(first: f64, second: f64, chance: f64) -> Value {
    let (all, p) = (first + second, p_of_division(first, second, chance));
    let part = if all > 0.0 { second / all } else { 0.0 };
    let is_wrong = all >= ENOUGH_TO_DIVIDE && p < UNLIKELY && (part - chance).abs() >= SMALLEST_DEVIATION;
    json!({"expected": chance, "observed": part, "p": p, "wrong": is_wrong})
}

#[cfg(test)]
mod tests {
    use super::{Pair, Sample, Totals, division, report};
    use serde_json::json;

    fn totals(calls: f64, fallbacks: f64, cost: f64) -> Totals {
        let sample = |mean: f64| Sample { count: calls, sum: mean * calls, squares: mean * mean * calls * 1.25 };
        Totals { calls, fallbacks, cost: sample(cost), duration: sample(900.0), ..Totals::default() }
    }

    #[test]
    fn a_difference_is_significant_only_if_there_are_enough_calls() {
        let pair = Pair { first: 3, second: 4, chance: Some(0.5), since: 7_000 };
        let of = |calls: f64| report(pair, &totals(calls, calls / 10.0, 2e9), &totals(calls, calls / 2.0, 1e9));
        let many = of(200.0);
        assert_eq!((&many["enough"], &many["since"]), (&json!(true), &json!(7)));
        let significant = |report: &serde_json::Value| -> Vec<bool> {
            let measures = report["measures"].as_array().expect("measures");
            measures.iter().map(|measure| measure["significant"] == true).collect()
        };
        assert_eq!(significant(&many), [true, false, true, false, false, false]);
        assert_eq!(significant(&of(40.0)), [false; 6]);
        assert_eq!(many["measures"][2]["values"], json!([0.002, 0.001]));
        assert_eq!(many["measures"][5], json!({"name": "score", "values": [null, null]}), "no judge");
    }

    #[test]
    fn a_division_is_wrong_if_it_is_unlikely_and_far_off() {
        let is_wrong = |first: f64, second: f64, chance: f64| division(first, second, chance)["wrong"] == true;
        assert!(!is_wrong(900.0, 100.0, 0.1) && !is_wrong(880.0, 120.0, 0.1));
        assert!(is_wrong(500.0, 500.0, 0.1));
        assert!(!is_wrong(5.0, 5.0, 0.1), "too few");
        assert!(!is_wrong(899_000.0, 101_000.0 + 1_100.0, 0.1), "unlikely, but small");
    }
}
