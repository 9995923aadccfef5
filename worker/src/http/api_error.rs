//! The errors of the edge itself: every request that it refuses before a model is asked. A failure of a model is another
//! type, the core's `Failure`.

mod code;

use failsoft::failure::openai_type;
use failsoft::json::Object;
use failsoft::protocol::{Protocol, messages};
use failsoft::{Invalid, Millis, Shape};

pub(crate) use code::Code;

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
