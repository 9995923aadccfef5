//! Random sequences of events: the rule of the balance always holds.

use std::collections::BTreeMap;

use super::{Dice, NOON, USD, found, known, limits, request, unknown, usage};
use crate::account::amount::Measure;
use crate::account::attempt_log::AttemptRecord;
use crate::account::balance::{Balance, CostLookup};
use crate::account::limits::Limits;
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
        let (mut attempt, cost) = match dice.below(5) {
            0 => (known(cost), cost),
            1 => (unknown(Some(200), Some(&format!("gen-{nth}-{at}"))), cost),
            2 => (unknown(Some(429), Some("gen-no")), 0),
            3 => (unknown(Some(502), None), cost),
            _ => (unknown(None, None), cost),
        };
        if dice.below(2) == 0 {
            attempt.1.most.usd = Some(cost + dice.below(left - cost + 1));
        }
        left -= attempt.1.most.usd.unwrap_or(cost);
        (attempt.0, attempt.1, cost)
    };
    (0..1 + nth % 3).map(one).collect()
}

/// A balance, the running calls, and what all calls really cost.
struct Simulation {
    dice: Dice,
    limits: Limits,
    balance: Balance,
    now: Millis,
    calls: Vec<Real>,
    /// The cost of each attempt, by the id of its row.
    truth: Vec<(String, u64)>,
    ledger: BTreeMap<String, Row>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let budget = json!({"usd": {"minute": 3, "hour": 6, "day": 10, "month": 40}, "tokens": {"minute": 100}, "concurrent": 8});
        Self {
            dice: Dice(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed)),
            limits: limits(budget),
            balance: Balance::default(),
            now: NOON,
            calls: Vec::new(),
            truth: Vec::new(),
            ledger: BTreeMap::new(),
        }
    }

    /// One random event, some time after the last one.
    fn step(&mut self, nth: u64) {
        self.now += self.dice.below(4_000);
        match self.dice.below(6) {
            0 | 1 => self.start_call(nth),
            2 if !self.calls.is_empty() => self.end_call(),
            3 if !self.calls.is_empty() => self.note(),
            4 => {
                let rows = self.balance.expire(self.now);
                self.write(rows);
            }
            _ => self.look_up(),
        }
    }

    fn start_call(&mut self, nth: u64) {
        let most = self.dice.below(USD);
        let id = format!("{nth}");
        if self.balance.hold(&id, request(most), &self.limits, None, self.now).is_err() {
            return;
        }
        let attempts = attempts(&mut self.dice, most, nth);
        let costs = attempts.iter().enumerate().map(|(at, (.., cost))| (format!("{id}/{at}"), *cost));
        self.truth.extend(costs);
        self.calls.push(Real { id, began: self.now, attempts });
    }

    fn end_call(&mut self) {
        let Real { id, attempts, .. } = self.calls.swap_remove(self.dice.below(self.calls.len() as u64) as usize);
        // Some calls vanish.
        if self.dice.below(4) == 0 {
            return;
        }
        let named = attempts.into_iter().enumerate();
        let end = usage(named.map(|(at, (row, record, _))| (Row { id: format!("{id}/{at}"), ..row }, record)));
        let rows = self.balance.settle(&id, end.clone(), self.now);
        self.write(rows);
        if self.dice.below(3) == 0 {
            let rows = self.balance.settle(&id, end, self.now);
            self.write(rows);
        }
    }

    fn note(&mut self) {
        let at = self.dice.below(self.calls.len() as u64) as usize;
        let Real { id, began, attempts } = &self.calls[at];
        // The note may lack the last attempts.
        let known = 1 + self.dice.below(attempts.len() as u64) as usize;
        let records = attempts.iter().take(known).map(|(_, record, _)| record.clone()).collect();
        self.balance.note(id, self.now - began + 1, records);
    }

    fn look_up(&mut self) {
        for lookup in self.balance.due_lookups(self.now) {
            let cost = self.cost_of(&lookup);
            let answer = if self.dice.below(2) == 0 { found(cost) } else { None };
            let rows = self.balance.record_lookup(&lookup, answer, self.now);
            self.write(rows);
        }
    }

    /// Settles everything, long after the last event.
    fn finish(&mut self) {
        self.now += 3_600_000;
        let rows = self.balance.expire(self.now);
        self.write(rows);
        self.balance.warnings.clear();
        self.balance.corrections.clear();
        while let Some(due) = self.balance.next_due() {
            for lookup in self.balance.due_lookups(due) {
                let cost = self.cost_of(&lookup);
                let rows = self.balance.record_lookup(&lookup, found(cost), due);
                self.write(rows);
            }
            self.balance.warnings.clear();
            self.balance.corrections.clear();
        }
    }

    fn cost_of(&self, lookup: &CostLookup) -> u64 {
        let id = format!("{}/{}", lookup.hold, lookup.attempt);
        self.truth.iter().find(|(known, _)| *known == id).map_or(0, |(_, cost)| *cost)
    }

    fn true_cost(&self) -> u64 {
        self.truth.iter().map(|(_, cost)| cost).sum()
    }

    fn write(&mut self, rows: Vec<Row>) {
        for row in rows {
            if self.ledger.get(&row.id).is_none_or(|known| known.revision < row.revision) {
                self.ledger.insert(row.id.clone(), row);
            }
        }
    }

    /// What is counted and held is no more than any limit, and no less than the true cost.
    fn check(&mut self, place: &str) {
        let Self { balance, limits, .. } = self;
        balance.start_periods(self.now);
        let counted = |measure, period| balance.used(measure, period) + balance.held(measure, period);
        for measure in Measure::ALL {
            for period in Period::ALL {
                let is_within = limits.of(measure, period).is_none_or(|limit| counted(measure, period) <= limit);
                assert!(is_within, "{place} {measure:?} {period:?}");
            }
        }
        assert!(balance.running() <= 8, "{place}");
        let (month, truth) = (counted(Measure::Usd, Period::Month), self.true_cost());
        assert!(month >= truth, "{place}: {month} counted, {truth} true");
    }
}

#[test]
fn in_any_order_of_events_no_limit_is_exceeded_and_no_cost_is_counted_too_low() {
    for seed in 1..200 {
        let mut simulation = Simulation::new(seed);
        for nth in 0..400 {
            simulation.step(nth);
            simulation.check(&format!("{seed} {nth}"));
        }
        simulation.finish();
        let Simulation { balance, ledger, truth, .. } = &simulation;
        assert!(balance.holds.is_empty(), "{seed}");
        let sum: u64 = ledger.values().map(|row| row.cost).sum();
        assert_eq!(sum, balance.used(Measure::Usd, Period::Month), "{seed}");
        assert!(sum >= simulation.true_cost(), "{seed}");
        for (id, cost) in truth {
            let Some(row) = ledger.get(id) else { continue };
            assert!(row.settled == "unsettled" || row.cost == *cost, "{seed} {id}: {row:?}, {cost}");
        }
    }
}
