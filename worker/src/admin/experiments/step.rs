//! What each step of an experiment does.

use std::rc::Rc;

use failsoft::{Json, Millis};
use serde_json::{Value, json};
use worker::Env;

use super::called::Called;
use super::evidence::{Evidence, LEAST_SENSITIVITY};
use super::pair::{self, MOST_ROUNDS, Score};
use super::plan::Plan;
use super::store::{self, Experiment, Replay};
use super::writer;
use crate::admin::unavailable;
use crate::config::{Config, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::request_head::RequestHead;
use crate::platform::exchange::Exchange;
use crate::platform::executor::boxed;
use crate::platform::host;
use crate::routes::store as routes;
use crate::samples::store as samples;

/// So many of the first samples show whether the judge can be used.
const CONTROLS: u64 = 10;

/// So many samples are read to find the system prompt.
const PROMPTS: usize = 10;

/// A part of the pairs without a verdict above which the experiment stops: one in so many.
const MOST_SILENT: usize = 20;

/// How long a step may take, in milliseconds. The platform ends an alarm after 15 minutes.
pub(super) const LONGEST_STEP: Millis = 14 * 60_000;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Stepped,
    /// The experiment is done, stopped or deleted.
    Over,
}

/// Runs a step of an experiment.
pub(super) struct Runner<'a> {
    pub(super) config: &'a Rc<Config>,
    pub(super) env: &'a Env,
    pub(super) head: &'a RequestHead,
    pub(super) exchange: &'a Exchange,
    /// When the step must end.
    pub(super) until: Millis,
}

impl Runner<'_> {
    /// Goes on by one sample, unless the experiment `id` is over.
    pub(super) async fn step(&self, id: &str) -> Result<Progress, ApiError> {
        let found = store::find(self.env, id).await.map_err(unavailable)?;
        let Some(experiment) = found.filter(|found| !found.is_over()) else { return Ok(Progress::Over) };
        match boxed(self.advance(&experiment)).await {
            Err(error) if is_used_up(&experiment.plan, &error) => self.stop(id, "budget").await?,
            stepped => stepped?,
        }
        if experiment.problem.is_some() {
            store::record_problem(self.env, id, None).await.map_err(unavailable)?;
        }
        Ok(Progress::Stepped)
    }

    async fn stop(&self, id: &str, reason: &str) -> Result<(), ApiError> {
        store::change_state(self.env, id, "stopped", Some(reason)).await.map_err(unavailable)
    }

    async fn enter(&self, id: &str, state: &str) -> Result<(), ApiError> {
        store::change_state(self.env, id, state, None).await.map_err(unavailable)
    }

    async fn advance(&self, experiment: &Experiment) -> Result<(), ApiError> {
        let id = experiment.id.as_str();
        let mut replays = store::replays(self.env, id).await.map_err(unavailable)?;
        if experiment.spent(&replays) >= experiment.plan.usd as f64 {
            return self.stop(id, "budget").await;
        }
        match experiment.state.as_str() {
            "writing" => self.write_prompt(experiment, &replays).await,
            "control" => {
                let at = replays.iter().position(|replay| replay.number <= CONTROLS && replay.control.is_none());
                if let Some(at) = at {
                    return self.check_judge(experiment, &mut replays, at).await;
                }
                let controls: Vec<i64> = replays.iter().filter_map(|replay| replay.control).collect();
                let evidence =
                    Evidence { pairs: &[], controls: &controls, margin: 0.0, tries: 1.0, is_done: false, spent: 0.0 };
                match evidence.sensitivity() {
                    Some(sensitivity) if sensitivity >= LEAST_SENSITIVITY => self.enter(id, "running").await,
                    _ => self.stop(id, "judge").await,
                }
            }
            _ => {
                let silent = replays.iter().filter(|replay| replay.outcome.as_deref() == Some("silent")).count();
                if silent > 2 && silent * MOST_SILENT > replays.len() {
                    return self.stop(id, "verdicts").await;
                }
                match replays.iter_mut().find(|replay| replay.outcome.is_none()) {
                    Some(replay) => self.compare(experiment, replay).await,
                    None => self.enter(id, "done").await,
                }
            }
        }
    }

    /// The request and the message of a sample, as JSON texts; nothing, if it is deleted.
    async fn read_sample(&self, id: &str) -> Result<Option<(String, String)>, ApiError> {
        let text = samples::read(self.env, self.config, id).await.map_err(unavailable)?;
        let read = |text: String| {
            let sample = Json::parse(&text)?;
            Some((sample.get("request").raw().to_owned(), sample.get("answer").raw().to_owned()))
        };
        Ok(text.and_then(read))
    }

    async fn write_prompt(&self, experiment: &Experiment, replays: &[Replay]) -> Result<(), ApiError> {
        let mut prompts = Vec::new();
        for replay in &replays[..replays.len().min(PROMPTS)] {
            if let Some((request, _)) = self.read_sample(&replay.sample).await? {
                prompts.push(system_prompt(&request).unwrap_or_default());
            }
        }
        let Some(prompt) = writer::common(&prompts) else {
            return self.stop(&experiment.id, "the samples have no system prompt in common").await;
        };
        let mark = mark();
        let route = json!({"models": [experiment.plan.writer]}).to_string();
        let called = self.call(experiment, &route, &writer::question(prompt, &mark)).await?;
        let (text, cost) = (called.text().unwrap_or_default(), called.cost.unwrap_or(0.0));
        let written = writer::check(prompt, &text, &mark);
        let sealed = match written {
            Ok(written) => {
                let base =
                    routes::version(self.env, &experiment.route, experiment.version).await.map_err(unavailable)?;
                let base = base.and_then(|base| base.text).unwrap_or_default();
                let mut variant: Value = serde_json::from_str(&base).unwrap_or_else(|_| json!({}));
                variant["systemPrompt"] = json!({"sha256": digest::hex(&digest::of(prompt)), "text": written});
                Some(
                    store::seal_variant(self.config, &experiment.id, &variant.to_string())
                        .await
                        .map_err(unavailable)?,
                )
            }
            Err(_) => None,
        };
        store::store_variant(self.env, &experiment.id, sealed.as_deref(), cost).await.map_err(unavailable)?;
        match written {
            Ok(_) => self.enter(&experiment.id, "control").await,
            Err(problem) => self.stop(&experiment.id, problem).await,
        }
    }

    /// Judges an answer that is worse for certain against the original. Such an answer is that of another sample.
    async fn check_judge(&self, experiment: &Experiment, replays: &mut [Replay], at: usize) -> Result<(), ApiError> {
        let other = replays[(at + 1) % replays.len()].sample.clone();
        let replay = &mut replays[at];
        let (sample, other) = (self.read_sample(&replay.sample).await?, self.read_sample(&other).await?);
        let (Some((request, original)), Some((_, other))) = (sample, other) else {
            // Without its text, the judge is not found able.
            replay.control = Some(0);
            return store::update(self.env, &experiment.id, replay).await.map_err(unavailable);
        };
        let original = pair::shown(&original);
        let worse = pair::worse(&original, &pair::shown(&other));
        let mut judged = replay.clone();
        let score = self.judge(experiment, &mut judged, &request, [&original, &worse]).await;
        replay.judge_cost = judged.judge_cost;
        // What the step cost is known, also if it fails and is made again.
        replay.control = score.as_ref().ok().map(|score| score.map_or(0, |score| score as i64));
        store::update(self.env, &experiment.id, replay).await.map_err(unavailable)?;
        score.map(drop)
    }

    /// Lets the variant answer a sample, and the judge compare both answers.
    async fn compare(&self, experiment: &Experiment, replay: &mut Replay) -> Result<(), ApiError> {
        let variant = store::open_variant(self.config, experiment).await;
        let outcome = match (self.read_sample(&replay.sample).await?, variant) {
            (Some((request, original)), Some(variant)) => {
                // A step that failed may have had an answer already.
                replay.judge_cost += replay.variant_cost.take().unwrap_or(0.0);
                let called = self.call(experiment, &variant, &request).await?;
                replay.variant_cost = called.cost;
                self.judge_answer(experiment, replay, &request, &original, &called).await?
            }
            _ => "gone",
        };
        replay.outcome = Some(outcome.into());
        store::update(self.env, &experiment.id, replay).await.map_err(unavailable)
    }

    async fn judge_answer(
        &self,
        experiment: &Experiment,
        replay: &mut Replay,
        request: &str,
        original: &str,
        called: &Called,
    ) -> Result<&'static str, ApiError> {
        let Some(answer) = &called.message else {
            replay.score = Some(Score::Loss as i64);
            return Ok("failed");
        };
        let answers = [&*pair::shown(original), &*pair::shown(answer)];
        let judged = self.judge(experiment, replay, request, answers).await;
        // What the variant cost is known, also if the budget ends before the verdict.
        if judged.is_err() {
            store::update(self.env, &experiment.id, replay).await.map_err(unavailable)?;
        }
        replay.score = judged?.map(|score| score as i64);
        Ok(if replay.score.is_some() { "judged" } else { "silent" })
    }

    /// The score of the second of `answers` against the first, in both orders, and again while the orders disagree. After the last
    /// round it is a tie. Nothing, if the judge gave no verdict.
    async fn judge(
        &self,
        experiment: &Experiment,
        replay: &mut Replay,
        request: &str,
        [original, other]: [&str; 2],
    ) -> Result<Option<Score>, ApiError> {
        let plan = &experiment.plan;
        let route = json!({"models": [plan.judge]}).to_string();
        let messages = Json::parse(request).unwrap_or(Json::NULL).get("messages").raw();
        for _ in 0..MOST_ROUNDS {
            replay.rounds += 1;
            let mut verdicts = [None; 2];
            for (verdict, answers) in verdicts.iter_mut().zip([[original, other], [other, original]]) {
                let mark = mark();
                let question = pair::question(&plan.criteria, messages, answers, &mark);
                let called = self.call(experiment, &route, &question).await?;
                replay.judge_cost += called.cost.unwrap_or(0.0);
                *verdict = called.text().and_then(|reply| pair::read_verdict(&reply, &mark));
            }
            let [Some(before), Some(after)] = verdicts else { return Ok(None) };
            if let Some(score) = pair::score_round(before, after) {
                return Ok(Some(score));
            }
        }
        Ok(Some(Score::Tie))
    }
}

/// Whether the budget of the experiment refused a call: it is one of a month. Others may have room later, such as that of the edge.
fn is_used_up(plan: &Plan, error: &ApiError) -> bool {
    let budget = error.budget.as_deref().and_then(Json::parse).unwrap_or(Json::NULL);
    let is_own = budget.get("span").word() == "month" && budget.get("limit").trillionths() == Some(plan.usd);
    error.code == Code::BudgetExceeded && is_own
}

/// The system prompt of a chat request, which has no model.
fn system_prompt(request: &str) -> Option<String> {
    let named = failsoft::json::patched(request, r#"{"model":"-"}"#);
    let request = failsoft::ChatRequest::read(Json::parse(&named)?).ok()?;
    request.system_prompt().map(Into::into)
}

/// A mark that the writer of an answer cannot guess.
fn mark() -> String {
    ["#", &host::seed().to_string()].concat()
}

#[cfg(test)]
mod tests {
    use super::{ApiError, Code, Plan, is_used_up};

    #[test]
    fn only_the_budget_of_the_experiment_ends_it() {
        let plan = Plan { usd: 250_000_000_000, ..Plan::default() };
        let refused = |code, budget: Option<&str>| {
            let error = ApiError { budget: budget.map(Into::into), ..ApiError::new(code, "") };
            is_used_up(&plan, &error)
        };
        assert!(refused(Code::BudgetExceeded, Some(r#"{"bound":"usd","span":"month","limit":0.25,"used":0.2}"#)));
        assert!(!refused(Code::BudgetExceeded, Some(r#"{"bound":"usd","span":"month","limit":50,"used":49.9}"#)));
        assert!(!refused(Code::BudgetExceeded, Some(r#"{"bound":"usd","span":"day","limit":0.25,"used":0.2}"#)));
        assert!(!refused(Code::BudgetExceeded, None));
        assert!(!refused(Code::RateLimitExceeded, Some(r#"{"bound":"tokens","limit":0.25}"#)));
    }
}
