//! `GET /healthz`: is everything set that has to be? Tells what to set, and no value.

use serde_json::json;

use crate::memory::Setup;
use crate::reply::Reply;

/// 200, or 503 with the problems.
pub(crate) fn told(setup: &Setup) -> Reply {
    match setup.as_ref() {
        Ok(_) => Reply::json(200, json!({"ok": true})),
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Reply::json(503, json!({"ok": false, "problems": problems}))
        }
    }
}
