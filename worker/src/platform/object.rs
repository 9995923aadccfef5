//! What is said to a Durable Object, and what that hears: text, one way and the other. The library's own way reads a body by
//! the chunk, through objects that are made for that, and pays for a stack trace at its end.

use js_sys::futures::JsFuture;
use worker::{ObjectNamespace, Request, Result};

use crate::platform::host;

/// How long an object may take to answer, in milliseconds.
pub(crate) const TIMEOUT: u32 = 5_000;

/// What the object `name` of `namespace` answers to `message`.
pub(crate) async fn ask(namespace: &ObjectNamespace, name: &str, message: &str) -> Result<String> {
    let answer = JsFuture::from(host::ask_object(namespace.as_ref(), name, message, TIMEOUT)).await?;
    answer.as_string().ok_or_else(|| "the object did not answer with a text".into())
}

/// The message that came as `request`.
pub(crate) async fn heard(request: &Request) -> Result<String> {
    Ok(JsFuture::from(request.inner().text()?).await?.as_string().unwrap_or_default())
}
