//! Client keys: those that the configuration lists, and the fields of those that `/admin/keys` makes.

use std::rc::Rc;

use failsoft::invalid::{Invalid, Section};

use super::digest;
use super::grant::Grant;
use super::route::Route;

/// The last second in which a key can expire. A point in time in milliseconds is later.
const LAST_SECOND: u64 = 9_999_999_999;

/// A client key of the configuration, and what the key allows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientKey {
    pub(crate) sha256: [u8; 32],
    pub(crate) grant: Grant,
}

impl ClientKey {
    pub(super) fn read_all(config: &Section<'_>, routes: &[Rc<Route>]) -> Result<Vec<Self>, Box<Invalid>> {
        let rows = config.get("keys");
        if !rows.is_array() && !rows.is_null() {
            return Err(config.wrong("keys", "must be an array of {\"name\", \"sha256\"}"));
        }
        let mut keys: Vec<Self> = Vec::new();
        for (at, row) in rows.items().enumerate() {
            let path = format!("keys[{at}]");
            let key = Self::read(&Section::object(path.as_str(), row)?, routes)?;
            if keys.iter().any(|other| other.grant.name == key.grant.name || other.sha256 == key.sha256) {
                return Err(Invalid::new(path, "repeats the `name` or the `sha256` of another key"));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn read(given: &Section<'_>, routes: &[Rc<Route>]) -> Result<Self, Box<Invalid>> {
        given.only(&["name sha256 ", Grant::FIELDS].concat())?;
        let name = given.text("name")?.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| given.wrong("name", "is missing: give the key a name for logs and budgets"))?;
        if is_key_id(&name) {
            let problem =
                "looks like the id of a key from /admin/keys, so both would share one account; choose another";
            return Err(given.wrong("name", problem));
        }
        let sha256 = given.text("sha256")?.and_then(|hex| digest::read(&hex));
        if sha256 == Some(digest::of("")) {
            let problem =
                "is the SHA-256 of an empty text, so a call without a key would be let in: hash the key itself";
            return Err(given.wrong("sha256", problem));
        }
        let problem = "must be the SHA-256 of the client's key, 64 hex digits";
        let grant = Grant::read(given, &name, format!("key:{name}"))?;
        grant.check_routes(given, routes)?;
        Ok(Self { sha256: sha256.ok_or_else(|| given.wrong("sha256", problem))?, grant })
    }
}

/// Checks the fields of a key that `/admin/keys` makes or changes. Every field may be absent.
///
/// # Errors
/// The field that is wrong, with its path.
pub(crate) fn check_managed_key(given: &Section<'_>, routes: &[Rc<Route>]) -> Result<(), Box<Invalid>> {
    given.only(&["name expiresAt ", Grant::FIELDS].concat())?;
    let name = given.text("name")?;
    let is_name = |name: &str| (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if name.as_deref().is_some_and(|name| !is_name(name)) {
        return Err(given.wrong("name", "must have 1 to 100 characters, none of them a control character"));
    }
    given.whole("expiresAt", 0, LAST_SECOND, &mut 0)?;
    Grant::read(given, "", String::new())?.check_routes(given, routes)
}

/// Whether `name` is spelt like an id of `/admin/keys`.
pub(crate) fn is_key_id(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
