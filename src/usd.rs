//! Amounts of money.

use crate::json::decimal;

/// An amount of US dollars, in units of 10^-12: sums of costs are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(pub u64);

impl Usd {
    /// One US dollar.
    const UNIT: u64 = 1_000_000_000_000;

    /// The amount in US dollars, rounded to a float.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Self::UNIT as f64
    }

    /// This amount `count` times; above millions of dollars, the largest amount. The check for an overflow counts the bits
    /// of both factors: an exact check multiplies in 128 bits, code that a page would have to download.
    pub fn times(self, count: u64) -> Self {
        let fits = self.0.leading_zeros() + count.leading_zeros() >= 64;
        Self(if fits { self.0.wrapping_mul(count) } else { u64::MAX })
    }

    /// The sum of both amounts, at most the largest amount.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The amount in US dollars as an exact decimal number.
    pub fn decimal(self) -> String {
        let mut fraction = self.0 % Self::UNIT + Self::UNIT;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
        }
        let point = if fraction == 1 { "" } else { "." };
        let mut dollars = decimal(self.0 / Self::UNIT);
        dollars.push_str(point);
        dollars.push_str(&decimal(fraction)[1..]);
        dollars
    }
}

#[cfg(test)]
mod tests {
    use super::Usd;

    #[test]
    fn an_amount_is_written_as_an_exact_decimal_number() {
        for (trillionths, text) in
            [(0, "0"), (42_500_000, "0.0000425"), (1_500_000_000_000, "1.5"), (7, "0.000000000007")]
        {
            assert_eq!(Usd(trillionths).decimal(), text);
        }
    }
}
