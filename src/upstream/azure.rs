//! Azure OpenAI, for upstreams: the dialect `azure`. It is chat completions with deployments in the place of models
//! (`openai/openai-node` `src/azure.ts`; learn.microsoft.com/azure/foundry/openai/api-version-lifecycle).
//!
//! | base URL | request |
//! |---|---|
//! | `https://NAME.openai.azure.com/openai/v1` | `…/openai/v1/chat/completions` or `/responses`, with the deployment as `model` |
//! | `https://NAME.openai.azure.com` | `…/openai/deployments/DEPLOYMENT/chat/completions?api-version=…` |
//! | `https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT` | the same, with this deployment for every model |

use crate::text::text;

/// The version of the API where the base URL names none.
const VERSION: &str = "?api-version=2024-10-21";

/// The URL of a request to the `endpoint` of the deployment `model`. `path` and `query` are those of the base URL.
pub(crate) fn url(path: &str, query: &str, model: &str, endpoint: &str) -> String {
    if path.ends_with("/v1") {
        return text!(path, endpoint, query);
    }
    let query = if query.is_empty() { VERSION } else { query };
    if path.contains("/deployments/") {
        return text!(path, endpoint, query);
    }
    let api = if path.ends_with("/openai") { "" } else { "/openai" };
    text!(path, api, "/deployments/", &encoded(model), endpoint, query)
}

/// A client may name the deployment, and must not get another path with it.
fn encoded(name: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push('%');
            encoded.push(DIGITS[usize::from(byte >> 4)].into());
            encoded.push(DIGITS[usize::from(byte & 15)].into());
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn the_deployment_stands_in_the_path_of_the_dated_api() {
        let host = "https://a.openai.azure.com";
        let dated = "/openai/deployments/gpt%2F4o/chat/completions?api-version=";
        for (path, query, end) in [
            ("", "", format!("{dated}2024-10-21")),
            ("/openai", "?api-version=2025-01-01-preview", format!("{dated}2025-01-01-preview")),
            ("/openai/v1", "", "/openai/v1/chat/completions".into()),
            ("/openai/v1", "?api-version=preview", "/openai/v1/chat/completions?api-version=preview".into()),
            ("/openai/deployments/d", "?api-version=1", "/openai/deployments/d/chat/completions?api-version=1".into()),
        ] {
            assert_eq!(url(&[host, path].concat(), query, "gpt/4o", "/chat/completions"), [host, &end].concat());
        }
    }
}
