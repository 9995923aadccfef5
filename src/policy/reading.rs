//! Reads a policy from JSON: every field, its range, and which settings contradict each other.

use super::{JudgePolicy, Policy, Recover, Soft, Sticky, Timeouts};
use crate::invalid::{Invalid, Section};
use crate::json::Json;
use crate::text::{is_blank, split};

/// The fields of a policy. `$schema` names the schema for editors, and its value has no effect.
const FIELDS: &str = "attempts timeouts retry onContentFilter empty reasoningOnly refusal invalidJson schemaMismatch \
                      length tooShort pattern holdChars buffer recover restartEvent hedge sticky judge maxCostUsd maxPrice \
                      assemble breaker $schema";

impl Policy {
    /// The default policy with the settings of `value`.
    ///
    /// # Errors
    /// [`Invalid`] with the path below `policy` of the first field that is unknown or out of range.
    pub fn read(value: Json<'_>) -> Result<Self, Box<Invalid>> {
        Self::default().with(value)
    }

    /// This policy with the settings of `value`. `null` has no settings.
    ///
    /// # Errors
    /// As [`Policy::read`].
    pub fn with(mut self, value: Json<'_>) -> Result<Self, Box<Invalid>> {
        self.set(value)?;
        Ok(self)
    }

    /// Changes this policy to the settings of `value`. After an error, the policy must not be used.
    pub(crate) fn set(&mut self, value: Json<'_>) -> Result<(), Box<Invalid>> {
        self.read_fields(Section::object("policy", value)?)
    }

    fn read_fields(&mut self, given: Section<'_>) -> Result<(), Box<Invalid>> {
        given.only(FIELDS)?;
        given.text("$schema")?;
        given.count("attempts", 1, 32, &mut self.attempts)?;
        read_action(&given, "onContentFilter", "next fail", &mut self.on_content_filter)?;
        rule(&given, "empty", "action", &mut self.empty)?;
        rule(&given, "reasoningOnly", "action", &mut self.reasoning_only)?;
        rule(&given, "refusal", "action phrases", &mut self.refusal)?.texts("phrases", &mut self.refusal_phrases)?;
        rule(&given, "invalidJson", "action repair", &mut self.invalid_json)?.flag("repair", &mut self.repair_json)?;
        rule(&given, "schemaMismatch", "action", &mut self.schema_mismatch)?;
        rule(&given, "length", "action", &mut self.length)?;
        let too_short = rule(&given, "tooShort", "action chars", &mut self.too_short)?;
        too_short.whole("chars", 0, 100_000, &mut self.shortest)?;
        rule(&given, "pattern", "action literals", &mut self.pattern)?.texts("literals", &mut self.literals)?;
        given.whole("holdChars", 0, 100_000, &mut self.hold_chars)?;
        given.flag("buffer", &mut self.buffer)?;
        given.flag("assemble", &mut self.assemble)?;
        given.flag("restartEvent", &mut self.restart_event)?;
        match given.choice("recover", "continue restart error")? {
            Some("continue") => self.recover = Recover::Continue,
            Some("restart") => self.recover = Recover::Restart,
            Some(_) => self.recover = Recover::Error,
            None => {}
        }
        given.usd("maxCostUsd", &mut self.max_cost)?;
        let price = given.section("maxPrice")?;
        price.only("prompt completion")?;
        price.usd("prompt", &mut self.max_price.0)?;
        price.usd("completion", &mut self.max_price.1)?;

        let hedge = given.section("hedge")?;
        hedge.only("after")?;
        if !hedge.get("after").is_null() {
            hedge.whole("after", 1, 600_000, self.hedge.get_or_insert_default())?;
        }
        if !given.get("sticky").is_null() {
            self.sticky = read_sticky(&given.section("sticky")?)?;
        }
        if !given.get("judge").is_null() {
            self.judge.get_or_insert_default().read_fields(&given.section("judge")?)?;
        }

        let clocks = given.section("timeouts")?;
        clocks.only("headers firstToken idle total")?;
        for (name, clock) in [("headers", &mut self.timeouts.headers), ("firstToken", &mut self.timeouts.first_token)] {
            if !clocks.get(name).is_null() {
                clocks.whole(name, 1, 600_000, clock.get_or_insert_default())?;
            }
        }
        clocks.whole("idle", 1, 600_000, &mut self.timeouts.idle)?;
        clocks.whole("total", 1, 3_600_000, &mut self.timeouts.total)?;

        let retry = given.section("retry")?;
        retry.only("same maxWait base cap")?;
        retry.count("same", 0, 10, &mut self.retry.same)?;
        retry.whole("maxWait", 0, 60_000, &mut self.retry.max_wait)?;
        retry.whole("base", 0, 60_000, &mut self.retry.base)?;
        retry.whole("cap", 0, 60_000, &mut self.retry.cap)?;

        let breaker = given.section("breaker")?;
        breaker.only("failures cooldown")?;
        breaker.count("failures", 0, 100, &mut self.breaker.failures)?;
        breaker.whole("cooldown", 1, 3_600_000, &mut self.breaker.cooldown)?;
        self.check_consistency(&given)
    }

    /// Refuses settings that contradict each other.
    fn check_consistency(&self, given: &Section<'_>) -> Result<(), Box<Invalid>> {
        let clocks = &self.timeouts;
        let first_token = clocks.first_token.unwrap_or(Timeouts::FIRST_TOKEN);
        if self.hedge.is_some_and(|after| after >= first_token.min(clocks.total)) {
            let problem = "must be less than `timeouts.firstToken` and `timeouts.total`, or no hedge is ever sent";
            return Err(given.section("hedge")?.wrong("after", problem));
        }
        if self.hold_chars > 0 && self.buffers() {
            return Err(given.wrong(
                "holdChars",
                "has no effect with `buffer` or `judge`, which hold the whole stream; remove one of them",
            ));
        }
        Ok(())
    }
}

impl JudgePolicy {
    fn read_fields(&mut self, given: &Section<'_>) -> Result<(), Box<Invalid>> {
        given.only("model threshold criteria timeout action onError maxCostUsd")?;
        if let Some(model) = given.text("model")? {
            self.model = model.into();
        }
        if let Some(criteria) = given.text("criteria")? {
            self.criteria = criteria.into();
        }
        given.whole("threshold", 1, 100, &mut self.threshold)?;
        given.whole("timeout", 1, 600_000, &mut self.timeout)?;
        read_action(given, "action", "next fail", &mut self.action)?;
        if let Some(word) = given.choice("onError", "accept reject")? {
            self.open = word == "accept";
        }
        given.usd("maxCostUsd", &mut self.max_cost)?;
        if is_blank(&self.model) {
            return Err(given.wrong("model", "is missing; set it to the id of the model that scores"));
        }
        Ok(())
    }
}

/// Reads how long a conversation stays with its model: `{}` for as long as the model has it in its cache, or `{seconds}`, where
/// 0 means never.
fn read_sticky(given: &Section<'_>) -> Result<Sticky, Box<Invalid>> {
    given.only("seconds")?;
    let mut seconds = u64::MAX;
    given.whole("seconds", 0, 86_400, &mut seconds)?;
    Ok(match seconds {
        0 => Sticky::Off,
        u64::MAX => Sticky::WhileCached,
        seconds => Sticky::Seconds(seconds),
    })
}

/// Reads a rule: the word of its action, or an object with the action and the rule's other settings. Returns the object.
fn rule<'a>(given: &Section<'a>, name: &str, known: &str, action: &mut Soft) -> Result<Section<'a>, Box<Invalid>> {
    if !given.get(name).is_object() {
        read_action(given, name, Soft::NAMES, action)?;
        return Section::object("", Json::NULL);
    }
    let rule = given.section(name)?;
    rule.only(known)?;
    read_action(&rule, "action", Soft::NAMES, action)?;
    Ok(rule)
}

impl Soft {
    const NAMES: &str = "retry next fail accept";
    const ALL: [Self; 4] = [Self::Retry, Self::Next, Self::Fail, Self::Accept];
}

fn read_action(given: &Section<'_>, name: &str, allowed: &str, soft: &mut Soft) -> Result<(), Box<Invalid>> {
    if let Some(word) = given.choice(name, allowed)? {
        let named = split(Soft::NAMES, b' ').zip(Soft::ALL).find(|(known, _)| *known == word);
        *soft = named.map_or(*soft, |(_, soft)| soft);
    }
    Ok(())
}
