//! A host without I/O: replies are a script, and time is a variable.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::collections::VecDeque;
use std::sync::Arc;

use failsoft::{
    Action, Breakers, Call, Catalog, ChatRequest, Chunks, Context, Dialect, Failure, Headers, HttpRequest, Input, Json,
    Kind, Lane, Outcome, Policy, Upstream,
};
use serde_json::{Value, json};

/// The response of an upstream to one request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    head_after: u64,
    pieces: VecDeque<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Silence(u64),
    Hang,
    Reset,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".into(), content_type.into())];
        Self { status, headers, head_after: 10, pieces: [Piece::Bytes(body.into())].into() }
    }

    /// A status with OpenRouter's error envelope.
    pub(crate) fn error(status: u16, error: Value) -> Self {
        Self::new(status, "application/json", json!({ "error": error }).to_string())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::error(status, json!({"code": status, "message": format!("status {status}")}))
    }

    /// A completion in one piece.
    pub(crate) fn says(model: &str, text: &str) -> Self {
        let body = json!({
            "id": "gen-1", "model": model, "usage": {"cost": 0.5},
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        });
        Self::new(200, "application/json", body.to_string())
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new(200, "application/json", body.to_string())
    }

    /// A stream whose body is `text`.
    pub(crate) fn stream(text: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "text/event-stream", text)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn head_after(mut self, millis: u64) -> Self {
        self.head_after = millis;
        self
    }

    pub(crate) fn then(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.pieces.push_back(Piece::Bytes(bytes.into()));
        self
    }

    pub(crate) fn then_silence(mut self, millis: u64) -> Self {
        self.pieces.push_back(Piece::Silence(millis));
        self
    }

    pub(crate) fn then_hangs(mut self) -> Self {
        self.pieces.push_back(Piece::Hang);
        self
    }

    pub(crate) fn then_resets(mut self) -> Self {
        self.pieces.push_back(Piece::Reset);
        self
    }

    /// The connection breaks before a response.
    pub(crate) fn reset() -> Self {
        Self { status: 0, headers: Vec::new(), head_after: 5, pieces: VecDeque::new() }
    }

    /// No response ever comes.
    pub(crate) fn silent() -> Self {
        Self::status(200).head_after(u64::MAX / 4)
    }
}

/// One event of a stream.
pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

pub(crate) fn delta(model: &str, delta: Value) -> String {
    event(&json!({"id": "gen-1", "model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
}

pub(crate) fn words(model: &str, words: &[&str]) -> String {
    words.iter().map(|word| delta(model, json!({"content": word}))).collect()
}

pub(crate) fn finish(model: &str, reason: &str) -> String {
    let end = json!({"id": "gen-1", "model": model, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]});
    let usage = json!({"id": "gen-1", "model": model, "choices": [], "usage": {"cost": 0.25}});
    format!("{}{}data: [DONE]\n\n", event(&end), event(&usage))
}

/// A whole stream of `text`, one word in each event.
pub(crate) fn streamed(model: &str, text: &[&str]) -> Reply {
    let role = delta(model, json!({"role": "assistant", "content": ""}));
    Reply::stream([": OPENROUTER PROCESSING\n\n", &role, &words(model, text), &finish(model, "stop")].concat())
}

/// What happened in a call.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) sent: Vec<HttpRequest>,
    pub(crate) sent_at: Vec<u64>,
    pub(crate) cancelled: Vec<u32>,
    pub(crate) chunks: Vec<Value>,
    pub(crate) text: String,
    pub(crate) relayed: Vec<u8>,
    pub(crate) outcome: Outcome,
    pub(crate) ended: u64,
}

impl Run {
    /// The models that each request named.
    pub(crate) fn asked(&self) -> Vec<Vec<String>> {
        let names = |body: &Value| match &body["models"] {
            Value::Array(models) => models.iter().filter_map(Value::as_str).map(Into::into).collect(),
            _ => vec![body["model"].as_str().unwrap_or_default().to_owned()],
        };
        self.bodies().iter().map(names).collect()
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.sent.iter().map(|request| serde_json::from_str(&request.body).expect("a JSON body")).collect()
    }

    pub(crate) fn kind(&self) -> Option<Kind> {
        self.outcome.result.as_ref().err().map(|failure| failure.kind)
    }

    pub(crate) fn content(&self) -> String {
        let answer = self.outcome.result.as_ref().expect("an answer");
        let completion: Value = serde_json::from_str(&answer.completion()).expect("a completion is JSON");
        completion["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    }
}

/// A call against scripted replies.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) body: Value,
    pub(crate) policy: Value,
    pub(crate) dialect: Dialect,
    /// More upstreams, each with models of its own.
    pub(crate) others: Vec<Upstream>,
    pub(crate) catalog: Catalog,
    pub(crate) breakers: Breakers,
    pub(crate) start: u64,
    pub(crate) abort_at: Option<u64>,
    pub(crate) lane: Lane,
    /// The caller of an edge set clocks of its own.
    pub(crate) callers_clocks: bool,
    /// The host comes back this much later than requested, once. In milliseconds.
    pub(crate) sleep: u64,
    /// The milliseconds that the reader takes for each batch of chunks.
    pub(crate) reader_takes: u64,
}

impl Script {
    pub(crate) fn new(models: &[&str]) -> Self {
        Self {
            body: json!({"models": models, "messages": [{"role": "user", "content": "hello"}]}),
            policy: Value::Null,
            dialect: Dialect::OpenAi,
            others: Vec::new(),
            catalog: Catalog::default(),
            breakers: Breakers::default(),
            start: 1_000_000,
            abort_at: None,
            lane: Lane::Gate,
            callers_clocks: false,
            sleep: 0,
            reader_takes: 0,
        }
    }

    pub(crate) fn openrouter(models: &[&str]) -> Self {
        Self { dialect: Dialect::OpenRouter, ..Self::new(models) }
    }

    pub(crate) fn streaming(mut self) -> Self {
        self.body["stream"] = true.into();
        self
    }

    pub(crate) fn policy(mut self, policy: Value) -> Self {
        self.policy = policy;
        self
    }

    pub(crate) fn call(&mut self) -> Call {
        let (body, policy) = (self.body.to_string(), self.policy.to_string());
        fn parse(text: &str) -> Json<'_> {
            Json::parse(text).expect("JSON")
        }
        let mut request = ChatRequest::read(parse(&body)).expect("a valid request");
        request.callers_clocks = self.callers_clocks;
        request.lane = self.lane;
        let mut upstreams = vec![Upstream::new(self.dialect, "https://upstream.example/v1", Some("sk-test".into()))];
        upstreams.extend(self.others.iter().cloned());
        let policy = Policy::read(parse(&policy)).expect("a valid policy");
        let context = Context { upstreams: Arc::new(upstreams), catalog: &self.catalog, breakers: &mut self.breakers };
        Call::new(request, Arc::new(policy), context, 7, self.start)
    }

    /// Runs the call to its end. Request number n gets reply number n. A request without a reply fails the test.
    pub(crate) fn run(&mut self, replies: &[Reply]) -> Run {
        let mut call = self.call();
        let mut host = Host::new(self, replies);
        loop {
            match call.poll(host.now) {
                Action::Done(outcome) => return host.end(*outcome),
                action => host.act(action, &mut call),
            }
        }
    }
}

/// One request in exchange.
struct Exchange {
    attempt: u32,
    reply: Reply,
    ready_at: Option<u64>,
    head_sent: bool,
    /// Its bytes go to the reader, and the call does not see them.
    unread: bool,
}

struct Host<'a> {
    replies: &'a [Reply],
    exchanges: Vec<Exchange>,
    now: u64,
    lane: Lane,
    abort_at: Option<u64>,
    sleep: u64,
    reader_takes: u64,
    run: Run,
}

impl<'a> Host<'a> {
    fn new(script: &Script, replies: &'a [Reply]) -> Self {
        let nothing = Outcome {
            result: Err(Failure::new(Kind::Aborted, "")),
            partial: None,
            report: Default::default(),
            edge_report: None,
            model_outcomes: Vec::new(),
            unused_probes: Vec::new(),
        };
        Self {
            replies,
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

    fn act(&mut self, action: Action, call: &mut Call) {
        match action {
            Action::Send { attempt, request } => {
                let reply = self.replies.get(attempt as usize).expect("a reply for every request").clone();
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

    fn end(mut self, outcome: Outcome) -> Run {
        self.run.ended = self.now;
        self.run.outcome = outcome;
        self.run
    }
}
