mod hold;
mod lease;
mod quota;
mod random;
mod refused;
mod settle;
mod stored;
mod vanish;

use failsoft::invalid::Section;
use failsoft::{Json, Millis};
use serde_json::Value;

use super::{Amount, Balance, CallUsage, GenerationCost, HoldRequest};
use crate::account::amount::Measure;
use crate::account::attempt_log::AttemptRecord;
use crate::account::limits::Limits;
use crate::account::period::Period;
use crate::config::Budget;
use crate::ledger::Row;

const USD: u64 = 1_000_000_000_000;
/// 2024-02-29T12:00:00Z.
const NOON: Millis = 1_709_208_000_000;

fn limits(budget: Value) -> Limits {
    let text = budget.to_string();
    let section = Section::object("budget", Json::parse(&text).expect("JSON")).expect("an object");
    Limits::from(&Budget::read(&section).expect("a budget"))
}

fn request(usd: u64) -> HoldRequest {
    let row = Row { id: "h".into(), call: "c".into(), account: "key:a".into(), ..Row::default() };
    HoldRequest { amount: Amount { requests: 1, tokens: 10, usd }, duration: 30_000, row: Some(row) }
}

fn known(cost: u64) -> (Row, AttemptRecord) {
    let row =
        Row { cost, settled: "told".into(), prompt_tokens: Some(1), completion_tokens: Some(2), ..Row::default() };
    (row, AttemptRecord { status: Some(200), ..AttemptRecord::default() })
}

fn unknown(status: Option<u16>, generation: Option<&str>) -> (Row, AttemptRecord) {
    let generation = generation.map(String::from);
    (Row::default(), AttemptRecord { url: "https://u".into(), status, generation, ..AttemptRecord::default() })
}

fn usage(attempts: impl IntoIterator<Item = (Row, AttemptRecord)>) -> CallUsage {
    let (rows, records) = attempts.into_iter().unzip();
    CallUsage { rows, records }
}

fn found(cost: u64) -> Option<GenerationCost> {
    Some(GenerationCost { cost, prompt_tokens: Some(1), completion_tokens: Some(2), ..GenerationCost::default() })
}

fn usd(balance: &Balance) -> (u64, u64) {
    (balance.used(Measure::Usd, Period::Day), balance.held(Measure::Usd, Period::Day))
}

fn costs(rows: &[Row]) -> Vec<(u64, &str, u32)> {
    rows.iter().map(|row| (row.cost, row.settled.as_str(), row.revision)).collect()
}

/// Pseudo-random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}
