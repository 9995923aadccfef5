//! The plan of one call: the request, the policy, the behaviour of the host and of the caller.

mod policy;

use failsoft::Json;
use failsoft::request::UsageChunk;
use failsoft::tokens::Prompt;
use serde_json::{Map, Value, json};

use crate::random::Random;
use policy::{clocks, insert, judge, money, number, recover, rules};

/// The timeouts of a policy: as written, or the documented defaults.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    pub(crate) headers: u64,
    pub(crate) first_token: u64,
    pub(crate) idle: u64,
    pub(crate) total: u64,
    /// The first token's clock, if the policy has one.
    pub(crate) written_first_token: Option<u64>,
    /// The call waits less for the first token of a model that another model could replace.
    pub(crate) is_impatient: bool,
}

/// What the policy does with a stream that breaks after the reader has received a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recover {
    Continue,
    Restart,
    Error,
}

/// A model has to score every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JudgePolicy {
    pub(crate) threshold: u64,
    pub(crate) timeout: u64,
    /// An answer without a score passes.
    pub(crate) open: bool,
    pub(crate) rule: Rule,
    /// In units of 10^-12 dollars.
    pub(crate) max_cost: Option<u64>,
}

/// What the call may cost, in units of 10^-12 dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Money {
    pub(crate) cost: Option<u64>,
    /// For a million tokens of the prompt, and of the answer.
    pub(crate) price: (Option<u64>, Option<u64>),
}

/// What the policy does with an answer that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Off,
    /// It asks for another answer.
    On,
    /// It returns an error.
    Final,
}

#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) filter: Rule,
    pub(crate) empty: Rule,
    pub(crate) reasoning_only: Rule,
    pub(crate) too_short: Rule,
    /// The least number of characters of an answer.
    pub(crate) shortest: usize,
    pub(crate) pattern: Rule,
    /// Texts that no answer may contain.
    pub(crate) literals: Vec<&'static str>,
    pub(crate) refusal: Rule,
    pub(crate) invalid_json: Rule,
    pub(crate) length: Rule,
}

/// When the caller aborts the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    Never,
    /// This many milliseconds after the call began.
    At(u64),
    /// After this many actions, before the host asks for the next.
    BetweenActions(u64),
    /// After this many inputs, before the host asks for an action.
    BehindInput(u64),
    /// Directly after an answer has reported an error.
    BehindError,
}

/// How precisely a host keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Timers are late by up to this, in milliseconds.
    pub(crate) lateness: u64,
    /// The share of waits that become a sleep, in percent.
    pub(crate) sleeps: u64,
    /// The share of chunk batches after which the reader is busy, in percent.
    pub(crate) busy: u64,
    /// The share of cancelled connections that still deliver an event, in percent.
    pub(crate) stale_events: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The chain, as indexes in the world's list.
    pub(crate) chain: Vec<usize>,
    pub(crate) request: String,
    pub(crate) policy: String,
    pub(crate) stream: bool,
    pub(crate) assemble: bool,
    pub(crate) relay: bool,
    pub(crate) wants_json: bool,
    pub(crate) wants_reasoning: bool,
    pub(crate) wants_second: bool,
    pub(crate) usage_chunk: UsageChunk,
    pub(crate) callers_clocks: bool,
    pub(crate) attempts: u64,
    /// How often the same model may be tried again.
    pub(crate) same: u64,
    pub(crate) clocks: Clocks,
    pub(crate) rules: Rules,
    /// The number of characters of a stream that are held back.
    pub(crate) hold: usize,
    /// The whole stream is held back.
    pub(crate) buffer: bool,
    pub(crate) recover: Recover,
    pub(crate) restart_event: bool,
    pub(crate) hedge: Option<u64>,
    pub(crate) judge: Option<JudgePolicy>,
    pub(crate) money: Money,
    /// The output limit that the caller set.
    pub(crate) max_tokens: Option<u64>,
    /// The estimate of the prompt.
    pub(crate) prompt: Prompt,
    pub(crate) breaker_failures: u64,
    pub(crate) cooldown: u64,
    pub(crate) abort: Abort,
    pub(crate) host: Host,
    pub(crate) seed: u64,
}

impl Plan {
    pub(crate) fn draw(random: &mut Random, models: &[String]) -> Self {
        let chain = chain(random, models.len());
        let stream = random.chance(60);
        let (wants_json, wants_reasoning) = (random.chance(20), random.chance(20));
        let wants_second = random.one_in(20);
        let mut fields = Map::new();
        let mut clocks = clocks(random, &mut fields, wants_reasoning);
        let attempts = number(random, &mut fields, "attempts", 8, |random| random.spread(1..=32));
        let mut retry = Map::new();
        let same = number(random, &mut retry, "same", 1, |random| random.below(4));
        number(random, &mut retry, "maxWait", 2_000, |random| random.below(60_001));
        number(random, &mut retry, "base", 500, |random| random.spread(1..=60_000) - 1);
        number(random, &mut retry, "cap", 5_000, |random| random.spread(1..=60_000) - 1);
        let mut breaker = Map::new();
        let breaker_failures = number(random, &mut breaker, "failures", 3, |random| random.below(5));
        let cooldown = number(random, &mut breaker, "cooldown", 20_000, |random| random.spread(1..=200_000));
        insert(&mut fields, "retry", retry);
        insert(&mut fields, "breaker", breaker);
        let rules = rules(random, &mut fields);
        let recover = recover(random, &mut fields);
        let restart_event = random.one_in(4);
        if restart_event {
            fields.insert("restartEvent".into(), true.into());
        }
        // The policy is checked without the request: it does not know whether a model thinks.
        let latest = clocks.written_first_token.unwrap_or(60_000).min(clocks.total);
        let hedge = random.one_in(4).then(|| random.spread(1..=latest));
        let hedge = hedge.filter(|after| *after < latest);
        if let Some(after) = hedge {
            fields.insert("hedge".into(), json!({"after": after}));
            clocks.is_impatient = false;
        }
        let judge = if random.one_in(6) { Some(judge(random, &mut fields)) } else { None };
        let (buffer, mut hold) = (random.one_in(10), 0);
        if buffer {
            fields.insert("buffer".into(), true.into());
        } else if judge.is_none() && random.one_in(6) {
            hold = random.spread(1..=60);
            fields.insert("holdChars".into(), hold.into());
        }
        let money = money(random, &mut fields);
        let assemble = !random.chance(60);
        if !assemble || random.chance(50) {
            fields.insert("assemble".into(), assemble.into());
        }
        let mut plan = Self {
            request: String::new(),
            policy: Value::Object(fields).to_string(),
            stream,
            assemble,
            relay: stream && random.chance(25),
            wants_json,
            wants_reasoning,
            wants_second,
            usage_chunk: random.pick(&[UsageChunk::AsSent, UsageChunk::Annotated, UsageChunk::Hidden]),
            callers_clocks: random.one_in(8),
            attempts,
            same,
            clocks,
            rules,
            hold: hold as usize,
            buffer: buffer || judge.is_some(),
            recover,
            restart_event,
            hedge,
            judge,
            money,
            prompt: Prompt::text(""),
            max_tokens: random.chance(if money.cost.is_some() { 70 } else { 10 }).then(|| random.spread(1..=4_000)),
            breaker_failures,
            cooldown,
            abort: abort(random),
            host: host(random),
            seed: random.next(),
            chain,
        };
        plan.request = request(random, &plan, models);
        plan.prompt = estimate(&plan.request);
        plan
    }
}

fn estimate(request: &str) -> Prompt {
    let body = Json::parse(request).unwrap_or(Json::NULL);
    Prompt::chat(body.get("messages"), body.get("tools"), body.get("response_format"))
}

/// Draws up to six models, each once, in any order.
pub(crate) fn chain(random: &mut Random, models: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..models).collect();
    let length = random.between(1..=6).min(models as u64);
    (0..length).map(|_| left.remove(random.below(left.len() as u64) as usize)).collect()
}

fn request(random: &mut Random, plan: &Plan, models: &[String]) -> String {
    let words = if random.chance(8) { random.spread(200..=8_000) as usize } else { 3 };
    let mut body = json!({"messages": [{"role": "user", "content": "word ".repeat(words)}]});
    let names: Vec<&str> = plan.chain.iter().map(|&model| models[model].as_str()).collect();
    match names[..] {
        [only] if random.chance(50) => body["model"] = only.into(),
        _ => body["models"] = json!(names),
    }
    if names.len() > 1 && random.one_in(10) {
        body["model"] = random.pick(&names).into();
    }
    if plan.stream || random.chance(30) {
        body["stream"] = plan.stream.into();
    }
    if plan.wants_json {
        body["response_format"] = json!({"type": random.pick(&["json_object", "json_schema"])});
    }
    if plan.wants_reasoning {
        body["reasoning"] = json!({"effort": "low"});
    }
    if plan.wants_second {
        body["n"] = 2.into();
    }
    if let Some(most) = plan.max_tokens {
        body["max_tokens"] = most.into();
    }
    body.to_string()
}

fn abort(random: &mut Random) -> Abort {
    match random.below(100) {
        0..=5 => Abort::At(random.spread(1..=60_000)),
        6..=8 => Abort::BetweenActions(random.spread(1..=60)),
        9..=11 => Abort::BehindInput(random.spread(1..=20)),
        12 | 13 => Abort::BehindError,
        _ => Abort::Never,
    }
}

fn host(random: &mut Random) -> Host {
    Host {
        lateness: random.weigh(&[(60, 0), (30, 200), (10, 4_900)]),
        sleeps: random.weigh(&[(85, 0), (10, 2), (5, 20)]),
        busy: random.weigh(&[(70, 0), (20, 10), (10, 60)]),
        stale_events: random.weigh(&[(50, 0), (50, 50)]),
    }
}
