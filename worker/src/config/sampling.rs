//! Sampling: of a part of a route's calls, the edge keeps the text for some days, encrypted, to try cheaper variants with it. Off by
//! default.

use failsoft::invalid::{Invalid, Section};

/// The secret from which the key of the texts is derived.
pub(super) const SECRET: &str = "SAMPLES_SECRET";

/// Of which part of the calls the text is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampling {
    /// From 1 to 100.
    pub(crate) percent: u64,
    pub(crate) days: u64,
}

impl Sampling {
    /// Reads the `sampling` of a route.
    pub(super) fn read(route: &Section<'_>) -> Result<Option<Self>, Box<Invalid>> {
        let given = route.section("sampling")?;
        given.only("percent days")?;
        let mut sampling = Self { percent: 10, days: 7 };
        given.whole("percent", 1, 100, &mut sampling.percent)?;
        given.whole("days", 1, 30, &mut sampling.days)?;
        Ok((!route.get("sampling").is_null()).then_some(sampling))
    }

    /// Whether the text of the call with this id is kept. The id is random.
    pub(crate) fn chooses(self, id: &str) -> bool {
        id.get(..8)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .is_some_and(|part| part % 100 < self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::Sampling;

    #[test]
    fn so_many_percent_of_random_ids_are_chosen() {
        let count = |percent| {
            let ids = (0..100_000_u64).map(|at| format!("{:08x}-0000", at.wrapping_mul(0x9e37_79b9) % (1 << 32)));
            ids.filter(|id| Sampling { percent, days: 1 }.chooses(id)).count()
        };
        assert!((9_700..10_300).contains(&count(10)), "{}", count(10));
        assert_eq!(count(100), 100_000);
        assert!(!Sampling { percent: 100, days: 1 }.chooses("no id"));
    }
}
