//! What isolates and the object write to each other: JSON texts. Times are spans, as every machine has a clock of its own.

use failsoft::breaker::Breaker;
use failsoft::json::{Object, array, quoted};
use failsoft::policy::BreakerPolicy;
use failsoft::{Failure, Json, Millis};

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Message {
    /// Which one it is: only the answer to the last says how things stand.
    pub(crate) number: u64,
    pub(crate) text: String,
}

/// What an isolate tells.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    /// It is expected to ask again after this.
    pub(super) back: Millis,
    pub(super) heard: Vec<Heard>,
    /// Breakers that kept it from asking a model.
    pub(super) wanted: Vec<String>,
    /// Probes under way, and how long they may take.
    pub(super) probing: Vec<(String, Millis)>,
    /// Probes that never reached their model.
    pub(super) released: Vec<String>,
}

/// What calls saw of a model.
#[derive(Debug, PartialEq)]
pub(super) struct Heard {
    /// The name of its breaker.
    pub(super) name: String,
    /// How long ago it served.
    pub(super) served: Option<Millis>,
    /// It failed after that, and named a wait or did not.
    pub(super) failed: Option<Option<Millis>>,
    pub(super) policy: BreakerPolicy,
}

/// How a breaker stands for the isolate that is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    /// It is closed, after so many failures in a row.
    Closed(u32),
    /// It is open, for others too until one of them has probed it.
    Open(Millis),
    /// It is open for so long; then this isolate may probe it, and nobody else for so much longer.
    Probe(Millis, Millis),
}

/// The wait that `failure` named, if a breaker heeds it.
pub(super) fn named_wait(failure: &Failure) -> Option<Millis> {
    let mut breaker = Breaker::Closed { failures: 0 };
    breaker.record(0, Some(failure), &BreakerPolicy { failures: u32::MAX, cooldown: 0 });
    match breaker {
        Breaker::Open { until } => Some(until),
        Breaker::Closed { .. } | Breaker::HalfOpen { .. } => None,
    }
}

impl News {
    pub(super) fn to_json(&self) -> String {
        let mut json = Object::default();
        json.whole("back", self.back);
        json.raw("heard", &array(self.heard.iter().map(Heard::to_json)));
        json.raw("wanted", &array(self.wanted.iter().map(|name| quoted(name))));
        json.raw("released", &array(self.released.iter().map(|name| quoted(name))));
        json.raw("probing", &array(self.probing.iter().map(|(name, span)| named(name, "for", *span))));
        json.end()
    }

    pub(super) fn read(json: Json<'_>) -> Self {
        let names = |field| json.get(field).items().filter_map(|name| Some(name.text()?.into_owned())).collect();
        let span = |row: Json<'_>| Some((row.get("name").text()?.into_owned(), row.get("for").whole()?));
        Self {
            back: json.get("back").whole().unwrap_or_default(),
            heard: json.get("heard").items().filter_map(Heard::read).collect(),
            wanted: names("wanted"),
            probing: json.get("probing").items().filter_map(span).collect(),
            released: names("released"),
        }
    }
}

impl Heard {
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
        }
        json.end()
    }

    fn read(json: Json<'_>) -> Option<Self> {
        let failed = json.get("failed").flag() == Some(true);
        Some(Self {
            name: json.get("name").text()?.into_owned(),
            served: json.get("served").whole(),
            failed: failed.then(|| json.get("wait").whole()),
            policy: BreakerPolicy {
                failures: u32::try_from(json.get("failures").whole()?).ok()?,
                cooldown: json.get("cooldown").whole()?,
            },
        })
    }
}

/// The text of an answer.
pub(super) fn answer(told: &[(String, Told)]) -> String {
    array(told.iter().map(|(name, told)| match told {
        Told::Closed(failures) => named(name, "failures", (*failures).into()),
        Told::Open(wait) => named(name, "wait", *wait),
        Told::Probe(wait, lease) => {
            let mut json = Object::default();
            json.text("name", name).whole("wait", *wait).whole("lease", *lease);
            json.end()
        }
    }))
}

/// What an answer tells; nothing, if it is none.
pub(super) fn read_answer(text: &str) -> Option<Vec<(String, Told)>> {
    let rows = Json::parse(text).filter(|rows| rows.is_array())?;
    let read = |row: Json<'_>| {
        let (wait, lease) = (row.get("wait").whole(), row.get("lease").whole());
        let told = match (wait, lease) {
            (Some(wait), Some(lease)) => Told::Probe(wait, lease),
            (Some(wait), None) => Told::Open(wait),
            (None, _) => Told::Closed(u32::try_from(row.get("failures").whole()?).ok()?),
        };
        Some((row.get("name").text()?.into_owned(), told))
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
    use super::{Heard, News, Told, answer, named_wait, read_answer};
    use failsoft::policy::BreakerPolicy;
    use failsoft::{Failure, Json, Kind};

    #[test]
    fn what_is_written_is_what_is_read() {
        let policy = BreakerPolicy { failures: 3, cooldown: 20_000 };
        let heard = |name: &str, served, failed| Heard { name: name.into(), served, failed, policy: policy.clone() };
        let news = News {
            back: 4_000,
            heard: vec![
                heard("u \"a\"", Some(7), None),
                heard("u b", None, Some(None)),
                heard("u c", Some(0), Some(Some(9))),
            ],
            wanted: vec!["u d".into()],
            probing: vec![("u e".into(), 60_000)],
            released: vec!["u f".into()],
        };
        assert_eq!(News::read(Json::parse(&news.to_json()).expect("JSON")), news);
        let told = vec![
            ("u a".to_owned(), Told::Closed(2)),
            ("u b".to_owned(), Told::Open(9)),
            ("u c".to_owned(), Told::Probe(0, 5)),
        ];
        assert_eq!(read_answer(&answer(&told)), Some(told));
        assert_eq!(read_answer("<html>"), None);
    }

    #[test]
    fn a_wait_counts_where_a_breaker_heeds_it() {
        let mut failure = Failure::new(Kind::RateLimited, "");
        failure.retry_after = Some(7);
        assert_eq!(named_wait(&failure), Some(7));
        failure.kind = Kind::Stalled;
        assert_eq!(named_wait(&failure), None);
    }
}
