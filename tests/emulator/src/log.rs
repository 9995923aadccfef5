//! All requests in the order of arrival, with their outcomes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::Request;
use crate::writer::Progress;

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The response is not complete.
    Pending,
    /// The complete response was written, without a fault.
    Sent,
    /// The client closed or reset its connection before the end.
    ClientGone,
    /// A fault was written to its end.
    Faulted,
}

impl Outcome {
    /// The name in the log's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::ClientGone => "clientGone",
            Self::Faulted => "faulted",
        }
    }
}

/// The condition that a test waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The request has arrived, with any outcome.
    Arrived,
    /// The request is no longer pending.
    Finished,
    /// The request has exactly this outcome.
    Outcome(Outcome),
}

impl Condition {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "arrived" => Some(Self::Arrived),
            "finished" => Some(Self::Finished),
            "pending" => Some(Self::Outcome(Outcome::Pending)),
            "sent" => Some(Self::Outcome(Outcome::Sent)),
            "clientGone" => Some(Self::Outcome(Outcome::ClientGone)),
            "faulted" => Some(Self::Outcome(Outcome::Faulted)),
            _ => None,
        }
    }

    fn holds(self, outcome: Outcome) -> bool {
        match self {
            Self::Arrived => true,
            Self::Finished => outcome != Outcome::Pending,
            Self::Outcome(wanted) => wanted == outcome,
        }
    }
}

/// One request in the log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The number of the request since the log was last cleared, from 1.
    pub n: u64,
    /// When the last byte of the request was read, in milliseconds since 1970.
    pub at_ms: u64,
    /// The method.
    pub method: String,
    /// The path and the query.
    pub path: String,
    /// The headers as an object, with names in lower case.
    pub headers: Value,
    /// The JSON body; null if it is not JSON.
    pub body: Value,
    /// The models that were tried, in order.
    pub models: Vec<String>,
    /// The status of the response; `None` before the response, and if no status was sent.
    pub status: Option<u16>,
    /// The outcome of the request.
    pub outcome: Outcome,
    /// When the request stopped being pending, in milliseconds since 1970.
    pub finished_at_ms: Option<u64>,
    /// The bytes of the body that were written, without the chunked framing.
    pub bytes_sent: u64,
    /// The value of `X-Generation-Id` in the response.
    pub generation_id: Option<String>,
    /// The number of the TCP connection. Requests on the same connection have the same number.
    pub connection: u64,
}

impl Entry {
    /// The entry in the format of `GET /emulator/log`.
    pub fn to_json(&self) -> Value {
        json!({
            "n": self.n,
            "at_ms": self.at_ms,
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "body": self.body,
            "models": self.models,
            "status": self.status,
            "outcome": self.outcome.name(),
            "finished_at_ms": self.finished_at_ms,
            "bytes_sent": self.bytes_sent,
            "generation_id": self.generation_id,
            "connection": self.connection,
        })
    }
}

/// Identifies an entry. After the log was cleared it identifies nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryId(u64);

#[derive(Debug)]
pub(crate) struct Log {
    records: Mutex<Records>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Records {
    /// The number of requests before the first one that is kept.
    cleared: u64,
    kept: Vec<(Entry, Arc<Progress>)>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { records: Mutex::default(), changed: watch::Sender::new(()) }
    }

    pub(crate) fn arrived(&self, request: &Request, connection: u64, progress: &Arc<Progress>) -> EntryId {
        let mut records = self.lock();
        let n = records.kept.len() as u64 + 1;
        let entry = Entry {
            n,
            at_ms: now_ms(),
            method: request.method.clone(),
            path: request.target.clone(),
            headers: request.headers_json(),
            body: request.body_json(),
            models: Vec::new(),
            status: None,
            outcome: Outcome::Pending,
            finished_at_ms: None,
            bytes_sent: 0,
            generation_id: None,
            connection,
        };
        records.kept.push((entry, Arc::clone(progress)));
        let entry_id = EntryId(records.cleared + n - 1);
        drop(records);
        self.changed.send_replace(());
        entry_id
    }

    /// Changes an entry, unless the log was cleared in between.
    pub(crate) fn update(&self, entry_id: EntryId, change: impl FnOnce(&mut Entry)) {
        let mut records = self.lock();
        let index = entry_id.0.checked_sub(records.cleared).and_then(|index| usize::try_from(index).ok());
        if let Some((entry, _)) = index.and_then(|index| records.kept.get_mut(index)) {
            change(entry);
        }
        drop(records);
        self.changed.send_replace(());
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let snapshot =
            |(entry, progress): &(Entry, Arc<Progress>)| Entry { bytes_sent: progress.bytes(), ..entry.clone() };
        self.lock().kept.iter().map(snapshot).collect()
    }

    /// The number of requests whose response is not complete.
    pub(crate) fn count_pending(&self) -> usize {
        self.lock().kept.iter().filter(|(entry, _)| entry.outcome == Outcome::Pending).count()
    }

    pub(crate) fn clear(&self) {
        let mut records = self.lock();
        records.cleared += records.kept.len() as u64;
        records.kept.clear();
    }

    /// Waits until request `n`, or any if `None`, meets the condition. Returns false if `time` is over first.
    pub(crate) async fn wait(&self, n: Option<u64>, condition: Condition, time: Duration) -> bool {
        let mut changed = self.changed.subscribe();
        let reached = async {
            while !self.holds(n, condition) {
                // The receiver fails only without a sender, and `self` holds one.
                let _ = changed.changed().await;
            }
        };
        timeout(time, reached).await.is_ok()
    }

    fn holds(&self, n: Option<u64>, condition: Condition) -> bool {
        let records = self.lock();
        let mut entries = records.kept.iter().map(|(entry, _)| entry);
        entries.any(|entry| n.is_none_or(|n| n == entry.n) && condition.holds(entry.outcome))
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
