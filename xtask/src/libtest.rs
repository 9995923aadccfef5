//! Counts the tests in the output of `cargo test`.

use crate::tally::Tally;

/// The sum of all `test result:` lines: one for each test program, and one for the examples of each crate.
pub(crate) fn count(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        tally +=
            Tally { passed: number(line, "passed"), failed: number(line, "failed"), skipped: number(line, "ignored") };
    }
    tally
}

/// Reads a number from a line such as `ok. 5 passed; 0 failed; 1 ignored; …`.
fn number(line: &str, label: &str) -> usize {
    let words: Vec<&str> = line.split([' ', ';']).collect();
    words.windows(2).find(|pair| pair[1] == label).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_programs_are_summed() {
        let output = "\
running 6 tests
test a ... ok
test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
a test that prints test result: ok. 9 passed; 9 failed
";
        assert_eq!(count(output), Tally { passed: 7, failed: 3, skipped: 1 });
    }

    #[test]
    fn output_without_results_counts_nothing() {
        assert_eq!(count("error[E0425]: cannot find value"), Tally::default());
    }
}
