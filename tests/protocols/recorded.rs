//! Streams as vendors send them, with the fields and the pauses of recordings, in `fixtures/recorded` and, of chat completions, in
//! `fixtures/streams`: each is cut at every byte, on its way to a client of each protocol.

use std::fs;
use std::path::PathBuf;

use super::responses::context;
use super::support::parsed;
use super::{messages, messages_client, responses_client};
use failsoft::Dialect;
use failsoft::protocol::{AnswerTranslator, Context, Protocol, Writer};
use failsoft::reader::StreamReader;
use serde_json::{Value, json};

/// The clients of a stream.
const CLIENTS: [Protocol; 3] = [Protocol::Chat, Protocol::Responses, Protocol::Messages];

fn recordings() -> Vec<(String, Protocol, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["recorded", "streams"] {
        let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", folder].iter().collect();
        for file in fs::read_dir(folder).expect("fixtures") {
            let path = file.expect("a fixture").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
            let protocol = match name.split('-').next() {
                Some("messages") => Protocol::Messages,
                Some("responses") => Protocol::Responses,
                // `streams.rs` cuts all recordings of chat completions on the way to a client of the same protocol.
                _ if CHAT.contains(&&*name) => Protocol::Chat,
                _ => continue,
            };
            all.push((name, protocol, fs::read(path).expect("a fixture")));
        }
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

/// The recordings of chat completions that differ in their contents.
const CHAT: [&str; 3] = ["recorded-error-mid-stream", "recorded-reasoning", "recorded-tool"];

/// What a client of a protocol gets.
struct Client {
    writer: Option<Writer>,
    sse: String,
}

impl Client {
    fn new(protocol: Protocol) -> Self {
        let keeping = || context(json!({"include": ["reasoning.encrypted_content"]}));
        let writer = match protocol {
            Protocol::Responses => Some(Context::Responses(keeping()).writer(7, 9)),
            Protocol::Messages => Some(Context::Messages(messages::thinking()).writer(7, 9)),
            Protocol::Chat | Protocol::Embeddings => None,
        };
        Self { writer, sse: String::new() }
    }

    fn take(&mut self, chunk: &str) {
        match &mut self.writer {
            Some(writer) => self.sse.push_str(&writer.take_chunk(chunk)),
            None => self.sse.extend(["data: ", chunk, "\n\n"]),
        }
    }
}

/// What clients of `clients` get of the bytes of an upstream, which come in `pieces`.
fn delivered(upstream: Protocol, clients: &[Protocol], pieces: &[&[u8]]) -> Vec<String> {
    let is_native = clients == [upstream];
    let mut translator = AnswerTranslator::of(Dialect::OpenAi, upstream, is_native, 1);
    let mut reader = StreamReader::default();
    let mut clients: Vec<Client> = clients.iter().map(|client| Client::new(*client)).collect();
    let mut give = |bytes: &[u8]| {
        for chunk in reader.feed(bytes, 0).iter() {
            clients.iter_mut().for_each(|client| client.take(chunk));
        }
    };
    for piece in pieces {
        match &mut translator {
            Some(translator) => give(translator.feed(piece).as_bytes()),
            None => give(piece),
        }
    }
    if let Some(translator) = &mut translator {
        give(translator.finish().as_bytes());
    }
    for chunk in reader.end(0).iter() {
        clients.iter_mut().for_each(|client| client.take(chunk));
    }
    let failure = reader.finish().err();
    for client in &mut clients {
        let end = client.writer.as_mut().map(|writer| match &failure {
            Some(failure) => writer.fail(failure, "null"),
            None => writer.finish("null"),
        });
        client.sse.push_str(&end.unwrap_or_default());
    }
    clients.into_iter().map(|client| client.sse).collect()
}

/// The clients that are served together: the one that speaks the protocol of the upstream gets more.
fn groups(upstream: Protocol) -> [Vec<Protocol>; 2] {
    let (same, others) = CLIENTS.into_iter().partition(|client| *client == upstream && upstream != Protocol::Chat);
    [same, others]
}

#[test]
fn a_recorded_stream_cut_at_any_byte_is_the_same_for_a_client_of_each_protocol() {
    for (name, upstream, bytes) in recordings() {
        for clients in groups(upstream).iter().filter(|clients| !clients.is_empty()) {
            let whole = delivered(upstream, clients, &[&bytes]);
            for cut in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(delivered(upstream, clients, &[head, tail]), whole, "{name} cut at byte {cut}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(delivered(upstream, clients, &single), whole, "{name}, byte by byte");
        }
    }
}

/// The message or the response that a client of `protocol` reads.
fn read(upstream: Protocol, protocol: Protocol, bytes: &[u8]) -> Value {
    let clients = groups(upstream).into_iter().find(|clients| clients.contains(&protocol)).expect("the client");
    let at = clients.iter().position(|client| *client == protocol).expect("the client");
    let sse = delivered(upstream, &clients, &[bytes]).swap_remove(at);
    if protocol == Protocol::Messages { messages_client::read(&sse) } else { responses_client::read(&sse) }
}

#[test]
fn a_client_of_the_protocol_reads_what_the_recording_has() {
    for (name, upstream, bytes) in recordings().into_iter().filter(|(_, protocol, _)| *protocol != Protocol::Chat) {
        let sse = String::from_utf8(bytes.clone()).expect("a text").replace("\r\n", "\n");
        let client = read(upstream, upstream, &bytes);
        if upstream == Protocol::Messages {
            let mut own = messages_client::read(&sse);
            add_usage(&mut own["usage"], &client["usage"]);
            assert_eq!(client, own, "{name}");
        } else {
            let last =
                sse.split_terminator("\n\n").last().and_then(|frame| frame.split_once("data: ")).expect("an end");
            let mut own = parsed(last.1)["response"].clone();
            add_usage(&mut own["usage"], &client["usage"]);
            for (field, value) in own.as_object().expect("an object") {
                // What a response repeats of its request is that of the client's request.
                if !["created_at", "completed_at", "temperature", "top_p", "reasoning"].contains(&&**field) {
                    assert_eq!(client[field], *value, "{name}: {field}");
                }
            }
        }
    }
}

/// Adds to the usage of a recording the zeros that clients of the edge get for what the upstream does not count.
fn add_usage(own: &mut Value, client: &Value) {
    for (name, value) in client.as_object().expect("an object") {
        match own.get_mut(name) {
            Some(known) if known.is_object() => add_usage(known, value),
            Some(_) => {}
            None => {
                let is_zero = *value == 0 || value.as_object().is_some_and(|all| all.values().all(|value| *value == 0));
                assert!(is_zero, "{name}: {value}");
                own[name] = value.clone();
            }
        }
    }
}
