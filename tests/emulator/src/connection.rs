//! One TCP connection: requests in turn, until one of the two has had enough.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::chat::Exchange;
use crate::http::{Incoming, Request, read_request};
use crate::ledger::Heard;
use crate::log::{Outcome, now_ms};
use crate::play::{Ending, Play};
use crate::player::{Curtain, Progress, perform, wait};
use crate::refusal::ApiError;
use crate::route;
use crate::state::State;

/// Serves a connection to its end. `number` tells connections apart in the log.
pub(crate) async fn serve(mut stream: TcpStream, number: u64, state: Arc<State>) {
    // Every write is a packet of its own: a test sees the pieces that the play wrote.
    let _ = stream.set_nodelay(true);
    let mut received = Vec::new();
    loop {
        let (play, curtain) = match read_request(&mut stream, &mut received).await {
            Incoming::Closed => return,
            Incoming::Malformed(status) => {
                let play = ApiError::bare(status, "the request cannot be read").play(None);
                let curtain = perform(&play, &mut stream, &mut received, &Progress::default()).await;
                (play, curtain)
            }
            Incoming::Request(request) => exchange(&request, number, &state, &mut stream, &mut received).await,
        };
        if curtain == Curtain::ClientGone || play.ending == Ending::Reset {
            return;
        }
        if play.closes() {
            // A client that is gone already need not be told.
            let _ = stream.shutdown().await;
            return;
        }
    }
}

async fn exchange(
    request: &Request,
    connection: u64,
    state: &State,
    stream: &mut TcpStream,
    received: &mut Vec<u8>,
) -> (Play, Curtain) {
    let progress = Arc::new(Progress::default());
    let ticket = route::is_logged(request).then(|| state.log.arrived(request, connection, &progress));
    let Exchange { mut play, models, generation_id, draft } = route::answer(state, request).await;
    let is_chat = !models.is_empty();
    play.close |= request.wants_close();
    if let Some(ticket) = ticket {
        state.log.update(ticket, |entry| {
            entry.models = models;
            entry.status = play.status();
            entry.generation_id = generation_id;
        });
    }
    let mut curtain = Curtain::Played;
    if is_chat {
        curtain = wait(state.released(), stream, received).await;
    }
    if curtain == Curtain::Played {
        curtain = perform(&play, stream, received, &progress).await;
    }
    // Booked before the log says that the request is finished: who waited for that finds the bill.
    if let Some(draft) = draft {
        let cancelled = curtain == Curtain::ClientGone;
        state.ledger.settle(draft, Heard { tokens: progress.tokens(), cancelled });
    }
    if let Some(ticket) = ticket {
        state.log.update(ticket, |entry| {
            entry.outcome = outcome(&play, curtain);
            entry.finished_at_ms = Some(now_ms());
        });
    }
    (play, curtain)
}

fn outcome(play: &Play, curtain: Curtain) -> Outcome {
    match curtain {
        Curtain::ClientGone => Outcome::ClientGone,
        Curtain::Played if play.faulted => Outcome::Faulted,
        Curtain::Played => Outcome::Sent,
    }
}
