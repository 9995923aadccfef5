//! Admin tokens: who may use `/admin`, and for what.

use failsoft::invalid::{Invalid, Section};

use super::digest;
use super::list::{strings, words};
use super::problem::Problem;
use super::secret::{is_secret_name, own_secret};

/// The secret whose holder may do everything. It is also the name of this admin.
const OWNER: &str = "ADMIN_TOKEN";

/// What an admin token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To see client keys, whether the edge is paused, and the figures of the dashboard.
    Read,
    /// To make, change and revoke client keys, and to revoke sessions.
    Keys,
    /// To stop and start the calls of all routes.
    Routes,
}

/// The words of the configuration, in the order of [`Scope::ALL`].
const SCOPES: &str = "read keys routes";

impl Scope {
    const ALL: [Self; 3] = [Self::Read, Self::Keys, Self::Routes];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Keys => "keys",
            Self::Routes => "routes",
        }
    }
}

/// Somebody who may use `/admin`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Admin {
    /// The name in the audit log.
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    /// The name of the secret that holds the token.
    pub(super) secret: String,
    /// The SHA-256 of the token. Without the secret, the configuration is refused.
    pub(crate) token: Option<[u8; 32]>,
}

impl Admin {
    /// Reads `admins`, without their tokens.
    pub(super) fn read_all(config: &Section<'_>) -> Result<Vec<Self>, Box<Invalid>> {
        let rows = config.get("admins");
        if !rows.is_array() && !rows.is_null() {
            return Err(config.wrong("admins", "must be an array of {\"name\", \"token\", \"scopes\"}"));
        }
        let mut admins: Vec<Self> = Vec::new();
        for (at, row) in rows.items().enumerate() {
            let path = format!("admins[{at}]");
            let admin = Self::read(&Section::object(path.as_str(), row)?)?;
            if admins.iter().any(|other| other.name == admin.name || other.secret == admin.secret) {
                return Err(Invalid::new(path, "repeats the `name` or the `token` of another admin"));
            }
            admins.push(admin);
        }
        Ok(admins)
    }

    fn read(given: &Section<'_>) -> Result<Self, Box<Invalid>> {
        given.only("name token scopes")?;
        let name = given.text("name")?.filter(|name| !name.trim().is_empty() && name.len() <= 100);
        let name =
            name.ok_or_else(|| given.wrong("name", "is missing: give the admin a short name for the audit log"))?;
        if name == OWNER {
            return Err(given.wrong("name", "is the name of the holder of the secret ADMIN_TOKEN; choose another"));
        }
        let secret = given.text("token")?.filter(|secret| is_secret_name(secret) && secret != OWNER);
        let problem = "must be the NAME_OF_A_SECRET that holds the token, not the token itself, and not ADMIN_TOKEN";
        let secret = secret.ok_or_else(|| given.wrong("token", problem))?;
        if strings(given, "scopes")?.is_none_or(|scopes| scopes.is_empty()) {
            return Err(given.wrong("scopes", format!("is missing: name one or more of {}", SCOPES.replace(' ', ", "))));
        }
        let scopes = words(given, "scopes", SCOPES)?.into_iter().map(|at| Scope::ALL[at]).collect();
        Ok(Self { name: name.into(), scopes, secret: secret.into(), token: None })
    }

    /// Adds the tokens, and the holder of the secret `ADMIN_TOKEN`, if this secret is set.
    pub(super) fn add_secrets(
        admins: &mut Vec<Self>,
        variable: &impl Fn(&str) -> Option<String>,
        problems: &mut Vec<Problem>,
    ) {
        if variable(OWNER).is_some() {
            admins.insert(0, Self { name: OWNER.into(), scopes: Scope::ALL.into(), secret: OWNER.into(), token: None });
        }
        for admin in admins {
            if variable(&admin.secret).is_none() {
                problems.push(Problem::SecretMissing(admin.secret.clone()));
            }
            admin.token = own_secret(&admin.secret, variable, problems).map(|token| digest::of(&token));
        }
    }

    /// Whoever uses a loopback edge, without a token.
    pub(crate) fn local() -> Self {
        let scopes = vec![Scope::Read, Scope::Routes];
        Self { name: "loopback".into(), scopes, ..Self::default() }
    }

    /// Whether the token with this SHA-256 is the admin's.
    pub(crate) fn has_token(&self, sent: &[u8; 32]) -> bool {
        self.token.as_ref().is_some_and(|token| digest::same(token, sent))
    }
}

#[cfg(test)]
mod tests {
    use super::{Admin, Scope};
    use crate::config::digest;
    use failsoft::Json;
    use failsoft::invalid::Section;

    fn read(admins: &str, secrets: &[(&str, &str)]) -> Result<Vec<Admin>, String> {
        let text = format!("{{\"admins\":{admins}}}");
        let section = Section::object("", Json::parse(&text).expect("JSON")).expect("an object");
        let mut admins = Admin::read_all(&section).map_err(|invalid| invalid.to_string())?;
        let variable =
            |name: &str| secrets.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let mut problems = Vec::new();
        Admin::add_secrets(&mut admins, &variable, &mut problems);
        if problems.is_empty() { Ok(admins) } else { Err(problems.iter().map(ToString::to_string).collect()) }
    }

    #[test]
    fn the_holder_of_admin_token_may_do_everything_and_others_what_their_scopes_say() {
        let (long, other) = (&"a".repeat(32), &"b".repeat(32));
        let admins = read(
            r#"[{"name": "ci", "token": "CI_TOKEN", "scopes": ["read", "routes"]}]"#,
            &[("ADMIN_TOKEN", long), ("CI_TOKEN", other)],
        );
        let admins = admins.expect("admins");
        let scopes: Vec<_> = admins.iter().map(|admin| (admin.name.as_str(), &admin.scopes[..])).collect();
        assert_eq!(scopes, [("ADMIN_TOKEN", &Scope::ALL[..]), ("ci", &[Scope::Read, Scope::Routes][..])]);
        assert!(admins[1].has_token(&digest::of(other)) && !admins[1].has_token(&digest::of(long)));
        assert_eq!(read("[]", &[]), Ok(Vec::new()));
    }

    #[test]
    fn a_token_that_is_missing_or_short_is_a_problem() {
        let ci = r#"[{"name": "ci", "token": "CI_TOKEN", "scopes": ["read"]}]"#;
        let long = &"a".repeat(32);
        for (secrets, problem) in [
            (&[("ADMIN_TOKEN", &**long)][..], "CI_TOKEN is not set"),
            (&[("CI_TOKEN", "")][..], "CI_TOKEN is too short"),
            (&[("CI_TOKEN", &long[1..])][..], "CI_TOKEN is too short"),
            (&[("ADMIN_TOKEN", "short"), ("CI_TOKEN", &**long)][..], "ADMIN_TOKEN is too short"),
        ] {
            let problems = read(ci, secrets).expect_err(problem);
            assert!(problems.contains(problem), "{problems}");
        }
    }
}
