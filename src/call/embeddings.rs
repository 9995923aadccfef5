//! The answer to a request for embeddings: it is checked, put in order, and written in the form that the client reads
//! (`CreateEmbeddingResponse` in `openai/openai-openapi` `openapi.yaml`; OpenRouter adds `id` and `usage.cost`).
//!
//! A wrong vector looks like a right one, and spoils an index without an error. So everything about an answer that can be
//! checked is checked, and another upstream is asked for the whole answer if anything is wrong.

mod vector;

use crate::Millis;
use crate::attempt::read_whole;
use crate::events::Events;
use crate::failure::{Failure, Kind, NO_COMPLETION};
use crate::json::{Fields, Json, Object, array, patched};
use crate::request::Embeddings;
use vector::Vector;

impl Embeddings {
    /// Reads an answer. Returns its JSON text, and what it says about itself or why it is wrong. `events` are new.
    pub(crate) fn read_answer(
        &self,
        bytes: &[u8],
        mut events: Box<Events>,
        wall: Millis,
    ) -> (Option<String>, Box<Events>) {
        let answer = Json::parse_bytes(bytes).filter(|answer| answer.get("data").is_array());
        let Some(answer) = answer else {
            let (text, mut events) = read_whole(bytes, events, false, wall);
            if let Some(failure) = events.failure.as_mut().filter(|failure| failure.message == NO_COMPLETION) {
                failure.message = "the upstream's answer has no list of vectors".into();
            }
            return (text, events);
        };
        let mut about = Object::default();
        for (name, value) in answer.fields().filter(|(name, _)| !name.is("data")) {
            about.entry(name, value.raw());
        }
        let mut about = about.end();
        if let Some(without_secrets) = events.redacted(Json::or_null(&about)) {
            about = without_secrets;
        }
        let vectors = self.read_vectors(answer.get("data"));
        let shown = Object::default().fields(&about).raw("data", vectors.as_deref().unwrap_or("[]")).end();
        // Some upstreams count the tokens of the prompt alone.
        if let Some(usage) = Json::or_null(&about).get("usage").as_object() {
            let usage = patched(r#"{"completion_tokens":0}"#, usage.raw());
            about = patched(&about, &Object::default().raw("usage", &usage).end());
        }
        events.take_completion(&Fields::of(Json::or_null(&about)), wall);
        if let Err(failure) = vectors {
            events.failure.get_or_insert(failure);
        }
        (Some(shown), events)
    }

    /// The JSON text of the list `data`, in the order of the inputs.
    fn read_vectors(&self, data: Json<'_>) -> Result<String, Box<Failure>> {
        let rows = self.sort(data)?;
        let (mut list, mut length, mut is_zero) = (Vec::with_capacity(rows.len()), self.dimensions, true);
        for (at, row) in rows.into_iter().enumerate() {
            let vector = Vector::read(row.get("embedding"), self.base64);
            let vector =
                vector.ok_or_else(|| wrong("a vector of the answer is empty, or is not made of finite numbers"))?;
            if *length.get_or_insert(vector.length) != vector.length {
                return Err(match self.dimensions {
                    Some(_) => Failure::new(
                        Kind::SchemaMismatch,
                        "the vectors of the answer do not have the `dimensions` of the request",
                    ),
                    None => wrong("the vectors of the answer have different lengths"),
                });
            }
            is_zero &= vector.is_zero;
            let mut item = Object::default();
            item.text("object", "embedding").whole("index", at as u64).raw("embedding", &vector.json);
            list.push(item.end());
        }
        if is_zero {
            return Err(wrong("every number of the answer's vectors is 0"));
        }
        Ok(array(list))
    }

    /// The rows of `data` in the order of the inputs: `index` names the input. Without it, the rows are in order.
    fn sort<'a>(&self, data: Json<'a>) -> Result<Vec<Json<'a>>, Box<Failure>> {
        let mut rows = vec![Json::NULL; self.inputs];
        let mut count = 0;
        for (at, row) in data.items().enumerate() {
            let index = row.get("index");
            let place =
                if index.is_null() { Some(at) } else { index.whole().and_then(|index| usize::try_from(index).ok()) };
            match place.and_then(|place| rows.get_mut(place)).filter(|place| place.is_null()) {
                Some(place) => *place = row,
                None => return Err(wrong("the vectors of the answer do not belong to the inputs one by one")),
            }
            count += 1;
        }
        if count == 0 {
            let mut failure = Failure::new(Kind::Empty, "the answer has no vectors");
            failure.rejects.add(crate::failure::RequestFields::BASE64);
            return Err(failure);
        }
        if count < self.inputs {
            Err(wrong("the answer has fewer vectors than the request has inputs"))
        } else {
            Ok(rows)
        }
    }
}

fn wrong(message: &str) -> Box<Failure> {
    Failure::new(Kind::BadResponse, message)
}

#[cfg(test)]
mod tests {
    use crate::events::Events;
    use crate::failure::Kind;
    use crate::request::{Embeddings, UsageChunk};

    fn new_events() -> Box<Events> {
        Box::new(Events::new(UsageChunk::AsSent))
    }

    fn read(embeddings: &Embeddings, answer: &str) -> Result<String, (Kind, String)> {
        let (shown, events) = embeddings.read_answer(answer.as_bytes(), new_events(), 0);
        match events.failure {
            Some(failure) => Err((failure.kind, failure.message)),
            None => Ok(shown.unwrap_or_default()),
        }
    }

    fn two(base64: bool) -> Embeddings {
        Embeddings { inputs: 2, base64, ..Embeddings::default() }
    }

    #[test]
    fn vectors_come_in_the_order_of_the_inputs_and_in_the_form_of_the_client() {
        let answer = r#"{"object":"list","data":[{"index":1,"embedding":[1,-2.5e0],"x":1},{"index":0,"embedding":"AAAAPwAAgD8="}],"model":"m","id":"gen-1"}"#;
        let numbers = r#"{"object":"list","model":"m","id":"gen-1","data":[{"object":"embedding","index":0,"embedding":[0.5,1]},{"object":"embedding","index":1,"embedding":[1,-2.5e0]}]}"#;
        assert_eq!(read(&two(false), answer).as_deref(), Ok(numbers));
        let base64 = r#"{"object":"list","model":"m","id":"gen-1","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgD8="},{"object":"embedding","index":1,"embedding":"AACAPwAAIMA="}]}"#;
        assert_eq!(read(&two(true), answer).as_deref(), Ok(base64));
    }

    #[test]
    fn the_tokens_of_the_prompt_are_the_whole_usage() {
        for usage in [r#"{"prompt_tokens":7}"#, r#"{"total_tokens":7}"#, r#"{"prompt_tokens":7,"total_tokens":7}"#] {
            let answer = format!(r#"{{"data":[{{"embedding":[1]}},{{"embedding":[2]}}],"usage":{usage}}}"#);
            let (shown, events) = two(false).read_answer(answer.as_bytes(), new_events(), 0);
            let used = crate::usage::Used::of(&events.answer);
            assert_eq!((used.prompt, used.completion), (Some(7), Some(0)), "{usage}");
            assert!(shown.is_some_and(|shown| shown.starts_with(&format!("{{\"usage\":{usage},"))));
        }
    }

    #[test]
    fn an_answer_that_is_wrong_in_any_place_is_a_failure() {
        let list = |rows: &str| format!(r#"{{"data":[{rows}]}}"#);
        let pair = |vector: &str| list(&format!(r#"{{"embedding":[1,2]}},{{"embedding":{vector}}}"#));
        for (answer, kind) in [
            (list(""), Kind::Empty),
            (list(r#"{"embedding":[1]}"#), Kind::BadResponse),
            (list(r#"{"embedding":[1]},{"embedding":[1]},{"embedding":[1]}"#), Kind::BadResponse),
            (list(r#"{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}"#), Kind::BadResponse),
            (list(r#"{"index":1,"embedding":[1]},{"index":2,"embedding":[1]}"#), Kind::BadResponse),
            (list(r#"{"index":"a","embedding":[1]},{"embedding":[1]}"#), Kind::BadResponse),
            // The first place, in 32 bits.
            (list(r#"{"index":4294967296,"embedding":[1]},{"index":1,"embedding":[1]}"#), Kind::BadResponse),
            (list(r#"{"embedding":[0,0.0]},{"embedding":[-0.0,0e9]}"#), Kind::BadResponse),
            (pair("[]"), Kind::BadResponse),
            (pair("null"), Kind::BadResponse),
            (pair("[1]"), Kind::BadResponse),
            (pair("[1,null]"), Kind::BadResponse),
            (pair(r#"[1,"2"]"#), Kind::BadResponse),
            (pair("[1,[2]]"), Kind::BadResponse),
            (pair("[1,1e999]"), Kind::BadResponse),
            // NaN, infinity, half a number, and what is no base64.
            (pair(r#""AADAfwAAgD8=""#), Kind::BadResponse),
            (pair(r#""AACAfwAAgD8=""#), Kind::BadResponse),
            (pair(r#""AACAPwAA""#), Kind::BadResponse),
            (pair(r#""not base64""#), Kind::BadResponse),
            (r#"{"data":[{"embedding":[1,NaN]}]}"#.into(), Kind::BadResponse),
            (r#"{"data":{"a":1}}"#.into(), Kind::BadResponse),
            (r#"{"object":"list"}"#.into(), Kind::BadResponse),
            ("[]".into(), Kind::BadResponse),
            ("".into(), Kind::BadResponse),
            (r#"{"error":{"code":429,"message":"slow down"}}"#.into(), Kind::RateLimited),
            (r#"{"error":{"code":429,"message":"slow down"},"data":[]}"#.into(), Kind::RateLimited),
        ] {
            for base64 in [false, true] {
                let failure = read(&two(base64), &answer).expect_err(&answer);
                assert_eq!(failure.0, kind, "{answer}: {}", failure.1);
                assert!(!failure.1.contains("completion"), "{}", failure.1);
            }
        }
        let wanted = Embeddings { dimensions: Some(3), ..two(false) };
        let failure = read(&wanted, &pair("[3,4]")).expect_err("wrong length");
        assert_eq!(failure.0, Kind::SchemaMismatch);
    }
}
