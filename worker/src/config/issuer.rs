//! An issuer of tokens: its users may call.

use std::rc::Rc;

use failsoft::invalid::{Invalid, Section};

use super::grant::Grant;
use super::list::strings;
use super::route::Route;
use super::url_host::is_local_http;

/// An issuer of tokens. Each of its users has an account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Issuer {
    /// The `iss` of its tokens.
    pub(crate) issuer: String,
    /// The claim that names the app must be or contain this.
    pub(crate) audience: String,
    /// The claim that names the app: `aud`, or that of an issuer whose access tokens have no `aud`, such as `client_id`.
    pub(crate) audience_claim: String,
    /// The URL of the issuer's public keys.
    pub(crate) jwks: String,
    /// The claim that names the user, and so the account.
    pub(crate) claim: String,
    pub(crate) algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be off, in seconds.
    pub(crate) skew: u64,
    /// The grant of every user. A call adds the name of the user's account.
    pub(crate) grant: Grant,
}

/// A signature algorithm that this edge can verify. None is symmetric: the issuer publishes only public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// Names in tokens and keys. RFC 9864 gives EdDSA over Ed25519 its own name.
    const NAMES: [(&str, Self); 4] =
        [("RS256", Self::Rs256), ("ES256", Self::Es256), ("EdDSA", Self::EdDsa), ("Ed25519", Self::EdDsa)];

    /// Finds the algorithm by its name in tokens and keys.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }
}

impl Issuer {
    pub(super) fn read_all(config: &Section<'_>, routes: &[Rc<Route>]) -> Result<Vec<Self>, Box<Invalid>> {
        let rows = config.get("users");
        if !rows.is_array() && !rows.is_null() {
            return Err(config.wrong("users", "must be an array of {\"issuer\", \"audience\", \"jwks\"}"));
        }
        let mut issuers: Vec<Self> = Vec::new();
        for (at, row) in rows.items().enumerate() {
            let path = format!("users[{at}]");
            let issuer = Self::read(&Section::object(path.as_str(), row)?, routes)?;
            let app = |issuer: &Self| [&issuer.issuer, &issuer.audience, &issuer.audience_claim].map(Clone::clone);
            if issuers.iter().any(|other| app(other) == app(&issuer)) {
                return Err(Invalid::new(path, "repeats the `issuer` and the `audience` of another entry"));
            }
            issuers.push(issuer);
        }
        Ok(issuers)
    }

    fn read(given: &Section<'_>, routes: &[Rc<Route>]) -> Result<Self, Box<Invalid>> {
        given.only(&["issuer audience audienceClaim jwks claim algorithms clockSkew ", Grant::FIELDS].concat())?;
        let needed = |name: &str, what: &str| match given.text(name)?.filter(|text| !text.is_empty()) {
            Some(text) => Ok(text.into_owned()),
            None => Err(given.wrong(name, ["is missing: ", what].concat())),
        };
        let jwks = needed("jwks", "give the URL of the issuer's public keys")?;
        if !jwks.starts_with("https://") && !is_local_http(&jwks) {
            let problem = "must begin with https://, or anyone on the network path could replace the keys";
            return Err(given.wrong("jwks", problem));
        }
        let claim = |name: &str, default: &str| match given.text(name)? {
            Some(claim) if claim.is_empty() => Err(given.wrong(name, "must be the name of a claim")),
            claim => Ok(claim.map_or_else(|| default.into(), Into::into)),
        };
        let mut skew = 60;
        given.whole("clockSkew", 0, 600, &mut skew)?;
        let grant = Grant::read(given, "user", String::new())?;
        grant.check_routes(given, routes)?;
        Ok(Self {
            issuer: needed("issuer", "give the `iss` of the tokens")?,
            audience: needed("audience", "give the `aud` of this app, or tokens for any other app would be accepted")?,
            audience_claim: claim("audienceClaim", "aud")?,
            jwks,
            claim: claim("claim", "sub")?,
            algorithms: algorithms(given)?,
            skew,
            grant,
        })
    }
}

fn algorithms(given: &Section<'_>) -> Result<Vec<Algorithm>, Box<Invalid>> {
    let Some(names) = strings(given, "algorithms")? else { return Ok(Algorithm::ALL.into()) };
    let read = |(at, name): (usize, &String)| {
        Algorithm::of(name).ok_or_else(|| {
            let known = Algorithm::NAMES.map(|(name, _)| name).join(", ");
            given.wrong(&format!("algorithms[{at}]"), format!("must be one of: {known}"))
        })
    };
    let algorithms: Vec<Algorithm> = names.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    if algorithms.is_empty() {
        return Err(given.wrong("algorithms", "is empty: leave it out, or name an algorithm"));
    }
    Ok(algorithms)
}
