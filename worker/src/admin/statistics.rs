//! The statistics of comparisons: means and rates, their difference with an interval, and how likely such a
//! difference is by chance.

use std::f64::consts::SQRT_2;

/// How many standard errors an interval of 95 % has to each side.
pub(super) const Z95: f64 = 1.959_963_985;

/// The sums of a measure over calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) squares: f64,
}

/// The difference between two samples: the second less the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) value: f64,
    /// The interval of 95 %.
    pub(super) interval: [f64; 2],
    /// How likely is a difference that is at least as large, if there is none in truth.
    pub(super) p: f64,
}

impl Sample {
    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    fn variance(&self) -> f64 {
        let mean = self.sum / self.count;
        ((self.squares - mean * self.sum) / (self.count - 1.0)).max(0.0)
    }
}

/// Compares the means of two samples by Welch's t-test, which does not assume equal variances.
pub(super) fn compare_means(first: &Sample, second: &Sample) -> Option<Difference> {
    if first.count < 2.0 || second.count < 2.0 {
        return None;
    }
    let value = second.sum / second.count - first.sum / first.count;
    let parts = [first.variance() / first.count, second.variance() / second.count];
    let error = (parts[0] + parts[1]).sqrt();
    if error == 0.0 {
        return Some(Difference { value, interval: [value, value], p: if value == 0.0 { 1.0 } else { 0.0 } });
    }
    let squares = parts[0].powi(2) / (first.count - 1.0) + parts[1].powi(2) / (second.count - 1.0);
    let freedom = (parts[0] + parts[1]).powi(2) / squares;
    let width = quantile_of_t(Z95, freedom) * error;
    Some(Difference { value, interval: [value - width, value + width], p: p_of_t(value / error, freedom) })
}

/// Compares two rates by the two-proportion z-test. The interval is Newcombe's, from the Wilson interval of each rate: it holds for
/// rates near 0, too.
pub(super) fn compare_rates(first: (f64, f64), second: (f64, f64)) -> Option<Difference> {
    let ((hits1, count1), (hits2, count2)) = (first, second);
    if count1 == 0.0 || count2 == 0.0 {
        return None;
    }
    let (rate1, rate2) = (hits1 / count1, hits2 / count2);
    let ([low1, high1], [low2, high2]) = (wilson(hits1, count1), wilson(hits2, count2));
    let value = rate2 - rate1;
    let low = value - ((rate2 - low2).powi(2) + (high1 - rate1).powi(2)).sqrt();
    let high = value + ((high2 - rate2).powi(2) + (rate1 - low1).powi(2)).sqrt();
    let pooled = (hits1 + hits2) / (count1 + count2);
    let error = (pooled * (1.0 - pooled) * (1.0 / count1 + 1.0 / count2)).sqrt();
    let p = if error == 0.0 { 1.0 } else { chance_beyond(value / error) };
    Some(Difference { value, interval: [low, high], p })
}

/// The Wilson interval of 95 % of a rate.
fn wilson(hits: f64, count: f64) -> [f64; 2] {
    let (rate, square) = (hits / count, Z95 * Z95);
    let middle = rate + square / (2.0 * count);
    let width = Z95 * (rate * (1.0 - rate) / count + square / (4.0 * count * count)).sqrt();
    [middle - width, middle + width].map(|bound| bound / (1.0 + square / count))
}

/// How likely such a division of calls is, if each of `first + second` calls is in the second part with the chance `share`: the
/// χ² test with one degree of freedom.
pub(super) fn p_of_division(first: f64, second: f64, chance: f64) -> f64 {
    let all = first + second;
    let expected = all * chance;
    let error = (expected * (1.0 - chance)).sqrt();
    if error == 0.0 { 1.0 } else { chance_beyond((second - expected) / error) }
}

/// The chance of a value of the normal distribution that is at least `z` away from 0.
pub(super) fn chance_beyond(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2)
}

/// The same for Student's distribution, by Wallace's approximation, which is off by less than 0.2 % of a standard error.
fn p_of_t(t: f64, freedom: f64) -> f64 {
    let scale = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0);
    chance_beyond(scale * (freedom * (t * t / freedom).ln_1p()).sqrt())
}

/// How many standard errors an interval has to each side, with few degrees of freedom, where it has `z` with many: the first terms of
/// its expansion.
pub(super) fn quantile_of_t(z: f64, freedom: f64) -> f64 {
    let (z3, z5) = (z.powi(3), z.powi(5));
    z + (z3 + z) / (4.0 * freedom) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * freedom * freedom)
}

/// The complementary error function of a number that is not negative, by a series or a continued fraction, to 10 digits.
fn erfc(x: f64) -> f64 {
    let norm = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < 2.5 {
        let (mut term, mut sum, mut n) = (2.0 * x, 2.0 * x, 1.0);
        while term > 1e-12 * sum {
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        return (1.0 - norm * sum).max(0.0);
    }
    let mut fraction = x;
    for n in (1..=60).rev() {
        fraction = x + f64::from(n) / 2.0 / fraction;
    }
    norm / fraction
}

#[cfg(test)]
mod tests {
    use super::{Sample, compare_means, compare_rates, erfc, p_of_division, p_of_t};

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }

    fn sample(values: &[f64]) -> Sample {
        Sample {
            count: values.len() as f64,
            sum: values.iter().sum(),
            squares: values.iter().map(|value| value * value).sum(),
        }
    }

    /// The expected values are those of the `math.erfc` of Python, and of the densities integrated in steps.
    #[test]
    fn agrees_with_tables_and_libraries() {
        for (x, expected) in
            [(0.0, 1.0), (0.5, 0.479_500_122), (1.0, 0.157_299_207), (2.0, 0.004_677_735), (3.0, 2.209_05e-5)]
        {
            near(erfc(x), expected, 1e-9);
        }
        for (t, freedom, expected) in
            [(2.5, 20.0, 0.021_234), (1.0, 10.0, 0.340_893), (4.0, 100.0, 0.000_121_6), (2.0, 5.0, 0.101_939)]
        {
            near(p_of_t(t, freedom), expected, 0.002 * expected + 0.000_02);
        }
        near(p_of_division(880.0, 120.0, 0.1), 0.035_015, 0.000_01);
    }

    #[test]
    fn means_are_compared_by_welch() {
        let first = sample(&[3.0, 4.0, 1.0, 2.1, 5.0, 3.3]);
        let second = sample(&[4.9, 7.2, 6.0, 5.5, 9.1, 6.1, 7.0]);
        let difference = compare_means(&first, &second).expect("a difference");
        near(difference.value, 3.476_190, 1e-6);
        near(difference.p, 0.001_011, 0.000_1);
        assert!(difference.interval[0] > 1.0 && difference.interval[1] < 6.0, "{difference:?}");
        let same = sample(&[2.0, 2.0, 2.0]);
        assert_eq!(compare_means(&same, &same).map(|difference| difference.p), Some(1.0));
        assert_eq!(compare_means(&same, &sample(&[1.0])), None);
    }

    #[test]
    fn rates_are_compared_with_an_interval_that_holds_near_zero() {
        let difference = compare_rates((20.0, 1_000.0), (45.0, 1_000.0)).expect("a difference");
        near(difference.value, 0.025, 1e-12);
        near(difference.p, 0.001_619, 0.000_001);
        let none = compare_rates((0.0, 50.0), (0.0, 50.0)).expect("a difference");
        assert_eq!((none.value, none.p), (0.0, 1.0));
        assert!(none.interval[0] < -0.05 && none.interval[1] > 0.05, "no failure in 50 calls says little: {none:?}");
        assert_eq!(compare_rates((0.0, 0.0), (1.0, 2.0)), None);
    }
}
