//! The errors of the edge itself: every request that it refuses before a model is asked. A failure of a model is another
//! type, the core's `Failure`.

use failsoft::failure::openai_type;
use failsoft::json::Object;
use failsoft::protocol::{Protocol, messages};
use failsoft::{Invalid, Millis, Shape};

macro_rules! codes {
    ($($code:ident $name:literal $status:literal)+) => {
        /// Every error that the edge gives, by its `code`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code {
            $($code,)+
        }

        impl Code {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$code,)+];

            /// The value of `error.code`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            pub(crate) fn status(self) -> u16 {
                match self {
                    $(Self::$code => $status,)+
                }
            }
        }
    };
}

codes! {
    // The request.
    InvalidRequest       "invalid_request"       400
    InvalidJson          "invalid_json"          400
    UnreadableBody       "unreadable_body"       400
    UnknownUrl           "unknown_url"           404
    MethodNotAllowed     "method_not_allowed"    405
    RequestTimeout       "request_timeout"       408
    RequestTooLarge      "request_too_large"     413
    // Who may call, and for which models.
    InvalidApiKey        "invalid_api_key"       401
    TokenInvalid         "token_invalid"         401
    TokenExpired         "token_expired"         401
    TokenRevoked         "token_revoked"         401
    ClientKeyExpired     "key_expired"           401
    ClientKeyRevoked     "key_revoked"           401
    NotLocal             "not_local"             403
    HttpsRequired        "https_required"        403
    OriginNotAllowed     "origin_not_allowed"    403
    AddressNotAllowed    "address_not_allowed"   403
    ModelNotAllowed      "model_not_allowed"     403
    ModelNotFound        "model_not_found"       404
    TooManyAttempts      "too_many_attempts"     429
    KeysUnavailable      "keys_unavailable"      503
    IssuerUnavailable    "issuer_unavailable"    503
    // Sessions of visitors.
    TurnstileRefused     "turnstile_refused"     403
    VisitorsNotSetUp     "visitors_not_set_up"   404
    TurnstileUnavailable "turnstile_unavailable" 503
    // Budgets.
    BudgetExceeded       "budget_exceeded"       402
    RateLimitExceeded    "rate_limit_exceeded"   429
    BudgetUnavailable    "budget_unavailable"    503
    PriceUnknown         "price_unknown"         503
    ReasoningUnbounded   "reasoning_unbounded"   400
    // The owner's endpoints.
    InvalidAdminToken    "invalid_admin_token"   401
    InvalidAdminSession  "invalid_admin_session" 401
    InsufficientScope    "insufficient_scope"    403
    CsrfRefused          "csrf_refused"          403
    AdminNotSetUp        "admin_not_set_up"      404
    SessionNotFound      "session_not_found"     404
    TooManySessions      "too_many_sessions"     409
    KeyNotFound          "key_not_found"         404
    KeyRevoked           "key_revoked"           409
    KeyExists            "key_exists"            409
    TooManyKeys          "too_many_keys"         409
    LedgerUnavailable    "ledger_unavailable"    503
    BreakersUnavailable  "breakers_unavailable"  503
    // Stored routes.
    RouteNotFound        "route_not_found"       404
    RouteExists          "route_exists"          409
    RouteReadOnly        "route_read_only"       409
    TooManyRoutes        "too_many_routes"       409
    RouteChanged         "route_changed"         412
    VersionMissing       "version_missing"       428
    RoutesUnavailable    "routes_unavailable"    503
    // The edge.
    Busy                 "busy"                  503
    Paused               "paused"                503
    Internal             "internal"              500
    NotConfigured        "not_configured"        503
}

/// The form in which a client reads errors.
#[derive(Clone, Debug)]
pub(crate) struct ErrorForm {
    pub(crate) protocol: Protocol,
    /// Whether its errors are those of OpenAI or of OpenRouter, where the protocol is OpenAI's.
    pub(crate) shape: Shape,
    /// Names the request.
    pub(crate) id: String,
}

/// A request that the edge refuses, in the words of OpenAI's protocol.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The path of the field that is wrong.
    pub(crate) param: Option<String>,
    /// How long the client should wait before it tries again.
    pub(crate) retry_after: Option<Millis>,
    /// JSON text: the budget that was used up, and how much of it.
    pub(crate) budget: Option<Box<str>>,
    /// The value of the header `allow`: the methods that the URL has.
    pub(crate) allow: Option<&'static str>,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, retry_after: None, budget: None, allow: None }
    }

    /// The error for a method that the URL does not have.
    pub(crate) fn wrong_method(methods: &'static str) -> Self {
        let error = Self::new(Code::MethodNotAllowed, ["this URL takes the methods ", methods].concat());
        Self { allow: Some(methods), ..error }
    }

    /// The error, caused by the field at `path`.
    pub(crate) fn about(mut self, path: impl Into<String>) -> Self {
        self.param = Some(path.into());
        self
    }

    /// The body of the response, in the `form` of the client. The error has no `kind`: no model failed. The budget is in the
    /// error, too, because some SDKs pass on nothing else.
    pub(crate) fn body(&self, form: &ErrorForm) -> String {
        if form.protocol != Protocol::Messages {
            return self.to_json(form.shape);
        }
        let mut fields = Object::default();
        fields.text("code", self.code.name()).maybe_text("param", self.param.as_deref());
        fields.maybe_raw("budget", self.budget.as_deref());
        messages::error(self.code.status(), &self.message, Some(&form.id), &fields.end())
    }

    fn to_json(&self, shape: Shape) -> String {
        let (status, name) = (self.code.status(), self.code.name());
        let mut error = Object::default();
        error.text("message", &self.message);
        error.text("type", openai_type(status));
        match &self.param {
            Some(path) => error.text("param", path),
            None => error.raw("param", "null"),
        };
        match shape {
            Shape::OpenAi => error.text("code", name).maybe_raw("budget", self.budget.as_deref()),
            Shape::OpenRouter => {
                error.whole("code", status.into()).open("metadata", "{").text("error_type", name);
                error.maybe_raw("budget", self.budget.as_deref()).close("}")
            }
        };
        let mut envelope = Object::default();
        envelope.raw("error", &error.end());
        if let Some(budget) = &self.budget {
            envelope.open("failsoft", "{").raw("budget", budget).close("}");
        }
        envelope.end()
    }
}

impl From<Box<Invalid>> for ApiError {
    fn from(invalid: Box<Invalid>) -> Self {
        Self::new(Code::InvalidRequest, invalid.sentence()).about(invalid.path)
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiError, Code, ErrorForm, Protocol, Shape};

    #[test]
    fn the_documentation_lists_every_code() {
        let page = include_str!("../../../www/docs/edge.md");
        let row = |code: &Code| format!("| `{}` | {} | ", code.name(), code.status());
        let missing: Vec<_> = Code::ALL.iter().map(row).filter(|row| !page.contains(row)).collect();
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn has_the_shape_of_the_client_and_no_kind_of_a_models_failure() {
        let mut error = ApiError::new(Code::BudgetExceeded, "too \"much\"").about("n");
        error.budget = Some("{\"used\":1}".into());
        let expected = r#"{"error":{"message":"too \"much\"","type":"insufficient_quota","param":"n","code":"budget_exceeded","budget":{"used":1}},"failsoft":{"budget":{"used":1}}}"#;
        assert_eq!(error.to_json(Shape::OpenAi), expected);
        let expected = r#"{"error":{"message":"too \"much\"","type":"insufficient_quota","param":"n","code":402,"metadata":{"error_type":"budget_exceeded","budget":{"used":1}}},"failsoft":{"budget":{"used":1}}}"#;
        assert_eq!(error.to_json(Shape::OpenRouter), expected);
        let expected = r#"{"error":{"message":"x","type":"invalid_request_error","param":null,"code":"unknown_url"}}"#;
        assert_eq!(ApiError::new(Code::UnknownUrl, "x").to_json(Shape::OpenAi), expected);
        let form = ErrorForm { protocol: Protocol::Messages, shape: Shape::OpenAi, id: "r".into() };
        let expected = r#"{"type":"error","error":{"type":"billing_error","message":"too \"much\"","code":"budget_exceeded","param":"n","budget":{"used":1}},"request_id":"r"}"#;
        assert_eq!(error.body(&form), expected);
    }
}
