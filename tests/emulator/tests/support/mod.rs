//! A client that shows the bytes: how a body is framed, and how the connection ends.
#![allow(dead_code, reason = "every test file uses its own part of it")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use failsoft_emulator::{Condition, Emulator, Entry, Options};
use serde_json::{Value, json};

pub(crate) fn emulator() -> Emulator {
    Emulator::start_blocking(Options::default()).expect("a free port")
}

/// How the server ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: Option<u16>,
    pub(crate) head: String,
    /// The bytes after the head, with the framing.
    pub(crate) raw: Vec<u8>,
    pub(crate) end: End,
}

/// A decoded chunked body.
#[derive(Debug)]
pub(crate) struct Chunks {
    pub(crate) chunks: Vec<Vec<u8>>,
    /// The terminator arrived, and nothing after it.
    pub(crate) terminated: bool,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).expect("a JSON body")
    }

    pub(crate) fn chunked(&self) -> Chunks {
        assert_eq!(self.header("transfer-encoding"), Some("chunked"), "{}", self.head);
        let mut rest = self.raw.as_slice();
        let mut chunks = Vec::new();
        while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).expect("a size"), 16).expect("hex");
            if size == 0 {
                return Chunks { chunks, terminated: rest == b"0\r\n\r\n" };
            }
            chunks.push(rest[at + 2..at + 2 + size].to_vec());
            assert_eq!(&rest[at + 2 + size..at + 4 + size], b"\r\n");
            rest = &rest[at + 4 + size..];
        }
        Chunks { chunks, terminated: false }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunked().chunks.concat()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).expect("whole characters")
    }

    /// The data of the events, for streams with LF line ends and one line per event.
    pub(crate) fn events(&self) -> Vec<String> {
        self.text().split("\n\n").filter_map(|event| event.strip_prefix("data: ")).map(str::to_owned).collect()
    }

    pub(crate) fn chunk_jsons(&self) -> Vec<Value> {
        self.events().iter().filter_map(|data| serde_json::from_str(data).ok()).collect()
    }

    /// All text deltas, joined.
    pub(crate) fn content(&self) -> String {
        let chunks = self.chunk_jsons();
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
    }
}

/// A request with `prompt`; the fields of `extra` are added or replaced.
pub(crate) fn body(model: &str, prompt: &str, extra: Value) -> Value {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] });
    for (key, value) in extra.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

pub(crate) fn connect(emulator: &Emulator) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", emulator.port())).expect("a listening emulator");
    // A defect then fails the test instead of blocking it.
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

pub(crate) fn send(stream: &mut TcpStream, method: &str, path: &str, headers: &str, body: &str) {
    let head = format!("{method} {path} HTTP/1.1\r\nhost: emulator\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    stream.write_all((head + body).as_bytes()).expect("a request that is read");
}

pub(crate) fn send_chat(stream: &mut TcpStream, body: &Value) {
    send(stream, "POST", "/api/v1/chat/completions", "authorization: Bearer sk-or-test\r\n", &body.to_string());
}

/// Reads until the server ends the connection.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65_536];
    let end = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break End::Closed,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break End::Reset,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
        }
    };
    reply(&bytes, end)
}

fn reply(bytes: &[u8], end: End) -> Reply {
    let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        assert!(bytes.is_empty(), "half a head");
        return Reply { status: None, head: String::new(), raw: Vec::new(), end };
    };
    let head = String::from_utf8(bytes[..at].to_vec()).expect("a head of text");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Reply { status, head, raw: bytes[at + 4..].to_vec(), end }
}

/// Reads until `text` has arrived, and leaves the connection open.
pub(crate) fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let so_far = String::from_utf8_lossy(&bytes).into_owned();
        if so_far.contains(text) {
            return so_far;
        }
        let read = stream.read(&mut buffer).expect("more to come");
        assert!(read > 0, "ended after {so_far}");
        bytes.extend_from_slice(&buffer[..read]);
    }
}

/// Sends one request on a new connection.
pub(crate) fn call(emulator: &Emulator, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let mut stream = connect(emulator);
    send(&mut stream, method, path, &format!("connection: close\r\n{headers}"), body);
    read_to_end(&mut stream)
}

pub(crate) fn chat_with(emulator: &Emulator, headers: &str, body: &Value) -> Reply {
    call(emulator, "POST", "/api/v1/chat/completions", headers, &body.to_string())
}

pub(crate) fn chat(emulator: &Emulator, body: &Value) -> Reply {
    chat_with(emulator, "authorization: Bearer sk-or-test\r\n", body)
}

/// The streamed answer of `model` to a prompt for twelve words.
pub(crate) fn stream(emulator: &Emulator, model: &str) -> Reply {
    chat(emulator, &body(model, "words:12", json!({ "stream": true })))
}

/// The same without streaming.
pub(crate) fn complete(emulator: &Emulator, model: &str) -> Reply {
    chat(emulator, &body(model, "words:12", json!({})))
}

pub(crate) fn get(emulator: &Emulator, path: &str) -> Value {
    call(emulator, "GET", path, "authorization: Bearer sk-or-test\r\n", "").json()
}

/// The entry of request `n`, once it meets the condition.
pub(crate) fn wait(emulator: &Emulator, n: u64, condition: Condition) -> Entry {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    assert!(runtime.block_on(emulator.wait(Some(n), condition, Duration::from_secs(20))), "{:?}", emulator.log());
    emulator.log().into_iter().find(|entry| entry.n == n).expect("an entry that was condition")
}

pub(crate) const WORDS: &str = "word1 word2 word3 héllo word5 word6 日本語 word8 word9 🦀 word11 word12";
