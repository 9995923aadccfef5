//! What the connections share.

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
    moods: Mutex<Moods>,
    generations: AtomicU64,
    /// No chat is answered for as long as this is so.
    held: watch::Sender<bool>,
}

/// What the models remember.
#[derive(Debug, Default)]
struct Moods {
    scripts: HashMap<String, VecDeque<Behaviour>>,
    /// Key and model that have already suffered a fault which happens once.
    suffered: HashSet<(String, String)>,
}

/// A script that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptError {
    /// No such model.
    UnknownModel {
        /// What was asked for.
        id: String,
    },
    /// Neither `healthy`, nor `say:TEXT`, nor `echo:TEXT`, nor a fault.
    UnknownStep {
        /// What was asked for.
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
            moods: Mutex::default(),
            generations: AtomicU64::new(1),
            held: watch::Sender::new(false),
        }
    }

    /// Holds back all answers to chats that are not being given yet, or no longer.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Waits until answers are not held back.
    pub(crate) async fn released(&self) {
        // Fails only without a sender, which `self` is.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
    }

    /// An id that was never used before, always of the same length: byte offsets in an answer stay the same.
    pub(crate) fn generation_id(&self) -> String {
        let number = self.generations.fetch_add(1, Ordering::Relaxed);
        format!("gen-{}-{number:020}", now_ms() / 1000)
    }

    /// How `model` behaves for the next request of `key`: as scripted, else by its nature.
    pub(crate) fn behaviour(&self, key: &str, model: &Candidate) -> Behaviour {
        let mut moods = self.moods.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = moods.scripts.get_mut(&model.id).and_then(VecDeque::pop_front) {
            return step;
        }
        match &model.nature {
            Behaviour::Fault(cast) if cast.fault.once && !moods.suffered.insert((key.to_owned(), model.id.clone())) => {
                Behaviour::Healthy
            }
            nature => nature.clone(),
        }
    }

    /// Replaces what is left of the model's script.
    pub(crate) fn script(&self, model: &str, steps: &[&str]) -> Result<(), ScriptError> {
        let model = Candidate::resolve(model).ok_or_else(|| ScriptError::UnknownModel { id: model.to_owned() })?;
        let parse =
            |step: &&str| Behaviour::parse(step).ok_or_else(|| ScriptError::UnknownStep { step: (*step).to_owned() });
        let steps = steps.iter().map(parse).collect::<Result<_, _>>()?;
        self.moods.lock().unwrap_or_else(PoisonError::into_inner).scripts.insert(model.id, steps);
        Ok(())
    }

    pub(crate) fn clear(&self) {
        self.log.clear();
        self.ledger.clear();
        self.hold(false);
        *self.moods.lock().unwrap_or_else(PoisonError::into_inner) = Moods::default();
    }
}
