//! What each kind of failure means for the developer of an app. The names, statuses and sentences are the core's own table.

use failsoft::Kind;
use failsoft::failure::{NextModel, SameModel};

/// What helps against a failure of this kind, in Markdown.
#[rustfmt::skip]
pub(super) fn remedy(kind: Kind) -> &'static str {
    match kind {
        Kind::RateLimited => "Wait `error.retryAfter` milliseconds. Put a model of another vendor into the chain, or ask the upstream for a higher limit.",
        Kind::InFlightBudget => "Send fewer calls at the same time, set `max_tokens`, or add credit: the upstream reserves the most that a call can cost.",
        Kind::ServerError => "Try later. If one model causes it often, move the model further back in the chain.",
        Kind::Unavailable => "Try later, or put a model of another vendor into the chain.",
        Kind::Network => "The message names the host. In a page, look at the console: CORS, `connect-src` of the Content-Security-Policy, http in an https page, or a blocker. On a server: name, proxy, certificate.",
        Kind::BadResponse => "Check that `baseURL` leads to the API. If a web page answered, the message has its title.",
        Kind::HeadersTimeout => "Put another model into the chain. For a model that loads slowly, raise `policy.timeouts.headers`.",
        Kind::FirstTokenTimeout => "Put a faster model into the chain, set `policy.hedge`, or raise `policy.timeouts.firstToken` for a model that thinks.",
        Kind::Stalled => "Show `error.partial` and offer another try. For a model with long pauses, raise `policy.timeouts.idle`.",
        Kind::Timeout => "Shorten the chain, or raise `policy.timeouts.total`.",
        Kind::UnknownModel => "Correct the id: the warning of the call names a similar one. `GET /models` of the upstream lists all.",
        Kind::NoEndpoint => "Remove what no provider of the model can do (`tools`, `response_format`, `provider`), or choose another model.",
        Kind::ContextLength => "Drop old messages (`estimateTokens` counts them), lower `max_tokens`, or end the chain with a model with a larger context window.",
        Kind::ContentFilter => "Tell the user that the request was not accepted. `policy.onContentFilter: 'fail'` stops after the first filter.",
        Kind::Unauthorized => "Check the key, and that it belongs to this upstream. From an edge: the client key or the user's token.",
        Kind::PaymentRequired => "Add credit at the upstream, or add an upstream with another account.",
        Kind::Forbidden => "Allow it in the settings of the account at the upstream (region, guardrail, privacy), or add another upstream.",
        Kind::InvalidRequest => "Correct what the message names. No other model would accept it.",
        Kind::Cut => "Show `error.partial` and offer another try. `policy.recover` says whether another model may continue the text.",
        Kind::Empty => "Raise `max_tokens`, or look at the prompt. `policy.empty: 'accept'` lets empty answers pass.",
        Kind::ReasoningOnly => "Raise `max_tokens`: the reasoning used all of it. Or lower `reasoning_effort`.",
        Kind::Refusal => "Change the prompt, or show the refusal: `policy.refusal: 'accept'` lets it pass.",
        Kind::Length => "Raise `max_tokens`, or ask for a shorter answer. Only `policy.length` makes this a failure.",
        Kind::InvalidJson => "Say in the prompt that you want JSON only, use `response_format` with a schema, or set `policy.invalidJson.repair`.",
        Kind::SchemaMismatch => "Simplify the schema, use models that follow schemas strictly, or set `policy.schemaMismatch: 'accept'` and check the answer yourself.",
        Kind::TooShort => "Lower `policy.tooShort.chars`, or ask for more in the prompt.",
        Kind::Pattern => "Change the prompt, or remove the text from `policy.pattern.literals`.",
        Kind::BelowThreshold => "Lower `policy.judge.threshold`, make the criteria clearer, or use better models.",
        Kind::Superseded => "Nothing: it stands in the report of the slower attempt only, after a hedge.",
        Kind::TooExpensive => "Set `max_tokens`, add a cheaper model, or raise `policy.maxCostUsd` or `policy.maxPrice`.",
        Kind::CircuitOpen => "Wait `error.retryAfter` milliseconds, or add a model of another vendor.",
        Kind::Aborted => "Nothing: your signal, or the reader who left, ended the call.",
    }
}

/// What follows the failure, as a sentence without its subject.
pub(super) fn consequence(kind: Kind) -> String {
    let again = match kind.same_model() {
        SameModel::Never => "",
        SameModel::AfterPause => "asks the same model once more after a pause",
        SameModel::AfterNamedWait => {
            "asks the same model once more after the wait that the failure names, if it names one"
        }
    };
    let next = match kind.next_model() {
        NextModel::Any => "asks the next model",
        NextModel::LargerContext => "asks the next model that has a larger context window",
        NextModel::OtherUpstream => "asks the next upstream, which has another key",
        NextModel::Never => "",
    };
    match (again, next) {
        ("", "") => "ends the call".to_owned(),
        (again, "") => again.to_owned(),
        ("", next) => next.to_owned(),
        (again, next) => format!("{again}, and then {next}"),
    }
}
