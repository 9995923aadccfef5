//! A request that the edge itself turns down, before anybody is asked.

use failsoft::json::Object;
use failsoft::{Failure, Invalid, Json, Kind};

/// Why, in the words of the protocol.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) failure: Box<Failure>,
    /// OpenAI's `param`: the path of the field that is to blame.
    pub(crate) param: Option<String>,
    /// The bound that was reached and how it stands: JSON text.
    pub(crate) budget: Option<String>,
    /// Methods that are possible instead.
    pub(crate) allow: Option<&'static str>,
}

impl ApiError {
    pub(crate) fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        let mut failure = Failure::new(kind, message);
        failure.code = Some(code.into());
        Self { failure, param: None, budget: None, allow: None }
    }

    /// The request, whoever should answer it, is wrong.
    pub(crate) fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidRequest, code, message)
    }

    /// With a status that its kind does not have.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.failure.status = Some(status);
        self
    }

    /// Because of the field at `path`.
    pub(crate) fn about(mut self, path: impl Into<String>) -> Self {
        self.param = Some(path.into());
        self
    }

    /// OpenAI's error envelope.
    pub(crate) fn to_openai(&self) -> String {
        let error = self.failure.to_openai();
        let mut json = Object::default();
        json.maybe_text("param", self.param.as_deref());
        for (name, value) in Json::parse(&error).unwrap_or(Json::NULL).fields() {
            if self.param.is_none() || !name.is("param") {
                json.entry(name, value.raw());
            }
        }
        let mut envelope = Object::default();
        envelope.raw("error", &json.end());
        if let Some(budget) = &self.budget {
            envelope.open("failsoft", "{").raw("budget", budget).close("}");
        }
        envelope.end()
    }
}

impl From<Box<Invalid>> for ApiError {
    fn from(invalid: Box<Invalid>) -> Self {
        Self::invalid("invalid_request", invalid.to_string()).about(invalid.path)
    }
}
