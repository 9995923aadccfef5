//! How an experiment begins.

use failsoft::Json;
use serde_json::Value;

use super::evidence::FEWEST;
use super::store::{self, Experiment};
use super::{object, plan};
use crate::access::admin::AdminRequest;
use crate::admin::unavailable;
use crate::config::{digest, read_stored_route};
use crate::http::api_error::{ApiError, Code};
use crate::platform::host;
use crate::routes::store as routes;

/// The most bytes of a request.
const LARGEST: usize = 64 * 1024;

/// The most experiments of a route.
const MOST: usize = 100;

/// Begins an experiment with the route `name`. Returns its id.
pub(super) async fn begin(request: &AdminRequest<'_>, name: &str) -> Result<String, ApiError> {
    let (config, env) = (request.config, request.env);
    object::check_binding(env)?;
    let fields = request.read_fields_within(LARGEST, plan::check).await?;
    if config.samples_secret.is_none() {
        return Err(ApiError::new(
            Code::InvalidRequest,
            "experiments need samples, and these the secret SAMPLES_SECRET",
        ));
    }
    let stored = routes::read(env, name).await.map_err(unavailable)?;
    let stored = stored.and_then(|stored| Some((stored.current?, stored.text)));
    let (version, text) = stored.ok_or_else(|| {
        ApiError::new(Code::RouteNotFound, "no stored route has this name; GET /admin/routes lists the routes")
    })?;
    let base: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let (mut plan, variant) = plan::read(&fields, &base)?;
    let before = store::list(env, name).await.map_err(unavailable)?;
    if before.len() >= MOST {
        return Err(ApiError::new(Code::TooManyRoutes, "the route has 100 experiments; delete old ones"));
    }
    plan.tries = 1 + before.iter().filter(|other| other.version == version).count() as u64;
    let id = digest::hex(&digest::of(&host::random_uuid())[..8]);
    let sealed = match variant.map(|variant| variant.to_string()) {
        Some(text) => {
            read_stored_route(config, "route", (name, version), Json::parse(&text).unwrap_or(Json::NULL))?;
            Some(store::seal_variant(config, &id, &text).await.map_err(unavailable)?)
        }
        None => None,
    };
    let state = if sealed.is_some() { "control" } else { "writing" };
    let experiment = Experiment {
        id,
        route: name.into(),
        version,
        at: host::now(),
        admin: request.admin.name.clone(),
        plan,
        variant: sealed,
        state: state.into(),
        reason: None,
        writing_cost: 0.0,
        problem: None,
    };
    let found = store::insert(env, &experiment).await.map_err(unavailable)?;
    if found < FEWEST as u64 {
        store::delete(env, &experiment.id).await.map_err(unavailable)?;
        let message = [
            "version ",
            &version.to_string(),
            " has ",
            &found.to_string(),
            " samples, and an experiment needs 20: switch `sampling` on, and wait",
        ]
        .concat();
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    Ok(experiment.id)
}
