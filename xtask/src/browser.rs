//! The browsers of the tests: the programs that variables name, installed ones, or the distribution's.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;
use crate::failure::{Failure, Result};
use crate::process::output;

/// A browser, or the program that drives one.
#[derive(Debug)]
pub(crate) struct Browser {
    name: &'static str,
    /// The variable that names the program, to this command and to the tests.
    pub(crate) variable: &'static str,
    programs: &'static [&'static str],
    /// An option of the program, and words of its answer: some distributions have a program that only explains how to install
    /// the browser.
    answer: (&'static str, &'static str),
    /// Programs without which this one does not start.
    needs: &'static [&'static str],
    /// The packages of Debian.
    packages: &'static [&'static str],
    how: &'static str,
}

pub(crate) const CHROMIUM: Browser = Browser {
    name: "Chromium",
    variable: "CHROMIUM_BIN",
    programs: &[
        "chromium",
        "google-chrome",
        "google-chrome-stable",
        "chromium-browser",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    answer: ("--version", "Chrom"),
    needs: &[],
    packages: &["chromium"],
    how: "apt-get install chromium, or install Chrome, or set CHROMIUM_BIN to a program that starts",
};

const FIREFOX: Browser = Browser {
    name: "Firefox",
    variable: "FIREFOX_BIN",
    programs: &["firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"],
    answer: ("--version", "Firefox"),
    needs: &[],
    packages: &["firefox-esr"],
    how: "apt-get install firefox-esr, or install Firefox, or set FIREFOX_BIN to a program that starts",
};

const WEBKIT: Browser = Browser {
    name: "WebKitGTK",
    variable: "WEBKIT_DRIVER_BIN",
    programs: &["WebKitWebDriver"],
    answer: ("--help", "WebKitWebDriver"),
    needs: &["Xvfb"],
    packages: &["webkit2gtk-driver", "xvfb"],
    how: "apt-get install webkit2gtk-driver xvfb",
};

/// The browsers of the tests on this machine. WebKitGTK exists for Linux, and its tests are skipped elsewhere.
pub(crate) const ALL: &[Browser] =
    if cfg!(target_os = "linux") { &[CHROMIUM, FIREFOX, WEBKIT] } else { &[CHROMIUM, FIREFOX] };

impl Browser {
    /// The path of a program that starts. Installs the browser where this needs no questions: as root, with apt.
    pub(crate) fn find_or_install(&self) -> Result<PathBuf> {
        if let Some(named) = env::var_os(self.variable).filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            return if self.is(&named) { Ok(named) } else { Err(self.missing()) };
        }
        if let Some(found) = self.find() {
            return Ok(found);
        }
        apt::install(self.packages)?;
        self.find().ok_or_else(|| self.missing())
    }

    fn missing(&self) -> Failure {
        Failure::Missing { what: self.name, how: self.how }
    }

    fn find(&self) -> Option<PathBuf> {
        if !self.needs.iter().all(|needed| candidates(needed).any(|candidate| candidate.is_file())) {
            return None;
        }
        let mut found = self.programs.iter().flat_map(|program| candidates(program));
        found.find(|candidate| candidate.is_file() && self.is(candidate))
    }

    /// Whether the program starts, and is this browser.
    fn is(&self, program: &Path) -> bool {
        let (option, words) = self.answer;
        output(Command::new(program).arg(option)).is_some_and(|output| output.contains(words))
    }
}

/// Where the program may be. Joining an absolute name to a folder gives the absolute name.
fn candidates(program: &str) -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.into_iter().map(move |folder| folder.join(program))
}
