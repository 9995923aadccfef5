//! Why a command ended early. Every message says what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// The result of a step.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line has a mistake.
    Usage { problem: Problem, word: String },
    /// A program or key is missing, and xtask cannot install it.
    Missing { what: &'static str, how: &'static str },
    /// A program could not be started.
    Start { program: String, source: io::Error },
    /// A program failed. The last lines of its output are already on the screen.
    Program { step: String, status: ExitStatus },
    /// A file could not be read or written.
    File { path: PathBuf, source: io::Error },
    /// A file or the output of a program has an unexpected format.
    Invalid { what: String, expected: &'static str },
    /// Another program listens on the port.
    PortTaken { port: u16 },
    /// Another run of the same command uses a folder that only one run may use.
    Running { program: &'static str },
    /// The edge did not answer in time.
    Silent { address: String },
    /// A prerequisite of a suite is missing. The reason was printed when it was found.
    DidNotRun { why: String },
    /// Ctrl-C, or a signal with the same meaning.
    Interrupted,
    /// The reasons are already on the screen.
    Reported,
}

/// The mistake in a word of the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    UnknownCommand,
    UnknownOption,
    UnknownSuite,
    UnknownPart,
    UnknownFuzz,
    NoValue,
    NotAPort,
    NotANumber,
    NotADialect,
    NotAUrl,
    NotAFolder,
    NoBaseline,
}

impl Failure {
    /// For `map_err`: adds the path to an error.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { problem, word } => write!(f, "{word}: {problem}; see `cargo xtask help`"),
            Self::Missing { what, how } => write!(f, "{what} is missing: {how}"),
            Self::Start { program, source } => write!(f, "cannot start {program}: {source}"),
            Self::Program { step, status } => write!(f, "{step} failed ({status})"),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Invalid { what, expected } => write!(f, "{what}: expected {expected}"),
            Self::PortTaken { port } => write!(f, "port {port} is taken: choose another with --port N"),
            Self::Running { program } => write!(f, "{program} runs already in this checkout: wait until it has ended"),
            Self::Silent { address } => write!(f, "the edge did not answer on {address} within a minute"),
            Self::DidNotRun { why } => write!(f, "did not run: {why}"),
            Self::Interrupted => write!(f, "interrupted"),
            Self::Reported => write!(f, "failed"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownCommand => "no such command",
            Self::UnknownOption => "no such option for this command",
            Self::UnknownSuite => "no such suite",
            Self::UnknownPart => "no such part; `cargo xtask help` names them",
            Self::UnknownFuzz => "needs `sim` or `mutants`",
            Self::NoValue => "needs a value",
            Self::NotAPort => "needs a port between 1 and 65535",
            Self::NotANumber => "needs a whole number",
            Self::NotADialect => "needs `openrouter` or `openai`",
            Self::NotAUrl => "needs a URL that begins with http:// or https://",
            Self::NotAFolder => "needs a folder",
            Self::NoBaseline => "needs --baseline DIR, the built folder worker/build of another commit",
        })
    }
}
