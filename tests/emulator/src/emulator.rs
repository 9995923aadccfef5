//! Starts, controls and stops the server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::billing::Billing;
use crate::connection;
use crate::log::{Condition, Entry};
use crate::state::{ScriptError, State};

/// The options of an emulator. The defaults suit tests: any free port, and answers without delay.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port on 127.0.0.1; 0 chooses a free one.
    pub port: u16,
    /// The delay before each word of a healthy answer; `pace:MS` in a prompt overrides it.
    pub word_delay: Duration,
    /// How long after its end `GET /generation` does not know a generation.
    pub generation_delay: Duration,
    /// How answers and errors are billed.
    pub billing: Billing,
}

/// A running emulator. Dropping the value stops the emulator and closes its connections.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    state: Arc<State>,
    runner: Runner,
}

/// The task or thread that runs the server.
#[derive(Debug)]
enum Runner {
    Task(JoinHandle<()>),
    Thread { stop: Option<oneshot::Sender<()>>, thread: Option<thread::JoinHandle<()>> },
}

impl Emulator {
    /// Starts a server on the current tokio runtime. Returns an error if the port is taken.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(options));
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, runner: Runner::Task(task) })
    }

    /// Starts a server on a thread with its own runtime, for callers without a runtime.
    pub fn start_blocking(options: Options) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        // The runtime is entered, not blocked on, so that a caller inside another runtime works too.
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
        Ok(Self { address, state, runner: Runner::Thread { stop: Some(stop), thread: Some(thread) } })
    }

    /// `http://127.0.0.1:PORT`. The base URL of the API is this and `/api/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests since the log was last cleared, in the order of arrival.
    pub fn log(&self) -> Vec<Entry> {
        self.state.log.entries()
    }

    /// Waits until request `n`, or any if `None`, meets the condition. Returns false if `time` is over first.
    pub async fn wait(&self, n: Option<u64>, condition: Condition, time: Duration) -> bool {
        self.state.log.wait(n, condition, time).await
    }

    /// The generations and their charges, in the order of their end: the `data` of `GET /generation`.
    pub fn generations(&self) -> Vec<Value> {
        self.state.ledger.all()
    }

    /// The next requests for `model` follow `steps`, one step each; then the model has its own behaviour again.
    /// A step is `healthy`, `say:TEXT`, `echo:TEXT`, or the name of a fault. The rest of an earlier script is dropped.
    pub fn script(&self, model: &str, steps: &[&str]) -> Result<(), ScriptError> {
        self.state.script(model, steps)
    }

    /// Clears the log, the generations, the scripts, and the memory of faults that happen once.
    pub fn clear(&self) {
        self.state.clear();
    }

    /// Stops the server and waits until its port is free.
    pub async fn shutdown(mut self) {
        if let Runner::Task(task) = &mut self.runner {
            task.abort();
            // The task was aborted on purpose, so it has no result.
            let _ = task.await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        match &mut self.runner {
            Runner::Task(task) => task.abort(),
            Runner::Thread { stop, thread } => {
                drop(stop.take());
                if let Some(thread) = thread.take() {
                    // The thread has already printed its panic.
                    let _ = thread.join();
                }
            }
        }
    }
}

/// Accepts connections forever. Dropping the future drops the connections too.
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
                // The process has probably no free file descriptor; some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
