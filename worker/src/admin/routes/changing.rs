//! The requests to `/admin/routes` that change a route.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use serde_json::{Map, Value, json};

use super::action::{is_stored_name, no_version};
use super::{Finding, RouteRequest, check, unavailable, with_known};
use crate::account::AccountClient;
use crate::catalog;
use crate::config::{Split, read_stored_route};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Reply;
use crate::platform::host;
use crate::routes::store::{self, Author, StoredRoute};

/// The most bytes of a request: a judge's criteria can be long.
const LARGEST: usize = 64 * 1024;

/// The most stored routes.
const MOST_ROUTES: u64 = 1_000;

/// The most characters of a note.
const LONGEST_NOTE: usize = 500;

/// A version that may be stored.
struct Draft {
    /// The text of the route.
    text: String,
    note: Option<String>,
    findings: Vec<Finding>,
}

impl RouteRequest<'_> {
    pub(super) async fn create(&self) -> Result<Reply, ApiError> {
        let fields = self.read_fields("name route note force").await?;
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
        if !is_stored_name(name) {
            let problem =
                "must be a name of up to 64 letters, digits, `-`, `_` and `.` that begins with a letter or a digit";
            return Err(Invalid::new("name", problem).into());
        }
        if self.find_deployed(name).is_some() {
            return Err(exists("the configuration has a route of this name; choose another name"));
        }
        let draft = self.check(name, 1, &fields).await?;
        let author = self.author(&draft);
        if store::count(self.env).await.map_err(unavailable)? >= MOST_ROUTES {
            return Err(too_many());
        }
        store::make_row(self.env, name, &author).await.map_err(unavailable)?;
        let row = store::read(self.env, name).await.map_err(unavailable)?.ok_or_else(too_many)?;
        if row.current.is_some() {
            return Err(exists("there is a route of this name; PUT /admin/routes/NAME changes it"));
        }
        let version = store::publish(self.env, name, row.changed, (&draft.text, None), &author).await;
        version.map_err(unavailable)?.ok_or_else(|| exists("somebody has just made a route of this name"))?;
        self.announce(201, name, &draft.findings).await
    }

    pub(super) async fn publish_next(&self, name: &str) -> Result<Reply, ApiError> {
        let expected = self.required_change()?;
        let fields = self.read_fields("route note force split").await?;
        let stored = self.read_stored(name).await?;
        let split = fields.get("split").filter(|split| !split.is_null()).map(|split| read_split(split, "percent by"));
        let split = split.transpose()?.map(|(split, _)| split.to_json().to_string());
        let draft = self.check(name, stored.latest + 1, &fields).await?;
        let (before, author) = (expected.unwrap_or(stored.changed), self.author(&draft));
        let version = store::publish(self.env, name, before, (&draft.text, split.as_deref()), &author).await;
        version.map_err(unavailable)?.ok_or_else(changed)?;
        self.announce(200, name, &draft.findings).await
    }

    pub(super) async fn change(&self, name: &str) -> Result<Reply, ApiError> {
        let expected = self.required_change()?;
        let check = |section: &Section<'_>| {
            section.only("version split")?;
            section.whole("version", 1, MOST_VERSIONS, &mut 0)
        };
        let fields = self.read_fields_within(LARGEST, check).await?;
        let stored = self.read_stored(name).await?;
        let given = fields.get("version").and_then(Value::as_u64);
        let current = given.or(stored.current);
        let second = match fields.get("split") {
            Some(Value::Null) => None,
            None if given.is_some() => None,
            None => stored.second.clone(),
            Some(split) => {
                let (split, version) = read_split(split, "version percent by")?;
                let version = version.or(stored.second.as_ref().map(|(version, _)| *version));
                let version = version.filter(|version| Some(*version) != current).ok_or_else(|| {
                    Invalid::new("split.version", "must be the number of another version than the current one")
                })?;
                Some((version, split.to_json().to_string()))
            }
        };
        for version in current.into_iter().chain(second.as_ref().map(|(version, _)| *version)) {
            self.check_version(name, version).await?;
        }
        self.point(name, expected.unwrap_or(stored.changed), (current, second.as_ref())).await?;
        self.announce(200, name, &[]).await
    }

    pub(super) async fn roll_back(&self, name: &str) -> Result<Reply, ApiError> {
        let expected = self.expected_change()?.flatten();
        let mut version = 0;
        let check = |section: &Section<'_>| {
            section.only("version")?;
            section.whole("version", 1, MOST_VERSIONS, &mut version)
        };
        self.read_fields_within(LARGEST, check).await?;
        let stored = self.read_stored(name).await?;
        if version == 0 {
            let current = stored.current.unwrap_or_default();
            version = if stored.second.is_some() { current } else { current.saturating_sub(1) };
        }
        self.check_version(name, version).await?;
        self.point(name, expected.unwrap_or(stored.changed), (Some(version), None)).await?;
        self.announce(200, name, &[]).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<Reply, ApiError> {
        let expected = self.expected_change()?.flatten();
        let stored = self.read_stored(name).await?;
        let number = self.point(name, expected.unwrap_or(stored.changed), (None, None)).await?;
        self.tell_isolates(number).await?;
        Ok(Reply::json(200, json!({"name": name, "deleted": true})))
    }

    async fn point(
        &self,
        name: &str,
        before: u64,
        versions: (Option<u64>, Option<&(u64, String)>),
    ) -> Result<u64, ApiError> {
        let author = Author { admin: &self.admin.name, note: None };
        store::point(self.env, name, before, versions, &author).await.map_err(unavailable)?.ok_or_else(changed)
    }

    /// Refuses a version that does not exist, or that the configuration does not permit any more.
    async fn check_version(&self, name: &str, version: u64) -> Result<(), ApiError> {
        let found = store::version(self.env, name, version).await.map_err(unavailable)?.ok_or_else(no_version)?;
        let text = found.text.unwrap_or_default();
        read_stored_route(self.config, "route", (name, version), Json::parse(&text).unwrap_or(Json::NULL))?;
        Ok(())
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

    /// Reads a request with a route, whose fields are `known`.
    async fn read_fields(&self, known: &str) -> Result<Map<String, Value>, ApiError> {
        let check = |section: &Section<'_>| {
            section.only(known)?;
            section.flag("force", &mut false)?;
            match section.text("note")? {
                Some(note) if note.chars().count() > LONGEST_NOTE => {
                    Err(section.wrong("note", format!("has more than {LONGEST_NOTE} characters")))
                }
                _ => Ok(()),
            }
        };
        self.read_fields_within(LARGEST, check).await
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

    /// The number of the change in `If-Match`, which is required; nothing for `*`.
    fn required_change(&self) -> Result<Option<u64>, ApiError> {
        self.expected_change()?.ok_or_else(|| {
            let message = "send the header `If-Match` with the `etag` of the route that you have read, or with `*`";
            ApiError::new(Code::VersionMissing, message)
        })
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

/// The highest number of a version.
const MOST_VERSIONS: u64 = 1_000_000_000;

/// Reads a split with the fields `known`, which begins now, and its version, if it names one.
fn read_split(given: &Value, known: &str) -> Result<(Split, Option<u64>), Box<Invalid>> {
    let text = given.to_string();
    let section = Section::object("split", Json::parse(&text).unwrap_or(Json::NULL))?;
    section.only(known)?;
    let mut version = 0;
    section.whole("version", 1, MOST_VERSIONS, &mut version)?;
    let mut split = Split::read(&section)?;
    split.since = host::now();
    Ok((split, Some(version).filter(|version| *version > 0)))
}

fn exists(message: &str) -> ApiError {
    ApiError::new(Code::RouteExists, message)
}

fn too_many() -> ApiError {
    let message = format!("there are {MOST_ROUTES} stored routes, or too many names were ever used; delete routes");
    ApiError::new(Code::TooManyRoutes, message)
}

fn changed() -> ApiError {
    let message = "somebody has changed this route since you read it; read it again, and repeat your change";
    ApiError::new(Code::RouteChanged, message)
}
