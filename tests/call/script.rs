//! A call with scripted replies: its settings, its run, and what happened.

use std::sync::Arc;

use failsoft::{
    Action, Breakers, Call, Catalog, ChatRequest, Context, Dialect, HttpRequest, Json, Kind, Lane, Outcome, Policy,
    Upstream,
};
use serde_json::{Value, json};

use crate::host::Host;
use crate::reply::Reply;

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

    /// The report, as a caller gets it.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.outcome.report_json()).expect("a report is JSON")
    }

    /// Why this attempt failed.
    pub(crate) fn failure_of(&self, attempt: usize) -> Option<Kind> {
        self.outcome.report.attempts[attempt].failure.as_ref().map(|failure| failure.kind)
    }

    /// Why the call failed.
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
    /// The first upstream streams.
    pub(crate) streams: bool,
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
    /// The turn before.
    #[cfg(feature = "protocols")]
    pub(crate) turn_before: Option<failsoft::Turn>,
}

impl Script {
    pub(crate) fn new(models: &[&str]) -> Self {
        Self {
            body: json!({"models": models, "messages": [{"role": "user", "content": "hello"}]}),
            policy: Value::Null,
            dialect: Dialect::OpenAi,
            streams: true,
            others: Vec::new(),
            catalog: Catalog::default(),
            breakers: Breakers::default(),
            start: 1_000_000,
            abort_at: None,
            lane: Lane::Gate,
            callers_clocks: false,
            sleep: 0,
            reader_takes: 0,
            #[cfg(feature = "protocols")]
            turn_before: None,
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
        let first = Upstream::new(self.dialect, "https://upstream.example/v1", Some("sk-test".into()));
        let mut upstreams = vec![Upstream { streams: self.streams, ..first }];
        upstreams.extend(self.others.iter().cloned());
        let policy = Policy::read(parse(&policy)).expect("a valid policy");
        let context = Context { upstreams: Arc::new(upstreams), catalog: &self.catalog, breakers: &mut self.breakers };
        #[cfg_attr(not(feature = "protocols"), expect(unused_mut, reason = "a page knows no turn before"))]
        let mut call = Call::new(request, Arc::new(policy), context, 7, self.start);
        #[cfg(feature = "protocols")]
        if let Some(before) = self.turn_before.take() {
            call.resume_conversation(before);
        }
        call
    }

    /// Runs the call to its end. Request number n gets reply number n. A request without a reply fails the test.
    pub(crate) fn run(&mut self, replies: &[Reply]) -> Run {
        self.run_with(&mut |attempt, _| replies.get(attempt).expect("a reply for every request").clone())
    }

    /// Runs the call to its end. `reply` answers each request.
    pub(crate) fn run_with(&mut self, reply: &mut dyn FnMut(usize, &HttpRequest) -> Reply) -> Run {
        let mut call = self.call();
        let mut host = Host::new(self, reply);
        loop {
            match call.poll(host.now) {
                Action::Done(outcome) => return host.end(*outcome),
                action => host.act(action, &mut call),
            }
        }
    }
}
