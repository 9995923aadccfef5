//! When rows that the database refused are written again. Decisions on plain data.
//!
//! One bad row makes the database refuse a statement with many rows. So refused rows are written again in smaller
//! statements, down to single rows. A row that is refused alone waits, and the others go on. If several rows are refused
//! alone in succession, the fault is the database's, and all rows wait.

use failsoft::Millis;

/// The most rows of one statement.
const MOST: usize = 100;
/// The most statements of one round, because the object has other work.
const STATEMENTS: u32 = 24;
/// If this many rows are refused alone in succession, the database refuses all rows.
const ALONE: u32 = 3;
/// The upper bounds of the first and of the longest random pause, in milliseconds. The bound doubles with each pause.
const ROW_PAUSE: (Millis, Millis) = (50, 10 * 60 * 1_000);
const DATABASE_PAUSE: (Millis, Millis) = (500, 60_000);

/// One round of writing.
#[derive(Debug)]
pub(super) struct Round {
    /// The number of rows for the next statement.
    pub(super) size: usize,
    left: u32,
    alone: u32,
    /// The database accepted rows.
    pub(super) has_written: bool,
}

/// What to do after the database refused a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// Write fewer rows in one statement.
    WriteFewer,
    /// Let this row wait, and write the others.
    PostponeRow,
    /// Let all rows wait.
    PostponeAll,
}

impl Round {
    pub(super) fn new() -> Self {
        Self { size: MOST, left: STATEMENTS, alone: 0, has_written: false }
    }

    /// Takes one of the round's statements. Returns false if none is left.
    pub(super) fn take_statement(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    /// Records that the database accepted a statement.
    pub(super) fn record_success(&mut self) {
        self.has_written = true;
        self.alone = 0;
        self.size = (self.size * 2).min(MOST);
    }

    /// Records that the database refused a statement with `rows` rows.
    pub(super) fn record_refusal(&mut self, rows: usize) -> NextStep {
        if rows > 1 {
            self.size = rows.div_ceil(4);
            return NextStep::WriteFewer;
        }
        self.alone += 1;
        if self.alone < ALONE { NextStep::PostponeRow } else { NextStep::PostponeAll }
    }
}

/// How long a row waits that was refused alone `times` times, in milliseconds. `random` is at least 0 and less than 1.
pub(super) fn row_pause(times: u32, random: f64) -> Millis {
    pause(times, ROW_PAUSE, random)
}

/// How long all rows wait after `rounds` rounds in which the database refused everything, in milliseconds.
pub(super) fn database_pause(rounds: u32, random: f64) -> Millis {
    pause(rounds, DATABASE_PAUSE, random)
}

/// A random pause between half of the bound and the bound. After a shorter pause the database would refuse the rows again.
fn pause(times: u32, (first, longest): (Millis, Millis), random: f64) -> Millis {
    let bound = first.saturating_mul(1 << times.min(20)).min(longest);
    bound / 2 + (bound as f64 / 2.0 * random) as Millis
}

#[cfg(test)]
mod tests {
    use super::{DATABASE_PAUSE, MOST, NextStep, Round, database_pause, row_pause};

    /// Writes `rows` to a database that refuses the `bad` ones. Returns the rows that are left, and the number of statements.
    fn round(mut rows: Vec<u32>, bad: impl Fn(u32) -> bool) -> (Vec<u32>, usize) {
        let (mut round, mut waiting, mut statements) = (Round::new(), Vec::new(), 0);
        while round.take_statement() && !rows.is_empty() {
            let count = round.size.min(rows.len());
            statements += 1;
            if !rows[..count].iter().any(|row| bad(*row)) {
                rows.drain(..count);
                round.record_success();
                continue;
            }
            match round.record_refusal(count) {
                NextStep::WriteFewer => {}
                NextStep::PostponeRow => waiting.push(rows.remove(0)),
                NextStep::PostponeAll => break,
            }
        }
        // Waiting rows follow the others.
        rows.extend(waiting);
        (rows, statements)
    }

    #[test]
    fn a_bad_row_is_left_and_no_other() {
        for at in [0, 1, 57, 99] {
            let (once, _) = round((0..100).collect(), |row| row == at);
            assert_eq!(round(once, |row| row == at).0, [at]);
        }
        assert_eq!(round((0..MOST as u32).collect(), |_| false), (vec![], 1));
    }

    #[test]
    fn a_database_that_refuses_everything_gets_few_statements() {
        let (left, statements) = round((0..500).collect(), |_| true);
        assert_eq!((left.len(), statements), (500, 7));
    }

    #[test]
    fn a_database_that_refuses_half_of_the_rows_gets_the_other_half_in_the_end() {
        let mut rows: Vec<u32> = (0..60).collect();
        for _ in 0..20 {
            rows = round(rows, |row| row % 2 == 0).0;
        }
        assert!(rows.iter().all(|row| row % 2 == 0), "{rows:?}");
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_are_never_zero() {
        assert_eq!((row_pause(0, 0.0), row_pause(0, 0.99)), (25, 49));
        assert_eq!(row_pause(3, 0.0), 200);
        assert_eq!(database_pause(99, 0.0), DATABASE_PAUSE.1 / 2);
    }
}
