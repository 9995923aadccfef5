//! The host of a scripted call: it performs the actions of the call, and time is a variable.

use failsoft::{Action, Call, Chunks, Failure, Headers, HttpRequest, Input, Kind, Lane, Outcome};

use crate::reply::{Piece, Reply};
use crate::script::{Run, Script};

/// One request in exchange.
struct Exchange {
    attempt: u32,
    reply: Reply,
    ready_at: Option<u64>,
    head_sent: bool,
    /// Its bytes go to the reader, and the call does not see them.
    unread: bool,
}

/// A host without I/O. Request number n gets reply number n, and time is a variable.
pub(crate) struct Host<'a> {
    reply: &'a mut dyn FnMut(usize, &HttpRequest) -> Reply,
    exchanges: Vec<Exchange>,
    pub(crate) now: u64,
    lane: Lane,
    abort_at: Option<u64>,
    sleep: u64,
    reader_takes: u64,
    run: Run,
}

impl<'a> Host<'a> {
    pub(crate) fn new(script: &Script, reply: &'a mut dyn FnMut(usize, &HttpRequest) -> Reply) -> Self {
        let nothing = Outcome {
            result: Err(Failure::new(Kind::Aborted, "")),
            partial: None,
            report: Default::default(),
            edge_report: None,
            model_outcomes: Vec::new(),
            unused_probes: Vec::new(),
            #[cfg(feature = "protocols")]
            turn: None,
        };
        Self {
            reply,
            exchanges: Vec::new(),
            now: script.start,
            lane: script.lane,
            abort_at: script.abort_at.map(|at| script.start + at),
            sleep: script.sleep,
            reader_takes: script.reader_takes,
            run: Run {
                sent: Vec::new(),
                sent_at: Vec::new(),
                cancelled: Vec::new(),
                chunks: Vec::new(),
                text: String::new(),
                relayed: Vec::new(),
                outcome: nothing,
                ended: 0,
            },
        }
    }

    pub(crate) fn act(&mut self, action: Action, call: &mut Call) {
        match action {
            Action::Send { attempt, request } => {
                let reply = (self.reply)(attempt as usize, &request);
                let ready_at = Some(self.now.saturating_add(reply.head_after));
                self.exchanges.push(Exchange { attempt, reply, ready_at, head_sent: false, unread: false });
                self.run.sent.push(request);
                self.run.sent_at.push(self.now);
            }
            Action::Read { attempt } => {
                let ready_at = Some(self.now + 1);
                self.exchange(attempt).into_iter().for_each(|exchange| exchange.ready_at = ready_at);
            }
            Action::Yield(chunks) => {
                self.now += self.reader_takes;
                self.keep(&chunks);
            }
            Action::Relay { attempt, held } => {
                self.run.relayed.extend(held);
                let (lean, ready_at) = (self.lane == Lane::Lean, Some(self.now + 1));
                if let Some(exchange) = self.exchange(attempt).filter(|_| lean) {
                    (exchange.unread, exchange.ready_at) = (true, ready_at);
                }
            }
            Action::Cancel { attempt } => {
                self.run.cancelled.push(attempt);
                self.exchanges.retain(|exchange| exchange.attempt != attempt);
            }
            Action::Wait { until } => self.wait(until, call),
            Action::Done(_) => unreachable!("the loop ends there"),
        }
    }

    fn exchange(&mut self, attempt: u32) -> Option<&mut Exchange> {
        self.exchanges.iter_mut().find(|exchange| exchange.attempt == attempt)
    }

    fn keep(&mut self, chunks: &Chunks) {
        self.run.text.push_str(chunks.text());
        self.run.chunks.extend(chunks.iter().map(|chunk| serde_json::from_str(chunk).expect("a chunk is JSON")));
    }

    fn wait(&mut self, until: u64, call: &mut Call) {
        let next = self.exchanges.iter().filter_map(|exchange| exchange.ready_at).min().unwrap_or(u64::MAX);
        if let Some(abort) = self.abort_at.filter(|abort| *abort <= until.min(next)) {
            self.now = abort;
            self.abort_at = None;
            return call.handle(self.now, Input::Aborted);
        }
        if next <= until {
            self.now = next.max(self.now);
            return self.advance(next, call);
        }
        self.now = until + std::mem::take(&mut self.sleep);
        call.handle(self.now, Input::Woken);
    }

    fn advance(&mut self, when: u64, call: &mut Call) {
        let now = self.now;
        let due = self.exchanges.iter_mut().find(|exchange| exchange.ready_at == Some(when));
        let Some(Exchange { attempt, reply, ready_at, head_sent, unread }) = due else { return };
        let attempt = *attempt;
        *ready_at = None;
        let broken = || Failure::new(Kind::Network, "connection reset");
        if !std::mem::replace(head_sent, true) {
            if reply.status == 0 {
                return call.handle(now, Input::Failed { attempt, failure: broken() });
            }
            let headers: Headers = reply.headers.iter().cloned().collect();
            return call.handle(now, Input::Head { attempt, status: reply.status, headers });
        }
        match reply.pieces.pop_front() {
            Some(Piece::Bytes(bytes)) if *unread => {
                self.run.relayed.extend(bytes);
                *ready_at = Some(now + 1);
            }
            Some(Piece::Bytes(bytes)) => call.handle(now, Input::Bytes { attempt, bytes: &bytes }),
            Some(Piece::Silence(millis)) => *ready_at = Some(now + millis),
            Some(Piece::Hang) => {}
            Some(Piece::Reset) => call.handle(now, Input::Failed { attempt, failure: broken() }),
            None => call.handle(now, Input::End { attempt }),
        }
    }

    pub(crate) fn end(mut self, outcome: Outcome) -> Run {
        self.run.ended = self.now;
        self.run.outcome = outcome;
        self.run
    }
}
