//! A request leaves: may it, and what will come of it?

use failsoft::{AttemptId, Dialect, HttpRequest};
use serde_json::Value;

use crate::fault::Class;
use crate::flight::Flight;
use crate::gate;
use crate::host::Host;
use crate::judge::{Checked, Invariant, Violation};
use crate::money;
use crate::plan::{Recover, Rule};
use crate::shadow::Admission;
use crate::upstream::{Ask, Task};
use crate::world::{SCORER, Shared};

/// A request, as it is read by who gets it.
#[derive(Debug)]
struct Asked {
    site: usize,
    window: Vec<usize>,
    streamed: bool,
    /// The most tokens that the answer may have.
    limit: Option<u64>,
    /// What a token of the prompt, and one of the answer, may cost at most.
    cap: Option<(u64, u64)>,
    /// The tokens of what a judge is asked.
    question: u64,
    task: Task,
}

/// Checks the request, and lets the upstream answer it.
pub(crate) fn take_off(
    host: &Host,
    shared: &mut Shared,
    attempt: AttemptId,
    request: &HttpRequest,
    now: u64,
) -> Result<Flight, Violation> {
    let asked = read(host, shared, request)?;
    let judge = shared.judge;
    judge.hold(Invariant::Report, attempt as usize == host.flights.len(), || {
        format!("attempt {attempt} comes out of turn")
    })?;
    check_budget(host, shared, &asked)?;
    let Asked { site, window, streamed, limit, cap, question, task } = asked;
    let id = format!("gen-{}-{attempt}", host.number);
    let (plan, models) = (&host.plan, &shared.models);
    let ask = Ask { plan, models, window: &window, streamed, id, now, task, limit, cap, question };
    let reply = shared.sites[site].answer(&ask, &mut shared.random);
    money::check(host, shared, reply.most)?;
    let task = ask.task;
    shared.trace.note(host.number, now, site as u64, || {
        let names: Vec<&str> = window.iter().map(|&model| shared.models[model].id.as_str()).collect();
        let fault = reply.fault.as_ref().map(|fault| (fault.class, fault.wait));
        format!(
            "send {attempt} to upstream {site}: {names:?}, {task:?}; to come: {}, {:?}, {fault:?}",
            reply.story, reply.served
        )
    });
    shared.coverage.count("reply", reply.story);
    let name = match &task {
        Task::Answer if host.flights.iter().any(Flight::is_open) => "hedged",
        Task::Answer => "asked",
        Task::Restart(_) => "restarted",
        Task::Continue(_) => "continued",
        Task::Score(..) => "judged",
    };
    shared.coverage.count("sent", name);
    Ok(Flight::new(attempt, (site, window), (streamed, task), reply, (now, host.account.counted(now))))
}

/// What the request says, as an upstream reads it; and whether it may say so.
fn read(host: &Host, shared: &Shared, request: &HttpRequest) -> Result<Asked, Violation> {
    let judge = shared.judge;
    let site = shared.sites.iter().position(|site| request.url == format!("{}/chat/completions", site.upstream.url));
    judge.hold(Invariant::Report, site.is_some(), || format!("nobody is at {}", request.url))?;
    let site = site.unwrap_or_default();
    let key = format!("Bearer {}", shared.sites[site].key);
    let keyed = request.headers.iter().any(|(name, value)| *name == "authorization" && *value == key);
    judge.hold(Invariant::Report, keyed, || "the key is not the upstream's own".into())?;
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let streamed = body["stream"] == true;
    let limit = ["max_tokens", "max_completion_tokens"].into_iter().find_map(|name| body[name].as_u64());
    if body["model"] == SCORER {
        let about = gate::check_question(host, shared, site, &body)?;
        let task = Task::Score(mark(&body), about);
        let (cap, question) = (money::cap(&body), gate::tokens(&body));
        return Ok(Asked { site, window: vec![shared.scorer], streamed, limit, cap, question, task });
    }
    let names: Vec<&str> = match (&body["model"], &body["models"]) {
        (Value::String(model), Value::Null) => vec![model],
        (Value::Null, Value::Array(models)) => models.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let chain = shared.sites[site].chain(&host.plan);
    let place = |name: &&str| chain.iter().copied().find(|&model| shared.models[model].id == *name);
    let window: Vec<usize> = names.iter().filter_map(place).collect();
    let most = if shared.sites[site].upstream.dialect == Dialect::OpenRouter { 3 } else { 1 };
    let place = |model: usize| chain.iter().position(|&known| known == model);
    let in_order = window.windows(2).all(|pair| place(pair[0]) < place(pair[1]));
    let fits = !window.is_empty() && window.len() == names.len() && window.len() <= most && in_order;
    judge.hold(Invariant::Report, fits, || format!("{names:?} is no window of the chain"))?;
    judge.hold(Invariant::Report, streamed == (host.plan.stream || host.plan.assemble), || {
        "streams, or does not".into()
    })?;
    let task = task(host, &body);
    let asked = Asked { site, window, streamed, limit, cap: money::cap(&body), question: 0, task };
    check_company(host, shared, &asked)?;
    check_recovery(host, shared, &asked)?;
    check_money(host, shared, &asked)?;
    for &model in &asked.window {
        check_model(host, shared, site, model, host.now)?;
    }
    check_faults(host, shared, site)?;
    Ok(asked)
}

/// The mark behind which a judge has to put its score.
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

/// A second one is asked beside one that is silent, where the policy hedges.
fn check_company(host: &Host, shared: &Shared, asked: &Asked) -> Checked {
    let open: Vec<&Flight> = host.flights.iter().filter(|flight| flight.is_open()).collect();
    let now = host.account.counted(host.now);
    let waits = |flight: &&Flight| {
        let due = host.plan.hedge.is_some_and(|after| now >= flight.sent + after);
        due && !flight.heard.is_alive()
            && !flight.is_judge()
            && (flight.site, &flight.window) != (asked.site, &asked.window)
    };
    let fair = match &open[..] {
        [] => true,
        [first] => asked.task == Task::Answer && waits(first),
        _ => false,
    };
    shared.judge.hold(Invariant::Hedge, fair, || {
        format!("{} are in flight: {:?}", open.len(), open.iter().map(|flight| flight.attempt).collect::<Vec<_>>())
    })
}

/// What the reader has goes on only as text, and with a model that may.
fn check_recovery(host: &Host, shared: &Shared, asked: &Asked) -> Checked {
    let hold = |holds: bool, what: &dyn Fn() -> String| shared.judge.hold(Invariant::Recovery, holds, what);
    let shown = host.is_shown();
    hold(shown == (asked.task != Task::Answer), &|| {
        format!("the reader has {:?}: {:?}", host.reader.text, asked.task)
    })?;
    if !shown {
        return Ok(());
    }
    let plan = &host.plan;
    let may = plan.stream && !plan.relay && !plan.wants_json && plan.recover != Recover::Error;
    hold(may, &|| "an answer goes on that must not".into())?;
    let begun = host.flights.iter().find(|flight| host.reader.ids.contains(&flight.reply.id));
    hold(begun.is_some_and(|flight| flight.heard.is_text()), &|| "what goes on is not text".into())?;
    let known =
        |model: &usize| ["meta-llama/", "mistralai/"].iter().any(|family| shared.models[*model].id.starts_with(family));
    if matches!(asked.task, Task::Continue(_)) {
        let able = plan.recover == Recover::Continue && asked.window.iter().all(known);
        hold(able && asked.window.len() == 1, &|| "whoever is asked to continue would begin again".into())?;
    }
    Ok(())
}

/// Where the prices are known, nobody is asked who is beyond the bounds on them.
fn check_money(host: &Host, shared: &Shared, asked: &Asked) -> Checked {
    let plan = &host.plan;
    let hold = |holds: bool, what: &dyn Fn() -> String| shared.judge.hold(Invariant::Money, holds, what);
    let capped = |price: u64, cap: Option<u64>| cap.is_none_or(|cap| price * 1_000_000 <= cap);
    let within = plan.max_tokens.is_none_or(|most| asked.limit.is_some_and(|limit| (1..=most).contains(&limit)));
    hold(within, &|| format!("{:?} tokens are allowed, the caller said {:?}", asked.limit, plan.max_tokens))?;
    for model in asked.window.iter().map(|&model| &shared.models[model]) {
        let longest = plan.max_tokens.and(model.max_output);
        hold(longest.is_none_or(|most| asked.limit.is_some_and(|limit| limit <= most.max(1))), &|| {
            format!("{:?} tokens are more than {} can", asked.limit, model.id)
        })?;
        let Some((prompt, completion)) = model.price else { continue };
        hold(capped(prompt, plan.money.price.0) && capped(completion, plan.money.price.1), &|| {
            format!("{} costs more than the cap", model.id)
        })?;
    }
    Ok(())
}

fn check_budget(host: &Host, shared: &Shared, asked: &Asked) -> Checked {
    let (judge, sent) = (shared.judge, host.flights.len() as u64);
    judge.hold(Invariant::Budget, sent < host.plan.attempts, || {
        format!("{} attempts are allowed", host.plan.attempts)
    })?;
    if shared.sites[asked.site].upstream.dialect == Dialect::OpenRouter || matches!(asked.task, Task::Score(..)) {
        return Ok(());
    }
    // Who was outrun did not fail, and a prefill may be what was refused.
    let counts = |flight: &&Flight| !host.was_outrun(flight) && !matches!(flight.task, Task::Continue(_));
    let same = |flight: &&Flight| flight.site == asked.site && flight.window == asked.window;
    let same = host.flights.iter().filter(same).filter(counts).count() as u64;
    judge.hold(Invariant::Budget, same <= host.plan.same, || format!("the same is asked {} times", same + 1))
}

fn check_model(host: &Host, shared: &Shared, site: usize, model: usize, now: u64) -> Checked {
    let (judge, name) = (shared.judge, &shared.models[model].id);
    let admission = host.admissions[site][model];
    let admitted = matches!(admission, Admission::Free | Admission::Probe);
    judge.hold(Invariant::Breaker, admitted, || format!("{name} is asked, and is {admission:?}"))?;
    let until = host.ended_at(site).filter_map(|flight| flight.resting(model)).max();
    judge.hold(Invariant::RetryAfter, until.is_none_or(|until| now >= until), || {
        format!("{name} is asked {} ms before the time that it named", until.unwrap_or_default() - now)
    })?;
    let dropped = shared.sites.len() == 1 && host.call.report().dropped.iter().any(|dropped| dropped.model == *name);
    judge.hold(Invariant::Report, !dropped, || format!("{name} is asked, and was dropped"))?;
    let overflown = |flight: &&Flight| flight.told_fault().is_some_and(|fault| fault.class == Class::TooLong);
    let known = |model: usize| shared.models[model].context_length;
    let too_small = host.ended_at(site).filter(overflown).filter(|flight| flight.window.len() == 1);
    let too_small = too_small.filter_map(|flight| known(flight.window[0])).max();
    let larger = known(model).is_none() || too_small.is_none() || known(model) > too_small;
    judge.hold(Invariant::Mistake, larger, || format!("{name} holds no more than what overflowed"))
}

/// What was said must not be said again.
fn check_faults(host: &Host, shared: &Shared, site: usize) -> Checked {
    for flight in (0..shared.sites.len()).flat_map(|site| host.ended_at(site)) {
        let Some(fault) = flight.told_fault() else { continue };
        let final_ = match fault.class {
            Class::Mistake => !matches!(flight.task, Task::Continue(_)),
            Class::Filtered => host.plan.rules.filter == Rule::Final,
            class => class.blames_key() && flight.site == site,
        };
        shared.judge.hold(Invariant::Mistake, !final_, || {
            format!("goes on after {:?} in attempt {}", fault.class, flight.attempt)
        })?;
    }
    Ok(())
}
