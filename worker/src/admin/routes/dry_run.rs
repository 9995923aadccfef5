//! `POST /admin/routes/NAME/dry-run`: what a route would do with a request, step by step. Nothing is sent, held or recorded.

use std::rc::Rc;

use failsoft::invalid::{Invalid, Section};
use failsoft::protocol::Protocol;
use failsoft::{Json, Upstream};
use serde_json::{Map, Value, json};

use super::{Finding, RouteRequest, check, not_found, unavailable, with_known};
use crate::access::{Client, find_grant};
use crate::call::admission::{self, AdmittedCall, ROUTE};
use crate::call::plan::{Plan, plan};
use crate::catalog;
use crate::config::{Config, Grant, Route, read_stored_route};
use crate::http::api_error::ApiError;
use crate::http::reply::Reply;
use crate::platform::host;
use crate::routes::store;

/// The most bytes of a request: it contains a conversation.
const LARGEST: usize = 1_000_000;

/// The account of a dry run that names no key.
const NOBODY: &str = "dry-run";

impl RouteRequest<'_> {
    pub(super) async fn dry_run(&self, name: &str) -> Result<Reply, ApiError> {
        let fields = self.read_dry_run().await?;
        let draft = self.draft(name, &fields).await?;
        catalog::wait_for_first(&self.config.upstreams, self.env).await;
        let long_prompt = store::long_prompt(self.env, name).await.map_err(unavailable)?;
        let findings = match &draft {
            Some(route) => with_known(self.config, long_prompt, |known| check::find(route, known)),
            None => Vec::new(),
        };
        let config = draft.map_or_else(|| Config::clone(self.config), |route| self.config.with_route(Rc::new(route)));
        let mut shown = json!({"name": name, "findings": findings.iter().map(Finding::to_json).collect::<Vec<_>>()});
        if let Some(request) = fields.get("request") {
            let grant = self.grant(&fields, &config).await?;
            let client = Client::new(&config, grant);
            shown["call"] = self.describe_call(name, request, &config, &client).await?;
        }
        Ok(Reply::json(200, shown))
    }

    async fn read_dry_run(&self) -> Result<Map<String, Value>, ApiError> {
        let check = |section: &Section<'_>| {
            section.only("request version route key")?;
            section.section("request")?;
            section.text("key")?;
            section.whole("version", 1, 1_000_000_000, &mut 0)
        };
        self.read_fields_within(LARGEST, check).await
    }

    /// The route in the request, or the version that the request names. Without both, the route is as this isolate knows it.
    async fn draft(&self, name: &str, fields: &Map<String, Value>) -> Result<Option<Route>, ApiError> {
        let read = |version: u64, text: &str| {
            read_stored_route(self.config, "route", (name, version), Json::parse(text).unwrap_or(Json::NULL))
        };
        if let Some(route) = fields.get("route") {
            let latest = store::read(self.env, name).await.map_err(unavailable)?.map_or(0, |stored| stored.latest);
            return Ok(Some(read(latest + 1, &route.to_string())?));
        }
        let Some(version) = fields.get("version").and_then(Value::as_u64) else {
            self.config.route(name).ok_or_else(not_found)?;
            return Ok(None);
        };
        let found = self.read_version(name, version).await?;
        Ok(Some(read(version, found.text.as_deref().unwrap_or_default())?))
    }

    /// What the client of the request may do: that of the key with the name or id in the field `key`, or everything.
    async fn grant(&self, fields: &Map<String, Value>, config: &Config) -> Result<Grant, ApiError> {
        let Some(key) = fields.get("key").and_then(Value::as_str) else {
            let mut grant = Grant::default();
            grant.account.name = NOBODY.into();
            return Ok(grant);
        };
        let found = find_grant(config, key, self.env).await?;
        found.ok_or_else(|| {
            Invalid::new("key", "is not the name of a key of the configuration, or the id of a managed key").into()
        })
    }

    async fn describe_call(
        &self,
        name: &str,
        request: &Value,
        config: &Config,
        client: &Client<'_>,
    ) -> Result<Value, ApiError> {
        let mut request = request.clone();
        request["model"] = [ROUTE, name].concat().into();
        let body = request.to_string();
        match admission::admit(body.as_bytes(), Protocol::Chat, config, client, self.env).await {
            Ok(mut admitted) => Ok(describe(&mut admitted, config)),
            Err(error) => Ok(json!({"refused": {
                "status": error.code.status(), "code": error.code.name(), "message": error.message, "param": error.param,
            }})),
        }
    }
}

/// What the call would do, and within which bounds.
fn describe(admitted: &mut AdmittedCall, config: &Config) -> Value {
    let prompt = admitted.request.prompt_tokens();
    let stream = admitted.request.stream;
    let (most_prompt, output) = (admitted.request.prompt_most, admitted.request.max_tokens);
    let Plan { urls, report, failure } = plan(admitted, host::now());
    let attempts = report.attempts.iter().zip(&urls).map(|(attempt, url)| {
        json!({
            "upstream": upstream_name(url, config),
            "models": attempt.models,
            "mostUsd": attempt.highest_cost.map(|usd| usd.as_f64()),
        })
    });
    let route = admitted.route.as_deref();
    let policy = &admitted.policy;
    json!({
        "version": route.and_then(|route| route.version),
        "promptTokens": prompt,
        "mostPromptTokens": most_prompt,
        "outputTokens": output,
        "stream": stream,
        "lane": format!("{:?}", admitted.request.lane).to_lowercase(),
        "hold": {"usd": admitted.worst.usd.as_f64(), "tokens": admitted.worst.tokens},
        "policy": {
            "attempts": policy.attempts, "total": policy.timeouts.total, "judge": policy.judge.as_ref().map(|judge| &judge.model),
            "maxCostUsd": policy.max_cost.map(|usd| usd.as_f64()),
        },
        "attempts": attempts.collect::<Vec<_>>(),
        "dropped": report.dropped.iter().map(|dropped| json!({"model": dropped.model, "reason": dropped.reason})).collect::<Vec<_>>(),
        "warnings": report.warnings,
        "failure": failure.map(|failure| json!({"kind": failure.kind.name(), "message": failure.message})),
    })
}

/// The name of the upstream that a request to `url` goes to.
fn upstream_name<'a>(url: &str, config: &'a Config) -> Option<&'a String> {
    let path_of = |upstream: &Upstream| upstream.url.split('?').next().unwrap_or_default().to_owned();
    let upstreams = config.upstreams.iter().filter(|upstream| !upstream.is_spare);
    let found = upstreams.zip(&config.upstream_names).filter(|(upstream, _)| url.starts_with(&path_of(upstream)));
    found.max_by_key(|(upstream, _)| upstream.url.len()).map(|(_, name)| name)
}
