//! `POST /chat/completions`: which model answers, and the response.

use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api_error::{ApiError, api_error};
use crate::billing::Billing;
use crate::catalog::{Candidate, Prefill};
use crate::chat_request::{ChatRequest, Wire};
use crate::completion::Turn;
use crate::fault::{Behaviour, BodyError, Cut, Effect, Format, HttpError};
use crate::http::Request;
use crate::issuer;
use crate::ledger::Draft;
use crate::log::now_ms;
use crate::respond::respond;
use crate::response::{Framing, Response};
use crate::state::State;
use crate::validate;

/// A response, with what the log and the ledger record about it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) response: Response,
    /// The models that were tried, in order.
    pub(crate) models: Vec<String>,
    pub(crate) generation_id: Option<String>,
    pub(crate) draft: Option<Draft>,
}

impl Exchange {
    /// A response that generates nothing.
    pub(crate) fn of(response: Response) -> Self {
        Self { response, models: Vec::new(), generation_id: None, draft: None }
    }
}

/// A model that was tried and did not answer.
struct Failed<'a> {
    model: &'a Candidate,
    error: ApiError,
    /// The error is the model's fault, not the consequence of the request.
    faulted: bool,
}

/// One request, with the state of its fallback chain.
struct ChainRun<'a> {
    request: &'a ChatRequest,
    chain: &'a [Candidate],
    key: &'a str,
    id: String,
    billing: Billing,
    failures: Vec<Failed<'a>>,
}

pub(crate) fn chat(state: &State, request: &Request, wire: Wire, body: Result<Value, ApiError>) -> Exchange {
    let body = match body {
        Ok(body) => body,
        Err(error) => return Exchange::of(error.response(None)),
    };
    let check = || -> Result<_, ApiError> {
        let key = validate::authorize(request)?;
        issuer::refuse_request(wire, &body).map_or(Ok(()), Err)?;
        Ok((key, validate::chain(&body, key)?))
    };
    let (key, chain) = match check() {
        Ok(checked) => checked,
        Err(error) => return Exchange::of(error.response(None)),
    };
    let metadata = request.header("x-openrouter-metadata").is_some_and(|value| value.eq_ignore_ascii_case("enabled"));
    let chat_request = ChatRequest::read(&body, metadata, wire);
    let id = state.generation_id();
    let billing = state.options.billing;
    let mut run = ChainRun { request: &chat_request, chain: &chain, key, id, billing, failures: Vec::new() };
    for model in &chain {
        let behaviour = state.behaviour(key, model);
        let refused = issuer::refuse(wire, model, &body["messages"]);
        let Some(error) = error_before_answer(&chat_request, model, &behaviour).or(refused) else {
            let pace = chat_request.directive("pace").map_or(state.options.word_delay, Duration::from_millis);
            return run.serve(model, &behaviour, pace);
        };
        let faulted = matches!(behaviour, Behaviour::Fault(_));
        run.failures.push(Failed { model, error, faulted });
        // An id that does not exist fails the whole request, not only the model.
        if behaviour.effect() == Some(Effect::HttpError(HttpError::UnknownModel)) {
            break;
        }
    }
    run.exhausted()
}

/// The error with which `model` refuses the request before an answer. `None` if it answers.
fn error_before_answer(chat_request: &ChatRequest, model: &Candidate, behaviour: &Behaviour) -> Option<ApiError> {
    if let Some(Effect::HttpError(error)) = behaviour.effect() {
        return Some(api_error(error, behaviour.number(), model, chat_request));
    }
    let output = chat_request.max_tokens.unwrap_or(0);
    if chat_request.estimate.saturating_add(output) > model.row.context {
        return Some(ApiError::too_long(model.row.context, chat_request.estimate, output));
    }
    let prefill = chat_request.prefill.as_deref()?;
    let message = match model.row.prefill {
        Prefill::Refuses => "This model does not support assistant message prefill.",
        Prefill::ContinuesTrimmed if prefill.ends_with(char::is_whitespace) => {
            "messages: final assistant content cannot end with trailing whitespace"
        }
        Prefill::Continues | Prefill::ContinuesTrimmed | Prefill::StartsOver => return None,
    };
    Some(ApiError::typed(400, "invalid_request", message))
}

impl ChainRun<'_> {
    fn serve(self, model: &Candidate, behaviour: &Behaviour, pace: Duration) -> Exchange {
        let name = match behaviour.effect() {
            Some(Effect::Format(Format::NoModelField)) => None,
            Some(Effect::Format(Format::ModelAlias)) => Some(model.canonical.clone()),
            // The model behind the deployment.
            _ if self.request.wire == Wire::Azure => Some(model.canonical.clone()),
            _ if self.request.wire == Wire::OpenAi => Some(model.id.trim_start_matches("openai/").to_owned()),
            _ => Some(model.id.clone()),
        };
        let turn = Turn {
            request: self.request,
            model,
            behaviour,
            billing: self.billing,
            answer: Answer::compose(self.request, model, behaviour),
            id: self.id.clone(),
            created: now_ms() / 1000,
            name,
            metadata: self.metadata(Some(model)),
        };
        let response = respond(&turn, pace);
        let draft = draft(&turn, &response, self.key);
        Exchange { response, models: self.tried(Some(model)), generation_id: self.generation_id(), draft }
    }

    /// The response when every model has failed: the error of the last one.
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
        let mut response = error.response(self.metadata(None));
        if let Some(id) = self.generation_id() {
            response = response.with_header("x-generation-id", id);
        }
        response.faulted = last.faulted;
        let draft = self.billing.charges_error(error.status).then(|| self.draft_of_error(last.model));
        Exchange { response, models: self.tried(None), generation_id: self.generation_id(), draft }
    }

    /// The id for the header of the response.
    fn generation_id(&self) -> Option<String> {
        self.billing.names_generations().then(|| self.id.clone())
    }

    /// The answer of `model` that an error replaces, for the ledger.
    fn draft_of_error(&self, model: &Candidate) -> Draft {
        let lost = Answer::compose(self.request, model, &Behaviour::Healthy);
        Draft {
            id: self.id.clone(),
            key: self.key.to_owned(),
            model: model.clone(),
            streamed: false,
            prompt: self.request.prompt_tokens,
            completion: lost.completion_tokens(),
            reasoning: lost.reasoning.len() as u64,
            finish: None,
            started_ms: now_ms(),
        }
    }

    fn tried(&self, served: Option<&Candidate>) -> Vec<String> {
        self.failures.iter().map(|failed| failed.model).chain(served).map(|model| model.id.clone()).collect()
    }

    /// `openrouter_metadata`, if the request asks for it: how the router went through the chain.
    fn metadata(&self, served: Option<&Candidate>) -> Option<Value> {
        if !self.request.metadata {
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

/// The generation for the ledger; `None` if nothing was generated.
fn draft(turn: &Turn<'_>, response: &Response, key: &str) -> Option<Draft> {
    let regular = Some((turn.answer.finish.name(), turn.answer.finish.native()));
    let finish = match turn.behaviour.effect() {
        Some(Effect::BodyError(BodyError::First | BodyError::In200 | BodyError::MalformedBody)) => {
            if !turn.billing.charges_error_in_body() {
                return None;
            }
            None
        }
        Some(Effect::BodyError(BodyError::MidStream | BodyError::MidStreamEmptyChoices | BodyError::InChoice)) => {
            Some(("error", "error"))
        }
        Some(Effect::Cut(Cut::AfterFinish | Cut::MissingDone)) => regular,
        Some(Effect::Cut(_)) => None,
        _ => regular,
    };
    let streamed = match &response.head {
        Some(head) => head.framing == Framing::Chunked,
        None => turn.request.stream,
    };
    Some(Draft {
        id: turn.id.clone(),
        key: key.to_owned(),
        model: turn.model.clone(),
        streamed,
        prompt: turn.request.prompt_tokens,
        completion: turn.answer.completion_tokens(),
        reasoning: turn.answer.reasoning.len() as u64,
        finish,
        started_ms: now_ms(),
    })
}
