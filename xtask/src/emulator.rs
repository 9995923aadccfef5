//! The emulator of OpenRouter in this repository, as a program.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::process::{Program, run};
use crate::workspace::Workspace;

/// A running emulator. Dropping the value ends the emulator; the emulator also ends when this process is gone.
#[derive(Debug)]
pub(crate) struct Emulator {
    url: String,
    _program: Program,
}

impl Emulator {
    /// Starts the emulator on any free port, at a speed that people can watch.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        let mut command = Command::new(build(workspace)?);
        command.args(["--until-stdin-closes", "--word-delay", "40"]);
        let mut program = Program::start_with_input(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let mut output = String::new();
        if let Some(stdout) = program.take_stdout() {
            let _ = BufReader::new(stdout).read_line(&mut output);
        }
        let url = output.trim().strip_prefix("listening on ").map(str::to_owned);
        let unexpected = || Failure::Invalid { what: "the emulator".to_owned(), expected: "`listening on URL`" };
        Ok(Self { url: url.ok_or_else(unexpected)?, _program: program })
    }

    /// `http://127.0.0.1:PORT`; the API is at `/api/v1`, the control at `/emulator`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// Builds the program and returns its path.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--package=failsoft-emulator", "--bin=failsoft-emulator"]);
    run("compiling the emulator", &mut cargo)?;
    Ok(workspace.target.join("debug/failsoft-emulator"))
}
