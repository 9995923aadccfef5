//! The server's life: start, steer, stop.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::connection;
use crate::log::{Awaited, Entry};
use crate::state::{ScriptError, State};

/// How an emulator runs. The default is right for tests: any free port, everything at once.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// Time per word of a healthy answer; `pace:MS` in a prompt overrides it.
    pub word_delay: Duration,
    /// For how long after its end `GET /generation` does not know a generation.
    pub generation_delay: Duration,
}

/// A running emulator. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    state: Arc<State>,
    keeper: Keeper,
}

/// What keeps the server alive.
#[derive(Debug)]
enum Keeper {
    Task(JoinHandle<()>),
    Thread { stop: Option<oneshot::Sender<()>>, thread: Option<thread::JoinHandle<()>> },
}

impl Emulator {
    /// Starts a server on the current tokio runtime. Fails if the port is taken.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(options));
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, keeper: Keeper::Task(task) })
    }

    /// Starts a server on a thread and a runtime of its own, for callers without one.
    pub fn start_blocking(options: Options) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        // Entered, not blocked on, so that a caller who has a runtime after all is welcome too.
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(options));
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = thread::Builder::new().name("emulator".to_owned()).spawn(serve)?;
        Ok(Self { address, state, keeper: Keeper::Thread { stop: Some(stop), thread: Some(thread) } })
    }

    /// `http://127.0.0.1:PORT`. The base URL of the API is this and `/api/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request since the last clearing, in the order of arrival.
    pub fn log(&self) -> Vec<Entry> {
        self.state.log.entries()
    }

    /// Waits until request `n`, or any if `None`, is as awaited. False when `time` is over first.
    pub async fn wait(&self, n: Option<u64>, awaited: Awaited, time: Duration) -> bool {
        self.state.log.wait(n, awaited, time).await
    }

    /// What was generated and charged, in the order in which it ended: the `data` of `GET /generation`.
    pub fn generations(&self) -> Vec<Value> {
        self.state.ledger.all()
    }

    /// The next requests for `model` behave as `steps` say, one after the other; then it is itself again.
    /// A step is `healthy`, `say:TEXT`, `echo:TEXT`, or a fault's name. Replaces what is left of an earlier script.
    pub fn script(&self, model: &str, steps: &[&str]) -> Result<(), ScriptError> {
        self.state.script(model, steps)
    }

    /// Forgets the log, the generations, the scripts, and which faults have had their one time.
    pub fn clear(&self) {
        self.state.clear();
    }

    /// Stops it and waits until its port is free.
    pub async fn shutdown(mut self) {
        if let Keeper::Task(task) = &mut self.keeper {
            task.abort();
            // Aborted on purpose: there is no result to look at.
            let _ = task.await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        match &mut self.keeper {
            Keeper::Task(task) => task.abort(),
            Keeper::Thread { stop, thread } => {
                drop(stop.take());
                if let Some(thread) = thread.take() {
                    // A panic over there has been printed over there.
                    let _ = thread.join();
                }
            }
        }
    }
}

/// Accepts for ever. Dropping this future drops the connections with it.
async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut number = 0;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    number += 1;
                    connections.spawn(connection::serve(stream, number, Arc::clone(&state)));
                }
                // Out of file descriptors, most likely: some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
