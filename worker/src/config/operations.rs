//! Where the edge tells its owner how it is: metrics, spans, alerts.

use failsoft::invalid::{Invalid, Section};
use failsoft::report::Usd;
use sha2::{Digest, Sha256};

use super::{authority, is_loopback};

/// The secret that opens `/metrics`.
const METRICS: &str = "METRICS_TOKEN";

/// What the owner wants to be told, and where.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    /// The digest of the token that opens `/metrics`; without one there are no metrics.
    pub(crate) metrics: Option<[u8; 32]>,
    pub(crate) otlp: Option<Target>,
    pub(crate) alerts: Option<Alerts>,
}

/// A place to send to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// From a secret: `name=value,name=value`.
    pub(crate) headers: Vec<(String, String)>,
}

/// When to raise an alert.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Alerts {
    pub(crate) target: Target,
    /// So many calls in a row that another model answered than the first.
    pub(crate) fallbacks: u64,
    /// An hour that cost so many times as much as the mean of the day before, and at least `spend`.
    pub(crate) times: u64,
    pub(crate) spend: Usd,
    /// Days before a model expires.
    pub(crate) days: u64,
}

impl Operations {
    /// Reads `otlp` and `alerts`; secrets come later.
    pub(super) fn read(config: &Section<'_>) -> Result<Self, Box<Invalid>> {
        let otlp = config.section("otlp")?;
        otlp.only("url headers")?;
        let alerts = config.section("alerts")?;
        alerts.only("url headers fallbacks times usd days")?;
        Ok(Self {
            metrics: None,
            otlp: Target::read(&otlp, config.get("otlp").is_null())?,
            alerts: Target::read(&alerts, config.get("alerts").is_null())?
                .map(|target| Alerts::read(&alerts, target))
                .transpose()?,
        })
    }

    /// Takes what `variable` holds for it. Gives the names of the secrets that are not set, or cannot be used.
    pub(super) fn take_secrets(&mut self, variable: &impl Fn(&str) -> Option<String>) -> Vec<String> {
        let token = variable(METRICS).map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        self.metrics = token.map(|token| Sha256::digest(token).into());
        let targets = self.otlp.iter_mut().chain(self.alerts.iter_mut().map(|alerts| &mut alerts.target));
        targets.filter_map(|target| target.take_secret(variable)).collect()
    }
}

impl Target {
    fn read(given: &Section<'_>, absent: bool) -> Result<Option<Self>, Box<Invalid>> {
        if absent {
            return Ok(None);
        }
        let url = given.text("url")?.unwrap_or_default();
        let is_local = url.starts_with("http://") && is_loopback(authority(&url));
        if !is_local && !url.starts_with("https://") {
            return Err(given.wrong("url", "must begin with https://, or be on this machine"));
        }
        let secret = given.text("headers")?;
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if secret.as_deref().is_some_and(|name| name.is_empty() || !name.bytes().all(is_name) || name == "FAILSOFT") {
            return Err(given.wrong("headers", "must be the NAME_OF_A_SECRET that holds name=value,name=value"));
        }
        // Until it is taken, the name of the secret stands in the place of what it holds.
        let headers = secret.map(|name| (name.into_owned(), String::new())).into_iter().collect();
        Ok(Some(Self { url: url.into(), headers }))
    }

    fn take_secret(&mut self, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
        let (name, _) = self.headers.pop()?;
        let pairs = variable(&name).and_then(|text| pairs(&text));
        let missing = pairs.is_none();
        self.headers = pairs.unwrap_or_default();
        missing.then_some(name)
    }
}

/// `name=value,name=value`, as OpenTelemetry's own variables have it.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let fits =
            !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        fits.then(|| (name.to_owned(), value.to_owned()))
    };
    text.split(',').map(pair).collect()
}

impl Alerts {
    fn read(given: &Section<'_>, target: Target) -> Result<Self, Box<Invalid>> {
        let (mut fallbacks, mut times, mut days) = (10, 3, 14);
        given.whole("fallbacks", 1, 1_000_000, &mut fallbacks)?;
        given.whole("times", 2, 1_000, &mut times)?;
        given.whole("days", 1, 365, &mut days)?;
        let mut spend = None;
        given.usd("usd", &mut spend)?;
        Ok(Self { target, fallbacks, times, spend: spend.unwrap_or(Usd(1_000_000_000_000)), days })
    }
}

#[cfg(test)]
mod tests {
    use super::{Operations, pairs};
    use failsoft::Json;
    use failsoft::invalid::Section;

    fn read(json: &str) -> Result<Operations, String> {
        let section = Section::object("", Json::parse(json).expect("JSON"));
        section.and_then(|section| Operations::read(&section)).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn what_is_not_configured_is_told_nobody() {
        let operations = read("{}").expect("nothing");
        assert!(operations.otlp.is_none() && operations.alerts.is_none() && operations.metrics.is_none());
    }

    #[test]
    fn the_owner_is_told_over_https_or_on_this_machine() {
        assert!(read(r#"{"alerts": {"url": "http://127.0.0.1:9/hook"}}"#).is_ok());
        for (json, path) in [
            (r#"{"alerts": {"url": "http://hooks.example/"}}"#, "`alerts.url`"),
            (r#"{"alerts": {}}"#, "`alerts.url`"),
            (r#"{"alerts": {"url": "https://h.example", "times": 1}}"#, "`alerts.times`"),
            (r#"{"otlp": {"url": "https://o.example", "headers": "Bearer x"}}"#, "`otlp.headers`"),
            (r#"{"otlp": {"urls": []}}"#, "`otlp.urls`"),
        ] {
            let problem = read(json).expect_err("a problem");
            assert!(problem.starts_with(path), "{problem}");
        }
    }

    #[test]
    fn headers_come_from_a_secret_and_a_missing_one_is_named() {
        let mut operations =
            read(r#"{"otlp": {"url": "https://o.example", "headers": "OTLP_HEADERS"}}"#).expect("spans");
        assert_eq!(operations.take_secrets(&|_| None), ["OTLP_HEADERS"]);
        let mut operations =
            read(r#"{"otlp": {"url": "https://o.example", "headers": "OTLP_HEADERS"}}"#).expect("spans");
        let variable = |name: &str| (name == "OTLP_HEADERS").then(|| "authorization=Basic eA==, x-scope=a".to_owned());
        assert!(operations.take_secrets(&variable).is_empty());
        let headers = operations.otlp.expect("spans").headers;
        assert_eq!(headers[0], ("authorization".to_owned(), "Basic eA==".to_owned()));
        assert_eq!(pairs("a=b\r\nc: d"), None);
    }
}
