//! `GET /v1/playground`: what the playground in `www/` shows around a call. Only an edge on its owner's machine names its
//! upstreams and the faults of its emulator.

use serde_json::{Value, json};

use crate::config::{Access, Config, authority};
use crate::platform::fetch;

/// The body of the reply.
pub(crate) async fn describe(config: &Config) -> Value {
    let upstreams: Vec<&str> = config.upstreams.iter().map(|upstream| authority(&upstream.url)).collect();
    let upstreams = upstreams.join(", ");
    match (&config.access, &config.emulator) {
        (Access::Keys(_), _) => json!({"emulator": false}),
        (Access::Loopback, None) => json!({"emulator": false, "upstream": upstreams}),
        (Access::Loopback, Some(control)) => {
            let faults = fetch::Request::get(&[control, "/faults"].concat()).text().await.unwrap_or_default();
            let faults: Value = serde_json::from_str(&faults).unwrap_or_default();
            json!({"emulator": true, "upstream": upstreams, "faults": faults})
        }
    }
}
