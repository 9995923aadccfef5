//! The kinds of failure, as one table: what each is called, what follows it, and whose fault it is.
//!
//! The type declarations, the documentation and the playground are tested against [`Kind::ALL`].

/// May the same request be sent to the same model again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameModel {
    /// No: the request would fail the same way.
    Never,
    /// Once, after a pause.
    AfterPause,
    /// Once, after the wait that the failure names. Without a named wait, no.
    AfterNamedWait,
}

/// May another model answer instead?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextModel {
    /// Any model that follows in the chain.
    Any,
    /// A model that follows and is not known to have a context window of the same size or smaller.
    LargerContext,
    /// A model on another upstream, which has another key.
    OtherUpstream,
    /// No: the call fails.
    Never,
}

/// What is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The model or its provider does not work. A breaker counts these failures, and no others.
    Model,
    /// The model works, but its answer breaks a rule.
    Answer,
    /// The connection to the upstream.
    Connection,
    /// The account behind the key: the key, the credit or a permission.
    Account,
    /// The request, or an id in its chain.
    Request,
    /// A limit that the policy sets.
    Policy,
    /// Nothing went wrong: the attempt was stopped on purpose.
    Nothing,
}

/// One row of the table.
struct Row {
    name: &'static str,
    status: u16,
    same_model: SameModel,
    next_model: NextModel,
    fault: Fault,
}

macro_rules! kinds {
    ($($kind:ident $name:literal $status:literal $same:ident $next:ident $fault:ident $explanation:literal)+) => {
        /// Why an attempt, or the whole call, failed. The JavaScript name is the same name in camelCase.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $(#[doc = concat!("`", $name, "`: ", $explanation, ".")] $kind,)+
        }

        static TABLE: [Row; Kind::ALL.len()] = [$(Row {
            name: $name,
            status: $status,
            same_model: SameModel::$same,
            next_model: NextModel::$next,
            fault: Fault::$fault,
        },)+];

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// What the kind means, as one sentence without a capital letter and a full stop.
            // Not a field of the table, and inline: a page downloads only the sentences that its code names.
            #[inline(always)]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Self::$kind => $explanation,)+
                }
            }
        }
    };
}

kinds! {
    // kind            name in reports      status  same model      next model     fault       explanation
    RateLimited       "rateLimited"         429     AfterNamedWait  Any            Model       "too many requests for this model or with this key"
    InFlightBudget    "inFlightBudget"      402     AfterNamedWait  Any            Account     "running requests hold the rest of the balance"
    ServerError       "serverError"         500     AfterPause      Any            Model       "the upstream failed; the same request may work on a second try"
    Unavailable       "unavailable"         503     Never           Any            Model       "the model is overloaded or down"
    Network           "network"             502     AfterPause      Any            Connection  "no connection was made, or the connection broke"
    BadResponse       "badResponse"         502     AfterPause      Any            Model       "the upstream reported success, but its body is not an answer"
    HeadersTimeout    "headersTimeout"      504     Never           Any            Model       "no response headers came in time"
    FirstTokenTimeout "firstTokenTimeout"   504     Never           Any            Model       "no text, reasoning or tool call came in time"
    Stalled           "stalled"             504     Never           Any            Model       "the stream sent nothing more, or only keep-alive comments"
    Timeout           "timeout"             504     Never           Never          Policy      "the call used all of its time"
    UnknownModel      "unknownModel"        404     Never           Any            Request     "no model has this id, or no longer"
    NoEndpoint        "noEndpoint"          404     Never           Any            Request     "no provider serves this model for this request"
    ContextLength     "contextLength"       400     Never           LargerContext  Request     "the prompt and the output do not fit the model's context window"
    ContentFilter     "contentFilter"       400     Never           Any            Answer      "a content filter stopped the request or the answer"
    Unauthorized      "unauthorized"        401     Never           OtherUpstream  Account     "the upstream does not accept the key"
    PaymentRequired   "paymentRequired"     402     Never           OtherUpstream  Account     "the account or the key has no credit left"
    Forbidden         "forbidden"           403     Never           OtherUpstream  Account     "a permission, a guardrail or the region forbids this to the key"
    InvalidRequest    "invalidRequest"      400     Never           Never          Request     "the request is not valid, whichever model receives it"
    Cut               "cut"                 502     AfterPause      Any            Model       "the answer ended before it was complete"
    Empty             "empty"               502     AfterPause      Any            Answer      "the answer is empty"
    ReasoningOnly     "reasoningOnly"       502     AfterPause      Any            Answer      "the answer has reasoning and nothing else"
    Refusal           "refusal"             400     Never           Any            Answer      "the model declined to answer"
    Length            "length"              502     Never           Any            Answer      "the answer reached the output limit"
    InvalidJson       "invalidJson"         502     Never           Any            Answer      "the request asked for JSON, but the answer is not JSON"
    SchemaMismatch    "schemaMismatch"      502     Never           Any            Answer      "the answer does not match the schema of the request"
    TooShort          "tooShort"            502     Never           Any            Answer      "the answer is shorter than the policy requires"
    Pattern           "pattern"             502     Never           Any            Answer      "the answer contains a text that the policy forbids"
    BelowThreshold    "belowThreshold"      502     Never           Any            Answer      "the judge scored the answer below the threshold"
    Superseded        "superseded"          502     Never           Any            Nothing     "another model answered first"
    TooExpensive      "tooExpensive"        402     Never           Never          Policy      "every model of the chain may cost more than the policy allows"
    CircuitOpen       "circuitOpen"         503     Never           Never          Policy      "every model of the chain failed recently and has to rest"
    Aborted           "aborted"             499     Never           Never          Nothing     "the caller aborted the call"
}

/// Names that reports used before, with the kinds that they mean.
const OLD_NAMES: [(&str, Kind); 1] = [("outrun", Kind::Superseded)];

impl Kind {
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name in reports, in the ledger and in JavaScript.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The kind that a report calls `name`, now or in an earlier version.
    pub fn from_name(name: &str) -> Option<Self> {
        let old = || OLD_NAMES.iter().find(|(old, _)| *old == name).map(|(_, kind)| *kind);
        Self::ALL.iter().copied().find(|kind| kind.name() == name).or_else(old)
    }

    /// The HTTP status that a caller sees where no upstream sent one.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// May the same model receive the request again?
    pub fn same_model(self) -> SameModel {
        self.row().same_model
    }

    /// May another model receive the request?
    pub fn next_model(self) -> NextModel {
        self.row().next_model
    }

    /// What is to blame.
    pub fn fault(self) -> Fault {
        self.row().fault
    }

    /// One of an attempt's clocks ran out.
    pub(crate) fn is_timeout(self) -> bool {
        matches!(self, Self::HeadersTimeout | Self::FirstTokenTimeout | Self::Stalled)
    }

    /// OpenAI's `error.type`.
    pub(super) fn openai_type(self) -> &'static str {
        openai_type(self.status())
    }
}

/// OpenAI's `error.type` for a response with the HTTP status `status`.
pub fn openai_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        408 | 499.. => "server_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn every_kind_is_read_by_its_name() {
        for (at, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!((*kind as usize, Kind::from_name(kind.name())), (at, Some(*kind)));
        }
        assert_eq!(Kind::from_name("no such kind"), None);
    }

    #[test]
    fn an_old_name_is_still_read() {
        assert_eq!((Kind::from_name("outrun"), Kind::Superseded.name()), (Some(Kind::Superseded), "superseded"));
    }
}
