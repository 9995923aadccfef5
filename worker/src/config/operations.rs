//! What the owner watches: metrics, spans, alerts, and the ledger.

use failsoft::Usd;
use failsoft::invalid::{Invalid, Section};

use super::digest;
use super::problem::Problem;
use super::secret::{is_secret_name, own_secret};
use super::url_host::is_local_http;

/// The secret that opens `/metrics`.
const METRICS: &str = "METRICS_TOKEN";

/// Who may read metrics, and where the edge sends spans and alerts.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    /// The SHA-256 of the token for `/metrics`. Without a token there are no metrics.
    pub(crate) metrics: Option<[u8; 32]>,
    pub(crate) otlp: Option<Target>,
    pub(crate) alerts: Option<Alerts>,
    /// For how many days the ledger keeps a row.
    pub(crate) ledger_days: u64,
}

/// A URL that the edge posts to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// From a secret in the form `name=value,name=value`.
    pub(crate) headers: Vec<(String, String)>,
}

/// When the edge sends an alert, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Alerts {
    pub(crate) target: Target,
    /// This many calls in a row were answered by another model than the first of their chain.
    pub(crate) fallbacks: u64,
    /// An hour cost this many times the mean of the day before, and at least `spend`.
    pub(crate) times: u64,
    pub(crate) spend: Usd,
    /// A model of the configuration expires within this many days.
    pub(crate) days: u64,
}

impl Operations {
    /// Reads `otlp`, `alerts` and `ledger`, without their secrets.
    pub(super) fn read(config: &Section<'_>) -> Result<Self, Box<Invalid>> {
        let otlp = config.section("otlp")?;
        otlp.only("url headers")?;
        let alerts = config.section("alerts")?;
        alerts.only("url headers fallbacks times usd days")?;
        let ledger = config.section("ledger")?;
        ledger.only("days")?;
        let mut ledger_days = 90;
        ledger.whole("days", 1, 3_650, &mut ledger_days)?;
        Ok(Self {
            metrics: None,
            ledger_days,
            otlp: Target::read(&otlp, config.get("otlp").is_null())?,
            alerts: Target::read(&alerts, config.get("alerts").is_null())?
                .map(|target| Alerts::read(&alerts, target))
                .transpose()?,
        })
    }

    /// Adds the secrets.
    pub(super) fn add_secrets(&mut self, variable: &impl Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
        self.metrics = own_secret(METRICS, variable, problems).map(|token| digest::of(&token));
        let targets = self.otlp.iter_mut().chain(self.alerts.iter_mut().map(|alerts| &mut alerts.target));
        let missing = targets.filter_map(|target| target.add_secret(variable));
        problems.extend(missing.map(Problem::SecretWithoutHeaders));
    }
}

impl Target {
    fn read(given: &Section<'_>, absent: bool) -> Result<Option<Self>, Box<Invalid>> {
        if absent {
            return Ok(None);
        }
        let url = given.text("url")?.unwrap_or_default();
        if !url.starts_with("https://") && !is_local_http(&url) {
            return Err(given.wrong("url", "must be a URL that begins with https://, or with http:// on this machine"));
        }
        let secret = given.text("headers")?;
        if secret.as_deref().is_some_and(|name| !is_secret_name(name)) {
            return Err(given.wrong("headers", "must be the NAME_OF_A_SECRET that holds name=value,name=value"));
        }
        // Until `add_secret` replaces it, the secret's name stands in the place of the headers.
        let headers = secret.map(|name| (name.into_owned(), String::new())).into_iter().collect();
        Ok(Some(Self { url: url.into(), headers }))
    }

    /// Replaces the secret's name by the headers in it. Returns the name if there are no such headers.
    fn add_secret(&mut self, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
        let (name, _) = self.headers.pop()?;
        let pairs = variable(&name).and_then(|text| pairs(&text));
        let missing = pairs.is_none();
        self.headers = pairs.unwrap_or_default();
        missing.then_some(name)
    }
}

/// Reads `name=value,name=value`, the form of OpenTelemetry's own variables.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let is_word = |text: &str, fits: fn(u8) -> bool| !text.is_empty() && text.bytes().all(fits);
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let fits = is_word(name, is_token) && is_word(value, |byte| (b' '..=b'~').contains(&byte));
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
    use super::{Operations, Problem, pairs};
    use failsoft::Json;
    use failsoft::invalid::Section;

    fn read(json: &str) -> Result<Operations, String> {
        let section = Section::object("", Json::parse(json).expect("JSON"));
        section.and_then(|section| Operations::read(&section)).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn spans_alerts_and_metrics_are_off_unless_they_are_configured() {
        let operations = read("{}").expect("nothing");
        assert!(operations.otlp.is_none() && operations.alerts.is_none() && operations.metrics.is_none());
    }

    #[test]
    fn spans_and_alerts_go_over_https_or_to_this_machine() {
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
        let mut problems = Vec::new();
        operations.add_secrets(&|_| None, &mut problems);
        assert!(matches!(&problems[..], [Problem::SecretWithoutHeaders(name)] if name == "OTLP_HEADERS"));
        let mut operations =
            read(r#"{"otlp": {"url": "https://o.example", "headers": "OTLP_HEADERS"}}"#).expect("spans");
        let variable = |name: &str| (name == "OTLP_HEADERS").then(|| "authorization=Basic eA==, x-scope=a".to_owned());
        problems.clear();
        operations.add_secrets(&variable, &mut problems);
        assert!(problems.is_empty());
        let headers = operations.otlp.expect("spans").headers;
        assert_eq!(headers[0], ("authorization".to_owned(), "Basic eA==".to_owned()));
        for secret in ["", "a", "a=", "a=b,", "a=b,c=", "=b", "a=b\r\nc: d"] {
            assert_eq!(pairs(secret), None, "{secret}");
        }
    }
}
