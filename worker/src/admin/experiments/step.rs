//! How an experiment begins, and what each step does.

use failsoft::Json;
use serde_json::{Value, json};

use super::evidence::{Evidence, FEWEST, LEAST_SENSITIVITY};
use super::pair::{self, MOST_ROUNDS, Score};
use super::replay::Called;
use super::store::{self, Experiment, Replay};
use super::{MOST, Request, plan, writer};
use crate::admin::unavailable;
use crate::config::{digest, read_stored_route};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Reply;
use crate::platform::host;
use crate::routes::store as routes;
use crate::samples::store as samples;

/// The most bytes of a request.
const LARGEST: usize = 64 * 1024;

/// So many of the first samples show whether the judge can be used.
const CONTROLS: u64 = 10;

/// So many samples are read to find the system prompt.
const PROMPTS: usize = 10;

/// A part of the pairs without a verdict above which the experiment stops: one in so many.
const MOST_SILENT: usize = 20;

impl Request<'_> {
    pub(super) async fn begin(&self, name: &str) -> Result<Reply, ApiError> {
        let fields = self.read_fields_within(LARGEST, plan::check).await?;
        if self.config.samples_secret.is_none() {
            return Err(ApiError::new(
                Code::InvalidRequest,
                "experiments need samples, and these the secret SAMPLES_SECRET",
            ));
        }
        let stored = routes::read(self.env, name).await.map_err(unavailable)?;
        let stored = stored.and_then(|stored| Some((stored.current?, stored.text)));
        let (version, text) = stored.ok_or_else(|| {
            ApiError::new(Code::RouteNotFound, "no stored route has this name; GET /admin/routes lists the routes")
        })?;
        let base: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let (mut plan, variant) = plan::read(&fields, &base)?;
        let before = store::list(self.env, name).await.map_err(unavailable)?;
        if before.len() >= MOST {
            return Err(ApiError::new(Code::TooManyRoutes, "the route has 100 experiments; delete old ones"));
        }
        plan.tries = 1 + before.iter().filter(|other| other.version == version).count() as u64;
        let id = digest::hex(&digest::of(&host::random_uuid())[..8]);
        let sealed = match variant.map(|variant| variant.to_string()) {
            Some(text) => {
                read_stored_route(self.config, "route", (name, version), Json::parse(&text).unwrap_or(Json::NULL))?;
                Some(store::seal_variant(self.config, &id, &text).await.map_err(unavailable)?)
            }
            None => None,
        };
        let state = if sealed.is_some() { "control" } else { "writing" };
        let experiment = Experiment {
            id,
            route: name.into(),
            version,
            at: host::now(),
            admin: self.admin.name.clone(),
            plan,
            variant: sealed,
            state: state.into(),
            reason: None,
            writing_cost: 0.0,
        };
        let found = store::insert(self.env, &experiment).await.map_err(unavailable)?;
        if found < FEWEST as u64 {
            store::delete(self.env, &experiment.id).await.map_err(unavailable)?;
            let message = [
                "version ",
                &version.to_string(),
                " has ",
                &found.to_string(),
                " samples, and an experiment needs 20: switch `sampling` on, and wait",
            ]
            .concat();
            return Err(ApiError::new(Code::InvalidRequest, message));
        }
        self.show(name, &experiment.id, 201).await
    }

    /// Goes on by one sample, unless the experiment is over, or another step is under way.
    pub(super) async fn step(&self, route: &str, id: &str) -> Result<Reply, ApiError> {
        let experiment = self.find(route, id).await?;
        if !experiment.is_over() && store::claim(self.env, id).await.map_err(unavailable)? {
            let stepped = self.advance(&experiment).await;
            let released = store::release(self.env, id).await.map_err(unavailable);
            match stepped {
                Err(error) if error.code == Code::BudgetExceeded => self.stop(id, "budget").await?,
                stepped => stepped?,
            }
            released?;
        }
        self.show(route, id, 200).await
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
        let score = self.judge(experiment, &mut judged, &request, [&original, &worse]).await?;
        replay.control = Some(score.map_or(0, |score| score as i64));
        replay.judge_cost = judged.judge_cost;
        store::update(self.env, &experiment.id, replay).await.map_err(unavailable)
    }

    /// Lets the variant answer a sample, and the judge compare both answers.
    async fn compare(&self, experiment: &Experiment, replay: &mut Replay) -> Result<(), ApiError> {
        let variant = store::open_variant(self.config, experiment).await;
        let outcome = match (self.read_sample(&replay.sample).await?, variant) {
            (Some((request, original)), Some(variant)) => {
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
