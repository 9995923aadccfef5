//! `/admin/routes`: lists, shows, makes, changes, compares and deletes routes, and goes back to an earlier version.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/routes` | all routes, also those of the configuration |
//! | `POST /admin/routes` | makes a route from `{"name", "route", "note", "force"}` |
//! | `GET /admin/routes/NAME` | one route, with the header `ETag` |
//! | `PUT /admin/routes/NAME` | makes a new version from `{"route", "note", "force"}`; needs the header `If-Match` |
//! | `POST /admin/routes/NAME/rollback` | makes `{"version"}` the current one again; without it, the version before |
//! | `DELETE /admin/routes/NAME` | deletes the route; its versions stay |
//! | `GET /admin/routes/NAME/versions`, `…/versions/N` | the versions; one of them |
//! | `GET /admin/routes/NAME/diff/A/B` | what differs between two versions |
//!
//! Every change is one statement of the database, which does nothing if somebody else has changed the route in the meantime.

mod action;
mod check;
mod diff;

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use serde_json::{Map, Value, json};
use worker::Env;

pub(crate) use action::is_about_routes;
use action::{Action, is_stored_name, no_version, not_found, read_action};
use check::{Finding, Known};

use crate::access::admin::{Sender, check_purpose, check_scope, read_fields_within};
use crate::account::AccountClient;
use crate::catalog;
use crate::config::{Admin, Config, Route, read_stored_route};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::{Reply, list};
use crate::http::request_head::RequestHead;
use crate::ledger::database;
use crate::platform::{executor::boxed, host};
use crate::routes::store::{self, Author, StoredRoute};

/// The most bytes of a request: a judge's criteria can be long.
const LARGEST: usize = 64 * 1024;

/// The most stored routes.
const MOST_ROUTES: u64 = 1_000;

/// The most characters of a note.
const LONGEST_NOTE: usize = 500;

/// A request that was admitted.
struct Request<'a> {
    admin: &'a Admin,
    request: &'a web_sys::Request,
    head: &'a RequestHead,
    config: &'a Config,
    env: &'a Env,
}

/// Answers a request of `sender`.
pub(crate) async fn answer(
    sender: &Sender<'_>,
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    let action = read_action(&head.method, &head.path)?;
    check_purpose(sender, request, head, config)?;
    check_scope(sender.admin, action.scope())?;
    if !database::exists(env) {
        let message = "stored routes need the database (LEDGER); without it, routes are those of the configuration";
        return Err(ApiError::new(Code::RoutesUnavailable, message));
    }
    let request = Request { admin: sender.admin, request, head, config, env };
    match action {
        Action::List => request.list().await,
        Action::Create => boxed(request.create()).await,
        Action::Show(name) => request.show(name).await,
        Action::Publish(name) => boxed(request.publish_next(name)).await,
        Action::RollBack(name) => boxed(request.roll_back(name)).await,
        Action::Delete(name) => boxed(request.delete(name)).await,
        Action::Versions(name) => request.list_versions(name).await,
        Action::Version(name, version) => request.show_version(name, version).await,
        Action::Diff(name, from, to) => boxed(request.compare(name, from, to)).await,
    }
}

/// The fields of a request that makes a version.
struct Draft {
    /// The text of the route.
    text: String,
    note: Option<String>,
    findings: Vec<Finding>,
}

impl Request<'_> {
    async fn list(&self) -> Result<Reply, ApiError> {
        let deployed = self.config.routes.iter().filter(|route| route.version.is_none());
        let mut rows: Vec<Value> = deployed
            .map(|route| json!({"name": route.name, "source": "configuration", "models": route.models}))
            .collect();
        for stored in store::list(self.env).await.map_err(unavailable)? {
            let mut row = self.summary(&stored);
            row["models"] = parse(&stored.text);
            rows.push(row);
        }
        Ok(Reply::json(200, list(rows)))
    }

    /// What a list shows of a stored route.
    fn summary(&self, stored: &StoredRoute) -> Value {
        let mut row = json!({
            "name": stored.name,
            "source": "stored",
            "version": stored.current,
            "latest": stored.latest,
            "etag": etag(stored.changed),
            "changedAt": stored.at / 1_000,
            "changedBy": stored.admin,
        });
        if self.find_deployed(&stored.name).is_some() {
            row["problem"] = "the configuration has a route of this name, which counts".into();
        }
        row
    }

    fn find_deployed(&self, name: &str) -> Option<&Route> {
        self.config.route(name).map(std::rc::Rc::as_ref).filter(|route| route.version.is_none())
    }

    async fn show(&self, name: &str) -> Result<Reply, ApiError> {
        if self.find_deployed(name).is_some() {
            // The variable was read when the isolate started, so it is JSON.
            let configuration = parse(&host::variable(self.env, "FAILSOFT").unwrap_or_default());
            let shown = json!({"name": name, "source": "configuration", "route": configuration["routes"][name]});
            return Ok(Reply::json(200, shown));
        }
        let stored = self.read(name).await?;
        Ok(self.reply_with(200, &stored, &[]))
    }

    /// The stored route `name`.
    async fn read(&self, name: &str) -> Result<StoredRoute, ApiError> {
        let stored = store::read(self.env, name).await.map_err(unavailable)?;
        stored.filter(|stored| stored.current.is_some()).ok_or_else(not_found)
    }

    fn reply_with(&self, status: u16, stored: &StoredRoute, findings: &[Finding]) -> Reply {
        let mut shown = self.summary(stored);
        shown["route"] = parse(&stored.text);
        let version = (stored.name.as_str(), stored.current.unwrap_or_default());
        let given = Json::parse(&stored.text).unwrap_or(Json::NULL);
        match read_stored_route(self.config, "route", version, given) {
            Ok(route) => {
                shown["models"] = with_known(self.config, None, |known| check::describe_models(&route, known)).into()
            }
            Err(invalid) => shown["problem"] = invalid.to_string().into(),
        }
        if !findings.is_empty() {
            shown["findings"] = findings.iter().map(Finding::to_json).collect();
        }
        let mut reply = Reply::json(status, shown);
        reply.headers.push(("etag", etag(stored.changed)));
        reply
    }

    async fn create(&self) -> Result<Reply, ApiError> {
        let fields = self.read_fields(&["name", "route", "note", "force"]).await?;
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
        if !is_stored_name(name) {
            let problem =
                "must be a name of up to 64 letters, digits, `-`, `_` and `.` that begins with a letter or a digit";
            return Err(Invalid::new("name", problem).into());
        }
        if self.find_deployed(name).is_some() {
            return Err(ApiError::new(
                Code::RouteExists,
                "the configuration has a route of this name; choose another name",
            ));
        }
        let draft = self.check(name, 1, &fields).await?;
        let author = self.author(&draft);
        if store::count(self.env).await.map_err(unavailable)? >= MOST_ROUTES {
            return Err(too_many());
        }
        store::make_row(self.env, name, &author).await.map_err(unavailable)?;
        let row = store::read(self.env, name).await.map_err(unavailable)?.ok_or_else(too_many)?;
        if row.current.is_some() {
            return Err(ApiError::new(
                Code::RouteExists,
                "there is a route of this name; PUT /admin/routes/NAME changes it",
            ));
        }
        let version = store::publish(self.env, name, row.changed, &draft.text, &author).await.map_err(unavailable)?;
        version.ok_or_else(changed)?;
        self.announce(201, name, &draft.findings).await
    }

    async fn publish_next(&self, name: &str) -> Result<Reply, ApiError> {
        let expected = self.expected_change()?.ok_or_else(|| {
            let message = "send the header `If-Match` with the `etag` of the route that you have read, or with `*`";
            ApiError::new(Code::VersionMissing, message)
        })?;
        let fields = self.read_fields(&["route", "note", "force"]).await?;
        let stored = self.read_stored(name).await?;
        let before = expected.unwrap_or(stored.changed);
        let draft = self.check(name, stored.latest + 1, &fields).await?;
        let author = self.author(&draft);
        let version = store::publish(self.env, name, before, &draft.text, &author).await.map_err(unavailable)?;
        version.ok_or_else(changed)?;
        self.announce(200, name, &draft.findings).await
    }

    async fn roll_back(&self, name: &str) -> Result<Reply, ApiError> {
        let expected = self.expected_change()?.flatten();
        let mut version = 0;
        let check = |section: &Section<'_>| {
            section.only("version")?;
            section.whole("version", 1, 1_000_000_000, &mut version)
        };
        read_fields_within(self.request, self.head, LARGEST, check).await?;
        let stored = self.read_stored(name).await?;
        if version == 0 {
            version = stored.current.unwrap_or_default().saturating_sub(1);
        }
        let found = store::version(self.env, name, version).await.map_err(unavailable)?.ok_or_else(no_version)?;
        // The configuration may have changed since then.
        let text = found.text.unwrap_or_default();
        read_stored_route(self.config, "route", (name, version), Json::parse(&text).unwrap_or(Json::NULL))?;
        self.point(name, expected.unwrap_or(stored.changed), Some(version)).await?;
        self.announce(200, name, &[]).await
    }

    async fn delete(&self, name: &str) -> Result<Reply, ApiError> {
        let expected = self.expected_change()?.flatten();
        let stored = self.read_stored(name).await?;
        let number = self.point(name, expected.unwrap_or(stored.changed), None).await?;
        self.tell_isolates(number).await?;
        Ok(Reply::json(200, json!({"name": name, "deleted": true})))
    }

    async fn point(&self, name: &str, before: u64, version: Option<u64>) -> Result<u64, ApiError> {
        let author = Author { admin: &self.admin.name, note: None };
        store::point(self.env, name, before, version, &author).await.map_err(unavailable)?.ok_or_else(changed)
    }

    async fn list_versions(&self, name: &str) -> Result<Reply, ApiError> {
        let versions = store::versions(self.env, name).await.map_err(unavailable)?;
        if versions.is_empty() {
            return Err(not_found());
        }
        Ok(Reply::json(200, list(versions.iter().map(show_version).collect())))
    }

    async fn show_version(&self, name: &str, version: u64) -> Result<Reply, ApiError> {
        Ok(Reply::json(200, show_version(&self.read_version(name, version).await?)))
    }

    async fn read_version(&self, name: &str, version: u64) -> Result<store::Version, ApiError> {
        store::version(self.env, name, version).await.map_err(unavailable)?.ok_or_else(no_version)
    }

    async fn compare(&self, name: &str, from: u64, to: u64) -> Result<Reply, ApiError> {
        let (before, after) = (self.read_version(name, from).await?, self.read_version(name, to).await?);
        let value = |version: &store::Version| parse(version.text.as_deref().unwrap_or_default());
        let changes = diff::compare(&value(&before), &value(&after));
        Ok(Reply::json(200, json!({"name": name, "from": from, "to": to, "changes": changes})))
    }

    /// The stored route `name`, which a request wants to change.
    async fn read_stored(&self, name: &str) -> Result<StoredRoute, ApiError> {
        if self.find_deployed(name).is_some() {
            let message =
                "this route is in the configuration, which only a deployment changes; make a route of another name";
            return Err(ApiError::new(Code::RouteReadOnly, message));
        }
        self.read(name).await
    }

    async fn read_fields(&self, known: &[&str]) -> Result<Map<String, Value>, ApiError> {
        let check = |section: &Section<'_>| {
            section.only(&known.join(" "))?;
            section.flag("force", &mut false)?;
            match section.text("note")? {
                Some(note) if note.chars().count() > LONGEST_NOTE => {
                    Err(section.wrong("note", format!("has more than {LONGEST_NOTE} characters")))
                }
                _ => Ok(()),
            }
        };
        read_fields_within(self.request, self.head, LARGEST, check).await
    }

    /// Checks the fields of a request that makes the version `version` of the route `name`.
    async fn check(&self, name: &str, version: u64, fields: &Map<String, Value>) -> Result<Draft, ApiError> {
        let text = fields.get("route").unwrap_or(&Value::Null).to_string();
        let given = Json::parse(&text).unwrap_or(Json::NULL);
        let route = read_stored_route(self.config, "route", (name, version), given)?;
        catalog::wait_for_first(&self.config.upstreams, self.env).await;
        let long_prompt = store::long_prompt(self.env, name).await.map_err(unavailable)?;
        let findings = with_known(self.config, long_prompt, |known| check::find(&route, known));
        let is_forced = fields.get("force").and_then(Value::as_bool) == Some(true);
        if let Some(blocking) = findings.iter().find(|finding| finding.blocks && !is_forced) {
            let message = [&blocking.message, " (send \"force\": true to store the route in spite of this)"].concat();
            return Err(ApiError::new(Code::InvalidRequest, message).about(&*blocking.path));
        }
        let note = fields.get("note").and_then(Value::as_str).map(str::to_owned);
        Ok(Draft { text, note, findings })
    }

    fn author<'a>(&'a self, draft: &'a Draft) -> Author<'a> {
        Author { admin: &self.admin.name, note: draft.note.as_deref() }
    }

    /// The number of the change in `If-Match`; within `Some`, nothing for `*`.
    fn expected_change(&self) -> Result<Option<Option<u64>>, ApiError> {
        let Some(given) = self.head.version.as_deref().map(str::trim) else { return Ok(None) };
        if given == "*" {
            return Ok(Some(None));
        }
        let number = given.trim_start_matches("W/").trim_matches('"').parse();
        number.map(|number| Some(Some(number))).map_err(|_| changed())
    }

    /// Tells all isolates about the last change of the route `name`, and shows the route.
    async fn announce(&self, status: u16, name: &str, findings: &[Finding]) -> Result<Reply, ApiError> {
        let stored = self.read(name).await?;
        self.tell_isolates(stored.changed).await?;
        Ok(self.reply_with(status, &stored, findings))
    }

    async fn tell_isolates(&self, number: u64) -> Result<(), ApiError> {
        AccountClient::new(self.env).announce_routes(number).await.map_err(|_| {
            let message = "the change is stored, but the isolates could not be told; it takes effect within 5 minutes";
            ApiError::new(Code::RoutesUnavailable, message)
        })
    }
}

/// Calls `act` with what is known about models.
fn with_known<T>(config: &Config, long_prompt: Option<u64>, act: impl FnOnce(&Known<'_>) -> T) -> T {
    catalog::with(|catalog| act(&Known { config, catalog, long_prompt, now: host::now() }))
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

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn etag(changed: u64) -> String {
    ["\"", &changed.to_string(), "\""].concat()
}

fn too_many() -> ApiError {
    let message = format!("there are {MOST_ROUTES} stored routes, or too many names were ever used; delete routes");
    ApiError::new(Code::TooManyRoutes, message)
}

fn changed() -> ApiError {
    let message = "somebody has changed this route since you read it; read it again, and repeat your change";
    ApiError::new(Code::RouteChanged, message)
}

fn unavailable(error: worker::Error) -> ApiError {
    host::log(&json!({"event": "routes", "error": database::reason(&error)}).to_string());
    let message = "the database does not answer, or lacks tables: `wrangler d1 migrations apply failsoft`";
    ApiError::new(Code::RoutesUnavailable, message)
}
