//! The rows of experiments in the database.

use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use worker::{Env, Result};

use super::evidence::Pair;
use super::plan::Plan;
use crate::config::Config;
use crate::ledger::database::query;
use crate::platform::cipher;

/// What the key of a variant is derived for.
const USE: &str = "failsoft: variant of an experiment";

#[derive(Debug)]
pub(super) struct Experiment {
    pub(super) id: String,
    pub(super) route: String,
    pub(super) version: u64,
    pub(super) at: u64,
    pub(super) admin: String,
    pub(super) plan: Plan,
    /// Encrypted.
    pub(super) variant: Option<String>,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) writing_cost: f64,
    /// Why the last step failed, or what the experiment waits for. The step is made again.
    pub(super) problem: Option<String>,
}

/// What replaying and judging one sample showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Replay {
    pub(super) number: u64,
    pub(super) sample: String,
    /// In units of 10^-12 USD.
    pub(super) original_cost: f64,
    pub(super) control: Option<i64>,
    pub(super) outcome: Option<String>,
    pub(super) score: Option<i64>,
    pub(super) variant_cost: Option<f64>,
    pub(super) judge_cost: f64,
    pub(super) rounds: u64,
}

impl Experiment {
    fn read(row: &[Value]) -> Option<Self> {
        let text = |at: usize| row.get(at).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            id: text(0)?,
            route: text(1)?,
            version: row.get(2)?.as_u64()?,
            at: row.get(3)?.as_u64()?,
            admin: text(4)?,
            plan: serde_json::from_str(row.get(5)?.as_str()?).ok()?,
            variant: text(6),
            state: text(7)?,
            reason: text(8),
            writing_cost: row.get(9)?.as_f64()?,
            problem: text(10),
        })
    }

    /// What a list shows.
    pub(super) fn summary(&self) -> Value {
        let plan = &self.plan;
        json!({
            "id": self.id, "route": self.route, "version": self.version, "createdAt": self.at / 1_000, "createdBy": self.admin,
            "state": self.state, "reason": self.reason, "problem": self.problem, "kind": plan.kind, "writer": plan.writer,
            "judge": {"model": plan.judge, "criteria": plan.criteria}, "usd": plan.usd as f64 / 1e12, "samples": plan.samples,
            "margin": plan.margin, "tries": plan.tries,
        })
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "done" | "stopped")
    }

    /// In units of 10^-12 USD.
    pub(super) fn spent(&self, replays: &[Replay]) -> f64 {
        replays.iter().map(|replay| replay.variant_cost.unwrap_or(0.0) + replay.judge_cost).sum::<f64>()
            + self.writing_cost
    }
}

impl Replay {
    fn read(row: &[Value]) -> Option<Self> {
        let number = |at: usize| row.get(at).and_then(Value::as_f64);
        Some(Self {
            number: row.first()?.as_u64()?,
            sample: row.get(1)?.as_str()?.to_owned(),
            original_cost: number(2)?,
            control: row.get(3).and_then(Value::as_i64),
            outcome: row.get(4).and_then(Value::as_str).map(str::to_owned),
            score: row.get(5).and_then(Value::as_i64),
            variant_cost: number(6),
            judge_cost: number(7)?,
            rounds: row.get(8)?.as_u64()?,
        })
    }

    pub(super) fn pair(&self) -> Pair {
        let is_answered = self.outcome.as_deref().is_some_and(|outcome| outcome != "failed");
        let cost = self.variant_cost.filter(|_| is_answered);
        Pair { score: self.score, costs: cost.map(|cost| (self.original_cost, cost)) }
    }
}

const COLUMNS: &str =
    "SELECT id, route, version, at, admin, plan, variant, state, reason, writing_cost, problem FROM experiments ";

pub(super) async fn list(env: &Env, route: &str) -> Result<Vec<Experiment>> {
    let statement = [COLUMNS, "WHERE route = ?1 ORDER BY at DESC, id LIMIT 100"].concat();
    Ok(query(env, &statement, &[route.into()]).await?.iter().filter_map(|row| Experiment::read(row)).collect())
}

pub(super) async fn find(env: &Env, id: &str) -> Result<Option<Experiment>> {
    let rows = query(env, &[COLUMNS, "WHERE id = ?1"].concat(), &[id.into()]).await?;
    Ok(rows.first().and_then(|row| Experiment::read(row)))
}

pub(super) async fn replays(env: &Env, id: &str) -> Result<Vec<Replay>> {
    let statement = "SELECT number, sample, original_cost, control, outcome, score, variant_cost, judge_cost, rounds \
                     FROM replays WHERE experiment = ?1 ORDER BY number";
    Ok(query(env, statement, &[id.into()]).await?.iter().filter_map(|row| Replay::read(row)).collect())
}

/// Stores `experiment`, whose variant is encrypted already, and chooses its samples: ids are random, so their order is. Returns how
/// many samples there are.
pub(super) async fn insert(env: &Env, experiment: &Experiment) -> Result<u64> {
    let Experiment { id, route, admin, plan, variant, state, .. } = experiment;
    let number = |value: u64| JsValue::from(value as f64);
    let choose = "INSERT INTO replays (experiment, number, sample, original_cost) \
                  SELECT ?1, row_number() OVER (ORDER BY id), id, cost FROM samples \
                  WHERE route = ?2 AND version = ?3 AND expires > ?4 ORDER BY id LIMIT ?5 RETURNING 1";
    let (version, at) = (number(experiment.version), number(experiment.at));
    let values = [id.into(), route.into(), version.clone(), at.clone(), number(plan.samples)];
    let found = query(env, choose, &values).await?.len() as u64;
    let insert = "INSERT INTO experiments (id, route, version, at, admin, plan, variant, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let variant = variant.as_ref().map_or(JsValue::NULL, JsValue::from);
    let plan = json!(plan).to_string();
    query(env, insert, &[id.into(), route.into(), version, at, admin.into(), plan.into(), variant, state.into()])
        .await?;
    Ok(found)
}

pub(super) async fn delete(env: &Env, id: &str) -> Result<()> {
    query(env, "DELETE FROM experiments WHERE id = ?1", &[id.into()]).await.map(drop)
}

/// The ids of experiments that are not over.
pub(super) async fn unfinished(env: &Env) -> Result<Vec<String>> {
    let statement = "SELECT id FROM experiments WHERE state NOT IN ('done', 'stopped') ORDER BY at LIMIT 100";
    let rows = query(env, statement, &[]).await?;
    Ok(rows.iter().filter_map(|row| Some(row.first()?.as_str()?.to_owned())).collect())
}

/// Stores why a step failed, or what the experiment waits for; nothing, if the next step went well.
pub(super) async fn record_problem(env: &Env, id: &str, problem: Option<&str>) -> Result<()> {
    let problem = problem.map_or(JsValue::NULL, JsValue::from_str);
    query(env, "UPDATE experiments SET problem = ?2 WHERE id = ?1", &[id.into(), problem]).await.map(drop)
}

/// Stops an experiment whose step failed too often.
pub(super) async fn give_up(env: &Env, id: &str) -> Result<()> {
    let statement = "UPDATE experiments SET state = 'stopped', reason = coalesce(problem, 'the steps broke off') \
                     WHERE id = ?1 AND state NOT IN ('done', 'stopped')";
    query(env, statement, &[id.into()]).await.map(drop)
}

/// Enters `state`. An experiment that is over stays over: an admin may have stopped it during a step.
pub(super) async fn change_state(env: &Env, id: &str, state: &str, reason: Option<&str>) -> Result<()> {
    let reason = reason.map_or(JsValue::NULL, JsValue::from_str);
    let statement = "UPDATE experiments SET state = ?2, reason = ?3 WHERE id = ?1 AND state NOT IN ('done', 'stopped')";
    query(env, statement, &[id.into(), state.into(), reason]).await.map(drop)
}

/// Stores the variant whose prompt is written, and what writing it cost.
pub(super) async fn store_variant(env: &Env, id: &str, sealed: Option<&str>, cost: f64) -> Result<()> {
    let sealed = sealed.map_or(JsValue::NULL, JsValue::from_str);
    let statement = "UPDATE experiments SET variant = ?2, writing_cost = writing_cost + ?3 WHERE id = ?1";
    query(env, statement, &[id.into(), sealed, cost.into()]).await.map(drop)
}

/// Stores what the replay has shown.
pub(super) async fn update(env: &Env, id: &str, replay: &Replay) -> Result<()> {
    let whole = |value: Option<i64>| value.map_or(JsValue::NULL, |value| (value as f64).into());
    let outcome = replay.outcome.as_deref().map_or(JsValue::NULL, JsValue::from_str);
    let cost = replay.variant_cost.map_or(JsValue::NULL, JsValue::from);
    let values = [
        id.into(),
        (replay.number as f64).into(),
        whole(replay.control),
        outcome,
        whole(replay.score),
        cost,
        replay.judge_cost.into(),
        (replay.rounds as f64).into(),
    ];
    let statement = "UPDATE replays SET control = ?3, outcome = ?4, score = ?5, variant_cost = ?6, judge_cost = ?7, rounds = ?8 \
                     WHERE experiment = ?1 AND number = ?2";
    query(env, statement, &values).await.map(drop)
}

/// Encrypts the route of a variant for the experiment `id`.
pub(super) async fn seal_variant(config: &Config, id: &str, variant: &str) -> Result<String> {
    let secret = config.samples_secret.as_deref().unwrap_or_default();
    Ok(cipher::seal(secret, USE, id, variant).await?.as_string().unwrap_or_default())
}

/// The route of the variant; nothing, if it is not written yet, or if the secret is another one.
pub(super) async fn open_variant(config: &Config, experiment: &Experiment) -> Option<String> {
    cipher::open(config.samples_secret.as_deref()?, USE, &experiment.id, experiment.variant.as_deref()?).await
}
