//! What an experiment shows: savings and quality with intervals, and whether the variant is recommended. No input or output.
//!
//! | figure | method |
//! |---|---|
//! | savings | the mean of the differences in cost between original and variant of the same requests, with Student's interval |
//! | quality | (wins − losses) ÷ pairs, with Tango's score interval for paired proportions, which has a width also if all pairs are ties |
//! | the judge | controls: how surely the judge finds an answer that is worse for certain. A judge that prefers whatever comes first finds none |
//!
//! A variant keeps the quality if the lower bound is above −margin. A judge that overlooks some differences makes losses look
//! like ties, so the margin shrinks by the part of the controls that it found.

use serde_json::{Value, json};

use super::super::statistics::{Z95, chance_beyond, quantile_of_t};

/// Below this number of judged pairs, nothing is recommended.
pub(super) const FEWEST: usize = 20;

/// A judge that finds fewer of the controls, losses of the original subtracted, cannot be used.
pub(super) const LEAST_SENSITIVITY: f64 = 0.7;

/// Units of a cost for one USD.
const UNITS: f64 = 1e12;

/// One request, answered by both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pair {
    /// -1, 0 or 1: the variant lost, tied or won. Nothing without a verdict.
    pub(super) score: Option<i64>,
    /// The costs of original and variant in units of 10^-12 USD, if both are known.
    pub(super) costs: Option<(f64, f64)>,
}

/// What was judged, and what has to hold.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) pairs: &'a [Pair],
    /// The scores of answers that are worse for certain.
    pub(super) controls: &'a [i64],
    /// From 0 to 1.
    pub(super) margin: f64,
    /// How many experiments compared a variant with this version, this one included: each must show more.
    pub(super) tries: f64,
    /// All pairs are compared.
    pub(super) is_done: bool,
    /// In units of 10^-12 USD.
    pub(super) spent: f64,
}

impl Evidence<'_> {
    pub(super) fn to_json(&self) -> Value {
        let alpha = 0.05 / self.tries.max(1.0);
        let z = z_of(alpha);
        let scores = self.pairs.iter().filter_map(|pair| pair.score);
        let count = |wanted: i64| scores.clone().filter(|score| *score == wanted).count();
        let (wins, losses, judged) = (count(1), count(-1), scores.clone().count());
        let sensitivity = self.sensitivity();
        let bound = -self.margin * sensitivity.unwrap_or(0.0);
        let interval = interval_of_preference(wins as f64, losses as f64, judged as f64, z);
        let is_kept = judged >= FEWEST && interval.is_some_and(|[low, _]| low > bound);
        let (savings, is_significant) = self.savings(z);
        let saved = savings["usdPerCall"].as_f64().filter(|saved| *saved > 0.0);
        json!({
            "confidence": 1.0 - alpha,
            "judge": {"controls": self.controls.len(), "sensitivity": sensitivity},
            "quality": {
                "wins": wins, "losses": losses, "ties": judged - wins - losses, "pairs": judged,
                "difference": interval.map(|_| (wins as f64 - losses as f64) / judged as f64),
                "interval": interval, "atLeast": bound, "kept": is_kept,
            },
            "savings": savings,
            "recommended": self.is_done && is_kept && is_significant,
            "paidBackAfterCalls": saved.map(|saved| (self.spent / UNITS / saved).ceil()),
        })
    }

    /// The part of the controls that the judge found, less the part that it took for better.
    pub(super) fn sensitivity(&self) -> Option<f64> {
        let sum: i64 = self.controls.iter().sum();
        (!self.controls.is_empty()).then(|| 0.0 - sum as f64 / self.controls.len() as f64)
    }

    fn savings(&self, z: f64) -> (Value, bool) {
        let costs: Vec<(f64, f64)> = self.pairs.iter().filter_map(|pair| pair.costs).collect();
        let count = costs.len() as f64;
        let sum = |of: fn(&(f64, f64)) -> f64| costs.iter().map(of).sum::<f64>();
        let (original, variant) = (sum(|costs| costs.0), sum(|costs| costs.1));
        let differences: Vec<f64> = costs.iter().map(|(original, variant)| original - variant).collect();
        let Some((mean, interval)) = mean_with_interval(&differences, z) else {
            return (json!({"calls": costs.len()}), false);
        };
        let shown = json!({
            "calls": costs.len(), "original": original / count / UNITS, "variant": variant / count / UNITS,
            "usdPerCall": mean / UNITS, "interval": interval.map(|bound| bound / UNITS),
            "part": (original > 0.0).then(|| (original - variant) / original),
        });
        (shown, costs.len() >= FEWEST && interval[0] > 0.0)
    }
}

/// How many standard errors an interval with the confidence 1 − `alpha` has to each side.
fn z_of(alpha: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if chance_beyond(middle) > alpha { low = middle } else { high = middle }
    }
    if (low - Z95).abs() < 1e-6 { Z95 } else { low }
}

/// The interval of (wins − losses) ÷ pairs: Tango's score interval for the difference of two proportions of the same pairs
/// (Statistics in Medicine 17, 1998).
fn interval_of_preference(wins: f64, losses: f64, pairs: f64, z: f64) -> Option<[f64; 2]> {
    if pairs < 1.0 {
        return None;
    }
    // How many standard errors the observed difference is above `difference`, if this is the true one.
    let distance = |difference: f64| {
        let b = (2.0 * pairs - wins + losses) * difference - wins - losses;
        let c = -losses * difference * (1.0 - difference);
        let lost = (((b * b - 8.0 * pairs * c).max(0.0)).sqrt() - b) / (4.0 * pairs);
        let variance = pairs * (2.0 * lost + difference * (1.0 - difference));
        (wins - losses - pairs * difference) / variance.max(f64::MIN_POSITIVE).sqrt()
    };
    // The distance falls while the difference grows.
    let find = |target: f64| {
        let (mut low, mut high) = (-1.0, 1.0);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if distance(middle) > target { low = middle } else { high = middle }
        }
        (low + high) / 2.0
    };
    Some([find(z), find(-z)])
}

/// The mean and its interval.
fn mean_with_interval(values: &[f64], z: f64) -> Option<(f64, [f64; 2])> {
    let count = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let width = quantile_of_t(z, count - 1.0) * (variance / count).sqrt();
    Some((mean, [mean - width, mean + width]))
}

#[cfg(test)]
mod tests;
