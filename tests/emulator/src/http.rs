//! Reads requests from a connection: heads with `httparse`, bodies by their length or in chunks.

use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 64 << 20;
const MAX_HEADERS: usize = 128;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path and the query, as sent.
    pub(crate) target: String,
    /// The headers in order, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) enum Incoming {
    Request(Request),
    /// The client closed the connection, between requests or in the middle of one.
    Closed,
    /// The request is not valid HTTP. The number is the status of the response.
    Malformed(u16),
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The value of a query parameter, percent-decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| decode(v))
    }

    /// The key, in the header of OpenAI, of Anthropic or of Azure.
    pub(crate) fn key(&self) -> Option<&str> {
        let bearer = self.header("authorization").and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key);
        let key = bearer.or_else(|| self.header("x-api-key")).or_else(|| self.header("api-key"));
        key.map(str::trim).filter(|key| !key.is_empty())
    }

    pub(crate) fn headers_json(&self) -> Value {
        let pairs = self.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        Value::Object(pairs.collect::<Map<_, _>>())
    }

    pub(crate) fn body_json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Decodes `%XX` (RFC 3986 2.1) and `+`. Invalid escapes stay unchanged.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads one request. `received` holds the bytes that arrived after the previous request.
pub(crate) async fn read_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> Incoming {
    let (mut request, consumed) = loop {
        match parse_head(received) {
            Ok(Some(parsed)) => break parsed,
            Ok(None) if received.len() > MAX_HEAD => return Incoming::Malformed(400),
            Ok(None) => {}
            Err(()) => return Incoming::Malformed(400),
        }
        if !more(stream, received).await {
            return Incoming::Closed;
        }
    };
    received.drain(..consumed);
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        && stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err()
    {
        return Incoming::Closed;
    }
    match read_body(&request, stream, received).await {
        Ok(Some(body)) => {
            request.body = body;
            Incoming::Request(request)
        }
        Ok(None) => Incoming::Closed,
        Err(status) => Incoming::Malformed(status),
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize)>, ()> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parser = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(consumed) = parser.parse(bytes).map_err(|_| ())? else { return Ok(None) };
    let headers = parser.headers.iter();
    let headers = headers.map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).trim().to_owned()));
    let request = Request {
        method: parser.method.unwrap_or_default().to_owned(),
        target: parser.path.unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    Ok(Some((request, consumed)))
}

/// Returns `Ok(None)` if the client left in the middle, and `Err` with the status of a refused body.
async fn read_body(request: &Request, stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, u16> {
    if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return read_chunks(stream, received).await;
    }
    let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(|_| 400_u16)?;
    if length > MAX_BODY {
        return Err(413);
    }
    Ok(take(length, stream, received).await)
}

async fn read_chunks(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, u16> {
    let mut body = Vec::new();
    loop {
        let (consumed, size) = match httparse::parse_chunk_size(received) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) if more(stream, received).await => continue,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(400),
        };
        received.drain(..consumed);
        let size = usize::try_from(size).ok().filter(|size| body.len() + size <= MAX_BODY).ok_or(413_u16)?;
        // The chunk and its line end. Trailers are not read, because no client in the tests sends any.
        let Some(chunk) = take(size + 2, stream, received).await else { return Ok(None) };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

async fn take(length: usize, stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<Vec<u8>> {
    while received.len() < length {
        if !more(stream, received).await {
            return None;
        }
    }
    Some(received.drain(..length).collect())
}

/// Reads more bytes. Returns false at the end of the connection.
async fn more(stream: &mut TcpStream, received: &mut Vec<u8>) -> bool {
    matches!(stream.read_buf(received).await, Ok(read) if read > 0)
}
