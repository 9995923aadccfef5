//! The cache of a route for one call: whether the call may get an answer of it, and which answers it keeps.

use failsoft::{Millis, Outcome, is_worth_storing};
use worker::Env;

use crate::cache::{CacheClient, Place, StoredAnswer};
use crate::call::admission::AdmittedCall;
use crate::config::Config;
use crate::http::request_head::RequestHead;
use crate::platform::executor::{Boxed, boxed};

/// What the cache is for one call.
#[derive(Debug)]
pub(super) struct CacheUse {
    place: Place,
    route: String,
    lifetime: Millis,
    /// The most bytes that the answers of the account may have.
    most: u64,
    /// The client takes a stored answer.
    reads: bool,
    /// The client lets its answer be stored.
    stores: bool,
}

impl CacheUse {
    /// `None`, if the route has no cache. `body` is the request.
    pub(super) fn of(
        config: &Config,
        account: &str,
        admitted: &AdmittedCall,
        head: &RequestHead,
        body: &[u8],
    ) -> Option<Self> {
        let route = admitted.route.as_deref()?;
        let (lifetime, body) = (route.cache?, std::str::from_utf8(body).ok()?);
        let given = head.cache_control.as_deref().unwrap_or_default();
        let has = |word: &str| given.split(',').any(|directive| directive.trim().eq_ignore_ascii_case(word));
        Some(Self {
            place: Place::new(config, account, route, head, body),
            route: route.name.clone(),
            lifetime,
            most: config.limits.cache_bytes,
            reads: !(has("no-cache") || has("no-store") || has("max-age=0")),
            stores: !has("no-store"),
        })
    }

    /// The stored answer, if there is one and the client takes it.
    pub(super) async fn find(&self, env: &Env) -> Option<StoredAnswer> {
        if self.reads { CacheClient::new(env).find(&self.place).await } else { None }
    }

    /// Stores the answer of a call that ended well. It follows the response.
    pub(super) fn store<'a>(&'a self, outcome: &Outcome, env: &'a Env) -> Option<Boxed<'a, ()>> {
        let answer = outcome.result.as_ref().ok().filter(|answer| self.stores && !answer.is_mended())?;
        let completion = answer.completion();
        if !outcome.report.accepted || !is_worth_storing(&completion) {
            return None;
        }
        Some(boxed(async move {
            CacheClient::new(env).store(&self.place, &completion, (&self.route, self.lifetime, self.most)).await;
        }))
    }
}
