//! A world, drawn from a seed: upstreams, models and calls.

use std::sync::Arc;

use failsoft::{Breakers, Call, Catalog, ChatRequest, Context, Json, Lane, Policy, Upstream};
use serde_json::json;

use crate::breaker_model::{Admission, BreakerModel};
use crate::checker::{Checker, Invariant, Violation};
use crate::coverage::Coverage;
use crate::host::Host;
use crate::plan::Plan;
use crate::random::Random;
use crate::trace::Trace;
use crate::upstream::{Model, Server};

/// No world that ends needs this many steps.
const ENDLESS: u32 = 1_000_000;

/// What all calls of a world share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) checker: Checker,
    pub(crate) trace: Trace,
    pub(crate) coverage: Coverage,
    pub(crate) models: Vec<Model>,
    pub(crate) servers: Vec<Server>,
    /// The index of the model that scores answers; no chain names it.
    pub(crate) scorer: usize,
    pub(crate) catalog: Catalog,
    pub(crate) breakers: Breakers,
    pub(crate) breaker_model: BreakerModel,
    pub(crate) random: Random,
}

/// The id of the model that scores answers.
pub(crate) const SCORER: &str = "judge/strict";

const IDS: [(&str, &str); 9] = [
    ("openai/gpt-4", "openai/chatgpt-four"),
    ("openai/gpt-4o", "openai/chatgpt-omni"),
    ("openai/gpt-4o-mini", "openai/chatgpt-small"),
    ("anthropic/claude-opus-4.7", "anthropic/claude-4.7-opus-20260416"),
    ("google/gemini-2.5-flash", "google/flash"),
    ("meta-llama/llama-4:free", "meta-llama/four"),
    ("x-ai/made-up-1-2", "x-ai/other"),
    ("mistralai/large", "mistralai/big"),
    ("z-ai/glm", "z-ai/glm-five"),
];

/// Sunday, 22 November 2026, 12:00:00 UTC.
const START: u64 = 1_795_348_800_000;

/// Runs the world of `seed` to its end, or to the first violation.
pub(crate) fn run(seed: u64, checker: Checker, trace: &mut Trace) -> Result<Coverage, Violation> {
    let mut random = Random::new(seed);
    let models = models(&mut random);
    let servers = (0..random.pick(&[1, 1, 1, 2, 3])).map(|number| Server::draw(&mut random, number, &models)).collect();
    let catalog = catalog(&models);
    let scorer = models.len() - 1;
    let ids: Vec<String> = models[..scorer].iter().map(|model| model.id.clone()).collect();
    let starts = starts(&mut random);
    let plans: Vec<Plan> = starts.iter().map(|_| Plan::draw(&mut random, &ids)).collect();
    let mut shared = Shared {
        checker,
        trace: std::mem::take(trace),
        coverage: Coverage::default(),
        models,
        servers,
        scorer,
        catalog,
        breakers: Breakers::default(),
        breaker_model: BreakerModel::default(),
        random,
    };
    let result = run_calls(&mut shared, starts.into_iter().zip(plans).collect());
    *trace = shared.trace;
    result.map(|()| shared.coverage)
}

fn run_calls(shared: &mut Shared, callers: Vec<(u64, Plan)>) -> Result<(), Violation> {
    let mut callers = callers.into_iter().enumerate().peekable();
    let mut hosts: Vec<Host> = Vec::new();
    for _ in 0..ENDLESS {
        let next = hosts.iter().enumerate().filter_map(|(at, host)| Some((host.next()?, at))).min();
        match (callers.peek(), next) {
            (Some((_, (start, _))), next) if next.is_none_or(|(time, _)| *start <= time) => {
                let Some((number, (start, plan))) = callers.next() else { continue };
                hosts.extend(begin(shared, number, plan, start)?);
            }
            (_, Some((now, at))) => hosts[at].step(shared, now)?,
            (_, None) => return Ok(()),
        }
    }
    shared.checker.require(Invariant::Bounded, false, || format!("no end after {ENDLESS} steps"))
}

/// Begins a call. The core must accept every request and policy that is drawn here.
fn begin(shared: &mut Shared, number: usize, plan: Plan, now: u64) -> Result<Option<Host>, Violation> {
    shared.trace.note(number, now, plan.seed, || format!("begins: {plan:?}"));
    let request = ChatRequest::read(Json::parse(&plan.request).unwrap_or(Json::NULL));
    let policy = Policy::read(Json::parse(&plan.policy).unwrap_or(Json::NULL));
    let (Ok(mut request), Ok(policy)) = (request, policy.map(Arc::new)) else {
        shared
            .checker
            .require(Invariant::Report, false, || format!("{} or {} is refused", plan.request, plan.policy))?;
        return Ok(None);
    };
    request.callers_clocks = plan.callers_clocks;
    request.usage_chunk = plan.usage_chunk;
    if plan.relay {
        request.lane = Lane::Relay;
    }
    let upstreams: Vec<Upstream> = shared.servers.iter().map(|server| server.upstream.clone()).collect();
    let context = Context { upstreams: Arc::new(upstreams), catalog: &shared.catalog, breakers: &mut shared.breakers };
    let call = Call::new(request, policy.clone(), context, plan.seed, now);
    let admissions = admissions(shared, number, &plan, now);
    Ok(Some(Host::new(number, plan, policy, call, admissions, now)))
}

fn admissions(shared: &mut Shared, number: usize, plan: &Plan, now: u64) -> Vec<Vec<Admission>> {
    let mut admissions = vec![vec![Admission::Free; shared.models.len()]; shared.servers.len()];
    for (server, row) in shared.servers.iter().zip(&mut admissions) {
        for &model in server.chain(plan) {
            let name = Breakers::name(&server.upstream.url, &shared.models[model].id);
            row[model] = shared.breaker_model.admit(&name, number, now, &shared.breakers);
        }
    }
    admissions
}

fn models(random: &mut Random) -> Vec<Model> {
    let listed = random.chance(60);
    let model = |(id, slug): (&str, &str), random: &mut Random| {
        let listed = listed && random.chance(85);
        let context_length = (listed && random.chance(80)).then(|| random.spread(300..=200_000));
        let price = (listed && random.chance(75)).then(|| (price(random), price(random)));
        let max_output = (listed && random.chance(30)).then(|| random.spread(1..=8_000));
        let slug_listed = random.chance(70);
        Model { id: id.into(), slug: slug.into(), listed, slug_listed, context_length, price, max_output }
    };
    let (from, count) = (random.below(4) as usize, random.between(1..=IDS.len() as u64) as usize);
    let ids = IDS.iter().cycle().skip(from * 2).take(count).chain([&(SCORER, "judge/five")]);
    ids.map(|row| model(*row, random)).collect()
}

/// Draws the price of a token, in units of 10^-12 dollars: up to about 60 dollars for a million.
fn price(random: &mut Random) -> u64 {
    if random.one_in(10) { 0 } else { random.spread(10_000..=60_000_000) }
}

fn catalog(models: &[Model]) -> Catalog {
    let rows: Vec<_> = models.iter().filter(|model| model.listed).map(row).collect();
    if rows.is_empty() { Catalog::default() } else { read(&json!({"data": rows}).to_string()) }
}

fn row(model: &Model) -> serde_json::Value {
    let slug = model.slug_listed.then_some(&model.slug);
    let mut row = json!({"id": model.id, "canonical_slug": slug, "context_length": model.context_length});
    if let Some((prompt, completion)) = model.price {
        let usd = |price: u64| format!("0.{price:012}");
        row["pricing"] = json!({"prompt": usd(prompt), "completion": usd(completion)});
    }
    if let Some(most) = model.max_output {
        row["top_provider"] = json!({"max_completion_tokens": most});
    }
    row
}

fn read(text: &str) -> Catalog {
    Catalog::read(Json::parse(text).unwrap_or(Json::NULL))
}

/// Draws the times at which the calls begin: one after the other, or overlapping.
fn starts(random: &mut Random) -> Vec<u64> {
    let gap = random.pick(&[1, 50, 3_000, 30_000, 100_000, 700_000]);
    let mut now = START + random.below(1_000_000);
    (0..random.between(1..=8))
        .map(|_| {
            now += random.spread(1..=gap * 2);
            now
        })
        .collect()
}
