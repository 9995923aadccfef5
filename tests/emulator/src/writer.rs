//! Writes a response to a socket, and notices at once when the client leaves.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::sleep;

use crate::response::{Ending, Framing, Head, Response, Step};

/// What was written to the socket so far. Other tasks can read it meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
    tokens: AtomicU64,
}

impl Progress {
    /// The bytes of the body, without the framing.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn tokens(&self) -> u64 {
        self.tokens.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize, tokens: u64) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.tokens.fetch_add(tokens, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The response was written to its end.
    Complete,
    /// The client closed or reset the connection first.
    ClientGone,
}

/// The number of bytes that a client may send before the response is complete.
const AHEAD: usize = 1 << 20;

/// The written bytes must leave the send buffer before a reset, which discards the rest.
const BEFORE_RESET: Duration = Duration::from_millis(30);

/// Writes `response`. Bytes that the client sends meanwhile (a pipelined request) are appended to `received`.
pub(crate) async fn write_response(
    response: &Response,
    stream: &mut TcpStream,
    received: &mut Vec<u8>,
    progress: &Progress,
) -> Delivery {
    let delivery = {
        let (read, mut write) = stream.split();
        tokio::select! {
            biased;
            written = write_steps(response, &mut write, progress) => written.map_or(Delivery::ClientGone, |()| Delivery::Complete),
            () = wait_for_close(read, received) => Delivery::ClientGone,
        }
    };
    if delivery == Delivery::Complete && response.ending == Ending::Reset {
        sleep(BEFORE_RESET).await;
        // Where the option cannot be set, the client sees a normal close. There is no better alternative.
        let _ = stream.set_zero_linger();
    }
    delivery
}

/// Waits for `condition` without writing. Returns `ClientGone` if the client leaves first.
pub(crate) async fn wait_for(
    condition: impl Future<Output = ()>,
    stream: &mut TcpStream,
    received: &mut Vec<u8>,
) -> Delivery {
    let (read, _) = stream.split();
    tokio::select! {
        biased;
        () = condition => Delivery::Complete,
        () = wait_for_close(read, received) => Delivery::ClientGone,
    }
}

async fn wait_for_close(mut read: ReadHalf<'_>, received: &mut Vec<u8>) {
    while received.len() < AHEAD {
        match read.read_buf(received).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    std::future::pending().await
}

async fn write_steps(response: &Response, write: &mut WriteHalf<'_>, progress: &Progress) -> io::Result<()> {
    for step in &response.before {
        write_step(step, write, None, progress).await?;
    }
    let Some(head) = &response.head else { return Ok(()) };
    write.write_all(&head_bytes(head, response.announces_close())).await?;
    for step in &response.body {
        write_step(step, write, Some(head.framing), progress).await?;
    }
    if head.framing == Framing::Chunked && response.ending == Ending::Whole {
        write.write_all(b"0\r\n\r\n").await?;
    }
    write.flush().await
}

/// Before the head `framing` is `None`, and a response only waits.
async fn write_step(
    step: &Step,
    write: &mut WriteHalf<'_>,
    framing: Option<Framing>,
    progress: &Progress,
) -> io::Result<()> {
    match step {
        Step::Write { bytes, tokens } => write_body(bytes, *tokens, write, framing, progress).await,
        Step::Pause(time) => {
            sleep(*time).await;
            Ok(())
        }
        Step::Repeat { bytes, tokens, every, times } => {
            for _ in 0..*times {
                sleep(*every).await;
                write_body(bytes, *tokens, write, framing, progress).await?;
            }
            Ok(())
        }
        Step::Silence => std::future::pending().await,
    }
}

async fn write_body(
    bytes: &[u8],
    tokens: u64,
    write: &mut WriteHalf<'_>,
    framing: Option<Framing>,
    progress: &Progress,
) -> io::Result<()> {
    // An empty chunk would be the terminator.
    if bytes.is_empty() {
        return Ok(());
    }
    match framing {
        Some(Framing::Chunked) => {
            let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
            chunk.extend_from_slice(bytes);
            chunk.extend_from_slice(b"\r\n");
            write.write_all(&chunk).await?;
        }
        Some(Framing::Length(_)) => write.write_all(bytes).await?,
        None => return Ok(()),
    }
    progress.add(bytes.len(), tokens);
    Ok(())
}

fn head_bytes(head: &Head, close: bool) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} {}\r\n", head.status, reason(head.status));
    let mut line = |name: &str, value: &str| {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    };
    line("date", &httpdate::fmt_http_date(SystemTime::now()));
    line("access-control-allow-origin", "*");
    line("cache-control", "no-store");
    line("connection", if close { "close" } else { "keep-alive" });
    match head.framing {
        // RFC 9110 8.6: a 204 has no content-length.
        Framing::Length(_) if head.status == 204 => {}
        Framing::Length(length) => {
            line("content-type", head.content_type);
            line("content-length", &length.to_string());
        }
        Framing::Chunked => {
            line("content-type", head.content_type);
            line("transfer-encoding", "chunked");
        }
    }
    for (name, value) in &head.headers {
        line(name, value);
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unnamed",
    }
}
