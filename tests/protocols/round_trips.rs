//! Requests that go from a client to an upstream of the same protocol, through the chat request in the middle and through a
//! call: nothing but what a list names is lost or changed on the way.
//!
//! Both requests are read as facts: one for each text, image, call, result and so on, in order. A change of the list takes the facts
//! of the client's request to what the upstream should get. A test fails if the facts differ, and if a change of the list never
//! happens, so that the list stays true.

mod chat;
mod facts;
mod generator;
mod messages;
mod responses;

use std::sync::Arc;

use super::support::parsed;
use failsoft::protocol::{Native, Protocol};
use failsoft::{Action, Breakers, Call, Catalog, ChatRequest, Context, Dialect, Json, Upstream};
use serde_json::Value;

/// The rounds of a usual run, and of a long one.
const ROUNDS: [u64; 2] = [2_000, 50_000];

/// The seeds of the rounds of this run.
fn seeds() -> std::ops::Range<u64> {
    let is_long = std::env::var_os("FAILSOFT_LONG").is_some_and(|value| value == "1");
    0..ROUNDS[usize::from(is_long)]
}

/// The JSON text that an upstream of this dialect and protocol gets for the chat request `chat`.
fn sent(dialect: Dialect, protocol: Protocol, chat: &str, native: Option<Native>) -> String {
    let mut request = ChatRequest::read(Json::parse(chat).expect("JSON")).expect("a chat request");
    request.native = native;
    let mut upstream = Upstream::new(dialect, "https://api.example/v1", Some("key".into()));
    upstream.protocols = vec![protocol];
    let (catalog, mut breakers) = (Catalog::default(), Breakers::default());
    let context = Context { upstreams: Arc::new(vec![upstream]), catalog: &catalog, breakers: &mut breakers };
    let mut call = Call::new(request, Arc::default(), context, 7, 1_000);
    let Action::Send { request, .. } = call.poll(1_000) else { panic!("a call sends a request") };
    request.body
}

/// A way in which a request changes, and the function that makes the change. It returns whether anything changed.
type Change = (&'static str, fn(&mut Vec<Value>) -> bool);

/// The changes that happened in all rounds so far.
#[derive(Default)]
struct Changes(Vec<&'static str>);

impl Changes {
    /// Makes each change of the list.
    fn make(&mut self, list: &[Change], facts: &mut Vec<Value>) {
        for (name, change) in list {
            if change(facts) && !self.0.contains(name) {
                self.0.push(name);
            }
        }
    }

    /// Every change of the list has happened.
    fn check(&self, list: &[Change]) {
        for (name, _) in list {
            assert!(self.0.contains(name), "{name}: this never happens");
        }
    }
}

/// The same facts, in the form in which they are compared.
fn assert_same(sent: Vec<Value>, expected: Vec<Value>, seed: u64, request: &Value, body: &str) {
    let (sent, expected) = (facts::joined(sent), facts::joined(expected));
    if sent != expected {
        let at = sent.iter().zip(&expected).position(|(one, other)| one != other);
        let at = at.unwrap_or(sent.len().min(expected.len()));
        panic!(
            "seed {seed}, fact {at}\nsent:     {}\nexpected: {}\nrequest: {request}\nupstream: {}",
            sent.get(at).unwrap_or(&Value::Null),
            expected.get(at).unwrap_or(&Value::Null),
            parsed(body)
        );
    }
}
