//! A request leaves: whether it is allowed, and the reply that it will receive.

use failsoft::{AttemptId, Dialect, HttpRequest};
use serde_json::Value;

use crate::breaker_model::Admission;
use crate::check::judge;
use crate::checker::{CheckResult, Invariant, Violation};
use crate::exchange::Exchange;
use crate::fault::Class;
use crate::host::Host;
use crate::money;
use crate::plan::{Recover, Rule};
use crate::upstream::{Task, UpstreamRequest};
use crate::world::{SCORER, Shared};

/// A request, as its receiver parses it.
#[derive(Debug)]
struct ParsedRequest {
    server: usize,
    batch: Vec<usize>,
    streamed: bool,
    /// The most tokens that the answer may have.
    limit: Option<u64>,
    /// The most that one token of the prompt, and one of the answer, may cost.
    cap: Option<(u64, u64)>,
    /// The number of tokens of a question to a judge.
    question: u64,
    task: Task,
}

/// Checks the request, and draws the upstream's reply.
pub(crate) fn send(
    host: &Host,
    shared: &mut Shared,
    attempt: AttemptId,
    request: &HttpRequest,
    now: u64,
) -> Result<Exchange, Violation> {
    let parsed = read(host, shared, request)?;
    let checker = shared.checker;
    checker.require(Invariant::Report, attempt as usize == host.exchanges.len(), || {
        format!("attempt {attempt} has the wrong number")
    })?;
    check_budget(host, shared, &parsed)?;
    let ParsedRequest { server, batch, streamed, limit, cap, question, task } = parsed;
    let id = format!("gen-{}-{attempt}", host.number);
    let (plan, models) = (&host.plan, &shared.models);
    let request = UpstreamRequest { plan, models, batch: &batch, streamed, id, now, task, limit, cap, question };
    let reply = shared.servers[server].answer(&request, &mut shared.random);
    money::check(host, shared, reply.max_cost)?;
    let task = request.task;
    shared.trace.note(host.number, now, server as u64, || {
        let names: Vec<&str> = batch.iter().map(|&model| shared.models[model].id.as_str()).collect();
        let fault = reply.fault.as_ref().map(|fault| (fault.class, fault.wait));
        format!(
            "send {attempt} to upstream {server}: {names:?}, {task:?}; to come: {}, {:?}, {fault:?}",
            reply.description, reply.served
        )
    });
    shared.coverage.count("reply", reply.description);
    let name = match &task {
        Task::Answer if host.exchanges.iter().any(Exchange::is_open) => "hedge",
        Task::Answer => "answer",
        Task::Restart(_) => "restart",
        Task::Continue(_) => "continuation",
        Task::Score(..) => "score",
    };
    shared.coverage.count("sent", name);
    let times = (now, host.clock.counted(now));
    let mut exchange = Exchange::new(attempt, (server, batch), (streamed, task), reply, times);
    exchange.limit = limit;
    Ok(exchange)
}

/// Parses the request as an upstream does, and checks that it is allowed.
fn read(host: &Host, shared: &Shared, request: &HttpRequest) -> Result<ParsedRequest, Violation> {
    let checker = shared.checker;
    let server =
        shared.servers.iter().position(|server| request.url == format!("{}/chat/completions", server.upstream.url));
    checker.require(Invariant::Report, server.is_some(), || format!("no upstream has the URL {}", request.url))?;
    let server = server.unwrap_or_default();
    let key = format!("Bearer {}", shared.servers[server].key);
    let keyed = request.headers.iter().any(|(name, value)| *name == "authorization" && *value == key);
    checker.require(Invariant::Report, keyed, || "the key is not the upstream's own".into())?;
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let streamed = body["stream"] == true;
    let limit = ["max_tokens", "max_completion_tokens"].into_iter().find_map(|name| body[name].as_u64());
    if body["model"] == SCORER {
        let about = judge::check_question(host, shared, server, &body)?;
        let task = Task::Score(mark(&body), about);
        let (cap, question) = (money::cap(&body), judge::question_tokens(&body));
        return Ok(ParsedRequest { server, batch: vec![shared.scorer], streamed, limit, cap, question, task });
    }
    let names: Vec<&str> = match (&body["model"], &body["models"]) {
        (Value::String(model), Value::Null) => vec![model],
        (Value::Null, Value::Array(models)) => models.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let chain = shared.servers[server].chain(&host.plan);
    let place = |name: &&str| chain.iter().copied().find(|&model| shared.models[model].id == *name);
    let batch: Vec<usize> = names.iter().filter_map(place).collect();
    let most = if shared.servers[server].upstream.dialect == Dialect::OpenRouter { 3 } else { 1 };
    let place = |model: usize| chain.iter().position(|&known| known == model);
    let in_order = batch.windows(2).all(|pair| place(pair[0]) < place(pair[1]));
    let fits = !batch.is_empty() && batch.len() == names.len() && batch.len() <= most && in_order;
    checker.require(Invariant::Report, fits, || format!("{names:?} is not a batch of the chain"))?;
    checker.require(Invariant::Report, streamed == (host.plan.stream || host.plan.assemble), || {
        "stream has the wrong value".into()
    })?;
    let task = task(host, &body);
    let parsed = ParsedRequest { server, batch, streamed, limit, cap: money::cap(&body), question: 0, task };
    check_hedge(host, shared, &parsed)?;
    check_recovery(host, shared, &parsed)?;
    check_money(host, shared, &parsed)?;
    for &model in &parsed.batch {
        check_model(host, shared, server, model, host.now)?;
    }
    check_faults(host, shared, server)?;
    Ok(parsed)
}

/// The mark after which a judge has to put its score.
fn mark(body: &Value) -> String {
    let instructions = body["messages"][0]["content"].as_str().unwrap_or_default();
    let at = instructions.rfind('#').unwrap_or_default();
    instructions[at..].split(' ').next().unwrap_or_default().to_owned()
}

fn task(host: &Host, body: &Value) -> Task {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let prefilled = last.is_some_and(|message| message["role"] == "assistant");
    match host.is_shown() {
        _ if prefilled => Task::Continue(host.reader.text.clone()),
        true => Task::Restart(host.reader.text.clone()),
        false => Task::Answer,
    }
}

/// Checks that a second request is sent only beside a silent one, where the policy hedges.
fn check_hedge(host: &Host, shared: &Shared, parsed: &ParsedRequest) -> CheckResult {
    let open: Vec<&Exchange> = host.exchanges.iter().filter(|exchange| exchange.is_open()).collect();
    let now = host.clock.counted(host.now);
    let waits = |exchange: &&Exchange| {
        let due = host.plan.hedge.is_some_and(|after| now >= exchange.sent + after);
        due && !exchange.received.is_alive()
            && !exchange.is_judge()
            && (exchange.server, &exchange.batch) != (parsed.server, &parsed.batch)
    };
    let allowed = match &open[..] {
        [] => true,
        [first] => parsed.task == Task::Answer && waits(first),
        _ => false,
    };
    shared.checker.require(Invariant::Hedge, allowed, || {
        format!(
            "{} requests are open: {:?}",
            open.len(),
            open.iter().map(|exchange| exchange.attempt).collect::<Vec<_>>()
        )
    })
}

/// Checks that an answer continues only as text, and only with a model that can.
fn check_recovery(host: &Host, shared: &Shared, parsed: &ParsedRequest) -> CheckResult {
    let require = |holds: bool, what: &dyn Fn() -> String| shared.checker.require(Invariant::Recovery, holds, what);
    let shown = host.is_shown();
    require(shown == (parsed.task != Task::Answer), &|| {
        format!("the reader has {:?}: {:?}", host.reader.text, parsed.task)
    })?;
    if !shown {
        return Ok(());
    }
    let plan = &host.plan;
    let may = plan.stream && !plan.relay && !plan.wants_json && plan.recover != Recover::Error;
    require(may, &|| "an answer is continued that must not be".into())?;
    let begun = host.exchanges.iter().find(|exchange| host.reader.ids.contains(&exchange.reply.id));
    require(begun.is_some_and(|exchange| exchange.received.is_text()), &|| {
        "the answer to continue is not text".into()
    })?;
    let known =
        |model: &usize| ["meta-llama/", "mistralai/"].iter().any(|family| shared.models[*model].id.starts_with(family));
    if matches!(parsed.task, Task::Continue(_)) {
        let able = plan.recover == Recover::Continue && parsed.batch.iter().all(known);
        require(able && parsed.batch.len() == 1, &|| "the model is asked to continue, but would begin again".into())?;
    }
    Ok(())
}

/// Checks that no model beyond the price bounds is asked, where the prices are known.
fn check_money(host: &Host, shared: &Shared, parsed: &ParsedRequest) -> CheckResult {
    let plan = &host.plan;
    let require = |holds: bool, what: &dyn Fn() -> String| shared.checker.require(Invariant::Money, holds, what);
    let capped = |price: u64, cap: Option<u64>| cap.is_none_or(|cap| price * 1_000_000 <= cap);
    let within = plan.max_tokens.is_none_or(|most| parsed.limit.is_some_and(|limit| (1..=most).contains(&limit)));
    require(within, &|| format!("{:?} tokens are allowed, the caller set {:?}", parsed.limit, plan.max_tokens))?;
    for model in parsed.batch.iter().map(|&model| &shared.models[model]) {
        let longest = plan.max_tokens.and(model.max_output);
        require(longest.is_none_or(|most| parsed.limit.is_some_and(|limit| limit <= most.max(1))), &|| {
            format!("{:?} tokens are more than {} can", parsed.limit, model.id)
        })?;
        let Some((prompt, completion)) = model.price else { continue };
        require(capped(prompt, plan.money.price.0) && capped(completion, plan.money.price.1), &|| {
            format!("{} costs more than the cap", model.id)
        })?;
    }
    Ok(())
}

fn check_budget(host: &Host, shared: &Shared, parsed: &ParsedRequest) -> CheckResult {
    let (checker, sent) = (shared.checker, host.exchanges.len() as u64);
    checker.require(Invariant::Budget, sent < host.plan.attempts, || {
        format!("{} attempts are allowed", host.plan.attempts)
    })?;
    if shared.servers[parsed.server].upstream.dialect == Dialect::OpenRouter || matches!(parsed.task, Task::Score(..)) {
        return Ok(());
    }
    // A superseded attempt did not fail, and an upstream may reject only the prefill.
    let counts = |exchange: &&Exchange| !host.was_superseded(exchange) && !matches!(exchange.task, Task::Continue(_));
    let same = |exchange: &&Exchange| exchange.server == parsed.server && exchange.batch == parsed.batch;
    let same = host.exchanges.iter().filter(same).filter(counts).count() as u64;
    checker.require(Invariant::Budget, same <= host.plan.same, || format!("the same model is tried {} times", same + 1))
}

fn check_model(host: &Host, shared: &Shared, server: usize, model: usize, now: u64) -> CheckResult {
    let (checker, name) = (shared.checker, &shared.models[model].id);
    let admission = host.admissions[server][model];
    let admitted = matches!(admission, Admission::Free | Admission::Probe);
    checker.require(Invariant::Breaker, admitted, || format!("{name} is asked, but its breaker says {admission:?}"))?;
    let until = host.ended_at(server).filter_map(|exchange| exchange.resting(model)).max();
    checker.require(Invariant::RetryAfter, until.is_none_or(|until| now >= until), || {
        format!("{name} is asked {} ms before the time that it named", until.unwrap_or_default() - now)
    })?;
    let dropped = shared.servers.len() == 1 && host.call.report().dropped.iter().any(|dropped| dropped.model == *name);
    checker.require(Invariant::Report, !dropped, || format!("{name} is asked, but was dropped"))?;
    let overflowed = |exchange: &&Exchange| exchange.known_fault().is_some_and(|fault| fault.class == Class::TooLong);
    let known = |model: usize| shared.models[model].context_length;
    let too_small = host.ended_at(server).filter(overflowed).filter(|exchange| exchange.batch.len() == 1);
    let too_small = too_small.filter_map(|exchange| known(exchange.batch[0])).max();
    let larger = known(model).is_none() || too_small.is_none() || known(model) > too_small;
    checker
        .require(Invariant::Mistake, larger, || format!("{name} has no larger context than the model that overflowed"))
}

/// Checks that a final error is not repeated.
fn check_faults(host: &Host, shared: &Shared, server: usize) -> CheckResult {
    for exchange in (0..shared.servers.len()).flat_map(|server| host.ended_at(server)) {
        let Some(fault) = exchange.known_fault() else { continue };
        let is_final = match fault.class {
            Class::Mistake => !matches!(exchange.task, Task::Continue(_)),
            Class::Filtered => host.plan.rules.filter == Rule::Final,
            class => class.blames_key() && exchange.server == server,
        };
        shared.checker.require(Invariant::Mistake, !is_final, || {
            format!("the call continues after {:?} in attempt {}", fault.class, exchange.attempt)
        })?;
    }
    Ok(())
}
