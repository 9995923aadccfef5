//! What a request to `/admin/routes` asks for.

use crate::config::{Scope, is_route_name};
use crate::http::api_error::{ApiError, Code};

const ROUTES: &str = "/admin/routes";

/// The most characters of a stored route's name.
const LONGEST_NAME: usize = 64;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action<'a> {
    List,
    Create,
    Show(&'a str),
    Publish(&'a str),
    Change(&'a str),
    RollBack(&'a str),
    Delete(&'a str),
    Versions(&'a str),
    Version(&'a str, u64),
    Diff(&'a str, u64, u64),
    /// Of the two versions of a split, or of any two.
    Compare(&'a str, Option<(u64, u64)>),
    DryRun(&'a str),
}

impl Action<'_> {
    /// The scope that an admin token needs for the action.
    pub(crate) fn scope(self) -> Scope {
        match self {
            Self::List | Self::Show(_) | Self::Versions(_) | Self::Version(..) => Scope::Read,
            Self::Diff(..) | Self::Compare(..) | Self::DryRun(_) => Scope::Read,
            Self::Create | Self::Publish(_) | Self::Change(_) | Self::RollBack(_) | Self::Delete(_) => Scope::Routes,
        }
    }

    /// Whether a request that is no `GET` changes something.
    pub(crate) fn changes(self) -> bool {
        !matches!(self, Self::DryRun(_))
    }
}

/// Decides what a request asks for. Returns nothing if it is about something else.
pub(crate) fn read_action<'a>(method: &str, path: &'a str) -> Result<Option<Action<'a>>, ApiError> {
    let below = path.trim_end_matches('/').strip_prefix(ROUTES);
    below.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|rest| read_below(method, rest)).transpose()
}

/// `rest` stands behind `/admin/routes`.
fn read_below<'a>(method: &str, rest: &'a str) -> Result<Action<'a>, ApiError> {
    let mut parts = rest.split('/').skip(1);
    let Some(name) = parts.next() else {
        return match method {
            "GET" => Ok(Action::List),
            "POST" => Ok(Action::Create),
            _ => Err(ApiError::wrong_method("GET, POST")),
        };
    };
    if !is_stored_name(name) {
        return Err(not_found());
    }
    let rest: Vec<&str> = parts.collect();
    let number = |text: &str| text.parse().map_err(|_| no_version());
    match (method, &rest[..]) {
        ("GET", []) => Ok(Action::Show(name)),
        ("PUT", []) => Ok(Action::Publish(name)),
        ("PATCH", []) => Ok(Action::Change(name)),
        ("DELETE", []) => Ok(Action::Delete(name)),
        (_, []) => Err(ApiError::wrong_method("GET, PUT, PATCH, DELETE")),
        ("POST", ["rollback"]) => Ok(Action::RollBack(name)),
        ("POST", ["dry-run"]) => Ok(Action::DryRun(name)),
        (_, ["rollback" | "dry-run"]) => Err(ApiError::wrong_method("POST")),
        ("GET", ["versions"]) => Ok(Action::Versions(name)),
        ("GET", ["versions", version]) => Ok(Action::Version(name, number(version)?)),
        ("GET", ["diff", from, to]) => Ok(Action::Diff(name, number(from)?, number(to)?)),
        ("GET", ["comparison"]) => Ok(Action::Compare(name, None)),
        ("GET", ["comparison", from, to]) => Ok(Action::Compare(name, Some((number(from)?, number(to)?)))),
        (_, ["versions" | "comparison"] | ["versions", _] | ["diff" | "comparison", _, _]) => {
            Err(ApiError::wrong_method("GET"))
        }
        _ => Err(ApiError::new(Code::UnknownUrl, "this URL does not exist; GET /admin/routes lists the routes")),
    }
}

/// Whether a stored route may have this name. It stands in URLs, where `.` and `..` mean something else.
pub(super) fn is_stored_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME && is_route_name(name) && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// The error for a route that does not exist.
pub(super) fn not_found() -> ApiError {
    ApiError::new(Code::RouteNotFound, "no route has this name; GET /admin/routes lists the routes")
}

/// The error for a version that does not exist.
pub(super) fn no_version() -> ApiError {
    ApiError::new(
        Code::RouteNotFound,
        "the route has no such version; GET /admin/routes/NAME/versions lists the versions",
    )
}

#[cfg(test)]
mod tests {
    use super::{Action, read_action};

    #[test]
    fn a_path_and_a_method_are_an_action_or_an_error_that_helps() {
        for (method, path, action) in [
            ("GET", "/admin/routes", Action::List),
            ("POST", "/admin/routes/", Action::Create),
            ("GET", "/admin/routes/support", Action::Show("support")),
            ("PUT", "/admin/routes/support/", Action::Publish("support")),
            ("DELETE", "/admin/routes/a.b-c_d", Action::Delete("a.b-c_d")),
            ("POST", "/admin/routes/a/rollback", Action::RollBack("a")),
            ("GET", "/admin/routes/versions/versions", Action::Versions("versions")),
            ("GET", "/admin/routes/a/versions/7", Action::Version("a", 7)),
            ("GET", "/admin/routes/a/diff/7/9", Action::Diff("a", 7, 9)),
            ("PATCH", "/admin/routes/a", Action::Change("a")),
            ("POST", "/admin/routes/a/dry-run", Action::DryRun("a")),
            ("GET", "/admin/routes/a/comparison", Action::Compare("a", None)),
            ("GET", "/admin/routes/a/comparison/7/9", Action::Compare("a", Some((7, 9)))),
        ] {
            assert_eq!(read_action(method, path).ok(), Some(Some(action)), "{method} {path}");
        }
        let long = ["/admin/routes/", &"x".repeat(65)].concat();
        for (method, path, status) in [
            ("PATCH", "/admin/routes", 405),
            ("POST", "/admin/routes/a/comparison", 405),
            ("POST", "/admin/routes/a", 405),
            ("GET", "/admin/routes/a/rollback", 405),
            ("DELETE", "/admin/routes/a/versions/1", 405),
            ("GET", "/admin/routes/a/other", 404),
            ("GET", "/admin/routes/a/versions/x", 404),
            ("GET", "/admin/routes/a/versions/99999999999999999999", 404),
            ("GET", "/admin/routes//versions", 404),
            ("GET", "/admin/routes/..", 404),
            ("GET", "/admin/routes/__proto__", 404),
            ("GET", "/admin/routes/a'%20OR%201=1", 404),
            ("GET", &long, 404),
        ] {
            assert_eq!(read_action(method, path).expect_err(path).code.status(), status, "{method} {path}");
        }
        for path in ["/admin/routesx", "/admin/keys"] {
            assert_eq!(read_action("GET", path).ok(), Some(None), "{path}");
        }
        assert!(!Action::DryRun("a").changes() && Action::RollBack("a").changes());
    }
}
