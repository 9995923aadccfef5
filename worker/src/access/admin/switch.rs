//! The kill switch: `POST /admin/pause` stops new calls on every isolate, `POST /admin/resume` lets them start again, and
//! `GET /admin/pause` shows the state.

use failsoft::Millis;
use serde_json::json;
use worker::Env;

use crate::account::AccountClient;
use crate::http::api_error::ApiError;
use crate::http::reply::Reply;
use crate::ledger::alerts::{Alert, send_once};
use crate::platform::host;

/// What a request asks of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    Show,
    Pause,
    Resume,
}

impl Switch {
    /// Decides what a request asks for. Returns nothing if the request is about something else.
    pub(super) fn read(method: &str, path: &str) -> Result<Option<Self>, ApiError> {
        match (method, path.trim_end_matches('/')) {
            ("GET", "/admin/pause") => Ok(Some(Self::Show)),
            ("POST", "/admin/pause") => Ok(Some(Self::Pause)),
            (_, "/admin/pause") => Err(ApiError::wrong_method("GET, POST")),
            ("POST", "/admin/resume") => Ok(Some(Self::Resume)),
            (_, "/admin/resume") => Err(ApiError::wrong_method("POST")),
            _ => Ok(None),
        }
    }

    /// Acts, tells the owner about a change, and answers with the state.
    pub(super) async fn act(self, env: &Env) -> Result<Reply, ApiError> {
        let accounts = AccountClient::new(env);
        let pause = match self {
            Self::Show => accounts.read_pause().await?,
            Self::Pause => accounts.set_pause(true).await?,
            Self::Resume => accounts.set_pause(false).await?,
        };
        if let Some(alert) = self.alert(pause) {
            host::log(&json!({"event": "pause", "paused": pause.is_some()}).to_string());
            send_once(env, &alert).await;
        }
        Ok(Reply::json(200, json!({"paused": pause.is_some(), "since": pause.map(|since| since / 1_000)})))
    }

    /// A pause has one alert, however often it is asked for.
    fn alert(self, pause: Option<Millis>) -> Option<Alert> {
        let (occasion, text) = match self {
            Self::Show => return None,
            Self::Pause => (
                format!("pause/{}", pause.unwrap_or_default()),
                "The edge is paused: no new call starts, and running calls finish. POST /admin/resume ends the pause.",
            ),
            Self::Resume => (format!("resume/{}", host::now()), "The edge is no longer paused: new calls start."),
        };
        Some(Alert { occasion, kind: "pause", text: text.into(), data: json!({"paused": pause.is_some()}) })
    }
}

#[cfg(test)]
mod tests {
    use super::Switch;

    #[test]
    fn the_path_and_the_method_decide() {
        let read = |method, path| Switch::read(method, path).map_err(|error| error.code.status());
        assert_eq!(read("POST", "/admin/pause"), Ok(Some(Switch::Pause)));
        assert_eq!(read("GET", "/admin/pause/"), Ok(Some(Switch::Show)));
        assert_eq!(read("POST", "/admin/resume"), Ok(Some(Switch::Resume)));
        assert_eq!(read("GET", "/admin/resume"), Err(405));
        assert_eq!(read("DELETE", "/admin/pause"), Err(405));
        assert_eq!(read("POST", "/admin/keys"), Ok(None));
        assert_eq!(read("POST", "/admin/pausex"), Ok(None));
    }
}
