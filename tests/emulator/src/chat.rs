//! `POST /chat/completions`: which model answers, and with what.

use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::catalog::{Candidate, Prefill};
use crate::completion::Scene;
use crate::fault::{Behaviour, Cut, Dress, Effect, Mishap, Refusal};
use crate::http::Request;
use crate::ledger::Draft;
use crate::log::now_ms;
use crate::play::{Framing, Play};
use crate::refusal::{ApiError, refuse};
use crate::stage::stage;
use crate::state::State;
use crate::validate;

/// An answer with what the books need to know about it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) play: Play,
    /// The models that were tried, in order.
    pub(crate) models: Vec<String>,
    pub(crate) generation_id: Option<String>,
    pub(crate) draft: Option<Draft>,
}

impl Exchange {
    /// An answer that generates nothing.
    pub(crate) fn of(play: Play) -> Self {
        Self { play, models: Vec::new(), generation_id: None, draft: None }
    }
}

/// A model that was tried and did not answer.
struct Failed<'a> {
    model: &'a Candidate,
    error: ApiError,
    /// Because it was told to, and not because the request deserves it.
    faulted: bool,
}

/// One request on its way through its chain.
struct Round<'a> {
    ask: &'a Ask,
    chain: &'a [Candidate],
    key: &'a str,
    id: String,
    failures: Vec<Failed<'a>>,
}

pub(crate) fn chat(state: &State, request: &Request) -> Exchange {
    let body = request.body_json();
    let checked = validate::authorize(request).and_then(|key| Ok((key, validate::chain(&body, key)?)));
    let (key, chain) = match checked {
        Ok(checked) => checked,
        Err(error) => return Exchange::of(error.play(None)),
    };
    let metadata = request.header("x-openrouter-metadata").is_some_and(|value| value.eq_ignore_ascii_case("enabled"));
    let ask = Ask::read(&body, metadata);
    let id = state.generation_id();
    let mut round = Round { ask: &ask, chain: &chain, key, id, failures: Vec::new() };
    for model in &chain {
        let behaviour = state.behaviour(key, model);
        let Some(error) = refusal(&ask, model, &behaviour) else {
            let pace = ask.directive("pace").map_or(state.options.word_delay, Duration::from_millis);
            return round.serve(model, &behaviour, pace);
        };
        let faulted = matches!(behaviour, Behaviour::Fault(_));
        round.failures.push(Failed { model, error, faulted });
        // An id that does not exist fails the request, not the model.
        if behaviour.effect() == Some(Effect::Refuse(Refusal::UnknownModel)) {
            break;
        }
    }
    round.exhausted()
}

/// Why `model` does not start an answer, if it does not.
fn refusal(ask: &Ask, model: &Candidate, behaviour: &Behaviour) -> Option<ApiError> {
    if let Some(Effect::Refuse(refusal)) = behaviour.effect() {
        return Some(refuse(refusal, behaviour.number(), model, ask));
    }
    let output = ask.max_tokens.unwrap_or(0);
    if ask.estimate.saturating_add(output) > model.row.context {
        return Some(ApiError::too_long(model.row.context, ask.estimate, output));
    }
    let prefill = ask.prefill.as_deref()?;
    let message = match model.row.prefill {
        Prefill::Refuses => "This model does not support assistant message prefill.",
        Prefill::ContinuesTrimmed if prefill.ends_with(char::is_whitespace) => {
            "messages: final assistant content cannot end with trailing whitespace"
        }
        Prefill::Continues | Prefill::ContinuesTrimmed | Prefill::StartsOver => return None,
    };
    Some(ApiError::typed(400, "invalid_request", message))
}

impl Round<'_> {
    fn serve(self, model: &Candidate, behaviour: &Behaviour, pace: Duration) -> Exchange {
        let name = match behaviour.effect() {
            Some(Effect::Dress(Dress::NoModelField)) => None,
            Some(Effect::Dress(Dress::ModelAlias)) => Some(model.canonical.clone()),
            _ => Some(model.id.clone()),
        };
        let scene = Scene {
            ask: self.ask,
            model,
            behaviour,
            answer: Answer::compose(self.ask, model, behaviour),
            id: self.id.clone(),
            created: now_ms() / 1000,
            name,
            metadata: self.metadata(Some(model)),
        };
        let play = stage(&scene, pace);
        let draft = draft(&scene, &play, self.key);
        Exchange { play, models: self.tried(Some(model)), generation_id: Some(self.id), draft }
    }

    /// What OpenRouter says when nothing is left: the last model's error.
    fn exhausted(self) -> Exchange {
        let (last, earlier) =
            self.failures.split_last().expect("a chain is never empty, and each of its models failed");
        let mut error = last.error.clone();
        if !earlier.is_empty() {
            let previous = earlier.iter().map(|failed| {
                let provider = failed.model.row.provider;
                json!({ "provider": provider, "code": failed.error.error["code"], "status": failed.error.status })
            });
            error.error["metadata"]["previous_errors"] = previous.collect();
        }
        let mut play = error.play(self.metadata(None)).with_header("x-generation-id", self.id.clone());
        play.faulted = last.faulted;
        Exchange { play, models: self.tried(None), generation_id: Some(self.id), draft: None }
    }

    fn tried(&self, served: Option<&Candidate>) -> Vec<String> {
        self.failures.iter().map(|failed| failed.model).chain(served).map(|model| model.id.clone()).collect()
    }

    /// `openrouter_metadata`, if it was asked for: how the router went through the chain.
    fn metadata(&self, served: Option<&Candidate>) -> Option<Value> {
        if !self.ask.metadata {
            return None;
        }
        let attempt = |model: &Candidate, status: u16| json!({ "provider": model.row.provider, "model": model.id, "status": status });
        let attempts = self.failures.iter().map(|failed| attempt(failed.model, failed.error.status));
        let attempts: Vec<Value> = attempts.chain(served.map(|model| attempt(model, 200))).collect();
        let available = self.chain.iter().map(|model| {
            let selected = served.is_some_and(|served| served.id == model.id);
            json!({ "provider": model.row.provider, "model": model.id, "selected": selected })
        });
        Some(json!({
            "requested": self.chain.first().map(|model| &model.id),
            "strategy": if self.chain.len() > 1 { "fallback" } else { "direct" },
            "region": "emulated",
            "summary": format!("available={}, attempts={}", self.chain.len(), attempts.len()),
            "attempt": attempts.len(),
            "is_byok": false,
            "endpoints": { "total": self.chain.len(), "available": available.collect::<Vec<_>>() },
            "attempts": attempts,
        }))
    }
}

/// The generation to book; `None` where nothing was generated.
fn draft(scene: &Scene<'_>, play: &Play, key: &str) -> Option<Draft> {
    let regular = Some((scene.answer.finish.name(), scene.answer.finish.native()));
    let finish = match scene.behaviour.effect() {
        Some(Effect::Mishap(Mishap::First | Mishap::In200 | Mishap::MalformedBody)) => return None,
        Some(Effect::Mishap(Mishap::MidStream | Mishap::MidStreamEmptyChoices | Mishap::InChoice)) => {
            Some(("error", "error"))
        }
        Some(Effect::Cut(Cut::AfterFinish | Cut::MissingDone)) => regular,
        Some(Effect::Cut(_)) => None,
        _ => regular,
    };
    let streamed = match &play.head {
        Some(head) => head.framing == Framing::Chunked,
        None => scene.ask.stream,
    };
    Some(Draft {
        id: scene.id.clone(),
        key: key.to_owned(),
        model: scene.model.clone(),
        streamed,
        prompt: scene.ask.prompt_tokens,
        completion: scene.answer.completion_tokens(),
        reasoning: scene.answer.reasoning.len() as u64,
        finish,
        started_ms: now_ms(),
    })
}
