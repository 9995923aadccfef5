//! How native apps prove that they are the owner's: by App Attest on Apple's devices, and by Play Integrity on Android.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use failsoft::Json;
use failsoft::invalid::{Invalid, Section};

use super::digest;
use super::list::strings;
use super::problem::Problem;
use super::url_host::is_local_http;

/// The secret with the key of the service account that asks Google.
pub(super) const PLAY_INTEGRITY_KEY: &str = "PLAY_INTEGRITY_KEY";

/// Characters of the team id, with which an app id begins.
const TEAM_LENGTH: usize = 10;

/// Which apps may register a key by App Attest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AppAttest {
    /// App ids: `TEAMID.BUNDLE`.
    pub(crate) apps: Vec<String>,
    /// Keys of apps that were built for development are accepted, too.
    pub(crate) allows_development: bool,
}

/// Which app may have sessions by Play Integrity.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PlayIntegrity {
    pub(crate) package: String,
    /// The SHA-256 of the certificates, one of which must have signed the app. Empty: Google's verdict about the app is enough.
    pub(crate) certificates: Vec<[u8; 32]>,
    /// The label that Google must give the device.
    pub(crate) device: String,
    /// Apps that Google Play does not know, and answers that the owner fixed for tests, are accepted, too.
    pub(crate) allows_development: bool,
    /// The URL that stands for Google in tests.
    pub(crate) endpoint: Option<String>,
    pub(crate) account: ServiceAccount,
}

/// The service account that may ask Google.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceAccount {
    pub(crate) email: String,
    pub(crate) key_id: String,
    /// The private key, in PKCS #8.
    pub(crate) key: Vec<u8>,
}

impl AppAttest {
    pub(super) fn read(above: &Section<'_>) -> Result<Option<Self>, Box<Invalid>> {
        let Some(given) = &above.optional("appAttest")? else { return Ok(None) };
        given.only("apps development")?;
        let apps = strings(given, "apps")?.unwrap_or_default();
        if apps.is_empty() {
            return Err(given.wrong("apps", "is missing: name your apps by team id and bundle id"));
        }
        if let Some(at) = apps.iter().position(|app| !is_app_id(app)) {
            let problem = "must be a team id of 10 characters and a bundle id, such as ABCDE12345.com.example.app";
            return Err(given.wrong(&format!("apps[{at}]"), problem));
        }
        let mut allows_development = false;
        given.flag("development", &mut allows_development)?;
        Ok(Some(Self { apps, allows_development }))
    }
}

impl PlayIntegrity {
    pub(super) fn read(above: &Section<'_>) -> Result<Option<Self>, Box<Invalid>> {
        let Some(given) = &above.optional("playIntegrity")? else { return Ok(None) };
        given.only("package certificates device development endpoint")?;
        let package = given.text("package")?.unwrap_or_default().into_owned();
        if !is_package(&package) {
            return Err(given.wrong("package", "must be the package name of your app, such as com.example.app"));
        }
        let device = given.choice("device", "MEETS_DEVICE_INTEGRITY MEETS_BASIC_INTEGRITY MEETS_STRONG_INTEGRITY")?;
        let mut allows_development = false;
        given.flag("development", &mut allows_development)?;
        let endpoint = given.text("endpoint")?.map(|url| url.into_owned());
        if endpoint.as_ref().is_some_and(|url| !is_local_http(url)) {
            return Err(given.wrong("endpoint", "must be a URL on this machine, and is for tests only"));
        }
        Ok(Some(Self {
            package,
            certificates: certificates(given)?,
            device: device.unwrap_or("MEETS_DEVICE_INTEGRITY").into(),
            allows_development,
            endpoint,
            account: ServiceAccount::default(),
        }))
    }

    pub(super) fn add_secret(&mut self, variable: &impl Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
        match variable(PLAY_INTEGRITY_KEY).map(|file| ServiceAccount::read(&file)) {
            Some(Some(account)) => self.account = account,
            Some(None) => problems.push(Problem::SecretNoServiceAccount(PLAY_INTEGRITY_KEY.into())),
            None => problems.push(Problem::SecretMissing(PLAY_INTEGRITY_KEY.into())),
        }
    }
}

impl ServiceAccount {
    /// Reads the key file of a service account, as Google's console gives it.
    fn read(file: &str) -> Option<Self> {
        let file = Json::parse(file)?;
        let text = |name| file.get(name).text().filter(|text| !text.is_empty()).map(|text| text.into_owned());
        let (email, key_id, pem) = (text("client_email")?, text("private_key_id")?, text("private_key")?);
        let body = pem.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?.strip_suffix("-----END PRIVATE KEY-----")?;
        let body: String = body.split_ascii_whitespace().collect();
        let key = STANDARD.decode(body).ok().filter(|key| !key.is_empty())?;
        file.get("type").is("service_account").then_some(Self { email, key_id, key })
    }
}

fn is_app_id(app: &str) -> bool {
    let is_team = |team: &str| {
        team.len() == TEAM_LENGTH && team.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let is_bundle = |bundle: &str| {
        !bundle.is_empty() && bundle.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    app.split_once('.').is_some_and(|(team, bundle)| is_team(team) && is_bundle(bundle))
}

/// Whether `package` can be the name of an Android app: at least two parts, each of which begins with a letter.
fn is_package(package: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    package.contains('.') && package.split('.').all(is_part)
}

/// Reads the digests of certificates: 64 hex digits, with or without the colons with which Google's console shows them.
fn certificates(given: &Section<'_>) -> Result<Vec<[u8; 32]>, Box<Invalid>> {
    let rows = strings(given, "certificates")?.unwrap_or_default();
    let read = |(at, row): (usize, &String)| {
        digest::read(&row.replace(':', "")).ok_or_else(|| {
            given.wrong(&format!("certificates[{at}]"), "must be the SHA-256 of a certificate, 64 hex digits")
        })
    };
    rows.iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::ServiceAccount;
    use serde_json::{Value, json};

    fn file(change: Value) -> String {
        let mut file = json!({
            "type": "service_account", "project_id": "p", "private_key_id": "k1", "client_email": "edge@p.iam.gserviceaccount.com",
            "private_key": "-----BEGIN PRIVATE KEY-----\nAQID\nBAUG\n-----END PRIVATE KEY-----\n",
            "token_uri": "https://evil.example/token",
        });
        file.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        file.to_string()
    }

    #[test]
    fn the_key_file_of_a_service_account_is_read_and_nothing_else() {
        let account = ServiceAccount::read(&file(json!({}))).expect("an account");
        assert_eq!((account.key, account.key_id.as_str()), (vec![1, 2, 3, 4, 5, 6], "k1"));
        for change in [
            json!({"type": "authorized_user"}),
            json!({"client_email": ""}),
            json!({"private_key_id": 1}),
            json!({"private_key": "AQID"}),
            json!({"private_key": "-----BEGIN RSA PRIVATE KEY-----\nAQID\n-----END RSA PRIVATE KEY-----\n"}),
            json!({"private_key": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"}),
            json!({"private_key": "-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----"}),
        ] {
            assert_eq!(ServiceAccount::read(&file(change.clone())), None, "{change}");
        }
        assert_eq!(ServiceAccount::read("key"), None);
    }
}
