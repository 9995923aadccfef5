//! The API that `dev` and `live` use, and its key.

use std::env;

use failsoft::upstream::OPENROUTER;

use crate::arguments::Dev;
use crate::failure::{Failure, Result};

/// The dialect of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenRouter,
    OpenAi,
}

impl Dialect {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "openrouter" => Some(Self::OpenRouter),
            "openai" => Some(Self::OpenAi),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenRouter => "openrouter",
            Self::OpenAi => "openai",
        }
    }

    fn of(url: &str) -> Self {
        match failsoft::Dialect::of_url(url) {
            failsoft::Dialect::OpenRouter => Self::OpenRouter,
            _ => Self::OpenAi,
        }
    }
}

/// The upstream of `dev`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The emulator of this repository.
    Emulator { dialect: Dialect },
    /// A real API. The key may be empty for an API that needs none.
    Api { url: String, dialect: Dialect, key: String },
}

/// Chooses by the command line, then by the environment.
pub(crate) fn choose(options: &Dev) -> Result<Choice> {
    choose_with(options, variable)
}

/// The API at `url`, or OpenRouter, with a key that is not empty.
pub(crate) fn with_key(url: Option<&str>) -> Result<(String, String)> {
    with_key_from(url, variable)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn with_key_from(url: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<(String, String)> {
    let url = url.unwrap_or(OPENROUTER);
    let how = "set UPSTREAM_API_KEY";
    let key = key_for(url, variable)?.ok_or(Failure::Missing { what: "the key for this API", how })?;
    Ok((url.to_owned(), key))
}

/// The key for the API at `url`, which may need none.
fn key_for(url: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Option<String>> {
    // A key goes only to its own API: OpenRouter's key is never sent to another one.
    if !is_openrouter(url) {
        return Ok(variable("UPSTREAM_API_KEY"));
    }
    let how = "set OPENROUTER_API_KEY";
    variable("OPENROUTER_API_KEY").ok_or(Failure::Missing { what: "the key for OpenRouter", how }).map(Some)
}

fn choose_with(options: &Dev, variable: impl Fn(&str) -> Option<String>) -> Result<Choice> {
    let url = match &options.upstream {
        Some(url) => url.as_str(),
        None if variable("OPENROUTER_API_KEY").is_some() => OPENROUTER,
        None => return Ok(Choice::Emulator { dialect: options.dialect.unwrap_or(Dialect::OpenRouter) }),
    };
    let key = key_for(url, variable)?.unwrap_or_default();
    let dialect = options.dialect.unwrap_or_else(|| Dialect::of(url));
    Ok(Choice::Api { url: url.to_owned(), dialect, key })
}

/// OpenRouter, over TLS. A key never travels in the clear.
pub(crate) fn is_openrouter(url: &str) -> bool {
    url.starts_with("https://") && Dialect::of(url) == Dialect::OpenRouter
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose_from(upstream: Option<&str>, variables: &[(&str, &str)]) -> Result<Choice> {
        let options = Dev { upstream: upstream.map(str::to_owned), ..Dev::default() };
        choose_with(&options, |name| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn without_a_key_the_upstream_is_the_emulator() {
        assert_eq!(choose_from(None, &[]).expect("a value"), Choice::Emulator { dialect: Dialect::OpenRouter });
    }

    #[test]
    fn with_a_key_the_upstream_is_openrouter() {
        let chosen = choose_from(None, &[("OPENROUTER_API_KEY", "k")]).expect("a value");
        assert_eq!(
            chosen,
            Choice::Api { url: OPENROUTER.to_owned(), dialect: Dialect::OpenRouter, key: "k".to_owned() }
        );
    }

    #[test]
    fn openrouters_key_goes_to_openrouter_alone() {
        let keys = [("OPENROUTER_API_KEY", "k"), ("UPSTREAM_API_KEY", "other")];
        for url in ["http://127.0.0.1:9/v1", "https://openrouter.ai.example/v1", "https://openrouter.ai@example/v1"] {
            let chosen = choose_from(Some(url), &keys).expect("a value");
            let expected = Choice::Api { url: url.to_owned(), dialect: Dialect::OpenAi, key: "other".to_owned() };
            assert_eq!(chosen, expected);
        }
    }

    #[test]
    fn openrouter_without_a_key_is_an_error() {
        let failure = choose_from(Some(OPENROUTER), &[("UPSTREAM_API_KEY", "k")]).expect_err("a failure");
        assert_eq!(failure.to_string(), "the key for OpenRouter is missing: set OPENROUTER_API_KEY");
    }

    #[test]
    fn live_needs_the_key_of_the_api_that_it_uses() {
        let with_key = |url, variables: &[(&str, &str)]| {
            with_key_from(url, |name| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
                .map_err(|failure| failure.to_string())
        };
        let (openrouter, other) = (("OPENROUTER_API_KEY", "k"), ("UPSTREAM_API_KEY", "other"));
        assert_eq!(with_key(None, &[openrouter, other]), Ok((OPENROUTER.to_owned(), "k".to_owned())));
        assert_eq!(
            with_key(None, &[other]),
            Err("the key for OpenRouter is missing: set OPENROUTER_API_KEY".to_owned())
        );
        let url = "http://127.0.0.1:9/api/v1";
        assert_eq!(with_key(Some(url), &[openrouter, other]), Ok((url.to_owned(), "other".to_owned())));
        let refused = "the key for this API is missing: set UPSTREAM_API_KEY";
        assert_eq!(with_key(Some(url), &[openrouter]), Err(refused.to_owned()));
    }
}
