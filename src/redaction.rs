//! What belongs to the owner of an upstream's key is removed from an answer: from all of its fields but the text, which stays as
//! the model wrote it. So does the text in the fields of a vendor's own protocol, which stand in `native` beside it. The host says
//! what belongs to the owner.

use std::sync::Arc;

use crate::json::{Json, Object, array, quoted};
use crate::upstream::Upstream;

/// `text` without what belongs to the owner of one of the upstreams. `None` if nothing of it does.
pub(crate) type Redact = fn(text: &str, upstreams: &[Upstream]) -> Option<String>;

/// The fields of a choice that are the text of the answer.
const TEXT: &str = "message delta text logprobs";

/// The field of a message or a delta that has a vendor's own fields, and the fields in it that are the text of the answer.
const NATIVE: &str = "native";
const NATIVE_TEXT: &str =
    "text thinking refusal arguments input partial_json delta signature data encrypted_content logprobs";

/// What is removed from the answers of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Redaction {
    redact: Redact,
    upstreams: Arc<Vec<Upstream>>,
    /// The fields beside the text of the last chunk, if nothing was removed from them. Most chunks of a stream have the same.
    clean: String,
    /// Something was removed.
    pub(crate) has_removed: bool,
}

impl Redaction {
    pub(crate) fn new(redact: Redact, upstreams: Arc<Vec<Upstream>>) -> Self {
        Self { redact, upstreams, clean: String::new(), has_removed: false }
    }

    /// A completion or a chunk without what belongs to the owner. `None` if it may stay as it is.
    pub(crate) fn of_answer(&mut self, answer: Json<'_>) -> Option<String> {
        let mut beside = String::new();
        for (name, value) in answer.fields() {
            if !is_choices(name, value) {
                beside.extend([name.raw(), value.raw()]);
                continue;
            }
            for choice in value.items() {
                let fields = choice.fields().filter(|(name, _)| !is_text(*name));
                fields.for_each(|(name, value)| beside.extend([name.raw(), value.raw()]));
                let native = ["message", "delta"].map(|name| choice.get(name).get(NATIVE));
                native.iter().filter(|native| !native.is_null()).for_each(|native| beside.push_str(native.raw()));
                beside.push_str(if choice.is_object() { "" } else { choice.raw() });
            }
        }
        if beside == self.clean {
            return None;
        }
        let shown = self.object(answer, |name, value| match is_choices(name, value) {
            true => self.array(value, |choice| self.of_choice(choice)),
            false => self.of_value(value),
        });
        match shown {
            Some(_) => self.has_removed = true,
            None => self.clean = beside,
        }
        shown
    }

    fn of_choice(&self, choice: Json<'_>) -> Option<String> {
        if !choice.is_object() {
            return self.of_value(choice);
        }
        self.object(choice, |name, value| match is_text(name) {
            true if name.is("message") || name.is("delta") => self.object(value, |name, value| match name.is(NATIVE) {
                true => self.of_native(value),
                false => None,
            }),
            true => None,
            false => self.of_value(value),
        })
    }

    fn of_native(&self, value: Json<'_>) -> Option<String> {
        if value.is_array() {
            return self.array(value, |item| self.of_native(item));
        }
        if !value.is_object() {
            return self.of_value(value);
        }
        let is_written = |name: Json<'_>| NATIVE_TEXT.split(' ').any(|field| name.is(field));
        self.object(value, |name, value| if is_written(name) { None } else { self.of_native(value) })
    }

    /// Any value without what belongs to the owner, as JSON text. `None` if it may stay as it is.
    pub(crate) fn of_value(&self, value: Json<'_>) -> Option<String> {
        if value.is_object() {
            return self.object(value, |_, value| self.of_value(value));
        }
        if value.is_array() {
            return self.array(value, |item| self.of_value(item));
        }
        (self.redact)(&value.text()?, &self.upstreams).map(|shown| quoted(&shown))
    }

    fn array(&self, list: Json<'_>, shown: impl Fn(Json<'_>) -> Option<String>) -> Option<String> {
        let items: Vec<Option<String>> = list.items().map(shown).collect();
        let is_changed = items.iter().any(Option::is_some);
        is_changed.then(|| array(items.into_iter().zip(list.items()).map(|(new, old)| new.unwrap_or(old.raw().into()))))
    }

    /// A field whose name belongs to the owner is removed as a whole.
    fn object(&self, object: Json<'_>, shown: impl Fn(Json<'_>, Json<'_>) -> Option<String>) -> Option<String> {
        let (mut rest, mut is_changed) = (Object::default(), false);
        for (name, value) in object.fields() {
            if (self.redact)(&name.text().unwrap_or_default(), &self.upstreams).is_some() {
                is_changed = true;
                continue;
            }
            let new = shown(name, value);
            is_changed |= new.is_some();
            rest.entry(name, new.as_deref().unwrap_or(value.raw()));
        }
        is_changed.then(|| rest.end())
    }
}

fn is_choices(name: Json<'_>, value: Json<'_>) -> bool {
    name.is("choices") && value.is_array()
}

fn is_text(name: Json<'_>) -> bool {
    TEXT.split(' ').any(|field| name.is(field))
}

#[cfg(test)]
mod tests {
    use super::Redaction;
    use crate::Json;

    fn redaction() -> Redaction {
        Redaction::new(|text, _| text.contains("KEY").then(|| text.replace("KEY", "[removed]")), Vec::new().into())
    }

    fn shown(answer: &str) -> Option<String> {
        redaction().of_answer(Json::parse(answer).expect("JSON"))
    }

    #[test]
    fn every_field_beside_the_text_is_redacted_at_every_depth_and_in_every_spelling() {
        for (answer, expected) in [
            (r#"{"id":"a-KEY","model":"m"}"#, r#"{"id":"a-[removed]","model":"m"}"#),
            (r#"{"model":"\u004b\u0045Y"}"#, r#"{"model":"[removed]"}"#),
            (r#"{"new":{"a":[1,{"b":"KEY"}]},"n":2}"#, r#"{"new":{"a":[1,{"b":"[removed]"}]},"n":2}"#),
            (r#"{"KEY":1,"id":"x"}"#, r#"{"id":"x"}"#),
            (
                r#"{"choices":[{"delta":{"content":"KEY"},"native":"KEY"}]}"#,
                r#"{"choices":[{"delta":{"content":"KEY"},"native":"[removed]"}]}"#,
            ),
            (r#"{"choices":"KEY"}"#, r#"{"choices":"[removed]"}"#),
            (r#"{"choices":{"text":"KEY","a":["KEY"]}}"#, r#"{"choices":{"text":"[removed]","a":["[removed]"]}}"#),
            (
                r#"{"choices":["KEY",["KEY"],{"text":"KEY"}]}"#,
                r#"{"choices":["[removed]",["[removed]"],{"text":"KEY"}]}"#,
            ),
        ] {
            assert_eq!(shown(answer).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_vendors_own_fields_are_redacted_beside_the_text_in_them() {
        for (answer, expected) in [
            (
                r#"{"choices":[{"delta":{"content":"KEY","native":[{"begin":{"id":"a-KEY","new":["KEY"],"text":"KEY"}}]}}]}"#,
                r#"{"choices":[{"delta":{"content":"KEY","native":[{"begin":{"id":"a-[removed]","new":["[removed]"],"text":"KEY"}}]}}]}"#,
            ),
            (
                r#"{"choices":[{"message":{"native":[{"whole":{"content":[{"text":"KEY","KEY":1}]}}]}}]}"#,
                r#"{"choices":[{"message":{"native":[{"whole":{"content":[{"text":"KEY"}]}}]}}]}"#,
            ),
        ] {
            assert_eq!(shown(answer).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_text_of_an_answer_stays_as_it_is() {
        for answer in [
            r#"{"id":"x","choices":[{"message":{"content":"KEY","tool_calls":[{"id":"KEY"}]}}]}"#,
            r#"{"id":"x","choices":[{"delta":{"reasoning":"KEY"},"logprobs":{"content":[{"token":"KEY"}]}}]}"#,
        ] {
            assert_eq!(shown(answer), None);
        }
    }

    #[test]
    fn a_chunk_that_differs_from_the_one_before_is_checked_again() {
        let mut redaction = redaction();
        let mut is_shown = |model: &str| redaction.of_answer(Json::parse(model).expect("JSON")).is_some();
        assert_eq!(
            [r#"{"m":"a"}"#, r#"{"m":"a"}"#, r#"{"m":"KEY"}"#, r#"{"m":"a"}"#].map(&mut is_shown),
            [false, false, true, false]
        );
        let mut is_shown = |choices: &str| redaction.of_answer(Json::parse(choices).expect("JSON")).is_some();
        assert_eq!(
            [r#"{"choices":["a"]}"#, r#"{"choices":["KEY"]}"#, r#"{"choices":1}"#, r#"{"choices":"KEY"}"#]
                .map(&mut is_shown),
            [false, true, false, true]
        );
        assert!(redaction.has_removed);
    }
}
