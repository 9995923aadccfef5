//! The betas that a client asks for in the header `anthropic-beta` (platform.claude.com/docs/en/api/beta-headers).
//!
//! A beta may let Anthropic fetch or run something, keep state there, or charge more, and a later one may do anything. So only the
//! betas of a list go to the upstream: those below, which change how an answer is written and how often it comes, and those that the
//! owner of the upstream allows by name. What the fields of a request may do is decided elsewhere, and does not depend on a beta.

use super::super::body::add;
use crate::text::{split, text};

/// The betas that anyone may ask for, without their dates.
const HARMLESS: &str = "effort extended-cache-ttl fine-grained-tool-streaming interleaved-thinking output-128k prompt-caching \
                        structured-outputs token-efficient-tools";

/// The most betas of one request, and the longest name in bytes.
const MOST: usize = 32;
const LONGEST: usize = 64;

/// Adds the betas of the list `asked` that may be sent to the list `sent`, which the owner of the upstream may have begun. `allowed`
/// are the names that the owner allows. Adds the names of the others to `lost`, and `anthropic-beta` for what is no name.
pub(crate) fn add_betas(asked: &str, allowed: &[String], sent: &mut String, lost: &mut Vec<String>) {
    for (at, name) in split(asked, b',').map(str::trim).filter(|name| !name.is_empty()).enumerate() {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if at >= MOST || name.len() > LONGEST || !name.bytes().all(is_letter) {
            add(lost, "anthropic-beta");
        } else if !is_harmless(name) && !allowed.iter().any(|known| known == name) {
            add(lost, &text!("anthropic-beta: ", name));
        } else if !split(sent, b',').any(|known| known.trim() == name) {
            sent.extend([if sent.is_empty() { "" } else { "," }, name]);
        }
    }
}

/// The name is one of the list, with a date.
fn is_harmless(name: &str) -> bool {
    split(HARMLESS, b' ').any(|known| {
        let date = name.strip_prefix(known).and_then(|rest| rest.strip_prefix('-'));
        date.is_some_and(|date| !date.is_empty() && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    })
}

#[cfg(test)]
mod tests {
    use super::add_betas;

    #[test]
    fn only_betas_of_the_list_and_of_the_owner_are_sent_and_the_others_are_named() {
        let long = "x".repeat(65);
        for (asked, begun, expected, lost) in [
            ("interleaved-thinking-2025-05-14", "", "interleaved-thinking-2025-05-14", ""),
            (" effort-2025-11-24 ,, effort-2025-11-24", "", "effort-2025-11-24", ""),
            ("context-1m-2025-08-07", "files-api-1", "files-api-1,context-1m-2025-08-07", ""),
            ("prompt-caching-2024-07-31", "prompt-caching-2024-07-31", "prompt-caching-2024-07-31", ""),
            (
                "mcp-client-2025-11-20,web-fetch-2025-09-10",
                "",
                "",
                "anthropic-beta: mcp-client-2025-11-20 anthropic-beta: web-fetch-2025-09-10",
            ),
            (
                "effort,effort-,effort-x,effort-2025-11-24-mcp",
                "",
                "",
                "anthropic-beta: effort anthropic-beta: effort- anthropic-beta: effort-x anthropic-beta: effort-2025-11-24-mcp",
            ),
            ("effort-2025-11-24\r\nx-api-key: y", "", "", "anthropic-beta"),
            ("\u{e9}", "", "", "anthropic-beta"),
            (&long, "", "", "anthropic-beta"),
        ] {
            let (mut sent, mut names) = (begun.to_owned(), Vec::new());
            add_betas(asked, &["context-1m-2025-08-07".into()], &mut sent, &mut names);
            assert_eq!((&*sent, &*names.join(" ")), (expected, lost), "{asked}");
        }
        let (mut sent, mut lost) = (String::new(), Vec::new());
        let many: Vec<String> = (0..40).map(|at| format!("effort-{at}")).collect();
        add_betas(&many.join(","), &[], &mut sent, &mut lost);
        assert_eq!((sent.split(',').count(), lost.len()), (32, 1));
    }
}
