//! The numbers of passed, failed and skipped tests.

use std::fmt;
use std::ops::AddAssign;

/// The numbers of tests with each result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    /// The tally of a single check.
    pub(crate) fn one(passed: bool) -> Self {
        Self { passed: passed.into(), failed: (!passed).into(), skipped: 0 }
    }

    /// Adds a failure if the suite failed without a failed test, or if no test ran: the suite did not do its work.
    /// `succeeded` is the exit status of its program.
    pub(crate) fn check_exit(mut self, succeeded: bool) -> Self {
        let nothing_ran = self.passed == 0 && self.failed == 0;
        if nothing_ran || (!succeeded && self.failed == 0) {
            self.failed += 1;
        }
        self
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_shown_only_if_there_are_any() {
        assert_eq!(Tally { passed: 3, failed: 0, skipped: 0 }.to_string(), "3 passed, 0 failed");
        assert_eq!(Tally { passed: 3, failed: 1, skipped: 2 }.to_string(), "3 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn a_suite_in_which_nothing_ran_has_failed() {
        assert_eq!(Tally::default().check_exit(true).failed, 1);
        assert_eq!(Tally { skipped: 4, ..Tally::default() }.check_exit(true).failed, 1);
        assert_eq!(Tally { passed: 1, ..Tally::default() }.check_exit(true).failed, 0);
    }

    #[test]
    fn a_program_that_fails_without_a_failed_test_adds_one_failure() {
        assert_eq!(Tally { passed: 1, ..Tally::default() }.check_exit(false).failed, 1);
        assert_eq!(Tally { passed: 1, failed: 2, skipped: 0 }.check_exit(false).failed, 2);
    }
}
