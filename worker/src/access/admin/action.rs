//! Which action of `/admin` a request asks for: those of client keys, of sessions, of devices, and of the pause.

use super::session::{self, SessionAction};
use super::switch::Switch;
use crate::config::{Scope, is_key_id};
use crate::http::api_error::{ApiError, Code};

const KEYS: &str = "/admin/keys";
const SESSIONS: &str = "/admin/sessions/";
const DEVICES: &str = "/admin/devices/";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action<'a> {
    Key(KeyAction<'a>),
    /// Of a visitor.
    RevokeSession(&'a str),
    /// The key of a visitor's device.
    RevokeDevice(&'a str),
    Switch(Switch),
    /// Of the admin.
    Session(SessionAction),
}

/// What a request about client keys asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyAction<'a> {
    List,
    Create,
    Show(&'a str),
    Change(&'a str),
    Rotate(&'a str),
    Revoke(&'a str),
}

impl Action<'_> {
    /// Whether the action is about clients that prove who they are, which a loopback edge has not.
    pub(super) fn is_about_clients(&self) -> bool {
        match self {
            Self::Key(_) | Self::RevokeSession(_) | Self::RevokeDevice(_) => true,
            Self::Switch(Switch::Pause | Switch::Resume) => true,
            Self::Switch(Switch::Show) | Self::Session(_) => false,
        }
    }

    /// The scope that an admin token needs for the action; nothing, if every admin may ask for it.
    pub(crate) fn scope(&self) -> Option<Scope> {
        match self {
            Self::Key(KeyAction::List | KeyAction::Show(_)) | Self::Switch(Switch::Show) => Some(Scope::Read),
            Self::Key(_) | Self::RevokeSession(_) | Self::RevokeDevice(_) => Some(Scope::Keys),
            Self::Switch(Switch::Pause | Switch::Resume) => Some(Scope::Routes),
            Self::Session(_) => None,
        }
    }
}

/// What a client is told of a session's id that is none.
const NO_SESSION: &str =
    "this is no id of a session: an id has 16 hex digits, and is in the log and in the answer of POST /v1/session";

/// Decides what a request asks for. The error for a wrong request names what is right.
pub(crate) fn read_action<'a>(method: &str, path: &'a str) -> Result<Action<'a>, ApiError> {
    if let Some(switch) = Switch::read(method, path)? {
        return Ok(Action::Switch(switch));
    }
    if let Some(action) = session::read_action(method, path)? {
        return Ok(Action::Session(action));
    }
    let no_session = || ApiError::new(Code::SessionNotFound, NO_SESSION);
    if let Some(id) = read_id(method, path, SESSIONS, no_session)? {
        return Ok(Action::RevokeSession(id));
    }
    if let Some(id) = read_id(method, path, DEVICES, device_not_found)? {
        return Ok(Action::RevokeDevice(id));
    }
    read_key_action(method, path).map(Action::Key)
}

/// The id behind `prefix`, which a `DELETE` revokes.
fn read_id<'a>(
    method: &str,
    path: &'a str,
    prefix: &str,
    not_found: fn() -> ApiError,
) -> Result<Option<&'a str>, ApiError> {
    match path.trim_end_matches('/').strip_prefix(prefix) {
        Some(id) if !is_key_id(id) => Err(not_found()),
        Some(_) if method != "DELETE" => Err(ApiError::wrong_method("DELETE")),
        id => Ok(id),
    }
}

/// The error for a device whose key is not registered.
pub(super) fn device_not_found() -> ApiError {
    let message = "no registered key of a device has this id: an id has 16 hex digits, and is in the log as `device`";
    ApiError::new(Code::DeviceNotFound, message)
}

fn read_key_action<'a>(method: &str, path: &'a str) -> Result<KeyAction<'a>, ApiError> {
    let unknown = || ApiError::new(Code::UnknownUrl, format!("this URL does not exist; client keys are at {KEYS}"));
    let rest = path.trim_end_matches('/').strip_prefix(KEYS).ok_or_else(unknown)?;
    let (id, verb) = match rest.strip_prefix('/') {
        None if rest.is_empty() => ("", ""),
        None => return Err(unknown()),
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
    };
    if !id.is_empty() && !is_key_id(id) {
        return Err(key_not_found());
    }
    match (method, id, verb) {
        ("GET", "", "") => Ok(KeyAction::List),
        ("POST", "", "") => Ok(KeyAction::Create),
        (_, "", _) => Err(ApiError::wrong_method("GET, POST")),
        ("GET", id, "") => Ok(KeyAction::Show(id)),
        ("PATCH", id, "") => Ok(KeyAction::Change(id)),
        ("DELETE", id, "") => Ok(KeyAction::Revoke(id)),
        (_, _, "") => Err(ApiError::wrong_method("GET, PATCH, DELETE")),
        ("POST", id, "rotate") => Ok(KeyAction::Rotate(id)),
        (_, _, "rotate") => Err(ApiError::wrong_method("POST")),
        _ => Err(unknown()),
    }
}

/// The error for a key that does not exist.
pub(super) fn key_not_found() -> ApiError {
    ApiError::new(Code::KeyNotFound, "no key has this id; GET /admin/keys lists all keys")
}

#[cfg(test)]
mod tests {
    use super::{Action, KeyAction, Scope, SessionAction, Switch, read_action};

    const ID: &str = "0123456789abcdef";

    #[test]
    fn a_token_that_may_read_changes_nothing() {
        let id = |rest: &str| ["/admin/keys/", ID, rest].concat();
        for (method, path, scope) in [
            ("GET", "/admin/keys".to_owned(), Scope::Read),
            ("GET", id(""), Scope::Read),
            ("GET", "/admin/pause".into(), Scope::Read),
            ("POST", "/admin/keys".into(), Scope::Keys),
            ("PATCH", id(""), Scope::Keys),
            ("POST", id("/rotate"), Scope::Keys),
            ("DELETE", id(""), Scope::Keys),
            ("DELETE", ["/admin/sessions/", ID].concat(), Scope::Keys),
            ("DELETE", ["/admin/devices/", ID].concat(), Scope::Keys),
            ("POST", "/admin/pause".into(), Scope::Routes),
            ("POST", "/admin/resume".into(), Scope::Routes),
        ] {
            assert_eq!(
                read_action(method, &path).map(|action| action.scope()).ok(),
                Some(Some(scope)),
                "{method} {path}"
            );
        }
        assert_eq!(read_action("POST", "/admin/pause/").ok(), Some(Action::Switch(Switch::Pause)));
    }

    #[test]
    fn a_path_and_a_method_are_an_action_or_an_error_that_helps() {
        let id = |rest: &str| ["/admin/keys/", ID, rest].concat();
        for (method, path, action) in [
            ("GET", "/admin/keys/", KeyAction::List),
            ("POST", "/admin/keys", KeyAction::Create),
            ("PATCH", &*id(""), KeyAction::Change(ID)),
            ("DELETE", &*id("/"), KeyAction::Revoke(ID)),
            ("POST", &*id("/rotate"), KeyAction::Rotate(ID)),
        ] {
            assert_eq!(read_action(method, path).ok(), Some(Action::Key(action)), "{method} {path}");
        }
        let own = read_action("DELETE", "/admin/session/all").expect("an action");
        assert_eq!((own.scope(), own), (None, Action::Session(SessionAction::EndAll)));
        let session = ["/admin/sessions/", ID].concat();
        assert_eq!(read_action("DELETE", &session).ok(), Some(Action::RevokeSession(ID)));
        for (method, path, expected) in [
            ("GET", session, 405),
            ("DELETE", "/admin/sessions/fsv_x".to_owned(), 404),
            ("DELETE", "/admin/sessions".to_owned(), 404),
            ("GET", ["/admin/devices/", ID].concat(), 405),
            ("DELETE", ["/admin/devices/", ID, ID].concat(), 404),
            ("DELETE", "/admin/devices".to_owned(), 404),
            ("PUT", "/admin/keys".to_owned(), 405),
            ("POST", id(""), 405),
            ("GET", id("/rotate"), 405),
            ("GET", id("/other"), 404),
            ("GET", "/admin".into(), 404),
            ("GET", "/admin/keysy".into(), 404),
            ("GET", "/admin/keys/registry".into(), 404),
            ("GET", "/admin/keys/..%2Fregistry".into(), 404),
        ] {
            let error = read_action(method, &path).expect_err(&path);
            assert_eq!(error.code.status(), expected, "{method} {path}");
        }
    }
}
