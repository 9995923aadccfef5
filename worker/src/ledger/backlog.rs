//! How rows go into a database that refuses some of them, or all for a while. Decisions on plain data.
//!
//! A statement that writes many rows is refused because of one. So what is refused is tried again in smaller parts, down
//! to single rows. A row that is refused alone waits for itself, and the others go on; when several are, one after the
//! other, it is the database, which is left alone for a while.

use failsoft::Millis;

/// Rows that one statement writes at most.
const MOST: usize = 100;
/// Statements of one round at most: an object has other things to do.
const STATEMENTS: u32 = 24;
/// So many rows that are refused alone, none taken between them, are no accident.
const ALONE: u32 = 3;
/// Bounds of the random pauses, the first and the longest, in milliseconds: they double.
const OF_ROW: (Millis, Millis) = (50, 10 * 60 * 1_000);
const OF_ALL: (Millis, Millis) = (500, 60_000);

/// One round of writing.
#[derive(Debug)]
pub(super) struct Round {
    /// How many rows the next statement should write.
    pub(super) size: usize,
    left: u32,
    alone: u32,
    /// Something was taken.
    pub(super) took: bool,
}

/// What to do after a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Fewer at once.
    Smaller,
    /// This row waits, the others go on.
    Row,
    /// This row waits, and so do all.
    All,
}

impl Round {
    pub(super) fn new() -> Self {
        Self { size: MOST, left: STATEMENTS, alone: 0, took: false }
    }

    /// There is time for a statement.
    pub(super) fn goes_on(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    pub(super) fn taken(&mut self) {
        self.took = true;
        self.alone = 0;
        self.size = (self.size * 2).min(MOST);
    }

    /// A statement with so many rows was refused.
    pub(super) fn refused(&mut self, rows: usize) -> Refused {
        if rows > 1 {
            self.size = rows.div_ceil(4);
            return Refused::Smaller;
        }
        self.alone += 1;
        if self.alone < ALONE { Refused::Row } else { Refused::All }
    }
}

/// How long a row waits that was refused alone `times` times. `random` is from 0 up to 1.
pub(super) fn pause_of_row(times: u32, random: f64) -> Millis {
    pause(times, OF_ROW, random)
}

/// How long a database is left alone that refused everything in `rounds` rounds.
pub(super) fn pause_of_all(rounds: u32, random: f64) -> Millis {
    pause(rounds, OF_ALL, random)
}

/// At least half of what it can be: what is refused a moment later is refused for the same reason.
fn pause(times: u32, (first, longest): (Millis, Millis), random: f64) -> Millis {
    let bound = first.saturating_mul(1 << times.min(20)).min(longest);
    bound / 2 + (bound as f64 / 2.0 * random) as Millis
}

#[cfg(test)]
mod tests {
    use super::{MOST, OF_ALL, Refused, Round, pause_of_all, pause_of_row};

    /// Writes `rows` of which `poisoned` are refused; those that are left, and the statements that it took.
    fn round(mut rows: Vec<u32>, poisoned: impl Fn(u32) -> bool) -> (Vec<u32>, usize) {
        let (mut round, mut waiting, mut statements) = (Round::new(), Vec::new(), 0);
        while round.goes_on() && !rows.is_empty() {
            let count = round.size.min(rows.len());
            statements += 1;
            if !rows[..count].iter().any(|row| poisoned(*row)) {
                rows.drain(..count);
                round.taken();
                continue;
            }
            match round.refused(count) {
                Refused::Smaller => {}
                Refused::Row => waiting.push(rows.remove(0)),
                Refused::All => break,
            }
        }
        // Who waits is behind those that do not.
        rows.extend(waiting);
        (rows, statements)
    }

    #[test]
    fn a_poisoned_row_is_left_behind_and_no_other() {
        for at in [0, 1, 57, 99] {
            let (once, _) = round((0..100).collect(), |row| row == at);
            assert_eq!(round(once, |row| row == at).0, [at]);
        }
        assert_eq!(round((0..MOST as u32).collect(), |_| false), (vec![], 1));
    }

    #[test]
    fn a_database_that_refuses_everything_is_left_alone_soon() {
        let (left, statements) = round((0..500).collect(), |_| true);
        assert_eq!((left.len(), statements), (500, 7));
    }

    #[test]
    fn one_that_refuses_half_gets_the_other_half_in_the_end() {
        let mut rows: Vec<u32> = (0..60).collect();
        for _ in 0..20 {
            rows = round(rows, |row| row % 2 == 0).0;
        }
        assert!(rows.iter().all(|row| row % 2 == 0), "{rows:?}");
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_are_never_none() {
        assert_eq!((pause_of_row(0, 0.0), pause_of_row(0, 0.99)), (25, 49));
        assert_eq!(pause_of_row(3, 0.0), 200);
        assert_eq!(pause_of_all(99, 0.0), OF_ALL.1 / 2);
    }
}
