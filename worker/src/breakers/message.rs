//! The messages between isolates and the object, as JSON texts. Each machine has its own clock, so a message contains
//! durations and no points in time. The names in the JSON stay as they are, because the two sides can be of different
//! versions.

use failsoft::breaker::Breaker;
use failsoft::json::{Object, array, quoted};
use failsoft::policy::BreakerPolicy;
use failsoft::{Failure, Json, Millis};

/// A message to the object.
#[derive(Debug)]
pub(crate) struct Message {
    /// The number of the message. Only the answer to the last message is up to date.
    pub(crate) number: u64,
    pub(crate) text: String,
}

/// What an isolate reports.
#[derive(Debug, Default, PartialEq)]
pub(super) struct IsolateReport {
    /// When the isolate will probably send the next message, in milliseconds. JSON: `back`.
    pub(super) next_message: Millis,
    /// JSON: `heard`.
    pub(super) models: Vec<ModelReport>,
    /// The breakers that kept the isolate from a model.
    pub(super) wanted: Vec<String>,
    /// The running probes, and how long each may take.
    pub(super) probing: Vec<(String, Millis)>,
    /// The probes that never reached their model.
    pub(super) released: Vec<String>,
}

/// How a model did in the calls of an isolate.
#[derive(Debug, PartialEq)]
pub(super) struct ModelReport {
    /// The name of its breaker.
    pub(super) name: String,
    /// How long ago the model answered.
    pub(super) served: Option<Millis>,
    /// The model failed after that. The failure may have named a wait.
    pub(super) failed: Option<Option<Millis>>,
    /// The account that the model failed for, as a hash; nothing if only one account can call.
    pub(super) account: Option<u32>,
    pub(super) policy: BreakerPolicy,
}

/// The state of a breaker, for the isolate that asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum BreakerAnswer {
    /// The breaker is closed, after this many failures in a row.
    Closed(u32),
    /// The breaker is open for this time, and afterwards until another isolate has probed the model.
    Open(Millis),
    /// The breaker is open for the first time. After it, only this isolate may probe the model, for the second time.
    Probe(Millis, Millis),
}

/// The wait that `failure` named, if a breaker respects it.
pub(super) fn named_wait(failure: &Failure) -> Option<Millis> {
    let mut breaker = Breaker::Closed { failures: 0 };
    breaker.record(0, Some(failure), &BreakerPolicy { failures: u32::MAX, cooldown: 0 });
    match breaker {
        Breaker::Open { until } => Some(until),
        Breaker::Closed { .. } | Breaker::HalfOpen { .. } => None,
    }
}

impl IsolateReport {
    pub(super) fn to_json(&self) -> String {
        let mut json = Object::default();
        json.whole("back", self.next_message);
        json.raw("heard", &array(self.models.iter().map(ModelReport::to_json)));
        json.raw("wanted", &array(self.wanted.iter().map(|name| quoted(name))));
        json.raw("released", &array(self.released.iter().map(|name| quoted(name))));
        json.raw("probing", &array(self.probing.iter().map(|(name, span)| named(name, "for", *span))));
        json.end()
    }

    pub(super) fn read(json: Json<'_>) -> Self {
        let names = |field| json.get(field).items().filter_map(|name| Some(name.text()?.into_owned())).collect();
        let span = |row: Json<'_>| Some((row.get("name").text()?.into_owned(), row.get("for").whole()?));
        Self {
            next_message: json.get("back").whole().unwrap_or_default(),
            models: json.get("heard").items().filter_map(ModelReport::read).collect(),
            wanted: names("wanted"),
            probing: json.get("probing").items().filter_map(span).collect(),
            released: names("released"),
        }
    }
}

impl ModelReport {
    fn to_json(&self) -> String {
        let mut json = Object::default();
        json.text("name", &self.name);
        json.whole("failures", self.policy.failures.into()).whole("cooldown", self.policy.cooldown);
        if let Some(ago) = self.served {
            json.whole("served", ago);
        }
        if let Some(wait) = self.failed {
            json.flag("failed", true);
            json.maybe_raw("wait", wait.map(|wait| wait.to_string()).as_deref());
            json.maybe_whole("account", self.account.map(Into::into));
        }
        json.end()
    }

    fn read(json: Json<'_>) -> Option<Self> {
        let failed = json.get("failed").flag() == Some(true);
        Some(Self {
            name: json.get("name").text()?.into_owned(),
            served: json.get("served").whole(),
            failed: failed.then(|| json.get("wait").whole()),
            account: json.get("account").whole().and_then(|account| u32::try_from(account).ok()),
            policy: BreakerPolicy {
                failures: u32::try_from(json.get("failures").whole()?).ok()?,
                cooldown: json.get("cooldown").whole()?,
            },
        })
    }
}

/// Writes an answer.
pub(super) fn write_answer(states: &[(String, BreakerAnswer)]) -> String {
    array(states.iter().map(|(name, state)| match state {
        BreakerAnswer::Closed(failures) => named(name, "failures", (*failures).into()),
        BreakerAnswer::Open(wait) => named(name, "wait", *wait),
        BreakerAnswer::Probe(wait, lease) => {
            let mut json = Object::default();
            json.text("name", name).whole("wait", *wait).whole("lease", *lease);
            json.end()
        }
    }))
}

/// Reads an answer. Returns nothing if `text` is no answer.
pub(super) fn read_answer(text: &str) -> Option<Vec<(String, BreakerAnswer)>> {
    let rows = Json::parse(text).filter(|rows| rows.is_array())?;
    let read = |row: Json<'_>| {
        let (wait, lease) = (row.get("wait").whole(), row.get("lease").whole());
        let state = match (wait, lease) {
            (Some(wait), Some(lease)) => BreakerAnswer::Probe(wait, lease),
            (Some(wait), None) => BreakerAnswer::Open(wait),
            (None, _) => BreakerAnswer::Closed(u32::try_from(row.get("failures").whole()?).ok()?),
        };
        Some((row.get("name").text()?.into_owned(), state))
    };
    Some(rows.items().filter_map(read).collect())
}

fn named(name: &str, field: &'static str, value: u64) -> String {
    let mut json = Object::default();
    json.text("name", name).whole(field, value);
    json.end()
}

#[cfg(test)]
mod tests {
    use super::{BreakerAnswer, IsolateReport, ModelReport, named_wait, read_answer, write_answer};
    use failsoft::policy::BreakerPolicy;
    use failsoft::{Failure, Json, Kind};

    #[test]
    fn messages_and_answers_are_read_as_they_were_written() {
        let policy = BreakerPolicy { failures: 3, cooldown: 20_000 };
        let model = |name: &str, served, failed| ModelReport {
            name: name.into(),
            served,
            failed,
            account: failed.map(|_| 7),
            policy: policy.clone(),
        };
        let report = IsolateReport {
            next_message: 4_000,
            models: vec![
                model("u \"a\"", Some(7), None),
                model("u b", None, Some(None)),
                model("u c", Some(0), Some(Some(9))),
            ],
            wanted: vec!["u d".into()],
            probing: vec![("u e".into(), 60_000)],
            released: vec!["u f".into()],
        };
        assert_eq!(IsolateReport::read(Json::parse(&report.to_json()).expect("JSON")), report);
        let states = vec![
            ("u a".to_owned(), BreakerAnswer::Closed(2)),
            ("u b".to_owned(), BreakerAnswer::Open(9)),
            ("u c".to_owned(), BreakerAnswer::Probe(0, 5)),
        ];
        assert_eq!(read_answer(&write_answer(&states)), Some(states));
        assert_eq!(read_answer("<html>"), None);
    }

    #[test]
    fn a_wait_counts_if_a_breaker_respects_it() {
        let mut failure = Failure::new(Kind::RateLimited, "");
        failure.retry_after = Some(7);
        assert_eq!(named_wait(&failure), Some(7));
        failure.kind = Kind::Stalled;
        assert_eq!(named_wait(&failure), None);
    }
}
