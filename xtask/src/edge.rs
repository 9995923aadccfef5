//! The Worker in workerd, started with `wrangler dev`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::npm;
use crate::process::Program;
use crate::signal;
use crate::workspace::Workspace;

const START: Duration = Duration::from_secs(60);

/// A running edge. Dropping the value ends the edge.
#[derive(Debug)]
pub(crate) struct Edge {
    port: u16,
    wrangler: Program,
}

impl Edge {
    /// Starts the edge on 127.0.0.1 with the variables of `dotenv`, and waits until it answers.
    pub(crate) fn start(workspace: &Workspace, port: u16, dotenv: &Path) -> Result<Self> {
        let mut wrangler = npm::wrangler(workspace);
        wrangler.args(["dev", "--ip=127.0.0.1", "--inspector-port=0", "--show-interactive-dev-session=false"]);
        wrangler.args(["--log-level=warn", &format!("--port={port}")]).arg("--env-file").arg(dotenv);
        let mut edge = Self { port, wrangler: Program::start(&mut wrangler)? };
        let deadline = Instant::now() + START;
        while !answers(port) {
            edge.check()?;
            if Instant::now() > deadline {
                return Err(Failure::Silent { address: edge.address() });
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(edge)
    }

    /// Runs until the edge ends or a signal arrives.
    pub(crate) fn run(mut self) -> Result<()> {
        loop {
            match self.check() {
                Ok(()) => thread::sleep(Duration::from_millis(50)),
                Err(Failure::Interrupted) => return Ok(()),
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The address for a browser.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn check(&mut self) -> Result<()> {
        if signal::is_interrupted() {
            return Err(Failure::Interrupted);
        }
        match self.wrangler.status()? {
            None => Ok(()),
            Some(status) => Err(Failure::Program { step: "wrangler dev".to_owned(), status }),
        }
    }
}

/// Returns an error if another program listens on the port.
pub(crate) fn require_free(port: u16) -> Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(|_| Failure::PortTaken { port })
}

/// Whether the Worker answers, with any status.
fn answers(port: u16) -> bool {
    let request = || -> std::io::Result<bool> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(socket, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 5];
        socket.read_exact(&mut start)?;
        Ok(start == *b"HTTP/")
    };
    request().unwrap_or(false)
}
