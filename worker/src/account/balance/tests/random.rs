//! Random sequences of events: the rule of the balance always holds.

use super::{Dice, NOON, USD, found, known, limits, request, unknown, usage};
use crate::account::amount::Measure;
use crate::account::attempt_log::AttemptRecord;
use crate::account::balance::Balance;
use crate::account::balance::CostLookup;
use crate::account::period::Period;
use crate::ledger::Row;
use failsoft::Millis;
use serde_json::json;

/// A running call, and what it really costs.
struct Real {
    id: String,
    began: Millis,
    attempts: Vec<(Row, AttemptRecord, u64)>,
}

/// Up to three attempts that together cost no more than what is held.
fn attempts(dice: &mut Dice, mut left: u64, nth: u64) -> Vec<(Row, AttemptRecord, u64)> {
    let one = |at: u64| {
        let cost = dice.below(left + 1);
        let (attempt, cost) = match dice.below(4) {
            0 => (known(cost), cost),
            1 => (unknown(Some(200), Some(&format!("gen-{nth}-{at}"))), cost),
            2 => (unknown(Some(429), Some("gen-no")), 0),
            _ => (unknown(None, None), cost),
        };
        left -= cost;
        (attempt.0, attempt.1, cost)
    };
    (0..1 + nth % 3).map(one).collect()
}

#[test]
fn in_any_order_of_events_no_limit_is_exceeded_and_no_cost_is_counted_too_low() {
    for seed in 1..200 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed));
        let limits =
            limits(json!({"usd": {"minute": 3, "day": 10, "month": 40}, "tokens": {"minute": 100}, "concurrent": 8}));
        let (mut balance, mut now) = (Balance::default(), NOON);
        let mut calls: Vec<Real> = Vec::new();
        let mut truth: Vec<(String, u64)> = Vec::new();
        let mut ledger = std::collections::BTreeMap::<String, Row>::new();
        let mut true_in_month = 0;
        for nth in 0..400 {
            now += dice.below(4_000);
            let mut rows = Vec::new();
            match dice.below(6) {
                0 | 1 => {
                    let most = dice.below(USD);
                    let id = format!("{nth}");
                    if balance.hold(&id, request(most), &limits, now).is_ok() {
                        let attempts = attempts(&mut dice, most, nth);
                        truth.extend(attempts.iter().enumerate().map(|(at, (.., cost))| (format!("{id}/{at}"), *cost)));
                        true_in_month += attempts.iter().map(|(.., cost)| cost).sum::<u64>();
                        calls.push(Real { id, began: now, attempts });
                    }
                }
                2 if !calls.is_empty() => {
                    let call = calls.swap_remove(dice.below(calls.len() as u64) as usize);
                    // Some calls vanish.
                    if dice.below(4) > 0 {
                        let id = &call.id;
                        let named = call.attempts.into_iter().enumerate();
                        let end = usage(
                            named.map(|(at, (row, record, _))| (Row { id: format!("{id}/{at}"), ..row }, record)),
                        );
                        rows.extend(balance.settle(id, end.clone(), now));
                        if dice.below(3) == 0 {
                            rows.extend(balance.settle(id, end, now));
                        }
                    }
                }
                3 if !calls.is_empty() => {
                    let at = dice.below(calls.len() as u64) as usize;
                    let Real { id, began, attempts } = &calls[at];
                    // The note may lack the last attempts.
                    let known = 1 + dice.below(attempts.len() as u64) as usize;
                    let records = attempts.iter().take(known).map(|(_, record, _)| record.clone()).collect();
                    balance.note(id, now - began + 1, records);
                }
                4 => rows.extend(balance.expire(now)),
                _ => {
                    for lookup in balance.due_lookups(now) {
                        let cost = cost_of(&lookup, &truth);
                        let answer = if dice.below(2) == 0 { found(cost) } else { None };
                        rows.extend(balance.record_lookup(&lookup, answer, now));
                    }
                }
            }
            keep(&mut ledger, rows);
            balance.start_periods(now);
            for measure in Measure::ALL {
                for period in Period::ALL {
                    let counted = balance.used(measure, period) + balance.held(measure, period);
                    assert!(
                        limits.of(measure, period).is_none_or(|limit| counted <= limit),
                        "{seed} {nth} {measure:?} {period:?}"
                    );
                }
            }
            assert!(balance.running() <= 8);
            let month = balance.used(Measure::Usd, Period::Month) + balance.held(Measure::Usd, Period::Month);
            assert!(month >= true_in_month, "{seed} {nth}: {month} counted, {true_in_month} true");
        }
        // Long after, nothing is held, and the ledger has the same sum.
        now += 3_600_000;
        keep(&mut ledger, balance.expire(now));
        balance.warnings.clear();
        while let Some(due) = balance.next_due() {
            for lookup in balance.due_lookups(due) {
                let cost = cost_of(&lookup, &truth);
                keep(&mut ledger, balance.record_lookup(&lookup, found(cost), due));
            }
            balance.warnings.clear();
        }
        assert!(balance.holds.is_empty());
        let sum: u64 = ledger.values().map(|row| row.cost).sum();
        assert_eq!(sum, balance.used(Measure::Usd, Period::Month), "{seed}");
        assert!(sum >= true_in_month);
        for (id, cost) in &truth {
            let Some(row) = ledger.get(id) else { continue };
            assert!(row.settled == "unsettled" || row.cost == *cost, "{seed} {id}: {row:?}, {cost}");
        }
    }
}

fn cost_of(lookup: &CostLookup, truth: &[(String, u64)]) -> u64 {
    let id = format!("{}/{}", lookup.hold, lookup.attempt);
    truth.iter().find(|(known, _)| *known == id).map_or(0, |(_, cost)| *cost)
}

fn keep(ledger: &mut std::collections::BTreeMap<String, Row>, rows: Vec<Row>) {
    for row in rows {
        let newer = ledger.get(&row.id).is_none_or(|known| known.revision < row.revision);
        if newer {
            ledger.insert(row.id.clone(), row);
        }
    }
}
