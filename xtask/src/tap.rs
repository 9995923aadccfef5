//! Counts the tests in a TAP report of `node --test`.

use crate::tally::Tally;

/// Reads the sums at the end of the report: `# pass 3`, `# fail 0`, and so on.
pub(crate) fn count(report: &str) -> Tally {
    let sum = |labels: &[&str]| labels.iter().filter_map(|label| last(report, label)).sum();
    Tally { passed: sum(&["pass"]), failed: sum(&["fail", "cancelled"]), skipped: sum(&["skipped", "todo"]) }
}

/// The last line with this label, because a test may print such a line too.
fn last(report: &str, label: &str) -> Option<usize> {
    report.lines().rev().find_map(|line| line.strip_prefix("# ")?.strip_prefix(label)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_read() {
        let report = "\
TAP version 13
# Subtest: answers
ok 1 - answers
# pass 99
1..7
# tests 8
# suites 0
# pass 3
# fail 1
# cancelled 1
# skipped 2
# todo 1
# duration_ms 12.5
";
        assert_eq!(count(report), Tally { passed: 3, failed: 2, skipped: 3 });
    }

    #[test]
    fn a_report_without_sums_counts_nothing() {
        assert_eq!(count("TAP version 13\nok 1 - a\n"), Tally::default());
    }
}
