//! The fields of OpenRouter that state the cause of a failure.

use super::Kind;
use crate::json::{Fields, Json};

/// What the fields of OpenRouter say. The outermost object that has them decides.
#[derive(Debug, Default)]
pub(super) struct RouterFields {
    /// Whose limit was reached.
    pub(super) limit: Option<Kind>,
    /// Why the model is not available, or why the request was stopped.
    pub(super) cause: Option<Kind>,
    /// The same request may work later.
    pub(super) retryable: Option<bool>,
    /// The router's own name for the cause.
    pub(super) name: Option<String>,
    /// The provider behind the model.
    pub(super) provider: Option<String>,
}

impl RouterFields {
    /// Reads the fields of an error object.
    pub(super) fn read(&mut self, error: &Fields<'_>) {
        let (metadata, availability) = (error.get("metadata"), error.get("availability"));
        if !metadata.is_object() && !availability.is_object() {
            return;
        }
        let text = |value: Json<'_>| value.text().filter(|text| !text.is_empty()).map(Into::into);
        self.limit = self.limit.or_else(|| by_limit(metadata));
        self.cause = self.cause.or_else(|| by_availability(availability)).or_else(|| by_moderation(metadata));
        self.retryable = self.retryable.or_else(|| availability.get("retryable").flag());
        let name = || text(metadata.get("error_type")).or_else(|| text(availability.get("code")));
        self.name = self.name.take().or_else(name);
        self.provider = self.provider.take().or_else(|| text(metadata.get("provider_name")));
    }
}

/// The kind for the source of a limit. Only a source that belongs to the account is about the account's money: others, such
/// as a provider's shared pool, are about the rate.
fn by_limit(metadata: Json<'_>) -> Option<Kind> {
    let (source, reason) = (metadata.get("limit_source"), metadata.get("reason"));
    if source.is("openrouter_in_flight_budget") || (source.is_null() && reason.is("in_flight_budget_exhausted")) {
        Some(Kind::InFlightBudget)
    } else if source.word().starts_with("openrouter_") || reason.is("weight_exceeds_budget") {
        Some(Kind::PaymentRequired)
    } else {
        None
    }
}

fn by_availability(availability: Json<'_>) -> Option<Kind> {
    let too_long = availability.get("excluded_by").items().any(|why| why.is("context_length"));
    Some(match availability.get("code").word() {
        "" => return None,
        _ if too_long => Kind::ContextLength,
        "model_not_found" | "model_deprecated" | "free_variant_ended" => Kind::UnknownModel,
        "capacity_exhausted" => Kind::RateLimited,
        "temporarily_unavailable" => Kind::Unavailable,
        // Every other code, known or not, is about this model and this request.
        _ => Kind::NoEndpoint,
    })
}

fn by_moderation(metadata: Json<'_>) -> Option<Kind> {
    if metadata.get("flagged_input").is_string() || metadata.get("reasons").is_array() {
        Some(Kind::ContentFilter)
    } else if metadata.get("patterns").is_array() {
        Some(Kind::Forbidden)
    } else {
        None
    }
}
