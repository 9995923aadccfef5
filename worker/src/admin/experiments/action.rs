//! What a request to `/admin/routes/NAME/experiments` asks for.

use crate::config::Scope;
use crate::http::api_error::{ApiError, Code};

const ROUTES: &str = "/admin/routes/";
const EXPERIMENTS: &str = "experiments";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action<'a> {
    List(&'a str),
    Begin(&'a str),
    Show(&'a str, &'a str),
    Stop(&'a str, &'a str),
    Delete(&'a str, &'a str),
}

impl Action<'_> {
    /// The scope that an admin token needs for the action.
    pub(crate) fn scope(self) -> Scope {
        match self {
            Self::List(_) | Self::Show(..) => Scope::Read,
            Self::Begin(_) | Self::Stop(..) | Self::Delete(..) => Scope::Routes,
        }
    }
}

/// The name of the route, and what stands behind `experiments`.
fn split(path: &str) -> Option<(&str, &str)> {
    let (name, rest) = path.trim_end_matches('/').strip_prefix(ROUTES)?.split_once('/')?;
    let rest = rest.strip_prefix(EXPERIMENTS)?;
    (rest.is_empty() || rest.starts_with('/')).then_some((name, rest.trim_start_matches('/')))
}

/// Decides what a request asks for. Returns nothing if it is about something else.
pub(crate) fn read_action<'a>(method: &str, path: &'a str) -> Result<Option<Action<'a>>, ApiError> {
    split(path).map(|(route, rest)| read_below(method, route, rest)).transpose()
}

/// `rest` stands behind `experiments`.
fn read_below<'a>(method: &str, route: &'a str, rest: &'a str) -> Result<Action<'a>, ApiError> {
    match (method, rest.split_once('/').unwrap_or((rest, ""))) {
        ("GET", ("", "")) => Ok(Action::List(route)),
        ("POST", ("", "")) => Ok(Action::Begin(route)),
        (_, ("", "")) => Err(ApiError::wrong_method("GET, POST")),
        ("GET", (id, "")) => Ok(Action::Show(route, id)),
        ("DELETE", (id, "")) => Ok(Action::Delete(route, id)),
        (_, (_, "")) => Err(ApiError::wrong_method("GET, DELETE")),
        ("POST", (id, "stop")) => Ok(Action::Stop(route, id)),
        (_, (_, "stop")) => Err(ApiError::wrong_method("POST")),
        _ => Err(ApiError::new(Code::UnknownUrl, "this URL does not exist; GET /admin/routes/NAME/experiments exists")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Scope, read_action};

    #[test]
    fn a_path_and_a_method_are_an_action_or_an_error_that_helps() {
        for (method, path, action, scope) in [
            ("GET", "/admin/routes/a/experiments", Action::List("a"), Scope::Read),
            ("POST", "/admin/routes/a/experiments/", Action::Begin("a"), Scope::Routes),
            ("GET", "/admin/routes/a/experiments/x", Action::Show("a", "x"), Scope::Read),
            ("DELETE", "/admin/routes/a/experiments/x", Action::Delete("a", "x"), Scope::Routes),
            ("POST", "/admin/routes/experiments/experiments/x/stop", Action::Stop("experiments", "x"), Scope::Routes),
        ] {
            let found = read_action(method, path).expect(path).expect(path);
            assert_eq!((found, found.scope() == scope), (action, true), "{method} {path}");
        }
        for (method, path, status) in [
            ("PUT", "/admin/routes/a/experiments", 405),
            ("POST", "/admin/routes/a/experiments/x", 405),
            ("GET", "/admin/routes/a/experiments/x/stop", 405),
            ("POST", "/admin/routes/a/experiments/x/stop/y", 404),
        ] {
            assert_eq!(read_action(method, path).expect_err(path).code.status(), status, "{method} {path}");
        }
        for other in
            ["/admin/routes/experiments", "/admin/routes/a/experimentsx", "/admin/routes", "/admin/keys/a/experiments"]
        {
            assert_eq!(read_action("GET", other).ok(), Some(None), "{other}");
        }
    }
}
