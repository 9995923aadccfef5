//! One request to an upstream and its response: how far the response has come, and what it has shown so far.

use failsoft::{AttemptId, Failure, Headers, Input, Kind};

use crate::fault::Fault;
use crate::received::Received;
use crate::reply::{End, Head, NamedModel, Reply};
use crate::upstream::Task;
use crate::wire::Offset;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Ended,
    Broken,
    Cancelled,
}

#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) attempt: AttemptId,
    /// The upstream's index in the world's list.
    pub(crate) server: usize,
    /// The models that the request names.
    pub(crate) batch: Vec<usize>,
    pub(crate) streamed: bool,
    /// The output limit of the request.
    pub(crate) limit: Option<u64>,
    pub(crate) task: Task,
    /// The reader has received a part, or the core could no longer hold it back.
    pub(crate) shown: bool,
    pub(crate) reply: Reply,
    /// When the request was sent, in counted time.
    pub(crate) sent: u64,
    pub(crate) state: State,
    /// When the head arrived.
    pub(crate) head_at: Option<u64>,
    /// When the last byte arrived, or the exchange ended.
    pub(crate) last_byte_at: u64,
    /// When the last event or the head arrived, in counted time.
    pub(crate) last_event_at: u64,
    pub(crate) received: Received,
    /// Whether the host slept before the end of the exchange.
    pub(crate) slept: bool,
    /// The host has asked for a chunk.
    pub(crate) reading: bool,
    /// The number of bytes that have arrived.
    pub(crate) bytes: usize,
    piece: usize,
    element: usize,
    due: Option<u64>,
}

impl Exchange {
    pub(crate) fn new(
        attempt: AttemptId,
        (server, batch): (usize, Vec<usize>),
        (streamed, task): (bool, Task),
        reply: Reply,
        (now, counted): (u64, u64),
    ) -> Self {
        let due = (reply.head != Head::Never).then_some(now + reply.head_after);
        Self {
            attempt,
            server,
            batch,
            streamed,
            limit: None,
            task,
            shown: false,
            reply,
            sent: counted,
            state: State::Open,
            head_at: None,
            last_byte_at: now,
            last_event_at: counted,
            received: Received::default(),
            slept: false,
            reading: false,
            bytes: 0,
            piece: 0,
            element: 0,
            due,
        }
    }

    /// The request asks a judge for a score.
    pub(crate) fn is_judge(&self) -> bool {
        matches!(self.task, Task::Score(..))
    }

    /// The request continues or restarts an answer that broke off.
    pub(crate) fn recovers(&self) -> bool {
        matches!(self.task, Task::Restart(_) | Task::Continue(_))
    }

    /// The response is a complete answer.
    pub(crate) fn is_answer(&self) -> bool {
        self.reply.served.is_some() && self.ended_well() && self.received.is_complete()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// When the next event is due.
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
        self.last_byte_at = now;
    }

    /// Produces the event that is due.
    pub(crate) fn happen(&mut self, now: u64, counted: u64) -> Input<'_> {
        self.due = None;
        self.last_byte_at = now;
        let attempt = self.attempt;
        if self.head_at.is_none() {
            let Head::Status(status, headers) = &self.reply.head else { return self.break_off() };
            (self.head_at, self.last_event_at) = (Some(now), counted);
            let headers: Headers = headers.iter().cloned().collect();
            return Input::Head { attempt, status: *status, headers };
        }
        self.reading = false;
        if let Some(&(_, upto)) = self.reply.pieces.get(self.piece) {
            let from = std::mem::replace(&mut self.bytes, upto);
            self.piece += 1;
            if self.hear() {
                self.last_event_at = counted;
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

    /// Records the elements that are complete by now. Returns whether one of them shows that the model is at work.
    fn hear(&mut self) -> bool {
        let before = self.element;
        let is_ended = self.state == State::Ended;
        let complete = |at: Offset| at.bytes <= self.bytes || is_ended && at.at_end <= self.bytes;
        let mut is_at_work = false;
        for (_, element) in self.reply.body.elements[before..].iter().take_while(|(at, _)| complete(*at)) {
            self.received.take(element);
            self.element += 1;
            is_at_work |= element.is_work();
        }
        is_at_work
    }

    /// The whole body has arrived.
    pub(crate) fn is_read(&self) -> bool {
        self.head_at.is_some() && self.bytes == self.reply.body.bytes.len()
    }

    /// The response ended as a good answer ends.
    pub(crate) fn ended_well(&self) -> bool {
        self.state == State::Ended || self.received.is_over()
    }

    /// The error, if it is completely known.
    pub(crate) fn known_fault(&self) -> Option<&Fault> {
        let known = if self.reply.served.is_some() { self.received.error } else { self.is_read() };
        self.reply.fault.as_ref().filter(|_| known)
    }

    /// Until when a request to `model` would be too early, if the response says so.
    pub(crate) fn resting(&self, model: usize) -> Option<u64> {
        let fault = self.reply.fault.as_ref()?;
        let head_at = self.head_at?;
        // A 404 whose body is cut is about the model, not about a time.
        let by_status = fault.wait_in_headers && (fault.status != 404 || self.is_read());
        let last_byte_at = if by_status { head_at } else { self.known_fault().map(|_| self.last_byte_at)? };
        let meant = match &self.reply.served {
            None => self.batch.contains(&model),
            Some(_) if self.batch.len() == 1 => self.batch[0] == model,
            // In a batch, only the name in the answer tells which model failed.
            Some(served) => served.named == NamedModel::Known && self.received.named && served.model == model,
        };
        meant.then(|| fault.wait.map(|wait| last_byte_at + wait.left(last_byte_at)))?
    }
}
