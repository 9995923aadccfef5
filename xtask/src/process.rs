//! Runs other programs: prints the step, prints a line now and then while a program takes long, and leaves no process
//! behind.
//!
//! Every program leads a process group of its own, so that ending the group ends everything that the program has
//! started.

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
/// How long a program may take to end after the request to do so.
const GRACE: Duration = Duration::from_secs(8);
/// The number of lines that are shown of a silent program that failed.
const TAIL: usize = 60;

/// Prints the step that begins now.
pub(crate) fn report_step(step: &str) {
    eprintln!("▸ {step}");
}

/// A running program. Dropping the value ends the program and everything that it has started.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    ended: bool,
}

impl Program {
    /// Starts the program in a process group of its own, without terminal input.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        Self::start_with_input(command.stdin(Stdio::null()))
    }

    /// The same for a caller that sets up the input.
    pub(crate) fn start_with_input(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.process_group(0).spawn().map_err(|source| Failure::Start { program, source })?;
        Ok(Self { child, ended: false })
    }

    /// The output of the program, if it is piped and not yet taken.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The exit status, if the program has ended.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>> {
        let program = || "the program".to_owned();
        let status = self.child.try_wait().map_err(|source| Failure::Start { program: program(), source })?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Waits for the end of the program, and calls `beat` now and then with the time since the start. A signal to this
    /// process ends the program first.
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

    /// Asks the program to end, waits, and kills the rest of its group.
    pub(crate) fn end(&mut self) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        if !self.ended {
            // Only the leader gets the signal, because it knows in which order to end its children.
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

/// Runs a program whose output goes to the screen.
pub(crate) fn run(step: &str, command: &mut Command) -> Result<()> {
    let status = Program::start(command)?.wait(|_| {})?;
    succeeded(step, status)
}

/// Runs a program whose output is shown only if it fails, and prints every 15 seconds that the program still runs.
/// `progress` reads the output so far.
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

/// Runs a program without showing its output. Returns the output and the exit status.
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

/// The `progress` of programs whose output shows none.
pub(crate) fn no_progress(_: &str) -> Option<String> {
    None
}

/// Runs a program whose output goes to the screen line by line. Returns the output too.
pub(crate) fn run_and_read(command: &mut Command) -> Result<(ExitStatus, String)> {
    let mut program = Program::start(command.stdout(Stdio::piped()))?;
    let stdout = program.take_stdout();
    let reader = thread::spawn(move || stdout.map(echo).unwrap_or_default());
    let status = program.wait(|_| {})?;
    Ok((status, reader.join().unwrap_or_default()))
}

/// The output of a short program, if the program runs and succeeds.
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
    fn dropping_a_program_ends_its_children() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo started; wait"]).stdout(Stdio::piped());
        let mut program = Program::start(&mut shell).expect("sh runs");
        let mut output = BufReader::new(program.take_stdout().expect("piped"));
        output.read_line(&mut String::new()).expect("a line");
        drop(program);
        let start = Instant::now();
        // The pipe ends only when the grandchild, too, has closed it.
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
    fn a_missing_program_is_named() {
        let failure = run("x", &mut Command::new("no-such-program-here")).expect_err("a failure");
        assert!(failure.to_string().starts_with("cannot start no-such-program-here:"), "{failure}");
    }
}
