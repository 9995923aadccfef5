//! One attempt in flight: how far it has come, and what is known of it by then.

use failsoft::{AttemptId, Failure, Headers, Input, Kind};

use crate::fault::Fault;
use crate::heard::Heard;
use crate::reply::{End, Head, Reply, Said};
use crate::upstream::Task;
use crate::wire::Body;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Ended,
    Broken,
    Cancelled,
}

#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) attempt: AttemptId,
    /// The upstream, as a place in the world's list.
    pub(crate) site: usize,
    /// The models that it was asked for.
    pub(crate) window: Vec<usize>,
    pub(crate) streamed: bool,
    pub(crate) task: Task,
    /// Something of it is the reader's, or could not be held back any longer.
    pub(crate) shown: bool,
    pub(crate) reply: Reply,
    /// When it was sent, in time that counts.
    pub(crate) sent: u64,
    pub(crate) state: State,
    /// When the head came.
    pub(crate) head_at: Option<u64>,
    /// When its last byte came, or it ended.
    pub(crate) told_at: u64,
    /// When the last event came, or the head did, in time that counts.
    pub(crate) heard_at: u64,
    pub(crate) heard: Heard,
    /// The host had slept before it ended.
    pub(crate) slept: bool,
    /// A chunk was asked for.
    pub(crate) reading: bool,
    /// Bytes that have come.
    pub(crate) bytes: usize,
    piece: usize,
    fact: usize,
    due: Option<u64>,
}

impl Flight {
    pub(crate) fn new(
        attempt: AttemptId,
        (site, window): (usize, Vec<usize>),
        (streamed, task): (bool, Task),
        reply: Reply,
        (now, counted): (u64, u64),
    ) -> Self {
        let due = (reply.head != Head::Never).then_some(now + reply.head_after);
        Self {
            attempt,
            site,
            window,
            streamed,
            task,
            shown: false,
            reply,
            sent: counted,
            state: State::Open,
            head_at: None,
            told_at: now,
            heard_at: counted,
            heard: Heard::default(),
            slept: false,
            reading: false,
            bytes: 0,
            piece: 0,
            fact: 0,
            due,
        }
    }

    /// It scores what another said.
    pub(crate) fn is_judge(&self) -> bool {
        matches!(self.task, Task::Score(..))
    }

    /// It goes on from where another broke off.
    pub(crate) fn recovers(&self) -> bool {
        matches!(self.task, Task::Restart(_) | Task::Continue(_))
    }

    /// It gave an answer, and all of it.
    pub(crate) fn is_answer(&self) -> bool {
        self.reply.served.is_some() && self.ended_well() && self.heard.is_complete()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// When it has something to tell.
    pub(crate) fn due(&self) -> Option<u64> {
        self.due.filter(|_| self.is_open())
    }

    /// The host asks for a chunk.
    pub(crate) fn read(&mut self, now: u64) {
        self.reading = true;
        self.due = match self.reply.pieces.get(self.piece) {
            Some((after, _)) => Some(now + after),
            None if self.reply.end == End::Silence => None,
            None => Some(now + self.reply.end_after),
        };
    }

    pub(crate) fn cancel(&mut self, now: u64) {
        self.state = State::Cancelled;
        self.told_at = now;
    }

    /// What it has to tell now.
    pub(crate) fn happen(&mut self, now: u64, counted: u64) -> Input<'_> {
        self.due = None;
        self.told_at = now;
        let attempt = self.attempt;
        if self.head_at.is_none() {
            let Head::Status(status, headers) = &self.reply.head else { return self.break_off() };
            (self.head_at, self.heard_at) = (Some(now), counted);
            let headers: Headers = headers.iter().cloned().collect();
            return Input::Head { attempt, status: *status, headers };
        }
        self.reading = false;
        if let Some(&(_, upto)) = self.reply.pieces.get(self.piece) {
            let from = std::mem::replace(&mut self.bytes, upto);
            self.piece += 1;
            if self.hear() {
                self.heard_at = counted;
            }
            return Input::Bytes { attempt, bytes: &self.reply.body.bytes[from..upto] };
        }
        if self.reply.end == End::Reset {
            return self.break_off();
        }
        self.state = State::Ended;
        self.hear();
        Input::End { attempt }
    }

    fn break_off(&mut self) -> Input<'_> {
        self.state = State::Broken;
        Input::Failed { attempt: self.attempt, failure: Failure::new(Kind::Network, "connection reset") }
    }

    /// Takes the facts that are complete by now, if there are any new ones.
    fn hear(&mut self) -> bool {
        let before = self.fact;
        let complete = |at: usize| at <= self.bytes || (at == Body::END && self.state == State::Ended);
        for (_, fact) in self.reply.body.facts[before..].iter().take_while(|(at, _)| complete(*at)) {
            self.heard.take(fact);
            self.fact += 1;
        }
        self.fact > before
    }

    /// Everything that its body has to say has come.
    pub(crate) fn is_read(&self) -> bool {
        self.head_at.is_some() && self.bytes == self.reply.body.bytes.len()
    }

    /// It ended as a good answer ends.
    pub(crate) fn ended_well(&self) -> bool {
        self.state == State::Ended || self.heard.is_over()
    }

    /// Its error is known in full.
    pub(crate) fn told_fault(&self) -> Option<&Fault> {
        let known = if self.reply.served.is_some() { self.heard.error } else { self.is_read() };
        self.reply.fault.as_ref().filter(|_| known)
    }

    /// The models that it would be wrong to ask again before `time`: who said so, and until when.
    pub(crate) fn resting(&self, model: usize) -> Option<u64> {
        let fault = self.reply.fault.as_ref()?;
        let head_at = self.head_at?;
        // A 404 whose body is cut is about the model, not about a time.
        let by_status = fault.wait_in_headers && (fault.status != 404 || self.is_read());
        let told_at = if by_status { head_at } else { self.told_fault().map(|_| self.told_at)? };
        let meant = match &self.reply.served {
            None => self.window.contains(&model),
            Some(_) if self.window.len() == 1 => self.window[0] == model,
            // Who failed is known only by the name in the answer.
            Some(served) => served.said == Said::Known && self.heard.named && served.model == model,
        };
        meant.then(|| fault.wait.map(|wait| told_at + wait.left(told_at)))?
    }
}
