//! The upkeep of the sums, which the triggers of the database make: rows of earlier versions are added in steps, and a day that is over
//! gets its sums by one column. Each step is one statement, so a step that is cut off or made twice changes no figure.

use failsoft::Millis;
use serde_json::Value;
use worker::{Env, Result};

use super::database::query;

/// The steps of one run. A step takes some tenths of a second.
const MOST_STEPS: usize = 50;
/// The days that one run closes.
const MOST_DAYS: usize = 20;

/// How many rows of the ledger do not count yet, at most: numbers of deleted rows are among them. A step passes numbers, so this is 0 at
/// the end, whatever was deleted.
pub(crate) const MISSING: &str = "SELECT coalesce(sum(last - done), 0) FROM backfill";
/// Adds the next rows. The trigger `backfill_step` does the work, and removes the row of `backfill` at the end.
const ADD_ROWS: &str = "UPDATE backfill SET done = min(done + step, last) RETURNING 1";
/// Closes the newest day that is over and open. The trigger `day_close` does the work. ?1 is now, in milliseconds since 1970.
const CLOSE_DAY: &str = "INSERT INTO closed_days SELECT begins FROM quarters \
                         WHERE length = 96 AND begins + 96 <= ?1 / 900000 AND begins NOT IN (SELECT day FROM closed_days) \
                         GROUP BY begins ORDER BY begins DESC LIMIT 1 RETURNING 1";

/// Makes the next steps. Returns whether all rows of the ledger count.
pub(crate) async fn keep_up(env: &Env, now: Millis) -> Result<bool> {
    for _ in 0..MOST_STEPS {
        if query(env, ADD_ROWS, &[]).await?.is_empty() {
            break;
        }
    }
    let missing = query(env, MISSING, &[]).await?;
    if missing.first().and_then(|row| row.first()).and_then(Value::as_u64) != Some(0) {
        return Ok(false);
    }
    for _ in 0..MOST_DAYS {
        if query(env, CLOSE_DAY, &[(now as f64).into()]).await?.is_empty() {
            break;
        }
    }
    Ok(true)
}
