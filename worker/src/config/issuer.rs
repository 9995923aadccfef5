//! An issuer of tokens, whose users may call.

use failsoft::invalid::{Invalid, Section};

use super::{Grant, Route, authority, is_loopback, known_routes, strings, terms};

/// An issuer, and what its users may do, each on an account of their own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Issuer {
    /// The `iss` of its tokens.
    pub(crate) issuer: String,
    /// What their `aud` has to be or hold.
    pub(crate) audience: String,
    /// Where its public keys are.
    pub(crate) jwks: String,
    /// The claim that says whose account a call is on.
    pub(crate) claim: String,
    pub(crate) algorithms: Vec<Algorithm>,
    /// How far its clock may be from ours, in seconds.
    pub(crate) skew: u64,
    /// Of every user; the account's name is each one's own.
    pub(crate) grant: Grant,
}

/// A signature that this edge can verify. None of them is symmetric: a public key is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// By the name that it has in tokens and keys.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            // RFC 9864 gives it a name of its own.
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

impl Issuer {
    pub(super) fn read_all(config: &Section<'_>, routes: &[Route]) -> Result<Vec<Self>, Box<Invalid>> {
        let rows = config.get("users");
        if !rows.is_array() && !rows.is_null() {
            return Err(config.wrong("users", "must be an array of {\"issuer\", \"audience\", \"jwks\"}"));
        }
        let mut issuers: Vec<Self> = Vec::new();
        for (at, row) in rows.items().enumerate() {
            let path = format!("users[{at}]");
            let issuer = Self::read(&Section::object(path.as_str(), row)?, routes)?;
            if issuers.iter().any(|other| (&other.issuer, &other.audience) == (&issuer.issuer, &issuer.audience)) {
                return Err(Invalid::new(path, "repeats the issuer and the audience of another"));
            }
            issuers.push(issuer);
        }
        Ok(issuers)
    }

    fn read(given: &Section<'_>, routes: &[Route]) -> Result<Self, Box<Invalid>> {
        given.only("issuer audience jwks claim algorithms clockSkew origins routes models budget")?;
        let needed = |name: &str, what: &str| match given.text(name)?.filter(|text| !text.is_empty()) {
            Some(text) => Ok(text.into_owned()),
            None => Err(given.wrong(name, ["is missing: ", what].concat())),
        };
        let jwks = needed("jwks", "the URL of the issuer's public keys")?;
        let is_local = jwks.starts_with("http://") && is_loopback(authority(&jwks));
        if !jwks.starts_with("https://") && !is_local {
            return Err(given.wrong("jwks", "must begin with https://, or anybody on the way could name the keys"));
        }
        let claim = given.text("claim")?.unwrap_or("sub".into());
        if claim.is_empty() {
            return Err(given.wrong("claim", "must be the name of a claim"));
        }
        let mut skew = 60;
        given.whole("clockSkew", 0, 600, &mut skew)?;
        // The account's name follows when the user comes.
        let grant = terms(given, "user", String::new())?;
        known_routes(given, &grant, routes)?;
        Ok(Self {
            issuer: needed("issuer", "the `iss` of the tokens")?,
            audience: needed("audience", "the `aud` that is this app, or tokens for any other would do")?,
            jwks,
            claim: claim.into(),
            algorithms: algorithms(given)?,
            skew,
            grant,
        })
    }
}

fn algorithms(given: &Section<'_>) -> Result<Vec<Algorithm>, Box<Invalid>> {
    let Some(names) = strings(given, "algorithms")? else { return Ok(Algorithm::ALL.into()) };
    let read = |(at, name): (usize, &String)| {
        let known = "must be one of: RS256, ES256, EdDSA";
        Algorithm::of(name).ok_or_else(|| given.wrong(&format!("algorithms[{at}]"), known))
    };
    let algorithms: Vec<Algorithm> = names.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    if algorithms.is_empty() {
        return Err(given.wrong("algorithms", "is empty: leave it out, or name one"));
    }
    Ok(algorithms)
}
