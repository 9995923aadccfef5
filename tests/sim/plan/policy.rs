//! Draws the policy of a call: the fields as JSON, and the numbers that the checks expect from them.

use serde_json::{Map, Value, json};

use super::{Clocks, JudgePolicy, Money, Recover, Rule, Rules};
use crate::random::Random;
use crate::world::SCORER;

/// Draws the number `name`. Often the field is left out, so that the documented default applies.
pub(super) fn number(
    random: &mut Random,
    fields: &mut Map<String, Value>,
    name: &str,
    default: u64,
    draw: impl FnOnce(&mut Random) -> u64,
) -> u64 {
    if random.chance(45) {
        return default;
    }
    let number = draw(random);
    fields.insert(name.into(), number.into());
    number
}

pub(super) fn insert(fields: &mut Map<String, Value>, name: &str, inner: Map<String, Value>) {
    if !inner.is_empty() {
        fields.insert(name.into(), Value::Object(inner));
    }
}

pub(super) fn clocks(random: &mut Random, fields: &mut Map<String, Value>, thinks: bool) -> Clocks {
    let mut inner = Map::new();
    let mut clock = |random: &mut Random, name: &str, default: u64, longest: u64| {
        number(random, &mut inner, name, default, |random| {
            let shortest = random.pick(&[1, 500, 500, 5_000]);
            random.spread(shortest..=longest)
        })
    };
    let (headers, first_token) = if thinks { (120_000, 300_000) } else { (30_000, 60_000) };
    let mut clocks = Clocks {
        is_impatient: false,
        written_first_token: None,
        headers: clock(random, "headers", headers, 600_000),
        first_token: clock(random, "firstToken", first_token, 600_000),
        idle: clock(random, "idle", 30_000, 600_000),
        total: clock(random, "total", 600_000, 3_600_000),
    };
    clocks.written_first_token = inner.contains_key("firstToken").then_some(clocks.first_token);
    clocks.is_impatient = !thinks && clocks.written_first_token.is_none();
    insert(fields, "timeouts", inner);
    clocks
}

pub(super) fn rules(random: &mut Random, fields: &mut Map<String, Value>) -> Rules {
    const WORDS: [&str; 4] = ["retry", "next", "fail", "accept"];
    let meaning = |word: &str| match word {
        "accept" => Rule::Off,
        "fail" => Rule::Final,
        _ => Rule::On,
    };
    let mut rule = |random: &mut Random, name: &str, words: &[&'static str], by_default: Rule| {
        if random.chance(50) {
            return by_default;
        }
        let word = random.pick(words);
        fields.insert(name.into(), word.into());
        meaning(word)
    };
    let mut rules = Rules {
        too_short: Rule::Off,
        shortest: 0,
        pattern: Rule::Off,
        literals: Vec::new(),
        filter: rule(random, "onContentFilter", &WORDS[1..3], Rule::On),
        empty: rule(random, "empty", &WORDS, Rule::On),
        reasoning_only: rule(random, "reasoningOnly", &WORDS, Rule::On),
        refusal: rule(random, "refusal", &WORDS, Rule::On),
        invalid_json: rule(random, "invalidJson", &WORDS, Rule::On),
        length: rule(random, "length", &WORDS, Rule::Off),
    };
    let mut made = |random: &mut Random, name: &str, what: &str, value: Value| {
        let word = random.pick(&WORDS);
        fields.insert(name.into(), json!({what: value, "action": word}));
        meaning(word)
    };
    if random.one_in(8) {
        rules.shortest = random.spread(1..=80) as usize;
        rules.too_short = made(random, "tooShort", "chars", rules.shortest.into());
    }
    if random.one_in(8) {
        rules.literals = vec![random.pick(&["tab", "日本", "quoted\"", "sky", "e\u{301}"])];
        rules.pattern = made(random, "pattern", "literals", json!(rules.literals));
    }
    rules
}

pub(super) fn recover(random: &mut Random, fields: &mut Map<String, Value>) -> Recover {
    if random.chance(60) {
        return Recover::Continue;
    }
    let words = [("continue", Recover::Continue), ("restart", Recover::Restart), ("error", Recover::Error)];
    let (word, recover) = random.pick(&words);
    fields.insert("recover".into(), word.into());
    recover
}

pub(super) fn judge(random: &mut Random, fields: &mut Map<String, Value>) -> JudgePolicy {
    let mut inner = Map::new();
    inner.insert("model".into(), SCORER.into());
    let threshold = number(random, &mut inner, "threshold", 50, |random| random.between(1..=100));
    let timeout = number(random, &mut inner, "timeout", 10_000, |random| random.spread(1..=600_000));
    let (open, final_) = (random.chance(50), random.one_in(4));
    if !open || random.chance(50) {
        inner.insert("onError".into(), if open { "accept" } else { "reject" }.into());
    }
    if final_ || random.chance(50) {
        inner.insert("action".into(), if final_ { "fail" } else { "next" }.into());
    }
    let max_cost = usd(random, &mut inner, "maxCostUsd", 1_000_000_000);
    insert(fields, "judge", inner);
    JudgePolicy { threshold, timeout, open, rule: if final_ { Rule::Final } else { Rule::On }, max_cost }
}

pub(super) fn money(random: &mut Random, fields: &mut Map<String, Value>) -> Money {
    let cost = usd(random, fields, "maxCostUsd", 100_000_000_000);
    let mut inner = Map::new();
    let price = (
        usd(random, &mut inner, "prompt", 60_000_000_000_000),
        usd(random, &mut inner, "completion", 60_000_000_000_000),
    );
    insert(fields, "maxPrice", inner);
    Money { cost, price }
}

/// Sometimes draws an amount of up to `most` that a number with ten digits can represent.
fn usd(random: &mut Random, fields: &mut Map<String, Value>, name: &str, most: u64) -> Option<u64> {
    if !random.one_in(8) {
        return None;
    }
    let amount = random.spread(1..=most / 1_000_000) * 1_000_000;
    fields.insert(name.into(), json!(amount as f64 / 1e12));
    Some(amount)
}
