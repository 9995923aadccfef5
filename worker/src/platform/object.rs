//! The one client for Durable Objects, and the objects' end of it. A message is text, and so is its answer.
//!
//! The `worker` crate would read a body by the chunk, through objects that it makes for this, and pay for a stack trace at
//! the end of the body.

use js_sys::futures::JsFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Env, ObjectNamespace, Request, Response, Result};

use crate::platform::host;

/// How long an object may take to answer, in milliseconds.
pub(crate) const TIMEOUT: u32 = 5_000;

/// A message to an object.
pub(crate) trait Message: Serialize {
    /// Whether an object that gets the message twice is as after the first time, and answers the same. Such a message is sent
    /// once more when the platform lost its object.
    fn is_idempotent(&self) -> bool;
}

/// The objects of one class.
#[derive(Clone, Debug)]
pub(crate) struct Objects(ObjectNamespace);

impl Objects {
    /// The objects behind the binding `name`, if the Worker has the binding.
    pub(crate) fn bound(env: &Env, name: &str) -> Option<Self> {
        env.durable_object(name).ok().map(Self)
    }

    /// Sends `message` to the object `name`, and reads its answer.
    pub(crate) async fn send<A: DeserializeOwned>(&self, name: &str, message: &impl Message) -> Result<A> {
        let text = serde_json::to_string(message)?;
        Ok(serde_json::from_str(&self.deliver(name, &text, message.is_idempotent()).await?)?)
    }

    /// [`Objects::send`], for a message and an answer that need no serde. The message is sent once.
    pub(crate) async fn send_text(&self, name: &str, message: &str) -> Result<String> {
        self.deliver(name, message, false).await
    }

    async fn deliver(&self, name: &str, message: &str, may_repeat: bool) -> Result<String> {
        let sent = host::send_to_object(self.0.as_ref(), name, message, TIMEOUT, may_repeat);
        let answer = JsFuture::from(sent).await?;
        answer.as_string().ok_or_else(|| "the object did not answer with a text".into())
    }
}

/// The message that an object received with `request`.
pub(crate) async fn read<M: DeserializeOwned>(request: &Request) -> Result<M> {
    Ok(serde_json::from_str(&read_text(request).await?)?)
}

/// [`read`], for a message that needs no serde.
pub(crate) async fn read_text(request: &Request) -> Result<String> {
    Ok(JsFuture::from(request.inner().text()?).await?.as_string().unwrap_or_default())
}

/// The response of an object with `answer`.
pub(crate) fn reply(answer: &impl Serialize) -> Result<Response> {
    Response::ok(serde_json::to_string(answer)?)
}
