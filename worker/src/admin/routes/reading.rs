//! The requests to `/admin/routes` that only read.

use serde_json::{Value, json};

use super::comparison::{self, Pair};
use super::{RouteRequest, diff, not_found, parse, unavailable};
use crate::http::api_error::ApiError;
use crate::http::reply::{Reply, list};
use crate::platform::host;
use crate::routes::store;

impl RouteRequest<'_> {
    pub(super) async fn list(&self) -> Result<Reply, ApiError> {
        let deployed = self.config.routes.iter().filter(|route| route.version.is_none());
        let show = |name: &str, models: &[String]| json!({"name": name, "source": "configuration", "models": models});
        let mut rows: Vec<Value> = deployed.map(|route| show(&route.name, &route.models)).collect();
        for stored in store::list(self.env).await.map_err(unavailable)? {
            let mut row = self.summary(&stored);
            row["models"] = parse(&stored.text);
            rows.push(row);
        }
        Ok(Reply::json(200, list(rows)))
    }

    pub(super) async fn show(&self, name: &str) -> Result<Reply, ApiError> {
        if self.find_deployed(name).is_some() {
            // The variable was read when the isolate started, so it is JSON.
            let configuration = parse(&host::variable(self.env, "FAILSOFT").unwrap_or_default());
            let shown = json!({"name": name, "source": "configuration", "route": configuration["routes"][name]});
            return Ok(Reply::json(200, shown));
        }
        Ok(self.reply_with(200, &self.read(name).await?, &[]))
    }

    pub(super) async fn list_versions(&self, name: &str) -> Result<Reply, ApiError> {
        let versions = store::versions(self.env, name).await.map_err(unavailable)?;
        if versions.is_empty() {
            return Err(not_found());
        }
        Ok(Reply::json(200, list(versions.iter().map(show_version).collect())))
    }

    pub(super) async fn show_version(&self, name: &str, version: u64) -> Result<Reply, ApiError> {
        Ok(Reply::json(200, show_version(&self.read_version(name, version).await?)))
    }

    pub(super) async fn show_diff(&self, name: &str, from: u64, to: u64) -> Result<Reply, ApiError> {
        let (before, after) = (self.read_version(name, from).await?, self.read_version(name, to).await?);
        let value = |version: &store::Version| parse(version.text.as_deref().unwrap_or_default());
        let changes = diff::compare(&value(&before), &value(&after));
        Ok(Reply::json(200, json!({"name": name, "from": from, "to": to, "changes": changes})))
    }

    /// Compares the two versions of the split, or the two `versions` over all of their calls.
    pub(super) async fn compare(&self, name: &str, versions: Option<(u64, u64)>) -> Result<Reply, ApiError> {
        let pair = match versions {
            Some((first, second)) => {
                self.read_version(name, first).await?;
                self.read_version(name, second).await?;
                Pair { first, second, chance: None, since: 0 }
            }
            None => {
                let stored = self.read(name).await?;
                let split =
                    stored.second.as_ref().and_then(|(second, text)| Some((*second, store::read_split(text).ok()?)));
                let (second, split) = split.ok_or_else(no_split)?;
                let first = stored.current.unwrap_or_default();
                Pair { first, second, chance: Some(split.chance()), since: split.since }
            }
        };
        let mut shown = comparison::compare(self.env, name, pair).await.map_err(unavailable)?;
        shown["name"] = name.into();
        Ok(Reply::json(200, shown))
    }
}

fn no_split() -> ApiError {
    let mut error = not_found();
    error.message = "the route has no split; GET /admin/routes/NAME/comparison/A/B compares any two versions".into();
    error
}

fn show_version(version: &store::Version) -> Value {
    let mut shown = json!({
        "version": version.version,
        "note": version.note,
        "createdAt": version.at / 1_000,
        "createdBy": version.admin,
    });
    if let Some(text) = &version.text {
        shown["route"] = parse(text);
    }
    shown
}
