//! One TCP connection: its requests one after the other, until one side closes it.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::api_error::ApiError;
use crate::chat::Exchange;
use crate::http::{Incoming, Request, read_request};
use crate::ledger::Delivered;
use crate::log::{Outcome, now_ms};
use crate::response::{Ending, Response};
use crate::router;
use crate::state::State;
use crate::writer::{Delivery, Progress, wait_for, write_response};

/// Serves a connection until its end. `number` identifies the connection in the log.
pub(crate) async fn serve(mut stream: TcpStream, number: u64, state: Arc<State>) {
    // Without delay every write becomes a packet of its own, so a test sees the pieces of the response.
    let _ = stream.set_nodelay(true);
    let mut received = Vec::new();
    let _open = state.open_connection();
    loop {
        let (response, delivery) = match read_request(&mut stream, &mut received).await {
            Incoming::Closed => return,
            Incoming::Malformed(status) => {
                let response = ApiError::bare(status, "the request cannot be read").response(None);
                let delivery = write_response(&response, &mut stream, &mut received, &Progress::default()).await;
                (response, delivery)
            }
            Incoming::Request(request) => exchange(&request, number, &state, &mut stream, &mut received).await,
        };
        if delivery == Delivery::ClientGone || response.ending == Ending::Reset {
            return;
        }
        if response.closes() {
            // Nothing is left to do if the client has already closed the connection.
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
) -> (Response, Delivery) {
    let progress = Arc::new(Progress::default());
    let entry_id = router::is_logged(request).then(|| state.log.arrived(request, connection, &progress));
    let Exchange { mut response, models, generation_id, draft } = router::answer(state, request).await;
    let is_chat = !models.is_empty();
    response.close |= request.wants_close();
    if let Some(entry_id) = entry_id {
        state.log.update(entry_id, |entry| {
            entry.models = models;
            entry.status = response.status();
            entry.generation_id = generation_id;
        });
    }
    let mut delivery = Delivery::Complete;
    if is_chat {
        delivery = wait_for(state.released(), stream, received).await;
    }
    if delivery == Delivery::Complete {
        delivery = write_response(&response, stream, received, &progress).await;
    }
    // The ledger comes before the log: a test that waits for the end of the request then finds the charge.
    if let Some(draft) = draft {
        let cancelled = delivery == Delivery::ClientGone;
        let delivered = Delivered { tokens: progress.tokens(), cancelled };
        state.ledger.settle(draft, delivered, state.options.billing);
    }
    if let Some(entry_id) = entry_id {
        state.log.update(entry_id, |entry| {
            entry.outcome = outcome(&response, delivery);
            entry.finished_at_ms = Some(now_ms());
        });
    }
    (response, delivery)
}

fn outcome(response: &Response, delivery: Delivery) -> Outcome {
    match delivery {
        Delivery::ClientGone => Outcome::ClientGone,
        Delivery::Complete if response.faulted => Outcome::Faulted,
        Delivery::Complete => Outcome::Sent,
    }
}
