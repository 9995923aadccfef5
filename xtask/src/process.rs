//! Running other programs: with a line that says so, with a sign of life while it takes long, and without leaving
//! anything behind.
//!
//! Every program leads a process group of its own, so that ending it ends what it has started.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::failure::{Failure, Result};
use crate::signal;

const HEARTBEAT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);
/// How long a program may take to end itself before it is ended.
const GRACE: Duration = Duration::from_secs(8);
/// What is shown of a silent program that failed.
const TAIL: usize = 60;

/// Says what happens now.
pub(crate) fn report_step(step: &str) {
    eprintln!("▸ {step}");
}

/// A running program. Dropping it ends it and everything that it has started.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    ended: bool,
}

impl Program {
    /// Starts it in a process group of its own. It gets no terminal input.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        Self::start_with_input(command.stdin(Stdio::null()))
    }

    /// The same for a caller who sets up the input.
    pub(crate) fn start_with_input(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.process_group(0).spawn().map_err(|source| Failure::Start { program, source })?;
        Ok(Self { child, ended: false })
    }

    /// Its output, if that is piped and not yet taken.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// How it ended, if it has.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>> {
        let program = || "what was started".to_owned();
        let status = self.child.try_wait().map_err(|source| Failure::Start { program: program(), source })?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Waits for its end, calling `beat` with the time since the start now and then. A signal to us ends it first.
    pub(crate) fn wait(mut self, mut beat: impl FnMut(Duration)) -> Result<ExitStatus> {
        let start = Instant::now();
        let mut next = HEARTBEAT;
        loop {
            if let Some(status) = self.status()? {
                return Ok(status);
            }
            if signal::is_interrupted() {
                return Err(Failure::Interrupted);
            }
            if start.elapsed() >= next {
                next += HEARTBEAT;
                beat(start.elapsed());
            }
            thread::sleep(POLL);
        }
    }

    /// Asks it to end, waits, and ends what is left of its group.
    pub(crate) fn end(&mut self) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        if !self.ended {
            // The leader alone: it knows in which order its children should go.
            let _ = kill_process(pid, Signal::TERM);
            let deadline = Instant::now() + GRACE;
            while !self.ended && Instant::now() < deadline {
                if self.status().is_err() {
                    break;
                }
                thread::sleep(POLL);
            }
        }
        let _ = kill_process_group(pid, Signal::KILL);
        if !self.ended {
            let _ = self.child.wait();
            self.ended = true;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.ended {
            self.end();
        }
    }
}

/// Runs a program that speaks for itself: its output goes to the screen.
pub(crate) fn run(step: &str, command: &mut Command) -> Result<()> {
    let status = Program::start(command)?.wait(|_| {})?;
    succeeded(step, status)
}

/// Runs a program that is silent unless it fails, and says every quarter of a minute that it still runs.
/// `progress` reads what it has output so far.
pub(crate) fn run_quietly(step: &str, command: &mut Command, progress: fn(&str) -> Option<String>) -> Result<()> {
    let (status, output) = run_captured(step, command, progress)?;
    if !status.success() {
        let lines: Vec<&str> = output.lines().collect();
        for line in &lines[lines.len().saturating_sub(TAIL)..] {
            eprintln!("  {line}");
        }
    }
    succeeded(step, status)
}

/// Runs a program that stays silent, and returns what it output and how it ended.
pub(crate) fn run_captured(
    step: &str,
    command: &mut Command,
    progress: fn(&str) -> Option<String>,
) -> Result<(ExitStatus, String)> {
    let mut program = Program::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let output = Arc::new(Mutex::new(Vec::new()));
    let readers = [collect(program.child.stdout.take(), &output), collect(program.child.stderr.take(), &output)];
    let status = program.wait(|elapsed| {
        let progress = progress(&text(&output)).map(|p| format!(", {p}")).unwrap_or_default();
        eprintln!("  … still {step} ({} s{progress})", elapsed.as_secs());
    })?;
    for reader in readers.into_iter().flatten() {
        let _ = reader.join();
    }
    let output = text(&output);
    Ok((status, output))
}

/// For programs of whose output nothing can be counted.
pub(crate) fn no_progress(_: &str) -> Option<String> {
    None
}

/// Runs a program whose output goes to the screen line by line, and returns it too.
pub(crate) fn run_and_read(command: &mut Command) -> Result<(ExitStatus, String)> {
    let mut program = Program::start(command.stdout(Stdio::piped()))?;
    let stdout = program.take_stdout();
    let reader = thread::spawn(move || stdout.map(echo).unwrap_or_default());
    let status = program.wait(|_| {})?;
    Ok((status, reader.join().unwrap_or_default()))
}

/// What a short program says, if it can be run and succeeds.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn succeeded(step: &str, status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { Err(Failure::Program { step: step.to_owned(), status }) }
}

fn echo(from: impl Read) -> String {
    let mut output = String::new();
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(lines.read_until(b'\n', &mut line), Ok(read) if read > 0) {
        let _ = io::stdout().write_all(&line);
        output.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    output
}

fn collect(from: Option<impl Read + Send + 'static>, into: &Arc<Mutex<Vec<u8>>>) -> Option<JoinHandle<()>> {
    let into = Arc::clone(into);
    from.map(|mut from| {
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..read]);
            }
        })
    })
}

fn text(output: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&output.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_what_a_program_has_started() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo started; wait"]).stdout(Stdio::piped());
        let mut program = Program::start(&mut shell).expect("sh runs");
        let mut output = BufReader::new(program.take_stdout().expect("piped"));
        output.read_line(&mut String::new()).expect("a line");
        drop(program);
        let start = Instant::now();
        // The pipe is at its end only when the grandchild, too, has let go of it.
        output.read_to_end(&mut Vec::new()).expect("an end");
        assert!(start.elapsed() < GRACE);
    }

    #[test]
    fn a_failing_program_is_named() {
        let failure =
            run_quietly("failing", Command::new("sh").args(["-c", "exit 3"]), no_progress).expect_err("a failure");
        assert_eq!(failure.to_string(), "failing failed (exit status: 3)");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = run("x", &mut Command::new("no-such-program-here")).expect_err("a failure");
        assert!(failure.to_string().starts_with("cannot start no-such-program-here:"), "{failure}");
    }
}
