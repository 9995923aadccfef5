//! Performs a play on a socket, and notices at once when the client leaves.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::sleep;

use crate::play::{Ending, Framing, Head, Play, Step};

/// What reached the socket so far, readable while the play goes on.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
    tokens: AtomicU64,
}

impl Progress {
    /// Bytes of the body, without the framing.
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
pub(crate) enum Curtain {
    /// The play was performed up to its end.
    Played,
    /// The client closed or reset the connection first.
    ClientGone,
}

/// Bytes that a client may send ahead while it is being answered.
const AHEAD: usize = 1 << 20;

/// What was written must leave the send buffer before a reset, which throws away the rest of it.
const BEFORE_RESET: Duration = Duration::from_millis(30);

/// Performs `play`. What the client sends meanwhile (a pipelined request) is appended to `received`.
pub(crate) async fn perform(
    play: &Play,
    stream: &mut TcpStream,
    received: &mut Vec<u8>,
    progress: &Progress,
) -> Curtain {
    let curtain = {
        let (read, mut write) = stream.split();
        tokio::select! {
            biased;
            played = act(play, &mut write, progress) => played.map_or(Curtain::ClientGone, |()| Curtain::Played),
            () = departure(read, received) => Curtain::ClientGone,
        }
    };
    if curtain == Curtain::Played && play.ending == Ending::Reset {
        sleep(BEFORE_RESET).await;
        // Where the option cannot be set the client sees an orderly close; there is nothing better to do.
        let _ = stream.set_zero_linger();
    }
    curtain
}

/// Waits until `turn`, with nothing written. `ClientGone`, if the client left before.
pub(crate) async fn wait(turn: impl Future<Output = ()>, stream: &mut TcpStream, received: &mut Vec<u8>) -> Curtain {
    let (read, _) = stream.split();
    tokio::select! {
        biased;
        () = turn => Curtain::Played,
        () = departure(read, received) => Curtain::ClientGone,
    }
}

async fn departure(mut read: ReadHalf<'_>, received: &mut Vec<u8>) {
    while received.len() < AHEAD {
        match read.read_buf(received).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    std::future::pending().await
}

async fn act(play: &Play, write: &mut WriteHalf<'_>, progress: &Progress) -> io::Result<()> {
    for step in &play.before {
        take(step, write, None, progress).await?;
    }
    let Some(head) = &play.head else { return Ok(()) };
    write.write_all(&head_bytes(head, play.announces_close())).await?;
    for step in &play.body {
        take(step, write, Some(head.framing), progress).await?;
    }
    if head.framing == Framing::Chunked && play.ending == Ending::Whole {
        write.write_all(b"0\r\n\r\n").await?;
    }
    write.flush().await
}

/// `framing` is `None` before the head, where a play only waits.
async fn take(step: &Step, write: &mut WriteHalf<'_>, framing: Option<Framing>, progress: &Progress) -> io::Result<()> {
    match step {
        Step::Write { bytes, tokens } => send(bytes, *tokens, write, framing, progress).await,
        Step::Pause(time) => {
            sleep(*time).await;
            Ok(())
        }
        Step::Repeat { bytes, tokens, every, times } => {
            for _ in 0..*times {
                sleep(*every).await;
                send(bytes, *tokens, write, framing, progress).await?;
            }
            Ok(())
        }
        Step::Silence => std::future::pending().await,
    }
}

async fn send(
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
        // RFC 9110 8.6: no content-length on a 204.
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
