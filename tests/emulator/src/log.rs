//! Every request in the order of arrival, and what became of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::Request;
use crate::player::Progress;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is under way.
    Pending,
    /// Everything was written, and nothing was wrong with it.
    Sent,
    /// The client closed or reset its connection before the end.
    ClientGone,
    /// A fault was performed up to its end.
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

/// What a waiting test waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// The request has arrived, whatever came of it.
    Arrived,
    /// It is no longer pending.
    Finished,
    /// It has exactly this outcome.
    Outcome(Outcome),
}

impl Awaited {
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

/// One request.
#[derive(Debug, Clone)]
pub struct Entry {
    /// 1 for the first request since the log was last cleared.
    pub n: u64,
    /// When its last byte was read, in milliseconds since 1970.
    pub at_ms: u64,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// An object; names in lower case.
    pub headers: Value,
    /// Null if it was not JSON.
    pub body: Value,
    /// The models that were tried, in order.
    pub models: Vec<String>,
    /// Of the answer; `None` while it is being made, or if none was sent.
    pub status: Option<u16>,
    /// What became of it.
    pub outcome: Outcome,
    /// When it was no longer pending, in milliseconds since 1970.
    pub finished_at_ms: Option<u64>,
    /// Bytes of the body that were written, without the chunked framing.
    pub bytes_sent: u64,
    /// What `X-Generation-Id` said.
    pub generation_id: Option<String>,
    /// Requests with the same number came over the same TCP connection.
    pub connection: u64,
}

impl Entry {
    /// As `GET /emulator/log` shows it.
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

/// A place in the log. It outlives a clearing of the log, and then names nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
pub(crate) struct Log {
    records: Mutex<Records>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Records {
    /// How many requests came before the first one kept.
    cleared: u64,
    kept: Vec<(Entry, Arc<Progress>)>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { records: Mutex::default(), changed: watch::Sender::new(()) }
    }

    pub(crate) fn arrived(&self, request: &Request, connection: u64, progress: &Arc<Progress>) -> Ticket {
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
        let ticket = Ticket(records.cleared + n - 1);
        drop(records);
        self.changed.send_replace(());
        ticket
    }

    /// Changes an entry, unless the log was cleared since.
    pub(crate) fn update(&self, ticket: Ticket, change: impl FnOnce(&mut Entry)) {
        let mut records = self.lock();
        let index = ticket.0.checked_sub(records.cleared).and_then(|index| usize::try_from(index).ok());
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

    pub(crate) fn clear(&self) {
        let mut records = self.lock();
        records.cleared += records.kept.len() as u64;
        records.kept.clear();
    }

    /// Waits until request `n`, or any if `None`, is as awaited. False when `time` is over first.
    pub(crate) async fn wait(&self, n: Option<u64>, awaited: Awaited, time: Duration) -> bool {
        let mut changed = self.changed.subscribe();
        let reached = async {
            while !self.holds(n, awaited) {
                // Fails only without a sender, which `self` is.
                let _ = changed.changed().await;
            }
        };
        timeout(time, reached).await.is_ok()
    }

    fn holds(&self, n: Option<u64>, awaited: Awaited) -> bool {
        let records = self.lock();
        let mut entries = records.kept.iter().map(|(entry, _)| entry);
        entries.any(|entry| n.is_none_or(|n| n == entry.n) && awaited.holds(entry.outcome))
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
