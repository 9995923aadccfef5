//! The state that all connections share.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::catalog::Candidate;
use crate::emulator::Options;
use crate::fault::Behaviour;
use crate::ledger::Ledger;
use crate::log::{Log, now_ms};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) log: Log,
    pub(crate) ledger: Ledger,
    models: Mutex<ModelStates>,
    generations: AtomicU64,
    /// The number of open connections.
    connections: AtomicU64,
    /// While this is true, no chat is answered.
    held: watch::Sender<bool>,
}

/// What the models remember between requests.
#[derive(Debug, Default)]
struct ModelStates {
    scripts: HashMap<String, VecDeque<Behaviour>>,
    /// The pairs of key and model for which a fault that happens once has happened.
    faulted_once: HashSet<(String, String)>,
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct OpenConnection<'a>(&'a AtomicU64);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A script that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptError {
    /// The model does not exist.
    UnknownModel {
        /// The id in the script.
        id: String,
    },
    /// The step is not `healthy`, `say:TEXT`, `echo:TEXT` or a fault.
    UnknownStep {
        /// The step in the script.
        step: String,
    },
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownModel { id } => write!(f, "{id} is not a model"),
            Self::UnknownStep { step } => {
                write!(f, "{step} is neither healthy, nor say:TEXT, nor echo:TEXT, nor a fault")
            }
        }
    }
}

impl std::error::Error for ScriptError {}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            log: Log::new(),
            ledger: Ledger::default(),
            models: Mutex::default(),
            generations: AtomicU64::new(1),
            connections: AtomicU64::new(0),
            held: watch::Sender::new(false),
        }
    }

    /// Holds back the answers to all chats that have not begun, or stops doing so.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Waits until answers are not held back.
    pub(crate) async fn released(&self) {
        // The receiver fails only without a sender, and `self` holds one.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
    }

    /// Counts a connection as open until the result is dropped.
    pub(crate) fn open_connection(&self) -> OpenConnection<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(&self.connections)
    }

    /// The number of open connections.
    pub(crate) fn open_connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// A new id. All ids have the same length, so that the byte offsets in an answer do not change.
    pub(crate) fn generation_id(&self) -> String {
        let number = self.generations.fetch_add(1, Ordering::Relaxed);
        let prefix = if self.options.billing.names_generations() { "gen" } else { "chatcmpl" };
        format!("{prefix}-{}-{number:020}", now_ms() / 1000)
    }

    /// The behaviour of `model` for the next request of `key`: the next step of its script, or its default.
    pub(crate) fn behaviour(&self, key: &str, model: &Candidate) -> Behaviour {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = models.scripts.get_mut(&model.id).and_then(VecDeque::pop_front) {
            return step;
        }
        match &model.default_behaviour {
            Behaviour::Fault(spec)
                if spec.fault.once && !models.faulted_once.insert((key.to_owned(), model.id.clone())) =>
            {
                Behaviour::Healthy
            }
            default_behaviour => default_behaviour.clone(),
        }
    }

    /// Replaces the rest of the model's script.
    pub(crate) fn script(&self, model: &str, steps: &[&str]) -> Result<(), ScriptError> {
        let model = Candidate::resolve(model).ok_or_else(|| ScriptError::UnknownModel { id: model.to_owned() })?;
        let parse =
            |step: &&str| Behaviour::parse(step).ok_or_else(|| ScriptError::UnknownStep { step: (*step).to_owned() });
        let steps = steps.iter().map(parse).collect::<Result<_, _>>()?;
        self.models.lock().unwrap_or_else(PoisonError::into_inner).scripts.insert(model.id, steps);
        Ok(())
    }

    pub(crate) fn clear(&self) {
        self.log.clear();
        self.ledger.clear();
        self.hold(false);
        *self.models.lock().unwrap_or_else(PoisonError::into_inner) = ModelStates::default();
    }
}
