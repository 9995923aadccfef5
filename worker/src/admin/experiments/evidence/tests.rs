use serde_json::Value;

use super::{Evidence, Pair, interval_of_preference, mean_with_interval, z_of};

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// The expected values: `scipy.stats.norm.ppf(1 - alpha / 2)`.
#[test]
fn an_interval_is_as_wide_as_its_confidence_says() {
    for (alpha, expected) in [(0.05, 1.959_964), (0.025, 2.241_403), (0.05 / 3.0, 2.393_980), (0.005, 2.807_034)] {
        near(z_of(alpha), expected, 1e-5);
    }
}

/// The expected values: scipy's `optimize.brentq` over the score statistic of Tango (1998), whose restricted estimate
/// `optimize.minimize_scalar` finds by maximising the likelihood.
#[test]
fn a_preference_has_the_interval_of_tango() {
    for (wins, losses, pairs, z, low, high) in [
        (0.0, 0.0, 60.0, 1.959_964, -0.060_172, 0.060_172),
        (12.0, 2.0, 50.0, 1.959_964, 0.061_112, 0.344_709),
        (5.0, 9.0, 60.0, 1.959_964, -0.196_318, 0.060_437),
        (0.0, 21.0, 60.0, 1.959_964, -0.476_374, -0.241_678),
        (3.0, 0.0, 40.0, 1.959_964, -0.019_193, 0.198_642),
        (5.0, 9.0, 60.0, 2.241_403, -0.216_761, 0.081_005),
    ] {
        let found = interval_of_preference(wins, losses, pairs, z).expect("an interval");
        near(found[0], low, 2e-5);
        near(found[1], high, 2e-5);
    }
    assert_eq!(interval_of_preference(0.0, 0.0, 0.0, 1.96), None);
}

/// The expected values: `scipy.stats.t.interval(1 - alpha, n - 1, loc=mean, scale=scipy.stats.sem(values))`.
#[test]
fn a_mean_has_the_interval_of_student() {
    let values = [2, 3, 1, 4, 2, 2, 5, 1, 0, 3, 2, 2, 4, 3, 1, 2, 2, 3, 1, 2].map(f64::from);
    for (z, low, high) in [(1.959_964, 1.684_394, 2.815_606), (2.241_403, 1.592_402, 2.907_598)] {
        let (mean, interval) = mean_with_interval(&values, z).expect("an interval");
        near(mean, 2.25, 1e-12);
        near(interval[0], low, 0.001);
        near(interval[1], high, 0.001);
    }
    assert_eq!(mean_with_interval(&[1.0], 1.96), None);
}

fn pairs(wins: usize, losses: usize, ties: usize, variant: f64) -> Vec<Pair> {
    let scores = [(1, wins), (-1, losses), (0, ties)].into_iter().flat_map(|(score, count)| vec![score; count]);
    let cost = |at: usize| 1e9 + at as f64 * 1e6;
    let pair = |(at, score)| Pair { score: Some(score), costs: Some((cost(at), cost(at) * variant)) };
    scores.enumerate().map(pair).collect()
}

fn of(pairs: &[Pair], controls: &[i64], tries: f64) -> Value {
    Evidence { pairs, controls, margin: 0.1, tries, is_done: true, spent: 5e10 }.to_json()
}

#[test]
fn a_variant_is_recommended_only_if_it_saves_and_keeps_the_quality() {
    let good = [-1; 10];
    let same = pairs(3, 3, 54, 0.5);
    let shown = of(&same, &good, 1.0);
    assert_eq!((&shown["recommended"], &shown["quality"]["kept"]), (&true.into(), &true.into()), "{shown}");
    assert_eq!(shown["quality"]["ties"], 54);
    near(shown["savings"]["part"].as_f64().expect("savings"), 0.5, 1e-9);
    // 0.05 USD were spent, and a call saves 0.0005147 USD.
    assert_eq!(shown["paidBackAfterCalls"], 98.0);
    let is_recommended = |pairs: &[Pair], controls: &[i64], tries| of(pairs, controls, tries)["recommended"] == true;
    assert!(!is_recommended(&pairs(0, 20, 40, 0.5), &good, 1.0), "quality is lost");
    assert!(!is_recommended(&pairs(3, 3, 54, 1.0), &good, 1.0), "nothing is saved");
    assert!(!is_recommended(&pairs(3, 3, 54, 1.5), &good, 1.0), "the variant costs more");
    assert!(!is_recommended(&pairs(0, 0, 19, 0.5), &good, 1.0), "too few pairs");
    assert!(
        !is_recommended(&pairs(4, 7, 49, 0.5), &good, 1.0),
        "no significant loss, but the interval reaches too low"
    );
    assert!(!is_recommended(&same, &[], 1.0), "nothing is known about the judge");
    assert!(!is_recommended(&pairs(0, 0, 60, 0.5), &[0; 10], 1.0), "a judge that finds no difference");
    assert!(!is_recommended(&same, &[-1, -1, -1, -1, -1, -1, -1, -1, 0, 1], 1.0), "the margin shrinks with the judge");
    assert!(!is_recommended(&same, &good, 8.0), "one of eight tries may look good by chance");
    let unfinished = Evidence { pairs: &same, controls: &good, margin: 0.1, tries: 1.0, is_done: false, spent: 0.0 };
    assert_eq!(unfinished.to_json()["recommended"], false);
}

#[test]
fn a_pair_without_a_verdict_or_a_cost_counts_where_it_can() {
    let mut some = pairs(0, 0, 30, 0.5);
    some[0].score = None;
    some[1].costs = None;
    let shown = of(&some, &[-1; 10], 1.0);
    assert_eq!((shown["quality"]["pairs"].as_u64(), shown["savings"]["calls"].as_u64()), (Some(29), Some(29)));
    let none = of(&[], &[], 1.0);
    assert_eq!((&none["quality"]["interval"], &none["recommended"]), (&Value::Null, &false.into()));
}
