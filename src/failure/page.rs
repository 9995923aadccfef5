//! A web page in the place of an API's answer: a proxy, a firewall or a login stands in front of the API.

use crate::text::{find, text};

/// The title of `body`, if it is a web page.
pub(super) fn title(body: &str) -> Option<String> {
    let start = body.as_bytes().get(..body.len().min(1_000))?;
    if start.first() != Some(&b'<') {
        return None;
    }
    let lower = body.to_ascii_lowercase();
    let is_page = ["<!doctype html", "<html", "<head", "<body", "<title", "<h1", "<center"];
    if !is_page.iter().any(|tag| find(&lower, tag).is_some_and(|at| at < 1_000)) {
        return None;
    }
    let from = find(&lower, "<title").and_then(|at| Some(at + find(&lower[at..], ">")? + 1));
    let between = from.and_then(|from| Some(&body[from..from + find(&lower[from..], "</title")?]));
    Some(between.unwrap_or_default().trim_ascii().chars().take(100).collect())
}

/// A sentence that names what the page is.
pub(super) fn message(title: &str) -> String {
    let title = if title.is_empty() { "without a title" } else { title };
    text!(
        "the upstream sent a web page (HTML) in the place of an API's answer, perhaps of a proxy or a bot check: ",
        title
    )
}
