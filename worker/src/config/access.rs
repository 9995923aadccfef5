//! The ways in, as they are configured, and what each of them opens.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};

use super::{Account, Budget, Grant, Issuer, Problem, Route, Visitors, digest, models, origins, strings};

/// What a grant consists of, in every way in.
const TERMS: &str = "origins routes models budget";

/// Characters that a secret of the edge's own has at least: as many as 128 bits have in hex.
const SECRET_LENGTH: usize = 32;

/// The last second that a key may be told to work: any point in time in milliseconds is later.
const LAST_SECOND: u64 = 9_999_999_999;

/// Who may call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whoever comes one of these ways.
    Keys(Box<Ways>),
    /// Programs on this machine, and the page that this edge serves to it.
    Loopback,
}

/// The ways in. They stand beside each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Keys of the configuration.
    pub(crate) keys: Vec<ClientKey>,
    /// The SHA-256 of the secret of `/admin`. With it there are managed keys.
    pub(crate) admin: Option<[u8; 32]>,
    /// Those whose users may call.
    pub(crate) users: Vec<Issuer>,
    pub(crate) visitors: Option<Visitors>,
}

/// A client's key, and what it opens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientKey {
    pub(crate) sha256: [u8; 32],
    pub(crate) grant: Grant,
}

impl Access {
    /// The ways in, without their secrets.
    pub(super) fn read(config: &Section<'_>, routes: &[Route]) -> Result<Self, Box<Invalid>> {
        if config.choice("access", "keys loopback")? != Some("loopback") {
            let ways = Ways {
                keys: keys(config, routes)?,
                admin: None,
                users: Issuer::read_all(config, routes)?,
                visitors: Visitors::read(config, routes)?,
            };
            return Ok(Self::Keys(Box::new(ways)));
        }
        let is_left_out = |given: Json<'_>| given.is_null() || given.is_array() && given.items().next().is_none();
        match ["keys", "users", "visitors"].iter().find(|name| !is_left_out(config.get(name))) {
            Some(name) => Err(config.wrong(name, "are of no use with \"access\": \"loopback\"")),
            None => Ok(Self::Loopback),
        }
    }

    /// Takes the secrets that the ways in need; what is wrong with them.
    pub(super) fn equip(&mut self, variable: &impl Fn(&str) -> Option<String>) -> Vec<Problem> {
        let Self::Keys(ways) = self else { return Vec::new() };
        let mut problems = Vec::new();
        if let Some(token) = own_secret("ADMIN_TOKEN", variable, &mut problems) {
            ways.admin = Some(digest::of(&token));
        }
        if let Some(visitors) = &mut ways.visitors {
            visitors.equip(variable, &mut problems);
        }
        let needs_objects = ways.admin.is_some() || ways.visitors.is_some();
        problems.extend((needs_objects && variable("KEYS").is_none()).then_some(Problem::KeysUnbound));
        let nobody = ways.keys.is_empty() && ways.users.is_empty() && ways.visitors.is_none() && ways.admin.is_none();
        problems.extend((nobody && problems.is_empty()).then_some(Problem::NoWayIn));
        problems
    }
}

/// A secret that the owner chose for this edge, if it is set and not one that could be guessed.
pub(super) fn own_secret(
    name: &'static str,
    variable: &impl Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let secret = variable(name)?.trim().to_owned();
    if secret.chars().count() < SECRET_LENGTH {
        problems.push(Problem::SecretShort(name, SECRET_LENGTH));
        return None;
    }
    Some(secret)
}

fn keys(config: &Section<'_>, routes: &[Route]) -> Result<Vec<ClientKey>, Box<Invalid>> {
    let rows = config.get("keys");
    if !rows.is_array() && !rows.is_null() {
        return Err(config.wrong("keys", "must be an array of {\"name\", \"sha256\"}"));
    }
    let mut keys: Vec<ClientKey> = Vec::new();
    for (at, row) in rows.items().enumerate() {
        let path = format!("keys[{at}]");
        let key = key(&Section::object(path.as_str(), row)?, routes)?;
        if keys.iter().any(|other| other.grant.name == key.grant.name || other.sha256 == key.sha256) {
            return Err(Invalid::new(path, "repeats the name or the digest of another key"));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn key(given: &Section<'_>, routes: &[Route]) -> Result<ClientKey, Box<Invalid>> {
    given.only(&["name sha256 ", TERMS].concat())?;
    let name = given.text("name")?.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| given.wrong("name", "is missing: logs call the key by it"))?;
    if is_key_id(&name) {
        return Err(given.wrong("name", "looks like the id of a key from /admin/keys, whose account it would share"));
    }
    let digest = given.text("sha256")?.and_then(|hex| digest::read(&hex));
    let problem = "must be the SHA-256 of the client's key, 64 hex digits";
    let grant = terms(given, &name, format!("key:{name}"))?;
    known_routes(given, &grant, routes)?;
    Ok(ClientKey { sha256: digest.ok_or_else(|| given.wrong("sha256", problem))?, grant })
}

/// What a key from `/admin/keys` opens, given or changed there. Fields that are not there are not looked for.
///
/// # Errors
/// What is wrong, with its path.
pub(crate) fn key_terms(given: &Section<'_>, routes: &[Route]) -> Result<(), Box<Invalid>> {
    given.only(&["name expiresAt ", TERMS].concat())?;
    let name = given.text("name")?;
    let is_name = |name: &str| (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if name.as_deref().is_some_and(|name| !is_name(name)) {
        return Err(given.wrong("name", "must have 1 to 100 characters, none of them a control character"));
    }
    given.whole("expiresAt", 0, LAST_SECOND, &mut 0)?;
    let grant = terms(given, "", String::new())?;
    known_routes(given, &grant, routes)
}

/// The common fields of all ways in, for a client of this `name` and account.
pub(crate) fn terms(given: &Section<'_>, name: &str, account: String) -> Result<Grant, Box<Invalid>> {
    let origins = origins(given)?;
    if origins.iter().flatten().any(|origin| origin == "*") {
        return Err(given.wrong("origins", "cannot be \"*\": name the pages; left out where it may be, it is any page"));
    }
    Ok(Grant {
        name: name.into(),
        account: Account { name: account, budget: Budget::read(&given.section("budget")?)? },
        origins,
        routes: strings(given, "routes")?,
        models: models(given)?,
    })
}

/// Nobody can be let in to a route that does not exist.
pub(crate) fn known_routes(given: &Section<'_>, grant: &Grant, routes: &[Route]) -> Result<(), Box<Invalid>> {
    let unknown = |name: &String| !routes.iter().any(|route| route.name == *name);
    match grant.routes.iter().flatten().position(unknown) {
        Some(at) => Err(given.wrong(&format!("routes[{at}]"), "is not one of `routes`")),
        None => Ok(()),
    }
}

/// As `/admin/keys` names keys.
pub(crate) fn is_key_id(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
