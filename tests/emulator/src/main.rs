//! The emulator as a program: `failsoft-emulator [--port N] [--word-delay MS] [--generation-delay MS]
//! [--billing NAME] [--until-stdin-closes]`. Prints `listening on http://127.0.0.1:PORT` when it is ready.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use failsoft_emulator::{Billing, Emulator, Options};

const USAGE: &str = "usage: failsoft-emulator [--port N] [--word-delay MS] [--generation-delay MS] [--billing NAME] \
    [--until-stdin-closes]";

#[derive(Debug, Default)]
struct Arguments {
    options: Options,
    until_stdin_closes: bool,
}

fn main() -> ExitCode {
    let Some(arguments) = read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let emulator = match Emulator::start_blocking(arguments.options) {
        Ok(emulator) => emulator,
        Err(error) => {
            eprintln!("failsoft-emulator: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("listening on {}", emulator.url());
    // The caller may read this line through a pipe. If not, a failed flush does not matter.
    let _ = std::io::stdout().flush();
    if arguments.until_stdin_closes {
        let mut ignored = [0; 1024];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut ignored), Ok(read) if read > 0) {}
    } else {
        loop {
            std::thread::park();
        }
    }
    ExitCode::SUCCESS
}

fn read(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--port" => arguments.options.port = words.next()?.parse().ok()?,
            "--word-delay" => arguments.options.word_delay = milliseconds(words.next())?,
            "--generation-delay" => arguments.options.generation_delay = milliseconds(words.next())?,
            "--billing" => arguments.options.billing = Billing::parse(&words.next()?)?,
            "--until-stdin-closes" => arguments.until_stdin_closes = true,
            _ => return None,
        }
    }
    Some(arguments)
}

fn milliseconds(word: Option<String>) -> Option<Duration> {
    word?.parse().ok().map(Duration::from_millis)
}
