//! The request of `POST /v1/embeddings`: each of its inputs becomes a vector (`CreateEmbeddingRequest` in
//! `openai/openai-openapi` `openapi.yaml`).

use super::ChatRequest;
use crate::invalid::Invalid;
use crate::json::{Fields, Json, decimal};
use crate::text::text;
use crate::tokens::Prompt;

/// What a request for embeddings asks for, and what its answer must have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// The number of inputs. The answer has as many vectors.
    pub inputs: usize,
    /// The most tokens that all inputs together can have. No vocabulary makes more tokens of a text than the text has bytes.
    pub most_tokens: u64,
    /// The input with the most tokens. A context window has to hold one input, not all of them.
    pub(crate) longest: Prompt,
    /// The length of each vector. `None`: the model decides.
    pub(crate) dimensions: Option<u64>,
    /// The client reads vectors in base64, not as lists of numbers.
    pub(crate) base64: bool,
}

impl ChatRequest {
    /// Reads the fields of a request for embeddings. The request has no messages; in everything else, it is a call as any other.
    ///
    /// # Errors
    /// [`Invalid`] with the path of the field that is missing, wrong, or in the object twice. Several models are an error: the
    /// vectors of one model mean nothing to another.
    pub fn read_embeddings(body: &Fields<'_>) -> Result<Self, Box<Invalid>> {
        let (embeddings, prompt) = Embeddings::read(body)?;
        let request = Self::read_around(body, prompt)?;
        if request.models.len() > 1 {
            let problem = "can have one model only: vectors of different models cannot be compared";
            return Err(Invalid::new("models", problem));
        }
        Ok(Self { embeddings: Some(Box::new(embeddings)), max_tokens: Some(0), thinking: Some(false), ..request })
    }
}

impl Embeddings {
    fn read(body: &Fields<'_>) -> Result<(Self, Prompt), Box<Invalid>> {
        let (mut embeddings, mut prompt) = (Self::default(), Prompt::default());
        let input = body.get("input");
        let is_one = input.is_string() || input.items().next().is_some_and(Json::is_number);
        if is_one {
            embeddings.add(input, &mut prompt).ok_or_else(wrong_input)?;
        } else {
            for (at, input) in input.items().enumerate() {
                let wrong =
                    || Invalid::new(text!("input[", &decimal(at as u64), "]"), "must be a text, or a list of tokens");
                embeddings.add(input, &mut prompt).ok_or_else(wrong)?;
            }
        }
        if embeddings.inputs == 0 {
            return Err(wrong_input());
        }
        let format = body.get("encoding_format");
        embeddings.base64 = format.is("base64");
        if !format.is_null() && !embeddings.base64 && !format.is("float") {
            return Err(Invalid::new("encoding_format", "must be \"float\" or \"base64\""));
        }
        let dimensions = body.get("dimensions");
        embeddings.dimensions = dimensions.whole().filter(|dimensions| *dimensions > 0);
        if !dimensions.is_null() && embeddings.dimensions.is_none() {
            return Err(Invalid::new("dimensions", "must be a whole number from 1 on"));
        }
        Ok((embeddings, prompt))
    }

    /// Adds one input: a text, or a list of tokens. `None`, if it is neither.
    fn add(&mut self, input: Json<'_>, all: &mut Prompt) -> Option<()> {
        let (prompt, most) = match input.text() {
            Some(text) => (Prompt::text(&text), input.raw().len() as u64),
            None => {
                let mut tokens = 0;
                for token in input.items() {
                    token.whole()?;
                    tokens += 1;
                }
                (Prompt::of_tokens(tokens), tokens)
            }
        };
        self.inputs += 1;
        self.most_tokens += most;
        if prompt.ceiling() > self.longest.ceiling() {
            self.longest = prompt;
        }
        all.add_prompt(prompt);
        (most > 0).then_some(())
    }
}

fn wrong_input() -> Box<Invalid> {
    Invalid::new("input", "must be a text, a list of texts, or a list of lists of tokens")
}

#[cfg(test)]
mod tests {
    use super::ChatRequest;
    use crate::json::{Fields, Json};
    use serde_json::{Value, json};

    fn read(mut body: Value) -> Result<ChatRequest, String> {
        body["model"] = body.get("model").cloned().unwrap_or("a".into());
        let body = body.to_string();
        ChatRequest::read_embeddings(&Fields::of(Json::parse(&body).expect("JSON"))).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn an_input_is_a_text_or_a_list_of_tokens_and_there_may_be_several() {
        for (input, inputs, most) in [
            (json!("hi"), 1, 4),
            (json!(["hi", "", "there"]), 3, 13),
            (json!([1, 2, 3]), 1, 3),
            (json!([[1, 2, 3], [4]]), 2, 4),
            (json!(["hi", [4]]), 2, 5),
        ] {
            let request = read(json!({"input": input})).expect("valid");
            let embeddings = request.embeddings.expect("embeddings");
            assert_eq!((embeddings.inputs, embeddings.most_tokens), (inputs, most), "{input}");
        }
    }

    #[test]
    fn one_context_window_has_to_hold_the_longest_input_and_all_of_them_are_paid() {
        let request = read(json!({"input": [[1, 2], [1, 2, 3, 4], [1]]})).expect("valid");
        assert_eq!((request.window_prompt().ceiling(), request.prompt.ceiling()), (4, 7));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let one = "`models` can have one model only: vectors of different models cannot be compared";
        let input = "`input` must be a text, a list of texts, or a list of lists of tokens";
        for (body, problem) in [
            (json!({}), input),
            (json!({"input": []}), input),
            (json!({"input": {"a": 1}}), input),
            (json!({"input": [1, "a"]}), input),
            (json!({"input": ["a", 1]}), "`input[1]` must be a text, or a list of tokens"),
            (json!({"input": ["a", []]}), "`input[1]` must be a text, or a list of tokens"),
            (json!({"input": [[1], [1.5]]}), "`input[1]` must be a text, or a list of tokens"),
            (json!({"input": [[1], [-1]]}), "`input[1]` must be a text, or a list of tokens"),
            (json!({"input": [{"content": []}]}), "`input[0]` must be a text, or a list of tokens"),
            (json!({"input": "a", "encoding_format": "int8"}), "`encoding_format` must be \"float\" or \"base64\""),
            (json!({"input": "a", "dimensions": 0}), "`dimensions` must be a whole number from 1 on"),
            (json!({"input": "a", "dimensions": "9"}), "`dimensions` must be a whole number from 1 on"),
            (json!({"input": "a", "model": "a", "models": ["a", "b"]}), one),
        ] {
            assert_eq!(read(body.clone()).err().as_deref(), Some(problem), "{body}");
        }
    }
}
